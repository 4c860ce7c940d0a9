//! Random searches over a set of places, seeded: the same every time.

use nearby::domain::{
    Area, Around, CenterId, Condition, FieldId, Filter, Limit, MAX_LIMIT, MinRating, Origin,
    Polygon, Radius, RatingVisibility, Search, Viewport,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::world::Place;

/// Half the circumference, so that a radius may hold the whole globe.
const HALF_GLOBE_M: f64 = 20_015_114.5;

/// Asks about places.
pub struct Questions<'a> {
    places: &'a [Place],
    random: StdRng,
}

impl<'a> Questions<'a> {
    pub fn new(places: &'a [Place], seed: u64) -> Self {
        Self {
            places,
            random: StdRng::seed_from_u64(seed),
        }
    }

    /// The next search, on its first page.
    pub fn ask(&mut self) -> Search {
        Search {
            area: self.area(),
            limit: self.limit(),
            filter: self.filter_and_shape(),
            exclude: self.exclude(),
            after: None,
        }
    }

    fn area(&mut self) -> Area {
        if self.random.random_ratio(1, 4) {
            Area::Within(self.viewport())
        } else {
            let (origin, radius) = (self.origin(), self.radius());
            Area::Around(Around {
                origin,
                radius,
                min_radius: self.min_radius(radius),
                group_by: None,
                covered_by: None,
            })
        }
    }

    /// Edges go through places now and then.
    fn viewport(&mut self) -> Viewport {
        let origin = self.origin();
        let mut degrees = || 10_f64.powf(self.random.random_range(-8.0..2.3));
        let (latitude, longitude) = (origin.latitude(), origin.longitude());
        let mut edges = [
            latitude + degrees(),
            latitude - degrees(),
            longitude + degrees(),
            longitude - degrees(),
        ];
        if self.random.random_ratio(1, 2) {
            let (first, second) = (self.place().at, self.place().at);
            let (a, b) = first.zip(second).unwrap_or_default();
            let pair = |a: f64, b: f64| [a.max(b), a.min(b)];
            match self.random.random_range(0..4) {
                0 => edges[..2].copy_from_slice(&pair(a.0, b.0)),
                1 => edges[..2].fill(a.0),
                2 => edges[2..].copy_from_slice(&[a.1, b.1]),
                _ => edges = [a.0.max(b.0), a.0.min(b.0), a.1, b.1],
            }
        }
        let [north, south, east, west] = edges;
        let clamp = |latitude: f64| latitude.clamp(-90.0, 90.0);
        Viewport::new(clamp(north), clamp(south), east, west).expect("south is below north")
    }

