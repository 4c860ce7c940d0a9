//! Boxes around circles: what an index over latitudes and longitudes is asked
//! before any distance is measured.
//!
//! A box never loses a point of its circle; it may hold others.

use super::distance::EARTH_RADIUS_M;
use super::position::Origin;

/// Added to the angular radius, in radians (0.6 m): more than every rounding of
/// a distance, that of the haversine formula near the antipode included, so
/// that a point which counts as inside is never outside of its box.
pub(super) const MARGIN: f64 = 1e-7;

/// Half a box's width from which the whole band of latitudes is taken: boxes
/// are told apart from their complement only while narrower than 180 degrees.
const WIDEST_HALF_WIDTH_DEG: f64 = 89.0;

/// What holds every point of a circle on the globe.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bounds {
    /// Narrower than 180 degrees, away from the poles. `west > east` where it
    /// crosses the antimeridian. Edges are inside.
    Box {
        /// The western edge in degrees, above -180 and up to 180.
        west: f64,
        /// The southern edge in degrees.
        south: f64,
        /// The eastern edge in degrees, above -180 and up to 180.
        east: f64,
        /// The northern edge in degrees.
        north: f64,
    },
    /// Every longitude between two latitudes: the circle holds a pole or nearly
    /// touches one.
    Band {
        /// The southern edge in degrees.
        south: f64,
        /// The northern edge in degrees.
        north: f64,
    },
    /// Both poles are inside: no box is worth its cost.
    Globe,
}

impl Bounds {
    /// The bounds of a circle with a great-circle radius in metres.
    ///
    /// Longitudes reach `asin(sin r / cos latitude)` to both sides, where the
    /// meridians touch the circle (J. P. Matuschek, "Finding Points Within a
    /// Distance of a Latitude/Longitude Using Bounding Coordinates"), which is
    /// more than the circle's width at the origin's own latitude.
    #[must_use]
    pub fn of_circle(origin: Origin, radius_m: f64) -> Self {
        let radius = radius_m / EARTH_RADIUS_M + MARGIN;
        let south = origin.latitude() - radius.to_degrees();
        let north = origin.latitude() + radius.to_degrees();
        match (south > -90.0, north < 90.0) {
            (true, true) => {}
            (false, false) => return Self::Globe,
            _ => return Self::band(south, north),
        }
        let half_width = (radius.sin() / origin.latitude().to_radians().cos()).asin() + MARGIN;
        let half_width_deg = half_width.to_degrees();
        // Close to a pole the quotient may round to beyond 1: NaN fails the test.
        if half_width_deg < WIDEST_HALF_WIDTH_DEG {
            Self::Box {
                west: wrap(origin.longitude() - half_width_deg),
                south,
                east: wrap(origin.longitude() + half_width_deg),
                north,
            }
        } else {
            Self::band(south, north)
        }
    }

    /// Whether a point lies inside or on an edge.
    #[must_use]
    pub fn contains(self, latitude: f64, longitude: f64) -> bool {
        match self {
            Self::Box {
                west,
                south,
                east,
                north,
            } => {
                let longitude = wrap(longitude);
                let between = if west <= east {
                    west <= longitude && longitude <= east
                } else {
                    west <= longitude || longitude <= east
                };
                (south..=north).contains(&latitude) && between
            }
            Self::Band { south, north } => (south..=north).contains(&latitude),
            Self::Globe => true,
        }
    }

    fn band(south: f64, north: f64) -> Self {
        Self::Band {
            south: south.max(-90.0),
            north: north.min(90.0),
        }
    }
}

