//! How densely centers lie where: what a radius is chosen by.
//!
//! A picture of all centers, and one of each country's. It is of one moment and may
//! be wrong by now: then a search takes longer, and no more.

use std::collections::{BTreeSet, HashMap};

use super::tree::{Crowd, Point, Tree, point};
use crate::domain::{Filter, Origin, Position, distance_m_of};

/// Added to a radius, which was measured between coordinates of 7 digits.
const SLACK_M: f64 = 10.0;

/// Where centers lie.
#[derive(Debug, Default)]
pub(super) struct Density {
    all: Tree,
    by_country: HashMap<String, Tree>,
}

/// Centers as they are read, for [`Density::of`].
#[derive(Debug, Default)]
pub(super) struct Census {
    all: Vec<Point>,
    by_country: HashMap<String, Vec<Point>>,
}

impl Census {
    pub(super) fn push(&mut self, position: Position, country: Option<&str>) {
        let point = point(position);
        self.all.push(point);
        let Some(country) = country else {
            return;
        };
        match self.by_country.get_mut(country) {
            Some(points) => points.push(point),
            None => {
                self.by_country.insert(country.to_owned(), vec![point]);
            }
        }
    }
}

impl Density {
    pub(super) fn of(census: Census) -> Self {
        let by_country = census.by_country.into_iter();
        Self {
            all: Tree::of(census.all),
            by_country: by_country
                .map(|(country, points)| (country, Tree::of(points)))
                .collect(),
        }
    }

    /// The radius in metres of a circle that held as many centers as are wanted
    /// beyond a distance, of the countries of a filter where it names any; `None`
    /// where there were fewer.
    pub(super) fn radius_m(
        &self,
        filter: &Filter,
        origin: Origin,
        wanted: usize,
        beyond_m: f64,
    ) -> Option<f64> {
        let farthest = |chord| distance_m_of(chord) + SLACK_M;
        let last = wanted.checked_sub(1)?;
        if filter.countries().is_none() {
            return self.all.nearest(origin, beyond_m).nth(last).map(farthest);
        }
        let nearest = self
            .trees(filter)
            .flat_map(|tree| tree.nearest(origin, beyond_m).take(wanted));
        let mut nearest: Vec<f64> = nearest.collect();
        nearest.sort_by(f64::total_cmp);
        nearest.get(last).copied().map(farthest)
    }

    /// How many centers at most a filter keeps, as far as its countries tell; `None`
    /// where it names none.
    pub(super) fn most_kept(&self, filter: &Filter) -> Option<usize> {
        let is_named = filter.countries().is_some();
        is_named.then(|| self.trees(filter).map(Tree::len).sum())
    }

    /// How many centers there were within a circle.
    pub(super) fn count_within(&self, origin: Origin, radius_m: f64) -> usize {
        self.all.count_within(origin, radius_m)
    }

    /// Where centers are that lie beside a circle: those that a cover had better
    /// leave out.
    pub(super) fn beside(&self, origin: Origin, radius_m: f64) -> Vec<Crowd> {
        self.all.beside(origin, radius_m)
    }

