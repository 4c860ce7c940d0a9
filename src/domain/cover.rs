//! Boxes that together hold a circle, closely enough for one that spans a
//! continent: the single box around such a circle holds far more than it.

use std::f64::consts::FRAC_PI_2;

use super::bounds::{Bounds, MARGIN, wrap};
use super::distance::EARTH_RADIUS_M;
use super::position::Origin;

/// Circles from this radius in metres are cut into strips: below, one box costs
/// less than the rows that strips would spare.
const STRIPS_FROM_M: f64 = 300_000.0;
/// How many. Each costs a look into an index, and half as many hold about twice
/// as much beside the circle.
const STRIPS: u8 = 8;

/// The widest piece of a strip: boxes are told apart from their complement only
/// while narrower than 180 degrees.
const WIDEST_DEG: f64 = 170.0;

/// A product of two cosines of latitudes from which rounding would show in the
/// width of a strip. So close to a pole strips go all around.
const CLOSE_TO_POLE: f64 = 1e-4;

/// What holds every point of a circle with a great-circle radius in metres: one
/// piece or several, next to each other. A point on an edge is in two pieces.
#[must_use]
pub fn cover(origin: Origin, radius_m: f64) -> Vec<Bounds> {
    let whole = Bounds::of_circle(origin, radius_m);
    let radius = radius_m / EARTH_RADIUS_M + MARGIN;
    if radius_m < STRIPS_FROM_M || radius >= std::f64::consts::PI {
        return vec![whole];
    }
    let south = (origin.latitude() - radius.to_degrees()).max(-90.0);
    let north = (origin.latitude() + radius.to_degrees()).min(90.0);
    let height = (north - south) / f64::from(STRIPS);
    let circle = Circle::new(origin, radius);
    let mut pieces = Vec::with_capacity(usize::from(STRIPS));
    let mut low = south;
    for strip in 1..=STRIPS {
        let high = if strip == STRIPS {
            north
        } else {
            south + height * f64::from(strip)
        };
        push_strip(circle.widest(low, high), origin, (low, high), &mut pieces);
        low = high;
    }
    pieces
}

/// Adds a strip of a half width, in degrees; `None` goes all around.
fn push_strip(
    half_width: Option<f64>,
    origin: Origin,
    (south, north): (f64, f64),
    pieces: &mut Vec<Bounds>,
) {
    let Some(half_width) = half_width.filter(|width| *width < WIDEST_DEG) else {
        match pieces.last_mut() {
            Some(Bounds::Band { north: edge, .. }) => *edge = north,
            _ => pieces.push(Bounds::Band { south, north }),
        }
        return;
    };
    let mut push = |from: f64, to: f64| {
        pieces.push(Bounds::Box {
            west: wrap(origin.longitude() + from),
            south,
            east: wrap(origin.longitude() + to),
            north,
        });
    };
    if half_width * 2.0 <= WIDEST_DEG {
        push(-half_width, half_width);
    } else {
        push(-half_width, 0.0);
        push(0.0, half_width);
    }
}

/// A circle on the unit sphere, in radians.
struct Circle {
    sin_latitude: f64,
    cos_latitude: f64,
    radius: f64,
}

impl Circle {
    fn new(origin: Origin, radius: f64) -> Self {
        let (sin_latitude, cos_latitude) = origin.latitude().to_radians().sin_cos();
        Self {
            sin_latitude,
            cos_latitude,
            radius,
        }
    }

    /// The largest half width, in degrees, between two latitudes.
    ///
    /// Up to a quarter of the globe it grows up to the latitude where meridians
    /// touch the circle and shrinks from there; beyond, its complement does, so
    /// that the largest is at one of the ends.
    fn widest(&self, low: f64, high: f64) -> Option<f64> {
        let touched = (self.sin_latitude / self.radius.cos()).asin().to_degrees();
        let inside = self.radius < FRAC_PI_2 && low < touched && touched < high;
        let between = if inside { touched } else { low };
        let widths = [low, high, between].map(|latitude| self.half_width(latitude));
        widths.into_iter().try_fold(0.0, |widest: f64, width| {
            width.map(|width| widest.max(width))
        })
    }

