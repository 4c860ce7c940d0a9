//! The R-tree over buckets, and the box arithmetic that a search prunes by.

use rstar::{
    AABB, Envelope, PointDistance, RStarInsertionStrategy, RTree, RTreeObject, RTreeParams,
};

use super::bucket::BucketId;

/// A point of the unit sphere as the index keeps it.
pub(super) type Point = [f64; 3];

/// A box in the space of the unit sphere.
pub(super) type Bounds = AABB<Point>;

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
    fn distance_2(&self, point: &Point) -> f64 {
        nearest_chord_squared(&self.bounds, point)
    }
}

/// Node sizes: wider than rstar's default of 6, for fewer levels to descend. A
/// choice that was not measured against others.
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
    let (lower, upper) = (bounds.lower(), bounds.upper());
    let axis = |i: usize| (lower[i] - point[i]).max(point[i] - upper[i]).max(0.0);
    let (dx, dy, dz) = (axis(0), axis(1), axis(2));
    dx * dx + dy * dy + dz * dz
}

/// The largest squared chord from a point to anything in a box; rounding never
/// puts it below the chord to a point inside.
pub(super) fn farthest_chord_squared(bounds: &Bounds, point: &Point) -> f64 {
    let (lower, upper) = (bounds.lower(), bounds.upper());
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
    Bounds::from_bounds(lower, upper)
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
