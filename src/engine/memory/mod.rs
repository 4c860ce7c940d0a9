//! The engine that keeps every center in memory.
//!
//! Centers are unit vectors in buckets of neighbours; an R-tree holds the
//! buckets. A search walks the buckets nearest first, keeps the best centers of
//! those it meets and stops when the next bucket begins beyond the worst of
//! them. Chords order as great-circle distances do, so neither the antimeridian
//! nor the poles are special.
//!
//! Searching is generic over who takes the answer, so it is compiled where it is called
//! from. What it calls for every box and center is marked `#[inline]` to be there, too.
//!
//! - [`bucket`](self): points, ids, filter values and rendered texts of neighbours
//! - `viewport`: everything in a rectangle of a map
//! - `tree`, `node_entries`: the R-tree over buckets, and its nodes
//! - `bounds`: the boxes around points
//! - `walk`, `best`, `search`: answering, nearest first; `lanes`: several numbers at a time
//! - `groups`: the nearest center of each value of a field
//! - `coverage`: centers that reach an origin
//! - `opening`: when centers are open
//! - `within`: answering by id
//! - `tally`: counting what a search is about; `region`: where that is
//! - `clusters`: what a map shows; `map_order`: every center in an order in which those of a
//!   cell of the map are together
//! - `vocabulary`: filter values and the buckets that hold them
//! - `values`, `columns`: attributes of centers, and of a bucket's
//! - `organizations`, `ratings`: those of each center, as filter values
//! - `table`, `index`: everything kept in step by writes
//! - `compare`: whether it holds what a table says
//! - `search_lock`: what searches share and writes take
//! - `load`: building it all in one go; `intake`: beside whoever reads the centers

mod best;
mod bounds;
mod bucket;
mod clusters;
mod columns;
mod compare;
mod coverage;
mod groups;
mod index;
mod intake;
mod lanes;
mod load;
mod map_order;
mod node_entries;
mod opening;
mod organizations;
mod ratings;
mod region;
mod search;
mod search_lock;
mod table;
mod tally;
#[cfg(test)]
mod tests;
mod tree;
mod values;
mod viewport;
mod vocabulary;
mod walk;
mod within;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::RwLockWriteGuard;

use super::changes::Changes;
use super::{Answer, OnMap, SearchError};
use crate::domain::{
    Cells, CenterId, FieldId, Fields, Filter, OrganizationId, OrganizationNames, Rating, Search,
    SortKey, Summary, Tally, Viewport, sort_key,
};
use crate::wire::{name_of, push_attributes, render_summary};
use index::Index;
pub use intake::Intake;
pub use load::{BuiltIndex, Loading};
use search_lock::SearchLock;
use values::Layout;

/// A committed write that the index has to follow.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// A center with a position was created or written.
    Upsert(Summary<'a>),
    /// A center was deleted or lost its position.
    Remove(CenterId),
    /// A center works by these organizations and no others, in the order of their
    /// numbers. Said before it is created or after it is deleted, too.
    Organizations(CenterId, &'a [OrganizationId]),
    /// A center is rated so, or not at all. Said before it is created or after it is
    /// deleted, too.
    Rating(CenterId, Option<Rating>),
}

impl Change<'_> {
    /// The center that it is about.
    fn center(&self) -> CenterId {
        match *self {
            Self::Upsert(Summary { id, .. })
            | Self::Remove(id)
            | Self::Organizations(id, _)
            | Self::Rating(id, _) => id,
        }
    }

    /// The center that is another or elsewhere after it; `None` of what searches only filter by
    /// or tell beside.
    fn moves(&self) -> Option<CenterId> {
        match self {
            Self::Upsert(center) => Some(center.id),
            Self::Remove(id) => Some(*id),
            Self::Organizations(..) | Self::Rating(..) => None,
        }
    }

    /// What answers will hold of a center that is written; nothing for other changes.
    fn render(&self, layout: &Layout, text: &mut Vec<u8>) {
        text.clear();
        if let Self::Upsert(center) = self {
            render_summary(center, text);
            let value = |place: usize| Some(center.attributes[place].as_ref()?.borrowed());
            push_attributes(layout.fields(), value, text);
        }
    }
}