    /// Half the circle's width at a latitude, in degrees; `None` where it goes all
    /// around. By the law of cosines: cos r = sin a sin b + cos a cos b cos width.
    fn half_width(&self, latitude: f64) -> Option<f64> {
        let (sin, cos) = latitude.to_radians().sin_cos();
        let scale = self.cos_latitude * cos;
        let cos_width = (self.radius.cos() - self.sin_latitude * sin) / scale;
        if scale < CLOSE_TO_POLE || cos_width <= -1.0 {
            return None;
        }
        Some((cos_width.min(1.0).acos() + MARGIN).to_degrees())
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use proptest::prelude::*;

    use super::super::bounds::tests::destination;
    use super::*;

    fn at(latitude: f64, longitude: f64) -> Origin {
        Origin::new(latitude, longitude).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn no_point_of_a_circle_is_outside_of_its_cover(
            latitude in prop_oneof![
                -90.0..=90.0_f64, 89.9..=90.0_f64, -90.0..=-89.9_f64, Just(0.0), Just(-90.0)
            ],
            longitude in prop_oneof![-180.0..=180.0_f64, Just(180.0), Just(-180.0)],
            radius in prop_oneof![0.0..PI, 0.04..0.06, 1.5..1.6, 3.1..PI],
            share in prop_oneof![0.0..=1.0, Just(1.0)],
            azimuth in prop_oneof![0.0..(2.0 * PI), Just(0.0), Just(PI), Just(PI / 2.0)],
        ) {
            let (lat, lng) = destination(latitude, longitude, radius * share, azimuth);
            let pieces = cover(at(latitude, longitude), radius * EARTH_RADIUS_M);
            prop_assert!(
                pieces.iter().any(|piece| piece.contains(lat, lng)),
                "{pieces:?} lack {lat} {lng}"
            );
        }

        #[test]
        fn boxes_are_narrower_than_half_the_globe_and_there_are_few(
            latitude in -90.0..=90.0_f64,
            longitude in -180.0..=180.0_f64,
            radius_m in 0.0..20_100_000.0,
        ) {
            let pieces = cover(at(latitude, longitude), radius_m);
            prop_assert!(pieces.len() <= 2 * usize::from(STRIPS));
            for piece in pieces {
                if let Bounds::Box { west, east, south, north } = piece {
                    let width = if west <= east { east - west } else { east - west + 360.0 };
                    prop_assert!(width < 180.0 && south <= north);
                    prop_assert!(-180.0 < west && west <= 180.0 && -180.0 < east && east <= 180.0);
                }
            }
        }
    }

    #[test]
    fn a_small_circle_has_one_box_and_a_large_one_strips() {
        assert_eq!(cover(at(50.0, 8.0), 25_000.0).len(), 1);
        assert_eq!(cover(at(50.0, 8.0), 1_000_000.0).len(), usize::from(STRIPS));
        assert_eq!(cover(at(50.0, 8.0), 20_100_000.0), [Bounds::Globe]);
    }

    #[test]
    fn a_cap_around_a_pole_is_one_band() {
        let pieces = cover(at(90.0, 0.0), 3_000_000.0);
        assert!(
            matches!(pieces[..], [Bounds::Band { north, .. }] if north == 90.0),
            "{pieces:?}"
        );
    }

    #[test]
    fn a_coast_beside_a_circle_of_the_south_pacific_is_left_out() {
        let pieces = cover(at(-48.9, -123.4), 3_600_000.0);
        let holds = |latitude, longitude| {
            let inside = |piece: &Bounds| piece.contains(latitude, longitude);
            pieces.iter().any(inside)
        };
        assert!(holds(-27.1, -109.4), "Easter Island is inside");
        assert!(!holds(-33.4, -70.7), "Santiago is 4,600 km away");
        let one_box = Bounds::of_circle(at(-48.9, -123.4), 3_600_000.0);
        assert!(one_box.contains(-33.4, -70.7), "but within the box");
    }
}
