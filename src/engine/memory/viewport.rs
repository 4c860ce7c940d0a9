//! Every center inside a rectangle of latitudes and longitudes.
//!
//! Points of the index have neither; a rectangle is a slab between two heights
//! above the equator and a wedge around the axis, which boxes and points are
//! tested against with some tolerance. Centers close to an edge are asked for
//! the coordinates that they were rendered with.

use super::bounds::{Bounds, Point};
use super::bucket::Bucket;
use super::index::Index;
use crate::domain::{CenterId, Meridians, Polygon, Position, Viewport};
use crate::wire::SummaryParts;

/// More than the rounding of a point's coordinates; 6 mm on the globe.
const TOLERANCE: f64 = 1e-9;

/// Hands on id and rendered text of every center inside.
pub(super) fn visit(index: &Index, viewport: &Viewport, mut each: impl FnMut(CenterId, &[u8])) {
    let shape = Shape::of(viewport);
    let reached = index.tree().reached(|bounds| shape.may_reach_into(bounds));
    for leaf in reached {
        let bucket = index.buckets().get(leaf.bucket);
        for slot in 0..bucket.len() {
            if shape.contains(bucket, slot) {
                each(bucket.slot(slot).id, bucket.text(slot));
            }
        }
    }
}

/// Where a rendered center stands.
pub(super) fn position_of(rendered: &[u8]) -> Position {
    let parts = SummaryParts::of(rendered).expect("buckets hold what render_summary wrote");
    let degrees = |text: &[u8]| std::str::from_utf8(text).ok()?.parse().ok();
    let position = degrees(parts.latitude).zip(degrees(parts.longitude));
    position
        .and_then(|(latitude, longitude)| Position::new(latitude, longitude).ok())
        .expect("a rendered position is one")
}

/// A viewport in the space of the unit sphere.
pub(super) struct Shape<'a> {
    viewport: &'a Viewport,
    south: f64,
    north: f64,
    wedge: Wedge,
}

/// Longitudes, by the half-planes to the east of the western edge and to the
/// west of the eastern one. Each is given by its normal.
enum Wedge {
    All,
    /// At most half a turn: in both half-planes.
    Narrow([f64; 2], [f64; 2]),
    /// More: in either.
    Wide([f64; 2], [f64; 2]),
}

impl<'a> Shape<'a> {
    /// What the parts of a polygon lie in.
    pub(super) fn of_parts(polygon: &'a Polygon) -> Vec<Self> {
        let parts = polygon.parts().iter();
        parts.map(|part| Self::of(part.viewport())).collect()
    }

    pub(super) fn of(viewport: &'a Viewport) -> Self {
        let height = |latitude: f64| latitude.clamp(-90.0, 90.0).to_radians().sin();
        let wedge = match viewport.meridians() {
            Meridians::All => Wedge::All,
            Meridians::Between { west, east } => {
                let (w, e) = (west.to_radians(), east.to_radians());
                let (eastwards, westwards) = ([-w.sin(), w.cos()], [e.sin(), -e.cos()]);
                if (east - west).rem_euclid(360.0) <= 180.0 {
                    Wedge::Narrow(eastwards, westwards)
                } else {
                    Wedge::Wide(eastwards, westwards)
                }
            }
        };
        Self {
            viewport,
            south: height(viewport.south()),
            north: height(viewport.north()),
            wedge,
        }
    }

    /// Whether the center in a place of a bucket is inside.
    pub(super) fn contains(&self, bucket: &Bucket, slot: usize) -> bool {
        let point = bucket.point(slot);
        self.holds(&point, TOLERANCE)
            || self.holds(&point, -TOLERANCE)
                && self.viewport.contains(position_of(bucket.text(slot)))
    }

    /// Whether a point is inside by more than `margin`.
    fn holds(&self, point: &Point, margin: f64) -> bool {
        self.may_hold(point, point, margin)
    }

    /// Whether every point of a box of the tree is surely inside.
    pub(super) fn surely_holds(&self, bounds: &Bounds) -> bool {
        let (lower, upper) = (bounds.lower().map(f64::from), bounds.upper().map(f64::from));
        let holds = |normal: &[f64; 2]| {
            let nearest = |axis: usize| {
                let edge = if normal[axis] > 0.0 { lower } else { upper };
                normal[axis] * edge[axis]
            };
            nearest(0) + nearest(1) > TOLERANCE
        };
        lower[2] > self.south + TOLERANCE
            && upper[2] < self.north - TOLERANCE
            && match &self.wedge {
                Wedge::All => true,
                Wedge::Narrow(one, other) => holds(one) && holds(other),
                Wedge::Wide(one, other) => holds(one) || holds(other),
            }
    }

    /// Whether a box of the tree may have a point inside.
    pub(super) fn may_reach_into(&self, bounds: &Bounds) -> bool {
        let (lower, upper) = (bounds.lower().map(f64::from), bounds.upper().map(f64::from));
        self.may_hold(&lower, &upper, -TOLERANCE)
    }

    /// Whether a box may have a point inside by more than `margin`.
    fn may_hold(&self, lower: &Point, upper: &Point, margin: f64) -> bool {
        let reaches = |normal: &[f64; 2]| {
            let farthest = |axis: usize| {
                let edge = if normal[axis] > 0.0 { upper } else { lower };
                normal[axis] * edge[axis]
            };
            farthest(0) + farthest(1) > margin
        };
        upper[2] > self.south + margin
            && lower[2] < self.north - margin
            && match &self.wedge {
                Wedge::All => true,
                Wedge::Narrow(one, other) => reaches(one) && reaches(other),
                Wedge::Wide(one, other) => reaches(one) || reaches(other),
            }
    }
}
