//! Great-circle distances by way of the unit sphere.
//!
//! The straight chord between two points of the unit sphere grows with the
//! great-circle distance between them, so comparing squared chords orders
//! centers exactly, with neither an antimeridian nor a pole to treat apart.

/// The mean radius (2a+b)/3 of the WGS 84 ellipsoid in metres, as MySQL's
/// `ST_Distance_Sphere` uses it for SRID 4326 (half circumference over pi,
/// measured on 9.7).
pub const EARTH_RADIUS_M: f64 = 6_371_008.771_415_059;

/// Beyond this squared chord (a quarter of the globe) the arcsine loses digits
/// and the half-angle form takes over.
const QUARTER_CHORD_SQUARED: f64 = 2.0;

/// Up to this squared chord (127 km) a short series is the arcsine.
const SHORT_CHORD_SQUARED: f64 = 4e-4;

/// A point on the unit sphere: x towards 0/0, y towards 90 degrees east, z
/// towards the north pole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnitVector(pub [f64; 3]);

impl UnitVector {
    /// Places degrees on the sphere. Both poles and both sides of the
    /// antimeridian are exactly one point each, whatever the other coordinate.
    #[must_use]
    pub fn from_degrees(latitude: f64, longitude: f64) -> Self {
        if latitude.abs() == 90.0 {
            return Self([0.0, 0.0, latitude.signum()]);
        }
        let longitude = if longitude == -180.0 {
            180.0
        } else {
            longitude
        };
        let (sin_lat, cos_lat) = latitude.to_radians().sin_cos();
        let (sin_lng, cos_lng) = longitude.to_radians().sin_cos();
        Self([cos_lat * cos_lng, cos_lat * sin_lng, sin_lat])
    }

    /// The squared length of the chord to `other`, from 0 to 4: the key by which
    /// the memory engine orders centers.
    #[must_use]
    pub fn chord_squared(self, other: Self) -> f64 {
        let [ax, ay, az] = self.0;
        let [bx, by, bz] = other.0;
        let (dx, dy, dz) = (ax - bx, ay - by, az - bz);
        dx * dx + dy * dy + dz * dz
    }
}

/// The great-circle distance in metres that a squared chord stands for.
///
/// `2 R asin(c/2)`, for short chords by the first terms of its series (the first
/// one left out is below 4e-18 of the whole), up to a quarter of the globe and the equal
/// `2 R atan2(c, sqrt(4 - c²))` beyond, which keeps its digits up to the
/// antipode (W. Kahan, "How Futile are Mindless Assessments of Roundoff in
/// Floating-Point Computation?", on angles between vectors).
#[must_use]
#[inline]
pub fn distance_m_of(chord_squared: f64) -> f64 {
    if chord_squared <= SHORT_CHORD_SQUARED {
        // asin(x) = x (1 + x^2/6 + 3x^4/40 + 15x^6/336 + 105x^8/3456 + ...)
        let square = chord_squared / 4.0;
        let series = square * (1.0 / 6.0 + square * (3.0 / 40.0 + square * (15.0 / 336.0)));
        let half_chord = square.sqrt();
        2.0 * EARTH_RADIUS_M * (half_chord + half_chord * series)
    } else if chord_squared <= QUARTER_CHORD_SQUARED {
        2.0 * EARTH_RADIUS_M * (chord_squared.sqrt() / 2.0).asin()
    } else {
        let opposite_squared = (4.0 - chord_squared).max(0.0);
        2.0 * EARTH_RADIUS_M * chord_squared.sqrt().atan2(opposite_squared.sqrt())
    }
}

/// The squared chord that a great-circle distance in metres stands for; half
/// the globe and more give infinity, so that rounding never loses an antipode.
#[must_use]
pub fn chord_squared_of(distance_m: f64) -> f64 {
    let half_angle = distance_m / (2.0 * EARTH_RADIUS_M);
    if half_angle >= std::f64::consts::FRAC_PI_2 {
        return f64::INFINITY;
    }
    let chord = 2.0 * half_angle.sin();
    chord * chord
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance_m(a: (f64, f64), b: (f64, f64)) -> f64 {
        let a = UnitVector::from_degrees(a.0, a.1);
        distance_m_of(a.chord_squared(UnitVector::from_degrees(b.0, b.1)))
    }

    #[test]
    fn a_degree_of_latitude_is_the_circumference_over_360() {
        let degree = std::f64::consts::PI * EARTH_RADIUS_M / 180.0;
        for (from, to) in [(0.0, 1.0), (45.0, 46.0), (-90.0, -89.0)] {
            let found = distance_m((from, 12.0), (to, 12.0));
            assert!((found - degree).abs() < 1e-6, "{found} is not {degree}");
        }
    }

    #[test]
    fn antipodes_are_half_a_circumference_apart() {
        let half = std::f64::consts::PI * EARTH_RADIUS_M;
        for (a, b) in [((0.0, 0.0), (0.0, 180.0)), ((90.0, 5.0), (-90.0, 77.0))] {
            assert!((distance_m(a, b) - half).abs() < 1e-6);
        }
    }

    #[test]
    fn athens_to_piraeus_is_what_the_haversine_formula_gives_by_hand() {
        let found = distance_m((37.9838, 23.7275), (37.942, 23.6465));
        assert!((found - 8_486.949_808).abs() < 1e-6, "{found}");
    }

    #[test]
    fn both_sides_of_the_antimeridian_are_one_line_and_a_pole_is_one_point() {
        assert_eq!(distance_m((10.0, 180.0), (10.0, -180.0)), 0.0);
        assert_eq!(distance_m((90.0, 0.0), (90.0, 123.0)), 0.0);
    }

    #[test]
    fn the_series_for_short_chords_equals_the_arcsine() {
        for step in 1..=1_000 {
            let chord_squared = SHORT_CHORD_SQUARED * (f64::from(step) / 1_000.0).powi(3);
            let by_arcsine = 2.0 * EARTH_RADIUS_M * (chord_squared.sqrt() / 2.0).asin();
            let off = (distance_m_of(chord_squared) - by_arcsine).abs() / by_arcsine;
            assert!(off < 5e-16, "{off} at {chord_squared}");
        }
    }

    #[test]
    fn chord_and_distance_are_inverse() {
        for distance in [0.0, 0.01, 1.0, 25_000.0, 5e6, 1.2e7, 2.0e7] {
            let back = distance_m_of(chord_squared_of(distance));
            assert!((back - distance).abs() <= 1e-8 * distance.max(0.01));
        }
        assert_eq!(chord_squared_of(3e7), f64::INFINITY);
    }
}
