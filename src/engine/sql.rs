//! The engine that asks MySQL.
//!
//! A small circle is one query. Where the circle may hold far more centers than
//! are wanted, its nearest are looked for in smaller ones first: quick counts,
//! each of a bounded number of rows, settle on a radius that likely holds enough
//! and not many more. Counts only choose the radius. What makes an answer
//! complete is that its circle held as many centers as were wanted, or was the
//! whole circle asked for.

use super::{Answer, Hit, SearchError};
use crate::domain::{Bounds, CenterId, EngineKind, MAX_RADIUS_M, Radius, Search, Summary};
use crate::store::{MySqlStore, Near, StoreError};
use crate::wire::render_summary;

/// Circles up to this radius in metres are searched without a look before.
const DIRECT_RADIUS_M: f64 = 30_000.0;
/// The first radius in metres that is looked at.
const FIRST_RADIUS_M: f64 = 20_000.0;
/// By how much the radius grows while there are too few centers in it.
const GROWTH: f64 = 4.0;
/// Two radii closer than this ratio are not worth another look.
const CLOSE_ENOUGH: f64 = 1.05;
/// A circle is searched when its box holds fewer rows than this many for every
/// one wanted, and these.
const ROWS_FOR_ONE: usize = 4;
const SPARE_ROWS: usize = 100;
/// A filter that keeps fewer centers than this is answered from all of them.
const FEW_MATCHES: usize = 3_000;

/// Answers searches from a MySQL store.
#[derive(Debug)]
pub struct SqlEngine {
    store: MySqlStore,
}

impl SqlEngine {
    /// An engine over a MySQL store.
    #[must_use]
    pub fn new(store: MySqlStore) -> Self {
        Self { store }
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
        let reach_m = search.radius.map_or(MAX_RADIUS_M, Radius::m);
        // One more than asked for tells whether there is a next page.
        let wanted = search.limit.get() + 1;
        let mut page = Page::default();
        let mut circle = self.circle(search, reach_m, wanted).await?;
        loop {
            page.clear();
            let near = circle.near(search, wanted);
            self.store
                .find(&near, |distance_m, summary| page.push(distance_m, &summary))
                .await?;
            if page.hits.len() >= wanted || circle.radius_m >= reach_m {
                break;
            }
            circle = Circle::around(search, (circle.radius_m * 2.0).min(reach_m));
        }
        page.answer(search, answer);
        Ok(())
    }

    /// A circle that likely holds enough centers, or the whole reach.
    async fn circle(
        &self,
        search: &Search,
        reach_m: f64,
        wanted: usize,
    ) -> Result<Circle, StoreError> {
        if reach_m <= DIRECT_RADIUS_M {
            return Ok(Circle::around(search, reach_m));
        }
        if !search.filter.is_empty() {
            let matching = self.store.matching(&search.filter, FEW_MATCHES).await?;
            if matching < FEW_MATCHES {
                return Ok(Circle {
                    radius_m: reach_m,
                    bounds: Bounds::Globe,
                });
            }
        }
        let most = wanted * ROWS_FOR_ONE + SPARE_ROWS;
        let mut too_small_m = search.after.map_or(0.0, |cursor| cursor.key);
        let mut large_enough_m = None;
        let mut radius_m = FIRST_RADIUS_M.max(too_small_m * CLOSE_ENOUGH).min(reach_m);
        loop {
            let circle = Circle::around(search, radius_m);
            let seen = self.store.count_near(&circle.near(search, most)).await?;
            // A circle takes up a little more than three quarters of its box.
            let likely_inside = seen * 3 / 4;
            if seen >= most {
                large_enough_m = Some(radius_m);
            } else if likely_inside >= wanted || radius_m >= reach_m {
                return Ok(circle);
            } else {
                too_small_m = radius_m;
            }
            radius_m = match large_enough_m {
                None => (radius_m * GROWTH).min(reach_m),
                Some(large_m) if large_m <= too_small_m * CLOSE_ENOUGH || large_m < 1.0 => {
                    return Ok(Circle::around(search, large_m));
                }
                Some(large_m) if too_small_m == 0.0 => large_m / GROWTH,
                Some(large_m) => (too_small_m * large_m).sqrt(),
            };
        }
    }
}

/// A circle around a search's origin.
struct Circle {
    radius_m: f64,
    bounds: Bounds,
}

impl Circle {
    fn around(search: &Search, radius_m: f64) -> Self {
        Self {
            radius_m,
            bounds: Bounds::of_circle(search.origin, radius_m),
        }
    }

    fn near<'a>(&self, search: &'a Search, rows: usize) -> Near<'a> {
        Near {
            search,
            radius_m: self.radius_m,
            bounds: self.bounds,
            rows,
        }
    }
}

/// Found centers, rendered into one buffer.
#[derive(Default)]
struct Page {
    rendered: Vec<u8>,
    hits: Vec<Found>,
}

struct Found {
    id: CenterId,
    distance_m: f64,
    /// Where it ends in the buffer.
    end: usize,
}

impl Page {
    fn clear(&mut self) {
        self.rendered.clear();
        self.hits.clear();
    }

    fn push(&mut self, distance_m: f64, summary: &Summary<'_>) {
        render_summary(summary, &mut self.rendered);
        self.hits.push(Found {
            id: summary.id,
            distance_m,
            end: self.rendered.len(),
        });
    }

    fn answer(&self, search: &Search, answer: &mut impl Answer) {
        let limit = search.limit.get();
        let count = self.hits.len().min(limit);
        let last = self.hits[..count].last();
        let next = last
            .filter(|_| self.hits.len() > limit)
            .map(|last| search.cursor_after(EngineKind::Sql, last.distance_m, last.id));
        answer.begin(count, next);
        let mut start = 0;
        for found in &self.hits[..count] {
            answer.hit(Hit {
                id: found.id,
                distance_m: found.distance_m,
                rendered: &self.rendered[start..found.end],
            });
            start = found.end;
        }
    }
}