    fn place(&mut self) -> &'a Place {
        &self.places[self.random.random_range(0..self.places.len())]
    }

    fn origin(&mut self) -> Origin {
        let (latitude, longitude) = self.place().at.unwrap_or((0.0, 0.0));
        let (latitude, longitude) = match self.random.random_range(0..10) {
            // Anywhere, evenly over the sphere.
            0..3 => (
                self.random.random_range(-1.0..=1.0_f64).asin().to_degrees(),
                self.random.random_range(-180.0..=180.0),
            ),
            // Look a place.
            3..7 => (
                latitude + self.random.random_range(-0.2..0.2),
                longitude + self.random.random_range(-0.2..0.2),
            ),
            // At a place.
            7 => (latitude, longitude),
            // At the antipode of a place, with a longitude to wrap.
            8 => (-latitude, longitude + 180.0),
            // On a line where things break.
            _ => match self.random.random_range(0..4) {
                0 => (90.0, longitude),
                1 => (-90.0, longitude),
                2 => (latitude, 180.0),
                _ => (0.0, longitude),
            },
        };
        Origin::new(latitude.clamp(-90.0, 90.0), longitude).expect("within range")
    }

    fn radius(&mut self) -> Option<Radius> {
        let metres = match self.random.random_range(0..10) {
            0 => 0.0,
            1..3 => return None,
            3 => self.random.random_range(0.0..=HALF_GLOBE_M),
            // From a centimetre to around the globe, evenly by order of size.
            _ => 10_f64.powf(self.random.random_range(-2.0..HALF_GLOBE_M.log10())),
        };
        Some(Radius::from_m(metres).expect("within range"))
    }

    fn min_radius(&mut self, radius: Option<Radius>) -> Option<Radius> {
        if self.random.random_ratio(3, 4) {
            return None;
        }
        let most_m = radius.map_or(HALF_GLOBE_M, Radius::m);
        let share = match self.random.random_range(0..4) {
            0 => 0.0,
            1 => 1.0,
            _ => self.random.random_range(0.0..=1.0),
        };
        Some(Radius::from_m(most_m * share).expect("within range"))
    }

    fn limit(&mut self) -> Limit {
        let limit = match self.random.random_range(0..10) {
            0 => 1,
            1 => MAX_LIMIT,
            2 => self.random.random_range(1..=MAX_LIMIT),
            _ => self.random.random_range(1..=60),
        };
        Limit::new(limit).expect("within range")
    }

    fn filter_and_shape(&mut self) -> Filter {
        let filter = self.filter();
        if self.random.random_ratio(3, 4) {
            return filter;
        }
        let Some(shape) = self.shape() else {
            return filter;
        };
        let inside = Condition::Inside(shape.into());
        let condition = match self.random.random_range(0..6) {
            0 => filter.condition.and(Condition::Not(inside.into())),
            1 => Condition::Any(vec![filter.condition, inside]),
            _ => filter.condition.and(inside),
        };
        Filter {
            condition,
            ..filter
        }
    }

    /// A triangle of places, or a star, with a hole now and then.
    fn shape(&mut self) -> Option<Polygon> {
        if self.random.random_ratio(1, 4) {
            let mut corner = || {
                self.place()
                    .at
                    .map(|(latitude, longitude)| [longitude, latitude])
            };
            let first = corner()?;
            return Polygon::new(&[vec![vec![first, corner()?, corner()?, first]]]).ok();
        }
        let origin = self.origin();
        let size = 10_f64.powf(self.random.random_range(-6.0..2.0));
        let count = self.random.random_range(3..40);
        let corners = (0..count).map(|corner| {
            let angle = (f64::from(corner) + self.random.random_range(0.1..0.9)) / f64::from(count);
            let (sin, cos) = (angle * std::f64::consts::TAU).sin_cos();
            let away = size * self.random.random_range(0.3..1.0);
            [away * cos, away * sin]
        });
        let corners: Vec<[f64; 2]> = corners.collect();
        let ring = |scale: f64| {
            let at = |[x, y]: &[f64; 2]| {
                let latitude = (origin.latitude() + y * scale).clamp(-90.0, 90.0);
                [origin.longitude() + x * scale, latitude]
            };
            let mut ring: Vec<[f64; 2]> = corners.iter().map(at).collect();
            ring.push(ring[0]);
            ring
        };
        let mut rings = vec![ring(1.0)];
        if self.random.random_ratio(1, 3) {
            rings.push(ring(0.4));
        }
        Polygon::new(&[rings]).ok()
    }

    fn filter(&mut self) -> Filter {
        let mut filter = Filter::default();
        let (first, second) = (self.place(), self.place());
        let one_of = |field: FieldId, values: &[&Option<String>]| {
            let values: Vec<String> = values.iter().copied().flatten().cloned().collect();
            match values.len() {
                0 => Condition::default(),
                _ => Condition::texts(field, values),
            }
        };
        let country = |value| one_of(FieldId::COUNTRY, &[value]);
        let region = |value| one_of(FieldId::REGION, &[value]);
        match self.random.random_range(0..20) {
            0..2 => filter.condition = country(&first.country),
            2 => filter.condition = region(&first.region),
            3 => filter.condition = one_of(FieldId::CITY, &[&first.city]),
            4 => {
                let either = [&first.country, &second.country];
                filter.condition = one_of(FieldId::COUNTRY, &either);
            }
            // Two fields that hold for one center, and two that may not.
            5 => filter.condition = country(&first.country).and(region(&first.region)),
            6 => filter.condition = country(&first.country).and(region(&second.region)),
            7 => filter.condition = Condition::texts(FieldId::COUNTRY, ["no such country"]),
            8..12 => {
                let names = [
                    "sdp",
                    "SOCIÉTÉ DES PLONGEURS",
                    "DU",
                    "thf",
                    "the happy few",
                    "nobody",
                ];
                let random = &mut self.random;
                let name =
                    |random: &mut StdRng| names[random.random_range(0..names.len())].to_owned();
                filter.organizations = vec![name(random)];
                match random.random_range(0..3) {
                    0 => filter.organizations.push(name(random)),
                    1 => filter.condition = country(&first.country),
                    _ => {}
                }
            }
            12..15 => {
                let least = [0.0, 5.0, 6.5, 22.0 / 3.0, 9.0, 10.0];
                let least = least[self.random.random_range(0..least.len())];
                filter.min_rating = MinRating::new(least);
                match self.random.random_range(0..4) {
                    0 => filter.condition = country(&first.country),
                    1 => filter.organizations = vec!["sdp".to_owned()],
                    2 => filter.ratings = RatingVisibility::Hidden,
                    _ => {}
                }
            }
            _ => {}
        }
        filter
    }

    fn exclude(&mut self) -> Vec<CenterId> {
        if self.random.random_ratio(4, 5) {
            return Vec::new();
        }
        let count = self.random.random_range(1..=100);
        (0..count)
            .map(|_| CenterId::new(self.place().id).expect("test ids are positive"))
            .collect()
    }
}
