//! Which circle to search.

use super::Asked;
use super::density::Density;
use super::tree::Crowd;
use crate::domain::{Around, Bounds, MAX_RADIUS_M, Origin, Radius, Search, cover};
use crate::store::{Look, Searcher, StoreError};

/// Where a search by the density failed, circles up to this radius in metres are
/// searched without a count before.
const DIRECT_RADIUS_M: f64 = 30_000.0;
/// The first radius in metres that is counted.
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
const FEW_MATCHES: usize = 30_000;
/// Going through all that a filter keeps, by an index of its own, costs as much for
/// so many of them as looking at one row of a circle.
const MATCHES_FOR_A_ROW: usize = 2;
/// The circle that the density says holds one center more for so many that are
/// wanted, and these: some may be gone by now.
const WANTED_FOR_A_SPARE: usize = 32;
const SPARE: usize = 2;
/// It holds this many times as many where a filter asks for more than countries, or only
/// the nearest of each group counts.
const FILTERED_FACTOR: usize = 4;
/// A search by the density is given up after so long.
const TRIAL_MS: u32 = 200;
/// So many centers beside a circle cost about as much as another strip.
const ROWS_FOR_A_STRIP: usize = 12;

/// A circle around a search's origin.
pub(super) struct Circle {
    radius_m: f64,
    reach_m: f64,
    cover: Vec<Bounds>,
    is_trial: bool,
}

impl Circle {
    /// Whether it is the whole circle that was asked for.
    pub(super) fn is_all(&self) -> bool {
        self.radius_m >= self.reach_m
    }

    pub(super) fn look<'a>(&'a self, asked: Asked<'a>, rows: usize) -> Look<'a> {
        Look {
            search: asked.search,
            organizations: asked.organizations,
            radius_m: self.radius_m,
            cover: &self.cover,
            rows,
            longest_ms: self.is_trial.then_some(TRIAL_MS),
        }
    }
}

/// What holds all that the filter of a search keeps.
pub(super) fn bounds_of(search: &Search) -> Bounds {
    let mut shapes = search.filter.condition.shapes();
    let first = shapes.next();
    first.map_or(Bounds::Globe, |shape| shape.viewport().bounds())
}

/// Chooses one circle after the other, until one holds enough.
pub(super) struct Choice<'a> {
    asked: Asked<'a>,
    around: &'a Around,
    density: Option<&'a Density>,
    reach_m: f64,
    wanted: usize,
    /// A radius that holds too few, or where the page begins.
    too_small_m: f64,
    /// What the density says, and a radius in metres, until it was tried.
    guess: Option<(Guess, f64)>,
}

/// Where a search had better look.
enum Guess {
    /// At what lies around its origin.
    Around,
    /// At everything that its filter keeps.
    AllMatches,
}

impl Guess {
    fn of(
        density: &Density,
        search: &Search,
        origin: Origin,
        reach_m: f64,
        beyond_m: f64,
    ) -> (Self, f64) {
        let filter = &search.filter;
        let wanted = search.sought();
        let held = wanted + wanted / WANTED_FOR_A_SPARE + SPARE + search.exclude.len();
        let keeps_few = filter.asks_for_more_than_countries() || search.group_by().is_some();
        let held = if keeps_few {
            held * FILTERED_FACTOR
        } else {
            held
        };
        let radius_m = density.radius_m(filter, origin, held, beyond_m);
        let radius_m = radius_m.unwrap_or(MAX_RADIUS_M).min(reach_m);
        let is_all_better = density
            .most_kept(filter)
            .is_some_and(|kept| kept <= MATCHES_FOR_A_ROW * density.count_within(origin, radius_m));
        let guess = if is_all_better {
            Self::AllMatches
        } else {
            Self::Around
        };
        (guess, radius_m)
    }
}

impl<'a> Choice<'a> {
    pub(super) fn new(asked: Asked<'a>, around: &'a Around, density: Option<&'a Density>) -> Self {
        let search = asked.search;
        let wanted = search.sought();
        let beyond_m = search.after.map_or(0.0, |cursor| cursor.key);
        let beyond_m = beyond_m.max(around.least_m());
        let reach_m = around.radius.map_or(MAX_RADIUS_M, Radius::reach_m);
        Self {
            asked,
            around,
            density,
            reach_m,
            wanted,
            too_small_m: beyond_m,
            guess: density
                .map(|density| Guess::of(density, search, around.origin, reach_m, beyond_m)),
        }
    }

