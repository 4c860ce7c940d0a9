//! The engine that asks the database.
//!
//! The radius to search is chosen by how densely centers lie there, of which the
//! engine keeps a rough picture. Where a search by the picture takes too long or
//! finds too few, quick counts of a bounded number of rows find a better radius.
//! What makes an answer complete is neither picture nor counts: its circle held as
//! many centers as were wanted, or was the whole circle asked for.

mod circle;
mod clusters;
mod density;
mod groups;
mod tree;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use tokio::task::spawn_blocking;

use super::{Answer, Hit, SearchError};
use crate::domain::{
    Area, Around, Bounds, CenterId, Counts, EngineKind, FieldId, Fields, Filter, MAX_RADIUS_M,
    OrganizationId, Radius, RatingVisibility, Search, Summary, Tally, Viewport,
};
use crate::store::{Look, Searcher, Store, StoreError};
use crate::wire::{push_attributes, render_rating, render_summary};
use circle::{Choice, bounds_of};
use density::{Census, Density};
use groups::Met;

/// The density is measured again after so long, and after so many times what
/// measuring took: a hundredth of a core of the server. Sooner, where it misled a
/// search.
const MEASURE_AFTER: Duration = Duration::from_mins(1);
const REST_FACTOR: u32 = 100;
const MEASURE_AFTER_MISLED: Duration = Duration::from_secs(5);
const REST_FACTOR_MISLED: u32 = 20;
/// Counting within more metres than this goes through the table, as that takes less time
/// than many rows by the spatial index.
const WIDE_M: f64 = 3_000_000.0;
/// Where rows may be inside a shape, or first of their group, so many are asked for to
/// find one, and at most so many at once.
const ROWS_FOR_ONE_KEPT: usize = 4;
const MOST_ROWS_AT_ONCE: usize = 20_000;
/// Counting is given up after so long.
const LONGEST_TALLY_MS: u32 = 2_000;
/// A viewport that holds fewer centers than this is searched by the spatial index.
const FEW_WITHIN: usize = 3_000;
/// A search that takes longer looked at more rows than it should have.
const SLOW: Duration = Duration::from_millis(100);

/// Answers searches from a store that can be searched by SQL.
#[derive(Debug)]
pub struct SqlEngine {
    store: Store,
    searcher: Arc<dyn Searcher>,
    measured: RwLock<Option<Arc<Measured>>>,
    /// Whether the density was seen to be wrong since it was measured.
    misled: AtomicBool,
    /// Whether any center was rated when that was looked at last.
    is_rated: AtomicBool,
}

#[derive(Debug)]
struct Measured {
    density: Density,
    at: Instant,
    took: Duration,
}

impl SqlEngine {
    /// An engine over a store; `None` where its database cannot be searched by SQL. It
    /// answers at once, and faster when it has measured the density.
    #[must_use]
    pub fn over(store: &Store) -> Option<Self> {
        Some(Self {
            is_rated: AtomicBool::new(store.collection().is_linked()),
            searcher: store.searcher()?,
            store: store.clone(),
            measured: RwLock::new(None),
            misled: AtomicBool::new(false),
        })
    }

    /// What the collection is called.
    pub(super) fn collection(&self) -> &str {
        self.store.collection().name.as_str()
    }

    /// Whether the density was not measured yet, or is likely to be out of date.
    #[must_use]
    pub fn is_density_due(&self) -> bool {
        let Some(measured) = self.measured.read().clone() else {
            return true;
        };
        let (least, factor) = if self.misled.load(Ordering::Relaxed) {
            (MEASURE_AFTER_MISLED, REST_FACTOR_MISLED)
        } else {
            (MEASURE_AFTER, REST_FACTOR)
        };
        measured.at.elapsed() >= least.max(measured.took * factor)
    }

