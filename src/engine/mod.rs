//! What answers searches. Every engine gives the same answers; they differ in
//! where they look.

mod boxes;
pub mod brute;
pub mod changes;
pub mod memory;
pub mod names;
mod on_map;
pub mod sql;

use thiserror::Error;

use crate::domain::{Area, Cells, CenterId, Cursor, EngineKind, FieldId, Filter, Search, Tally};
use crate::store::StoreError;
use memory::MemoryEngine;
pub use on_map::{CenterOnMap, OnMap};
use sql::SqlEngine;

/// One found center, ready to be sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit<'a> {
    /// Its number.
    pub id: CenterId,
    /// The great-circle distance from the origin in metres, where the search has one.
    pub distance_m: Option<f64>,
    /// The center as [`crate::wire::render_summary`] wrote it.
    pub rendered: &'a [u8],
    /// How it is rated, as [`crate::wire::render_rating`] wrote it, if anybody has and
    /// the search shows ratings.
    pub rating: Option<&'a str>,
}

/// Receives an answer: once [`Answer::begin`], then every hit, in the order of the
/// search. The engine may hold a lock meanwhile, so implementations do
/// nothing but copy.
pub trait Answer {
    /// How many hits follow, and the cursor to the next page if there is one.
    fn begin(&mut self, count: usize, next: Option<Cursor>);
    /// The next hit.
    fn hit(&mut self, hit: Hit<'_>);
}

/// Why a search has no answer.
#[derive(Debug, Error)]
pub enum SearchError {
    /// The index is not loaded yet.
    #[error("the index is still being loaded")]
    Loading,
    /// The cursor was given for another search, or of another collection.
    #[error("cursor belongs to another search or collection")]
    CursorOfOtherSearch,
    /// The cursor was given by an instance that runs the other engine.
    #[error("cursor was given by the {} engine, this is the {} engine", .given_by.name(), .asked.name())]
    CursorOfOtherEngine {
        /// The engine that gave it.
        given_by: EngineKind,
        /// The engine that was asked.
        asked: EngineKind,
    },
    /// The index is further behind than searches may be answered from.
    #[error("the index is {lag_s} s behind the database")]
    Stale {
        /// So many seconds.
        lag_s: u32,
    },
    /// Too many names hold what was typed to find out which of their centers a filter keeps.
    #[error("more than {MAX_NAMES_FILTERED} names hold this, too many to filter")]
    TooManyNames,
    /// The database would take too long.
    #[error("the database takes longer than two seconds for this")]
    TooSlow,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How many names are looked at for those whose centers a filter keeps.
pub const MAX_NAMES_FILTERED: usize = 20_000;

/// The engine of a running service.
#[derive(Debug)]
pub enum Engine {
    /// An R-tree held in memory.
    Memory(MemoryEngine),
    /// The spatial index of MySQL.
    Sql(SqlEngine),
}

impl Engine {
    /// Which engine this is.
    #[must_use]
    pub fn kind(&self) -> EngineKind {
        match self {
            Self::Memory(_) => EngineKind::Memory,
            Self::Sql(_) => EngineKind::Sql,
        }
    }

    /// What the collection that it searches is called.
    fn collection(&self) -> &str {
        match self {
            Self::Memory(engine) => engine.collection(),
            Self::Sql(engine) => engine.collection(),
        }
    }

    /// Whether searches are answered: the index is loaded where there is one.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        match self {
            Self::Memory(engine) => engine.is_loaded(),
            Self::Sql(_) => true,
        }
    }

    /// Answers a search.
    ///
    /// # Errors
    /// When the cursor is not of this search and engine, the index is not loaded
    /// or the database does not answer. Nothing was sent to `answer` then.
    pub async fn search(
        &self,
        search: &Search,
        answer: &mut impl Answer,
    ) -> Result<(), SearchError> {
        self.check_cursor(search)?;
        match self {
            Self::Memory(engine) => engine.search(search, answer),
            Self::Sql(engine) => engine.search(search, answer).await,
        }
    }

    /// Whether the index in memory may go through all that is in the area of a search to
    /// answer it.
    #[must_use]
    pub fn goes_through_all(&self, search: &Search) -> bool {
        let takes_all = match &search.area {
            Area::Within(_) => true,
            Area::Around(around) => around.group_by.is_some() || around.covered_by.is_some(),
        };
        matches!(self, Self::Memory(_)) && (takes_all || search.filter.condition.needs_rows())
    }

    /// Answers a search from the index in memory, which takes microseconds and waits for
    /// nothing: not worth another thread. `None` where the database has to be asked, or
    /// more than what is answered has to be looked at.
    ///
    /// # Errors
    /// As [`Engine::search`].
    pub fn search_at_once(
        &self,
        search: &Search,
        answer: &mut impl Answer,
    ) -> Option<Result<(), SearchError>> {
        let Self::Memory(engine) = self else {
            return None;
        };
        if self.goes_through_all(search) {
            return None;
        }
        let checked = self.check_cursor(search);
        Some(checked.and_then(|()| engine.search(search, answer)))
    }

    /// Counts the centers in the area of a search that its filter keeps, whatever
    /// its limit and cursor, and how often each value of some fields is among them; `None`
    /// where that takes the database too long. The name is not one of those fields.
    ///
    /// # Errors
    /// When the index is not loaded or the database does not answer.
    pub async fn tally(
        &self,
        search: &Search,
        facets: &[FieldId],
    ) -> Result<Option<Tally>, SearchError> {
        match self {
            Self::Memory(engine) => engine.tally(search, facets).map(Some),
            Self::Sql(engine) => Ok(engine.tally(search, facets).await?),
        }
    }

    /// The centers of some cells of the map that a filter keeps: a cluster of each cell that
    /// has several.
    ///
    /// # Errors
    /// When the index is not loaded, or the database does not answer or takes too long.
    pub async fn clusters(&self, cells: &Cells, filter: &Filter) -> Result<OnMap, SearchError> {
        match self {
            Self::Memory(engine) => engine.clusters(cells, filter),
            Self::Sql(engine) => engine.clusters(cells, filter).await,
        }
    }

    /// The same with every center by itself; `None` where there are more than `most`.
    ///
    /// # Errors
    /// As [`Engine::clusters`].
    pub async fn centers_in(
        &self,
        cells: &Cells,
        filter: &Filter,
        most: usize,
    ) -> Result<Option<OnMap>, SearchError> {
        match self {
            Self::Memory(engine) => engine.centers_in(cells, filter, most),
            Self::Sql(engine) => engine.centers_in(cells, filter, most).await,
        }
    }

    /// Up to `count` centers of some cells that a filter keeps and whose ids are beyond
    /// `after`, by id.
    ///
    /// # Errors
    /// As [`Engine::clusters`].
    pub async fn leaves(
        &self,
        cells: &Cells,
        filter: &Filter,
        after: Option<CenterId>,
        count: usize,
    ) -> Result<OnMap, SearchError> {
        match self {
            Self::Memory(engine) => engine.leaves(cells, filter, after, count),
            Self::Sql(engine) => engine.leaves(cells, filter, after, count).await,
        }
    }

    fn check_cursor(&self, search: &Search) -> Result<(), SearchError> {
        let Some(cursor) = &search.after else {
            return Ok(());
        };
        if cursor.search != search.fingerprint(self.collection()) {
            return Err(SearchError::CursorOfOtherSearch);
        }
        if cursor.engine != self.kind() {
            return Err(SearchError::CursorOfOtherEngine {
                given_by: cursor.engine,
                asked: self.kind(),
            });
        }
        Ok(())
    }
}