/// Answers searches from an R-tree in memory.
///
/// Searches share a lock that a writer takes for the microseconds of one change,
/// never while it waits for a database. They do not queue behind a writer that
/// waits for it.
#[derive(Debug)]
pub struct MemoryEngine {
    collection: Box<str>,
    layout: Layout,
    loaded: SearchLock<Option<Box<Loaded>>>,
    changes: Arc<Changes>,
}

#[derive(Debug)]
struct Loaded {
    index: Index,
    changed_at: SystemTime,
}

impl MemoryEngine {
    /// An engine over the collection of this name, which answers
    /// [`SearchError::Loading`] until it is loaded.
    #[must_use]
    pub fn new(collection: &str) -> Self {
        Self {
            collection: collection.into(),
            layout: Layout::default(),
            loaded: SearchLock::default(),
            changes: Arc::default(),
        }
    }

    /// The same over a collection that has attributes.
    #[must_use]
    pub fn with_fields(self, fields: &Arc<Fields>) -> Self {
        Self {
            layout: Layout::of(fields),
            ..self
        }
    }

    /// What changes in it.
    #[must_use]
    pub fn changes(&self) -> &Arc<Changes> {
        &self.changes
    }

    /// What the collection is called.
    pub(super) fn collection(&self) -> &str {
        &self.collection
    }

    /// Starts a new index; the present one goes on answering.
    ///
    /// Changes applied before [`MemoryEngine::finish_load`] go to the present
    /// index only, so whoever loads holds writers back meanwhile, as
    /// [`crate::catalog::Catalog::load`] does.
    #[must_use]
    pub fn begin_load(&self) -> Loading {
        Loading::new(self.layout.clone())
    }

    /// Puts a new index in the place of the present one.
    pub fn finish_load(&self, built: BuiltIndex) {
        let loaded = Loaded {
            index: built.0,
            changed_at: SystemTime::now(),
        };
        let previous = self.loaded.write().replace(Box::new(loaded));
        // Freeing millions of centers takes a while: not under the lock.
        let was_loaded = previous.is_some();
        drop(previous);
        if was_loaded {
            self.changes.note_reset();
        }
    }