    /// Measures how densely centers lie where, from one look at all of them, and
    /// learns which indexes there are.
    ///
    /// # Errors
    /// When the database does not answer; what was known stays.
    #[expect(clippy::missing_panics_doc, reason = "building does not panic")]
    pub async fn measure_density(&self) -> Result<(), StoreError> {
        let started = Instant::now();
        self.misled.store(false, Ordering::Relaxed);
        self.searcher.learn_indexes().await?;
        let mut census = Census::default();
        let mut each = |position, country: Option<&str>| census.push(position, country);
        self.searcher.for_each_position(&mut each).await?;
        let took = started.elapsed();
        let built = spawn_blocking(|| Density::of(census)).await;
        *self.measured.write() = Some(Arc::new(Measured {
            density: built.expect("building does not panic"),
            at: Instant::now(),
            took,
        }));
        Ok(())
    }

    /// Looks whether any center is rated: where none is, searches do not ask.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn look_for_ratings(&self) -> Result<(), StoreError> {
        let is_rated =
            self.store.collection().is_linked() && self.store.database().has_ratings().await?;
        self.is_rated.store(is_rated, Ordering::Relaxed);
        Ok(())
    }

    /// Whether it is known without a search that a filter keeps no center: its organizations
    /// are none, or it asks for ratings and there are none, nor need there be a table of them.
    async fn keeps_nobody(
        &self,
        filter: &Filter,
        organizations: &[OrganizationId],
    ) -> Result<bool, StoreError> {
        let asks_for_ratings = filter.least_rating().is_some();
        Ok(filter.names_nobody(organizations)
            || asks_for_ratings
                && !self.is_rated.load(Ordering::Relaxed)
                && !self.store.database().has_ratings().await?)
    }

    /// Answers a search.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn search(
        &self,
        search: &Search,
        answer: &mut impl Answer,
    ) -> Result<(), SearchError> {
        let started = Instant::now();
        let measured = self.measured.read().clone();
        let density = measured.as_ref().map(|measured| &measured.density);
        let mut page = Page::default();
        let organizations = self.store.organizations_of(&search.filter).await?;
        if self.keeps_nobody(&search.filter, &organizations).await? {
            page.answer(self.collection(), search, &HashMap::new(), answer);
            return Ok(());
        }
        let Some(bounded) = self.bounded(search).await? else {
            page.answer(self.collection(), search, &HashMap::new(), answer);
            return Ok(());
        };
        let asked = Asked {
            search: &bounded,
            organizations: &organizations,
        };
        match &bounded.area {
            Area::Around(around) => {
                let choice = Choice::new(asked, around, density);
                self.find_around(asked, choice, &mut page).await?;
            }
            Area::Within(viewport) => self.find_within(asked, viewport, &mut page).await?,
        }
        if started.elapsed() > SLOW {
            self.misled.store(true, Ordering::Relaxed);
        }
        let shows_ratings = search.filter.ratings == RatingVisibility::Shown;
        let ratings = if shows_ratings && self.is_rated.load(Ordering::Relaxed) {
            let ratings = self.store.database().ratings(page.ids(search)).await?;
            let ratings = ratings.into_iter();
            ratings
                .map(|(id, rating)| (id, render_rating(rating)))
                .collect()
        } else {
            HashMap::new()
        };
        page.answer(self.collection(), search, &ratings, answer);
        Ok(())
    }

    /// The same search with a radius that holds every center that reaches its origin, where
    /// that is asked; `None` where no center reaches anything.
    async fn bounded<'a>(&self, search: &'a Search) -> Result<Option<Cow<'a, Search>>, StoreError> {
        let Some((around, field)) = search
            .around()
            .and_then(|around| Some((around, around.covered_by?)))
        else {
            return Ok(Some(Cow::Borrowed(search)));
        };
        let greatest = self.searcher.greatest(field).await?;
        let Some(reach_m) = greatest.filter(|reach_m| *reach_m > 0.0) else {
            return Ok(None);
        };
        let reach = Radius::from_m(reach_m.min(MAX_RADIUS_M)).expect("it is within the bounds");
        let radius = match around.radius {
            Some(radius) if radius < reach => radius,
            _ => reach,
        };
        let area = Area::Around(Around {
            radius: Some(radius),
            ..*around
        });
        Ok(Some(Cow::Owned(Search {
            area,
            ..search.clone()
        })))
    }

    async fn find_around(
        &self,
        asked: Asked<'_>,
        mut choice: Choice<'_>,
        page: &mut Page,
    ) -> Result<(), StoreError> {
        loop {
            let circle = choice.next(&*self.searcher).await?;
            let ended = self
                .find(&circle.look(asked, choice.wanted()), page)
                .await?;
            if ended {
                if page.hits.len() >= choice.wanted() || circle.is_all() {
                    return Ok(());
                }
                choice.was_too_small(&circle);
            }
        }
    }

    /// By the spatial index where few centers are inside. Where many are, going by id
    /// soon meets enough of them.
    async fn find_within(
        &self,
        asked: Asked<'_>,
        viewport: &Viewport,
        page: &mut Page,
    ) -> Result<(), StoreError> {
        let cover = [viewport.bounds()];
        let mut look = Look {
            search: asked.search,
            organizations: asked.organizations,
            radius_m: MAX_RADIUS_M,
            cover: &cover,
            rows: FEW_WITHIN,
            longest_ms: None,
        };
        let is_globe = cover == [Bounds::Globe];
        if !is_globe && self.searcher.count(&look).await? == FEW_WITHIN {
            look.cover = &[Bounds::Globe];
        }
        look.rows = asked.search.sought();
        self.find(&look, page).await.map(drop)
    }

    /// Finds as many centers as `look` asks for, or all that are there; gives whether it
    /// came to an end. Shapes and groups are told apart here: rows that may be inside, and of
    /// values that were not met yet, are asked for until enough are.
    async fn find(&self, look: &Look<'_>, page: &mut Page) -> Result<bool, StoreError> {
        let fields = self.store.collection().fields();
        let filter = &look.search.filter;
        page.clear();
        let mut met = look.search.group_by().map(Met::none_of);
        if met.is_none() && !filter.condition.needs_rows() {
            let mut each = |key, summary: Summary<'_>| page.push(key, &summary, fields);
            return self.searcher.find(look, &mut each).await;
        }
        let mut search = look.search.clone();
        let mut rows = look.rows * ROWS_FOR_ONE_KEPT;
        loop {
            let part = Look {
                search: &search,
                rows,
                ..*look
            };
            let (mut seen, mut last) = (0, None);
            let mut each = |key, summary: Summary<'_>| {
                (seen, last) = (seen + 1, Some((key, summary.id)));
                let is_first = |met: &mut Met| met.is_first(&summary);
                if filter.matches(&summary) && met.as_mut().is_none_or(is_first) {
                    page.push(key, &summary, fields);
                }
            };
            if !self.searcher.find(&part, &mut each).await? {
                return Ok(false);
            }
            let Some((key, id)) = last.filter(|_| seen == rows && page.hits.len() < look.rows)
            else {
                return Ok(true);
            };
            search.after = Some(search.cursor_after(self.collection(), EngineKind::Sql, key, id));
            if let Some(met) = &met {
                search.filter.condition = filter.condition.clone().and(met.is_of_others());
            }
            rows = (rows * 2).min(MOST_ROWS_AT_ONCE);
        }
    }
}