    /// How many centers are enough.
    pub(super) fn wanted(&self) -> usize {
        self.wanted
    }

    /// Takes in that a circle held too few.
    pub(super) fn was_too_small(&mut self, circle: &Circle) {
        self.too_small_m = circle.radius_m;
    }

    /// A circle that likely holds enough centers, or all that was asked for.
    pub(super) async fn next(&mut self, searcher: &dyn Searcher) -> Result<Circle, StoreError> {
        match self.guess.take() {
            Some((Guess::Around, radius_m)) => {
                return Ok(Circle {
                    is_trial: true,
                    ..self.around(radius_m)
                });
            }
            Some((Guess::AllMatches, radius_m)) => return Ok(self.matches(radius_m)),
            None => {}
        }
        if self.reach_m <= DIRECT_RADIUS_M {
            return Ok(self.around(self.reach_m));
        }
        if self.is_rare(searcher).await? {
            return Ok(self.matches(self.reach_m));
        }
        if self.around.group_by.is_some() {
            return Ok(self.wider());
        }
        self.counted(searcher).await
    }

    /// Whether there is a filter that keeps few centers.
    async fn is_rare(&self, searcher: &dyn Searcher) -> Result<bool, StoreError> {
        let Asked {
            search,
            organizations,
        } = self.asked;
        if search.filter.condition.shapes().next().is_some() {
            let all = self.matches(self.reach_m);
            let look = all.look(self.asked, FEW_MATCHES);
            return Ok(searcher.count(&look).await? < FEW_MATCHES);
        }
        let matching = searcher.matching(&search.filter, organizations, FEW_MATCHES);
        Ok(!search.filter.is_empty() && matching.await? < FEW_MATCHES)
    }

    /// A circle that reaches a good deal farther than the last one: counts do not tell how
    /// many groups are in it.
    fn wider(&self) -> Circle {
        let radius_m = FIRST_RADIUS_M.max(self.too_small_m * GROWTH);
        self.around(radius_m.min(self.reach_m))
    }

    /// A circle for which not too many rows have to be looked at.
    async fn counted(&self, searcher: &dyn Searcher) -> Result<Circle, StoreError> {
        let most = self.wanted * ROWS_FOR_ONE + SPARE_ROWS;
        let mut too_small_m = self.too_small_m;
        let mut large_enough_m = None;
        let mut radius_m = FIRST_RADIUS_M
            .max(too_small_m * NEXT_GROWTH)
            .min(self.reach_m);
        loop {
            let circle = self.around(radius_m);
            let seen = searcher.count(&circle.look(self.asked, most)).await?;
            // A circle takes up a little more than three quarters of a box.
            let likely_inside = seen * 3 / 4;
            if seen >= most {
                large_enough_m = Some(radius_m);
            } else if likely_inside >= self.wanted || circle.is_all() {
                return Ok(circle);
            } else {
                too_small_m = radius_m;
            }
            radius_m = match large_enough_m {
                None => (radius_m * GROWTH).min(self.reach_m),
                Some(large_m) if large_m <= too_small_m * CLOSE_ENOUGH || large_m < 1.0 => {
                    return Ok(self.around(large_m));
                }
                Some(large_m) if too_small_m == 0.0 => large_m / GROWTH,
                Some(large_m) => (too_small_m * large_m).sqrt(),
            };
        }
    }

    fn around(&self, radius_m: f64) -> Circle {
        let origin = self.around.origin;
        let mut beside: Option<Vec<Crowd>> = None;
        let cover = cover(origin, radius_m, ROWS_FOR_A_STRIP, |strip| {
            let Some(density) = self.density else {
                return 0;
            };
            let beside = beside.get_or_insert_with(|| density.beside(origin, radius_m));
            let in_strip = |crowd: &&Crowd| {
                let (latitude, longitude) = (crowd.latitude, crowd.longitude);
                strip
                    .iter()
                    .any(|piece| piece.contains(latitude, longitude))
            };
            let crowds = beside.iter().filter(in_strip);
            crowds.map(|crowd| crowd.count).sum()
        });
        self.with(radius_m, cover)
    }

    /// A circle without bounds of its own to look it up by: all that a filter keeps.
    fn matches(&self, radius_m: f64) -> Circle {
        self.with(radius_m, vec![bounds_of(self.asked.search)])
    }

    fn with(&self, radius_m: f64, cover: Vec<Bounds>) -> Circle {
        Circle {
            radius_m,
            reach_m: self.reach_m,
            cover,
            is_trial: false,
        }
    }
}
