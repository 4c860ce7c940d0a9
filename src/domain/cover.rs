//! Boxes that together hold a circle, closely enough for one that spans a
//! continent: the single box around such a circle holds far more than it.

use std::f64::consts::{FRAC_PI_2, PI};

use super::bounds::{Bounds, MARGIN, wrap};
use super::distance::EARTH_RADIUS_M;
use super::position::Origin;

/// Circles from this radius in metres may be cut into strips.
const STRIPS_FROM_M: f64 = 100_000.0;
/// The most strips.
const MOST_STRIPS: usize = 32;

/// The widest piece of a strip: boxes are told apart from their complement only
/// while narrower than 180 degrees.
const WIDEST_DEG: f64 = 170.0;

/// A product of two cosines of latitudes from which rounding would show in the
/// width of a strip. So close to a pole strips go all around.
const CLOSE_TO_POLE: f64 = 1e-4;

/// What holds every point of a circle with a great-circle radius in metres: one
/// piece or several, next to each other. A point on an edge is in two pieces.
///
/// The circle is cut along parallels, so that strips keep closer to it.
/// `rows_beside` tells how many rows there are in a strip's pieces but not in the
/// circle. A strip with more of them than `rows_for_a_strip` is cut in two of half
/// the height; neighbours are left as two where that saves more of them than that.
#[must_use]
pub fn cover(
    origin: Origin,
    radius_m: f64,
    rows_for_a_strip: usize,
    mut rows_beside: impl FnMut(&[Bounds]) -> usize,
) -> Vec<Bounds> {
    let whole = Bounds::of_circle(origin, radius_m);
    let radius = radius_m / EARTH_RADIUS_M + MARGIN;
    if radius_m < STRIPS_FROM_M || radius >= PI || rows_beside(&[whole]) <= rows_for_a_strip {
        return vec![whole];
    }
    let circle = Circle::new(origin, radius);
    let south = (origin.latitude() - radius.to_degrees()).max(-90.0);
    let north = (origin.latitude() + radius.to_degrees()).min(90.0);
    let mut measured = |south: f64, north: f64| {
        let pieces = circle.pieces(south, north);
        Strip {
            south,
            north,
            rows_beside: rows_beside(&pieces),
            pieces,
        }
    };
    let mut halves = |south: f64, north: f64| {
        let middle = f64::midpoint(south, north);
        [measured(south, middle), measured(middle, north)]
    };
    let mut strips = Vec::from(halves(south, north));
    // From coarse to fine, so that all are cut about as finely when it ends.
    let mut done = Vec::new();
    while !strips.is_empty() {
        let count = strips.len();
        for (place, strip) in std::mem::take(&mut strips).into_iter().enumerate() {
            let others = done.len() + strips.len() + (count - place - 1);
            if others + 2 <= MOST_STRIPS && strip.rows_beside > rows_for_a_strip {
                strips.extend(halves(strip.south, strip.north));
            } else {
                done.push(strip);
            }
        }
    }
    merged(done, rows_for_a_strip, measured)
        .into_iter()
        .flat_map(|strip| strip.pieces)
        .collect()
}

/// Makes one strip of neighbours that are not worth being two.
fn merged(
    mut strips: Vec<Strip>,
    rows_for_a_strip: usize,
    mut measured: impl FnMut(f64, f64) -> Strip,
) -> Vec<Strip> {
    strips.sort_by(|a, b| a.south.total_cmp(&b.south));
    let mut kept: Vec<Strip> = Vec::new();
    for strip in strips {
        if let Some(last) = kept.last_mut() {
            let both = measured(last.south, strip.north);
            if both.rows_beside <= last.rows_beside + strip.rows_beside + rows_for_a_strip {
                *last = both;
                continue;
            }
        }
        kept.push(strip);
    }
    kept
}

/// What a circle has between two latitudes.
struct Strip {
    south: f64,
    north: f64,
    pieces: Vec<Bounds>,
    rows_beside: usize,
}

/// A circle on the unit sphere, in radians.
struct Circle {
    longitude: f64,
    sin_latitude: f64,
    cos_latitude: f64,
    radius: f64,
}

impl Circle {
    fn new(origin: Origin, radius: f64) -> Self {
        let (sin_latitude, cos_latitude) = origin.latitude().to_radians().sin_cos();
        Self {
            longitude: origin.longitude(),
            sin_latitude,
            cos_latitude,
            radius,
        }
    }

