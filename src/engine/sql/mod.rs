//! The engine that asks MySQL.
//!
//! The radius to search is chosen by how densely centers lie there, of which the
//! engine keeps a rough picture; where the circle comes out large, a quick count
//! of a bounded number of rows shows whether the picture still holds, and others
//! find a better radius where it does not. What makes an answer complete is
//! neither picture nor counts: its circle held as many centers as were wanted, or
//! was the whole circle asked for.

mod density;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use tokio::task::spawn_blocking;

use super::{Answer, Hit, SearchError};
use crate::domain::{Bounds, CenterId, EngineKind, MAX_RADIUS_M, Radius, Search, Summary, cover};
use crate::store::{MySqlStore, Near, StoreError};
use crate::wire::render_summary;
use density::{Density, point};

/// Circles up to this radius in metres are searched without a count before.
const DIRECT_RADIUS_M: f64 = 30_000.0;
/// The first radius in metres that is counted where no density is known.
const FIRST_RADIUS_M: f64 = 20_000.0;
/// By how much the radius grows while there are too few centers in it.
const GROWTH: f64 = 4.0;
/// By how much it grows after a search that found too few.
const NEXT_GROWTH: f64 = 2.0;
/// Two radii closer than this ratio are not worth another count.
const CLOSE_ENOUGH: f64 = 1.05;
/// A circle is searched when what covers it holds fewer rows than this many for
/// every one wanted, and these.
const ROWS_FOR_ONE: usize = 4;
const SPARE_ROWS: usize = 200;
/// A filter that keeps fewer centers than this is answered from all of them.
const FEW_MATCHES: usize = 3_000;
/// Where there is a filter, the first circle is one that holds this many times as
/// many centers as are wanted.
const FILTERED_FACTOR: usize = 4;

/// The density is measured again after so long, and after so many times what
/// measuring took: a hundredth of a core of the server. Sooner, where it misled a
/// search.
const MEASURE_AFTER: Duration = Duration::from_mins(1);
const REST_FACTOR: u32 = 100;
const MEASURE_AFTER_MISLED: Duration = Duration::from_secs(5);
const REST_FACTOR_MISLED: u32 = 20;
/// A search that takes longer looked at more rows than it should have.
const SLOW: Duration = Duration::from_millis(100);

/// Answers searches from a MySQL store.
#[derive(Debug)]
pub struct SqlEngine {
    store: MySqlStore,
    measured: RwLock<Option<Arc<Measured>>>,
    /// Whether the density was seen to be wrong since it was measured.
    misled: AtomicBool,
}

#[derive(Debug)]
struct Measured {
    density: Density,
    at: Instant,
    took: Duration,
}

impl SqlEngine {
    /// An engine over a MySQL store. It answers at once, and faster when it has
    /// measured the density.
    #[must_use]
    pub fn new(store: MySqlStore) -> Self {
        Self {
            store,
            measured: RwLock::new(None),
            misled: AtomicBool::new(false),
        }
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

    /// Measures how densely centers lie where, from one look at all of them.
    ///
    /// # Errors
    /// When the database does not answer; what was known stays.
    #[expect(clippy::missing_panics_doc, reason = "building does not panic")]
    pub async fn measure_density(&self) -> Result<(), StoreError> {
        let started = Instant::now();
        self.misled.store(false, Ordering::Relaxed);
        let mut points = Vec::new();
        self.store
            .for_each_position(|position| points.push(point(position)))
            .await?;
        let took = started.elapsed();
        let built = spawn_blocking(|| Density::of(points)).await;
        *self.measured.write() = Some(Arc::new(Measured {
            density: built.expect("building does not panic"),
            at: Instant::now(),
            took,
        }));
        Ok(())
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
        let reach_m = search.radius.map_or(MAX_RADIUS_M, Radius::m);
        // One more than asked for tells whether there is a next page.
        let wanted = search.limit.get() + 1;
        let mut page = Page::default();
        let mut too_small_m = search.after.map_or(0.0, |cursor| cursor.key);
        let mut guess = self.guess(search, wanted);
        loop {
            let circle = self
                .circle(search, reach_m, wanted, guess, too_small_m)
                .await?;
            page.clear();
            let near = circle.near(search, wanted);
            self.store
                .find(&near, |distance_m, summary| page.push(distance_m, &summary))
                .await?;
            if page.hits.len() >= wanted || circle.radius_m >= reach_m {
                break;
            }
            too_small_m = circle.radius_m;
            guess = Guess::Unknown;
        }
        if started.elapsed() > SLOW {
            self.misled.store(true, Ordering::Relaxed);
        }
        page.answer(search, answer);
        Ok(())
    }

    /// The radius of a circle that likely holds enough centers.
    fn guess(&self, search: &Search, wanted: usize) -> Guess {
        let Some(measured) = self.measured.read().clone() else {
            return Guess::Unknown;
        };
        let wanted = wanted + search.exclude.len();
        let wanted = if search.filter.is_empty() {
            wanted
        } else {
            wanted * FILTERED_FACTOR
        };
        let beyond_m = search.after.map_or(0.0, |cursor| cursor.key);
        let found = measured.density.radius_m(search.origin, wanted, beyond_m);
        Guess::RadiusM(found.unwrap_or(MAX_RADIUS_M))
    }

    /// A circle that likely holds enough centers, or the whole reach.
    async fn circle(
        &self,
        search: &Search,
        reach_m: f64,
        wanted: usize,
        guess: Guess,
        mut too_small_m: f64,
    ) -> Result<Circle, StoreError> {
        let mut radius_m = match guess {
            Guess::RadiusM(guess_m) => guess_m,
            Guess::Unknown if reach_m <= DIRECT_RADIUS_M => reach_m,
            Guess::Unknown => FIRST_RADIUS_M.max(too_small_m * NEXT_GROWTH),
        };
        radius_m = radius_m.min(reach_m);
        if radius_m <= DIRECT_RADIUS_M {
            return Ok(Circle::around(search, radius_m));
        }
        if !search.filter.is_empty() {
            let matching = self.store.matching(&search.filter, FEW_MATCHES).await?;
            if matching < FEW_MATCHES {
                return Ok(Circle::everything(reach_m));
            }
        }
        let most = wanted * ROWS_FOR_ONE + SPARE_ROWS;
        let mut large_enough_m = None;
        loop {
            let circle = Circle::around(search, radius_m);
            let seen = self.store.count_near(&circle.near(search, most)).await?;
            let likely_inside = match guess {
                Guess::RadiusM(_) => seen,
                // A circle takes up a little more than three quarters of a box.
                Guess::Unknown => seen * 3 / 4,
            };
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

/// What is known of the radius before anybody asked the database.
#[derive(Debug, Clone, Copy)]
enum Guess {
    /// Nothing.
    Unknown,
    /// By the density, this many metres.
    RadiusM(f64),
}

/// A circle around a search's origin.
struct Circle {
    radius_m: f64,
    cover: Vec<Bounds>,
}

impl Circle {
    fn around(search: &Search, radius_m: f64) -> Self {
        Self {
            radius_m,
            cover: cover(search.origin, radius_m),
        }
    }

    /// As large as it gets, for rows that are found by another index.
    fn everything(radius_m: f64) -> Self {
        Self {
            radius_m,
            cover: vec![Bounds::Globe],
        }
    }

    fn near<'a>(&'a self, search: &'a Search, rows: usize) -> Near<'a> {
        Near {
            search,
            radius_m: self.radius_m,
            cover: &self.cover,
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
