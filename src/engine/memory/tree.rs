//! The R-tree over buckets, and the box arithmetic that a search prunes by.

use rstar::{
    AABB, Envelope, PointDistance, RStarInsertionStrategy, RTree, RTreeObject, RTreeParams,
};

use super::bucket::BucketId;

/// A point of the unit sphere as the index keeps it.
pub(super) type Point = [f64; 3];

/// A box in the space of the unit sphere. Its faces are rounded outwards to
/// single precision: boxes are most of what a search reads on its way to a
/// bucket, and half the bytes are half the cache lines.
pub(super) type Bounds = AABB<[f32; 3]>;

/// A tree of buckets by their boxes.
pub(super) type BucketTree = RTree<Leaf, WideNodes>;

/// What the tree holds: a bucket, by its box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Leaf {
    /// The tightest box around the bucket's points.
    pub(super) bounds: Bounds,
    /// Which bucket.
    pub(super) bucket: BucketId,
}

impl RTreeObject for Leaf {
    type Envelope = Bounds;

    fn envelope(&self) -> Bounds {
        self.bounds
    }
}

impl PointDistance for Leaf {
    fn distance_2(&self, point: &[f32; 3]) -> f32 {
        self.bounds.distance_2(point)
    }
}

/// Node sizes: wider than rstar's default of 6, for fewer levels to descend. Up to
/// 16, 24, 32 and 48 children were no faster.
#[derive(Debug)]
pub(super) struct WideNodes;

impl RTreeParams for WideNodes {
    const MIN_SIZE: usize = 4;
    const MAX_SIZE: usize = 12;
    const REINSERTION_COUNT: usize = 3;
    type DefaultInsertionStrategy = RStarInsertionStrategy;
}

/// The smallest squared chord from a point to anything in a box.
///
/// Rounding never lifts it above the chord to a point inside as
/// [`crate::domain::UnitVector::chord_squared`] computes it: every step is the
/// same operation on numbers that are no larger, in the same order.
pub(super) fn nearest_chord_squared(bounds: &Bounds, point: &Point) -> f64 {
    let (lower, upper) = (bounds.lower().map(f64::from), bounds.upper().map(f64::from));
    let axis = |i: usize| (lower[i] - point[i]).max(point[i] - upper[i]).max(0.0);
    let (dx, dy, dz) = (axis(0), axis(1), axis(2));
    dx * dx + dy * dy + dz * dz
}

/// The largest squared chord from a point to anything in a box; rounding never
/// puts it below the chord to a point inside.
pub(super) fn farthest_chord_squared(bounds: &Bounds, point: &Point) -> f64 {
    let (lower, upper) = (bounds.lower().map(f64::from), bounds.upper().map(f64::from));
    let axis = |i: usize| (point[i] - lower[i]).abs().max((upper[i] - point[i]).abs());
    let (dx, dy, dz) = (axis(0), axis(1), axis(2));
    dx * dx + dy * dy + dz * dz
}

/// The tightest box around points; the empty box around none.
pub(super) fn bounds_of(points: impl IntoIterator<Item = Point>) -> Bounds {
    let mut lower = [f64::INFINITY; 3];
    let mut upper = [f64::NEG_INFINITY; 3];
    for point in points {
        for axis in 0..3 {
            lower[axis] = lower[axis].min(point[axis]);
            upper[axis] = upper[axis].max(point[axis]);
        }
    }
    if lower[0] > upper[0] {
        return Bounds::new_empty();
    }
    Bounds::from_bounds(lower.map(rounded_down), upper.map(rounded_up))
}

/// Whether a point lies in a box or on its faces.
pub(super) fn is_within(bounds: &Bounds, point: &Point) -> bool {
    let (lower, upper) = (bounds.lower(), bounds.upper());
    (0..3)
        .all(|axis| f64::from(lower[axis]) <= point[axis] && point[axis] <= f64::from(upper[axis]))
}

/// Whether a point may be what holds a face of the tightest box around it and
/// others where it is.
pub(super) fn may_hold_open(bounds: &Bounds, point: &Point) -> bool {
    let (lower, upper) = (bounds.lower(), bounds.upper());
    (0..3).any(|axis| {
        rounded_down(point[axis]) == lower[axis] || rounded_up(point[axis]) == upper[axis]
    })
}

/// A point to single precision: near enough to choose a bucket by.
pub(super) fn rounded(point: &Point) -> [f32; 3] {
    point.map(to_single)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding is what it is for"
)]
fn to_single(number: f64) -> f32 {
    number as f32
}

/// The largest single that is not above a number.
fn rounded_down(number: f64) -> f32 {
    let nearest = to_single(number);
    if f64::from(nearest) > number {
        nearest.next_down()
    } else {
        nearest
    }
}

/// The smallest single that is not below a number.
fn rounded_up(number: f64) -> f32 {
    -rounded_down(-number)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_rounded_outwards_and_no_further_than_need_be() {
        let points = [[0.1, -0.7, 1.0], [0.3, -0.2, -1e-300]];
        let bounds = bounds_of(points);
        for point in &points {
            assert!(is_within(&bounds, point));
            assert!(may_hold_open(&bounds, point));
        }
        assert_eq!(bounds.upper()[2], 1.0);
        assert!(bounds.lower()[2] < 0.0);
        assert!(f64::from(bounds.lower()[0].next_up()) > 0.1);
        assert!(f64::from(bounds.upper()[1].next_down()) < -0.2);
        assert!(!is_within(&bounds, &[0.31, -0.5, 0.5]));
        assert!(!may_hold_open(&bounds, &[0.2, -0.5, 0.5]));
    }
}