/// Brings a longitude within ±540 into the range above -180 and up to 180, in
/// which the antimeridian is 180 only.
pub(super) fn wrap(longitude: f64) -> f64 {
    if longitude > 180.0 {
        longitude - 360.0
    } else if longitude <= -180.0 {
        longitude + 360.0
    } else {
        longitude
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::f64::consts::PI;

    use proptest::prelude::*;

    use super::*;

    fn bounds(latitude: f64, longitude: f64, radius_m: f64) -> Bounds {
        Bounds::of_circle(Origin::new(latitude, longitude).unwrap(), radius_m)
    }

    /// The point that lies `angle` radians from an origin in a direction, by the
    /// direct formula on the sphere.
    pub(in crate::domain) fn destination(
        latitude: f64,
        longitude: f64,
        angle: f64,
        azimuth: f64,
    ) -> (f64, f64) {
        let (sin_lat, cos_lat) = latitude.to_radians().sin_cos();
        let sin_there = sin_lat * angle.cos() + cos_lat * angle.sin() * azimuth.cos();
        let east = azimuth.sin() * angle.sin() * cos_lat;
        let turn = east.atan2(angle.cos() - sin_lat * sin_there);
        let there = longitude + turn.to_degrees();
        (sin_there.clamp(-1.0, 1.0).asin().to_degrees(), wrap(there))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn no_point_of_a_circle_is_outside_of_its_bounds(
            latitude in prop_oneof![-90.0..=90.0_f64, 89.9..=90.0_f64, Just(0.0), Just(-90.0)],
            longitude in prop_oneof![-180.0..=180.0_f64, Just(180.0), Just(-180.0)],
            radius in prop_oneof![0.0..PI, 0.0..0.01, 0.0..1e-6],
            share in prop_oneof![0.0..=1.0, Just(1.0)],
            azimuth in 0.0..(2.0 * PI),
        ) {
            let (lat, lng) = destination(latitude, longitude, radius * share, azimuth);
            let found = bounds(latitude, longitude, radius * EARTH_RADIUS_M);
            prop_assert!(found.contains(lat, lng), "{found:?} lacks {lat} {lng}");
        }

        #[test]
        fn a_box_is_narrower_than_half_the_globe_and_away_from_the_poles(
            latitude in -90.0..=90.0_f64,
            longitude in -180.0..=180.0_f64,
            radius_m in 0.0..20_100_000.0,
        ) {
            if let Bounds::Box { west, south, east, north } = bounds(latitude, longitude, radius_m) {
                let width = if west <= east { east - west } else { east - west + 360.0 };
                prop_assert!(width < 180.0);
                prop_assert!(south > -90.0 && north < 90.0);
                prop_assert!(-180.0 < west && west <= 180.0 && -180.0 < east && east <= 180.0);
            }
        }
    }

    #[test]
    fn a_small_circle_at_the_equator_has_a_box_of_its_radius() {
        let degree_m = PI * EARTH_RADIUS_M / 180.0;
        let Bounds::Box {
            west,
            south,
            east,
            north,
        } = bounds(0.0, 10.0, degree_m)
        else {
            panic!("a box was expected");
        };
        for (edge, expected) in [(west, 9.0), (south, -1.0), (east, 11.0), (north, 1.0)] {
            assert!((edge - expected).abs() < 2e-5, "{edge} is not {expected}");
        }
    }

    #[test]
    fn a_box_over_the_antimeridian_begins_in_the_east_and_ends_in_the_west() {
        for longitude in [180.0, -180.0, 179.99, -179.99] {
            let found = bounds(10.0, longitude, 100_000.0);
            let Bounds::Box { west, east, .. } = found else {
                panic!("a box was expected");
            };
            assert!(west > 178.0 && east < -178.0, "{found:?}");
            assert!(found.contains(10.0, 180.0) && found.contains(10.0, -180.0));
            assert!(!found.contains(10.0, 0.0));
        }
    }

    #[test]
    fn an_edge_on_the_antimeridian_is_written_as_180() {
        assert_eq!(wrap(-180.0), 180.0);
        assert_eq!(wrap(180.0), 180.0);
        assert_eq!(wrap(540.0), 180.0);
        assert_eq!(wrap(-179.0), -179.0);
    }

    #[test]
    fn a_circle_with_a_pole_is_a_band_and_one_with_both_the_globe() {
        let Bounds::Band { south, north } = bounds(89.0, 0.0, 200_000.0) else {
            panic!("a band was expected");
        };
        assert!(south < 87.3 && north == 90.0);
        assert!(matches!(bounds(-90.0, 0.0, 0.0), Bounds::Band { south, .. } if south == -90.0));
        assert_eq!(bounds(0.0, 0.0, 10_100_000.0), Bounds::Globe);
        assert_eq!(bounds(90.0, 0.0, 20_100_000.0), Bounds::Globe);
    }

    #[test]
    fn a_circle_that_nearly_touches_a_pole_is_a_band() {
        let to_pole_m = (PI / 2.0 - 45.0_f64.to_radians()) * EARTH_RADIUS_M;
        assert!(matches!(
            bounds(45.0, 0.0, to_pole_m - 0.7),
            Bounds::Band { .. }
        ));
    }
}