    /// Follows committed writes, in their order. Before the first load there is
    /// nothing to follow: the load will read what was committed.
    pub fn apply(&self, changes: &[Change<'_>]) {
        let mut text = Vec::new();
        for change in changes {
            // Rendered before the lock is taken, which is held for one change
            // only: searches come between the changes of a large batch.
            change.render(&self.layout, &mut text);
            let mut guard = self.loaded.write();
            let Some(loaded) = &mut *guard else {
                return;
            };
            // Asked under the lock: who begins to watch and then searches misses nothing.
            let watched = change.moves().filter(|_| self.changes.is_watched());
            let before = watched.and_then(|id| loaded.index.text_of(id).map(<[u8]>::to_vec));
            loaded.index.apply(change, &text);
            loaded.changed_at = SystemTime::now();
            RwLockWriteGuard::unlock_fair(guard);
            if let Some(id) = watched {
                let after = Some(text.as_slice()).filter(|text| !text.is_empty());
                self.changes.note(id, before.as_deref(), after);
            }
        }
    }

    /// Follows what organizations are called.
    pub fn rename_organizations(&self, names: OrganizationNames) {
        if let Some(loaded) = &mut *self.loaded.write() {
            loaded.index.rename_organizations(names);
        }
    }

    /// The centers that have ratings or organizations, with a position or without.
    #[must_use]
    pub fn linked(&self) -> Vec<CenterId> {
        let guard = self.loaded.read();
        guard
            .as_ref()
            .map_or_else(Vec::new, |loaded| loaded.index.linked())
    }

    /// The centers that are not as changes would leave them; none before the first load.
    #[must_use]
    pub fn not_held(&self, changes: &[Change<'_>]) -> BTreeSet<CenterId> {
        let mut text = Vec::new();
        let mut odd = BTreeSet::new();
        for change in changes {
            change.render(&self.layout, &mut text);
            let guard = self.loaded.read();
            let Some(loaded) = &*guard else {
                break;
            };
            if !compare::holds(&loaded.index, change, &text) {
                odd.insert(change.center());
            }
        }
        odd
    }

    /// Whether organizations are called so; true before the first load.
    #[must_use]
    pub fn holds_organization_names(&self, names: &OrganizationNames) -> bool {
        let guard = self.loaded.read();
        let loaded = guard.as_ref();
        loaded.is_none_or(|loaded| loaded.index.organizations().are_called(names))
    }

    /// Up to so many of the centers beyond `after` that have a position, the lowest ids in
    /// their order. Goes through all centers; one that is written meanwhile may be missing.
    #[must_use]
    pub fn lowest_ids(&self, after: Option<CenterId>, most: usize) -> Vec<CenterId> {
        let mut lowest = compare::LowestIds::beyond(after, most);
        let mut buckets = 0;
        loop {
            // Writes come between.
            let guard = self.loaded.read();
            let index = guard.as_ref().map(|loaded| &loaded.index);
            match index.and_then(|index| lowest.look(index, buckets)) {
                Some(next) => buckets = next,
                None => return lowest.sorted(),
            }
        }
    }

    /// Answers a search.
    ///
    /// # Errors
    /// [`SearchError::Loading`] before the first load.
    pub fn search(&self, search: &Search, answer: &mut impl Answer) -> Result<(), SearchError> {
        let guard = self.loaded.read();
        let loaded = guard.as_ref().ok_or(SearchError::Loading)?;
        search::search(&self.collection, &loaded.index, search, answer);
        Ok(())
    }

    /// Counts the centers in the area of a search that its filter keeps, and how
    /// often each value of some fields is among them. Goes through all of them.
    ///
    /// # Errors
    /// [`SearchError::Loading`] before the first load.
    pub fn tally(&self, search: &Search, facets: &[FieldId]) -> Result<Tally, SearchError> {
        let guard = self.loaded.read();
        let loaded = guard.as_ref().ok_or(SearchError::Loading)?;
        Ok(tally::tally(&loaded.index, search, facets))
    }

    /// The centers of some cells of the map that a filter keeps: a cluster of each cell that
    /// has several.
    ///
    /// # Errors
    /// [`SearchError::Loading`] before the first load.
    pub fn clusters(&self, cells: &Cells, filter: &Filter) -> Result<OnMap, SearchError> {
        let guard = self.loaded.read();
        let loaded = guard.as_ref().ok_or(SearchError::Loading)?;
        Ok(clusters::clusters(&loaded.index, cells, filter))
    }

    /// The same with every center by itself; `None` where there are more than `most`.
    ///
    /// # Errors
    /// [`SearchError::Loading`] before the first load.
    pub fn centers_in(
        &self,
        cells: &Cells,
        filter: &Filter,
        most: usize,
    ) -> Result<Option<OnMap>, SearchError> {
        let guard = self.loaded.read();
        let loaded = guard.as_ref().ok_or(SearchError::Loading)?;
        Ok(clusters::centers(&loaded.index, cells, filter, most))
    }

    /// Up to `count` centers of some cells that a filter keeps and whose ids are beyond
    /// `after`, by id.
    ///
    /// # Errors
    /// [`SearchError::Loading`] before the first load.
    pub fn leaves(
        &self,
        cells: &Cells,
        filter: &Filter,
        after: Option<CenterId>,
        count: usize,
    ) -> Result<OnMap, SearchError> {
        let guard = self.loaded.read();
        let loaded = guard.as_ref().ok_or(SearchError::Loading)?;
        Ok(clusters::leaves(&loaded.index, cells, filter, after, count))
    }

    /// Every center inside a viewport with its name as a key to sort by, in any
    /// order; `None` before the first load.
    #[must_use]
    pub fn names_in(&self, viewport: &Viewport) -> Option<Vec<(SortKey, CenterId)>> {
        let guard = self.loaded.read();
        let mut found = Vec::new();
        viewport::visit(&guard.as_ref()?.index, viewport, |id, rendered| {
            found.push((name_of(rendered).map(|name| sort_key(&name)), id));
        });
        Some(found)
    }

    /// Whether it answers.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.loaded.read().is_some()
    }

    /// How many centers it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        let guard = self.loaded.read();
        guard.as_ref().map_or(0, |loaded| loaded.index.len())
    }

    /// Whether it holds no center.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When it was loaded or followed a write last; `None` before the first load.
    #[must_use]
    pub fn changed_at(&self) -> Option<SystemTime> {
        Some(self.loaded.read().as_ref()?.changed_at)
    }
}