impl SqlEngine {
    /// Counts the centers in the area of a search that its filter keeps, and how
    /// often each value of some fields is among them; `None` where that takes too long.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tally(
        &self,
        search: &Search,
        facets: &[FieldId],
    ) -> Result<Option<Tally>, StoreError> {
        let organizations = self.store.organizations_of(&search.filter).await?;
        let nothing = || {
            let facets = facets.iter();
            Ok(Some(Tally {
                total: 0,
                facets: facets
                    .map(|&field| Counts::default().into_facet(field))
                    .collect(),
            }))
        };
        if self.keeps_nobody(&search.filter, &organizations).await? {
            return nothing();
        }
        let Some(bounded) = self.bounded(search).await? else {
            return nothing();
        };
        let search = &*bounded;
        let (radius_m, bounds) = match &search.area {
            Area::Around(Around { origin, radius, .. }) => {
                match radius.map_or(MAX_RADIUS_M, Radius::reach_m) {
                    wide_m if wide_m > WIDE_M => (wide_m, bounds_of(search)),
                    radius_m => (radius_m, Bounds::of_circle(*origin, radius_m)),
                }
            }
            Area::Within(viewport) => (MAX_RADIUS_M, viewport.bounds()),
        };
        let look = Look {
            search,
            organizations: &organizations,
            radius_m,
            cover: &[bounds],
            rows: 0,
            longest_ms: None,
        };
        if search.filter.condition.needs_rows() {
            return self.tally_here(&look, facets).await;
        }
        self.searcher.tally(&look, facets).await
    }

    /// The same from the rows themselves, where the database cannot tell which count.
    async fn tally_here(
        &self,
        look: &Look<'_>,
        facets: &[FieldId],
    ) -> Result<Option<Tally>, StoreError> {
        let search = Search {
            after: None,
            ..look.search.clone()
        };
        let look = Look {
            search: &search,
            rows: usize::MAX,
            longest_ms: Some(LONGEST_TALLY_MS),
            ..*look
        };
        let mut counts: Vec<Counts> = facets.iter().map(|_| Counts::default()).collect();
        let mut total = 0;
        let mut each = |_, summary: Summary<'_>| {
            if search.filter.matches(&summary) {
                total += 1;
                for (&field, counts) in facets.iter().zip(&mut counts) {
                    counts.add(summary.value(field).map(Into::into), 1);
                }
            }
        };
        let ended = self.searcher.find(&look, &mut each).await?;
        let counts = facets.iter().zip(counts);
        Ok(ended.then(|| Tally {
            total,
            facets: counts
                .map(|(&field, counts)| counts.into_facet(field))
                .collect(),
        }))
    }
}

