//! Boxes in the space of the unit sphere, and how far they are.

use rstar::AABB;

/// A point of the unit sphere at full precision.
pub(super) type Point = [f64; 3];

/// A box in the space of the unit sphere. Its faces are of single precision, and
/// whoever needs all that is inside rounds them outwards: boxes are most of what a
/// search reads on its way to a bucket, and half the bytes are half the cache lines.
pub(super) type Bounds = AABB<[f32; 3]>;

/// The smallest squared chord from a point to anything in a box.
pub(super) fn nearest_chord_squared(bounds: &Bounds, point: &Point) -> f64 {
    nearest_chord_squared_between(bounds.lower(), bounds.upper(), point)
}

/// The same for a box given by its faces.
///
/// Rounding never lifts it above the chord to a point inside as
/// [`crate::domain::UnitVector::chord_squared`] computes it: every step is the
/// same operation on numbers that are no larger, in the same order.
pub(super) fn nearest_chord_squared_between(
    lower: [f32; 3],
    upper: [f32; 3],
    point: &Point,
) -> f64 {
    let axis = |i: usize| gap(lower[i], upper[i], point[i]);
    let (dx, dy, dz) = (axis(0), axis(1), axis(2));
    dx * dx + dy * dy + dz * dz
}

/// How far a coordinate is from what lies between two faces.
///
/// Comparing is one instruction for several boxes; `f64::max` would be three, as it
/// cares for numbers that are none.
fn gap(lower: f32, upper: f32, coordinate: f64) -> f64 {
    let (below, above) = (f64::from(lower) - coordinate, coordinate - f64::from(upper));
    let outside = if below > above { below } else { above };
    if outside > 0.0 { outside } else { 0.0 }
}

/// The largest squared chord from a point to anything in a box; rounding never
/// puts it below the chord to a point inside.
pub(super) fn farthest_chord_squared(bounds: &Bounds, point: &Point) -> f64 {
    let (lower, upper) = (bounds.lower().map(f64::from), bounds.upper().map(f64::from));
    let axis = |i: usize| (point[i] - lower[i]).abs().max((upper[i] - point[i]).abs());
    let (dx, dy, dz) = (axis(0), axis(1), axis(2));
    dx * dx + dy * dy + dz * dz
}

/// The axis along which a box is longest.
pub(super) fn widest_axis(bounds: &Bounds) -> usize {
    let (lower, upper) = (bounds.lower(), bounds.upper());
    let mut widest = 0;
    for axis in 1..3 {
        if upper[axis] - lower[axis] > upper[widest] - lower[widest] {
            widest = axis;
        }
    }
    widest
}