    fn trees<'a>(&'a self, filter: &'a Filter) -> impl Iterator<Item = &'a Tree> {
        // One that is named twice counts once.
        let once: BTreeSet<&str> = filter.countries().into_iter().flatten().collect();
        once.into_iter()
            .filter_map(|name| self.by_country.get(name))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;
    use crate::domain::{Condition, FieldId};

    /// Two towns, and a few centers anywhere.
    pub(in crate::engine::sql) fn world() -> Vec<Position> {
        let mut random = StdRng::seed_from_u64(7);
        let mut around = |latitude: f64, longitude: f64, degrees: f64, count: usize| {
            let mut off = || random.random_range(-degrees..=degrees);
            let positions = (0..count).map(|_| (latitude + off(), longitude + off()));
            positions.collect::<Vec<_>>()
        };
        let mut all = around(48.9, 2.3, 0.2, 3_000);
        all.extend(around(-17.5, 179.9, 0.09, 500));
        all.extend(around(0.0, 0.0, 89.0, 200));
        all.extend([(90.0, 0.0), (-90.0, 0.0)]);
        let position = |(latitude, longitude)| Position::new(latitude, longitude).unwrap();
        all.into_iter().map(position).collect()
    }

    pub(in crate::engine::sql) fn origins() -> impl Iterator<Item = Origin> {
        let places = [
            (48.9, 2.3),
            (45.0, 2.0),
            (-17.5, -179.9),
            (-48.9, -123.4),
            (90.0, 7.0),
            (-90.0, 0.0),
        ];
        let origin = |(latitude, longitude)| Origin::new(latitude, longitude).unwrap();
        places.into_iter().map(origin)
    }

    pub(in crate::engine::sql) fn distances(world: &[Position], origin: Origin) -> Vec<f64> {
        let origin = origin.unit_vector();
        let measure = |at: &Position| distance_m_of(origin.chord_squared(at.unit_vector()));
        let mut distances: Vec<f64> = world.iter().map(measure).collect();
        distances.sort_by(f64::total_cmp);
        distances
    }

    /// The first town is in A, the second in B, and the rest in no country.
    fn density(world: &[Position]) -> Density {
        let mut census = Census::default();
        for (place, &position) in world.iter().enumerate() {
            let country = match place {
                0..3_000 => Some("A"),
                3_000..3_500 => Some("B"),
                _ => None,
            };
            census.push(position, country);
        }
        Density::of(census)
    }

    fn within(countries: &[&str]) -> Filter {
        Filter {
            condition: match countries {
                [] => Condition::default(),
                _ => Condition::texts(FieldId::COUNTRY, countries.iter().copied()),
            },
            ..Filter::default()
        }
    }

    fn holds_few_more(density: &Density, filter: &Filter, world: &[Position]) {
        for origin in origins() {
            let distances = distances(world, origin);
            for wanted in [1, 11, 51, 501] {
                for passed in [0, 40] {
                    let beyond_m = if passed > 0 { distances[passed] } else { 0.0 };
                    let radius_m = density.radius_m(filter, origin, wanted, beyond_m);
                    let radius_m = radius_m.expect("there are enough");
                    let held = distances.iter().filter(|&&at| at <= radius_m).count();
                    assert!(held >= wanted, "{held} of {wanted} around {origin:?}");
                    let most = wanted + passed + 20;
                    assert!(held <= most, "{held} for {wanted} around {origin:?}");
                }
            }
        }
    }

    #[test]
    fn a_circle_holds_as_many_as_wanted_and_few_more() {
        let world = world();
        let density = density(&world);
        holds_few_more(&density, &Filter::default(), &world);
        holds_few_more(&density, &within(&["A"]), &world[..3_000]);
        let both = within(&["A", "B", "A", "no such"]);
        holds_few_more(&density, &both, &world[..3_500]);
    }

    #[test]
    fn no_circle_holds_more_than_there_are() {
        let world = world();
        let origin = Origin::new(1.0, 2.0).unwrap();
        let density = density(&world);
        let radius_m = |filter: &Filter, wanted| density.radius_m(filter, origin, wanted, 0.0);
        let any = Filter::default();
        assert!(radius_m(&any, world.len()).is_some());
        assert_eq!(radius_m(&any, world.len() + 1), None);
        assert!(radius_m(&within(&["B", "B"]), 500).is_some());
        assert_eq!(radius_m(&within(&["B", "B"]), 501), None);
        assert_eq!(radius_m(&within(&["no such"]), 1), None);
        assert_eq!(Density::default().radius_m(&any, origin, 1, 0.0), None);
    }

    #[test]
    fn a_country_keeps_its_own() {
        let density = density(&world());
        let kept = |countries: &[&str]| density.most_kept(&within(countries));
        assert_eq!(kept(&["A", "B", "A"]), Some(3_500));
        assert_eq!(kept(&["no such"]), Some(0));
        assert_eq!(kept(&[]), None);
    }
}