/// A search, and the organizations that its filter names.
#[derive(Clone, Copy)]
struct Asked<'a> {
    search: &'a Search,
    organizations: &'a [OrganizationId],
}

/// Found centers, rendered into one buffer.
#[derive(Default)]
struct Page {
    rendered: Vec<u8>,
    hits: Vec<Found>,
}

struct Found {
    id: CenterId,
    /// The distance in metres, or [`BY_ID`](crate::domain::BY_ID).
    key: f64,
    /// Where it ends in the buffer.
    end: usize,
}

impl Page {
    fn clear(&mut self) {
        self.rendered.clear();
        self.hits.clear();
    }

    fn push(&mut self, key: f64, summary: &Summary<'_>, fields: &Fields) {
        render_summary(summary, &mut self.rendered);
        let value = |place: usize| Some(summary.attributes[place].as_ref()?.borrowed());
        push_attributes(fields, value, &mut self.rendered);
        self.hits.push(Found {
            id: summary.id,
            key,
            end: self.rendered.len(),
        });
    }

    /// The centers that are answered.
    fn ids(&self, search: &Search) -> impl Iterator<Item = CenterId> {
        let answered = self.hits.iter().take(search.limit.get());
        answered.map(|found| found.id)
    }

    fn answer(
        &self,
        collection: &str,
        search: &Search,
        ratings: &HashMap<CenterId, String>,
        answer: &mut impl Answer,
    ) {
        let limit = search.limit.get();
        let count = self.hits.len().min(limit);
        let last = self.hits[..count].last();
        let next = last
            .filter(|_| self.hits.len() > limit && search.group_by().is_none())
            .map(|last| search.cursor_after(collection, EngineKind::Sql, last.key, last.id));
        answer.begin(count, next);
        let measures = search.measures();
        let mut start = 0;
        for found in &self.hits[..count] {
            answer.hit(Hit {
                id: found.id,
                distance_m: measures.then_some(found.key),
                rendered: &self.rendered[start..found.end],
                rating: ratings.get(&found.id).map(String::as_str),
            });
            start = found.end;
        }
    }
}