    /// What holds it between two latitudes: one box if that is narrow enough.
    fn pieces(&self, south: f64, north: f64) -> Vec<Bounds> {
        let piece = |from: f64, to: f64| Bounds::Box {
            west: wrap(self.longitude + from),
            south,
            east: wrap(self.longitude + to),
            north,
        };
        match self.widest(south, north) {
            Some(half) if half * 2.0 <= WIDEST_DEG => vec![piece(-half, half)],
            Some(half) if half <= WIDEST_DEG => vec![piece(-half, 0.0), piece(0.0, half)],
            _ => vec![Bounds::Band { south, north }],
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
pub(super) mod tests {
    use std::f64::consts::PI;

    use proptest::prelude::*;

    use super::super::bounds::tests::destination;
    use super::*;

    fn at(latitude: f64, longitude: f64) -> Origin {
        Origin::new(latitude, longitude).unwrap()
    }

    /// As many strips as there may be: half the height saves three of four rows.
    pub(crate) fn finest_cover(origin: Origin, radius_m: f64) -> Vec<Bounds> {
        cover(origin, radius_m, 0, |pieces| match pieces[0] {
            Bounds::Box { south, north, .. } | Bounds::Band { south, north } => {
                as_rows((1e6 * (north - south)).powi(2))
            }
            Bounds::Globe => usize::MAX,
        })
    }

    /// As few pieces as there may be: nothing lies beside the circle.
    pub(crate) fn coarsest_cover(origin: Origin, radius_m: f64) -> Vec<Bounds> {
        cover(origin, radius_m, 0, |_| 0)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a square, and far from the largest number"
    )]
    fn as_rows(count: f64) -> usize {
        count as usize
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
            let pieces = finest_cover(at(latitude, longitude), radius * EARTH_RADIUS_M);
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
            let pieces = finest_cover(at(latitude, longitude), radius_m);
            prop_assert!(pieces.len() <= 2 * MOST_STRIPS);
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
    fn a_circle_is_cut_only_where_it_is_large_and_has_rows_beside_it() {
        assert_eq!(finest_cover(at(50.0, 8.0), 25_000.0).len(), 1);
        assert_eq!(finest_cover(at(50.0, 8.0), 1_000_000.0).len(), MOST_STRIPS);
        assert_eq!(finest_cover(at(50.0, 8.0), 20_100_000.0), [Bounds::Globe]);
        assert_eq!(coarsest_cover(at(50.0, 8.0), 1_000_000.0).len(), 1);
        let holds_gotland =
            |pieces: &[Bounds]| pieces.iter().any(|piece| piece.contains(57.5, 18.5));
        let gotland = |pieces: &[Bounds]| 13 * usize::from(holds_gotland(pieces));
        let pieces = cover(at(50.0, 8.0), 1_000_000.0, 12, gotland);
        assert!((2..8).contains(&pieces.len()), "{pieces:?}");
        assert!(!holds_gotland(&pieces));
        let pieces = cover(at(50.0, 8.0), 1_000_000.0, 13, gotland);
        assert!(pieces.len() == 1 && holds_gotland(&pieces), "{pieces:?}");
    }

    /// Halving goes by latitude, and a coast may lie anywhere.
    #[test]
    fn strips_between_those_with_rows_beside_become_one() {
        let origin = at(10.0, 8.0);
        let holds_coast = |pieces: &[Bounds]| pieces.iter().any(|piece| piece.contains(16.0, 15.5));
        let coast = |pieces: &[Bounds]| 100 * usize::from(holds_coast(pieces));
        let pieces = cover(origin, 1_000_000.0, 40, coast);
        assert!(pieces.len() <= 3, "{pieces:?}");
        assert!(!holds_coast(&pieces));
    }

    /// Two strips with a few rows each stay two where one would hold many.
    #[test]
    fn strips_become_one_where_that_adds_fewer_rows_than_a_strip_is_worth() {
        let origin = at(10.0, 8.0);
        let strips = |rows_of_all: usize| {
            let halves = |pieces: &[Bounds]| match pieces[0] {
                Bounds::Box { south, north, .. } if south < 9.9 && 10.1 < north => rows_of_all,
                _ => 15,
            };
            cover(origin, 1_000_000.0, 20, halves).len()
        };
        assert_eq!(strips(50), 1);
        assert_eq!(strips(51), 2);
    }

    #[test]
    fn a_cap_around_a_pole_is_one_band() {
        let pieces = coarsest_cover(at(90.0, 0.0), 3_000_000.0);
        assert!(
            matches!(pieces[..], [Bounds::Band { north, .. }] if north == 90.0),
            "{pieces:?}"
        );
    }

    #[test]
    fn a_coast_beside_a_circle_of_the_south_pacific_is_left_out() {
        let pieces = finest_cover(at(-48.9, -123.4), 3_600_000.0);
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
