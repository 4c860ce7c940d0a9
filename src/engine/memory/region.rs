//! Where a search looks, for what goes through all of it.

use super::bounds::{Bounds, Point, farthest_chord_squared, nearest_chord_squared};
use super::bucket::{Bucket, LANES};
use super::index::Index;
use super::lanes::places_within;
use super::search::{chords_squared, radius_of};
use super::viewport::Shape;
use crate::domain::{Area, BY_ID};

/// A box that is surely within a radius: more than any rounding of a chord.
const SURELY: f64 = 1.0 + 1e-9;

/// An [`Area`] in the space of the unit sphere.
pub(super) enum Region<'a> {
    /// Around a point, up to a squared chord.
    Circle(Point, f64),
    Viewport(Shape<'a>),
}

impl<'a> Region<'a> {
    pub(super) fn of(area: &'a Area, index: &Index) -> Self {
        match area {
            Area::Around(around) => {
                Self::Circle(around.origin.unit_vector().0, radius_of(index, around))
            }
            Area::Within(viewport) => Self::Viewport(Shape::of(viewport)),
        }
    }

    /// Whether a box may have a point inside.
    pub(super) fn may_reach_into(&self, bounds: &Bounds) -> bool {
        match self {
            Self::Circle(origin, radius) => nearest_chord_squared(bounds, origin) <= *radius,
            Self::Viewport(shape) => shape.may_reach_into(bounds),
        }
    }

    /// Whether every point of a box is surely inside.
    pub(super) fn surely_holds(&self, bounds: &Bounds) -> bool {
        match self {
            Self::Circle(origin, radius) => {
                farthest_chord_squared(bounds, origin) * SURELY <= *radius
            }
            Self::Viewport(shape) => shape.surely_holds(bounds),
        }
    }

    /// Visits the centers of a bucket that are inside: what each sorts by, and its slot.
    pub(super) fn visit(&self, bucket: &Bucket, mut visit: impl FnMut(f64, usize)) {
        match self {
            Self::Circle(origin, radius) => {
                for (number, block) in bucket.blocks().iter().enumerate() {
                    let chords = chords_squared(block, origin);
                    for lane in places_within(&chords, *radius) {
                        visit(chords[lane], number * LANES + lane);
                    }
                }
            }
            Self::Viewport(shape) => {
                let inside = (0..bucket.len()).filter(|&slot| shape.contains(bucket, slot));
                inside.for_each(|slot| visit(BY_ID, slot));
            }
        }
    }
}
