//! Which centers reach an origin, each as far as one of its numbers says.

use super::bounds::{Bounds, Point, nearest_chord_squared};
use super::bucket::Bucket;
use super::index::Index;
use super::values::Held;
use crate::domain::{Around, HALF_A_MICROMETRE_M, chord_squared_of, covers, distance_m_of};

/// A distance that is surely not longer than that of a chord to a box.
const SURELY: f64 = 1.0 - 1e-9;

/// An origin that centers have to reach.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coverage {
    origin: Point,
    /// Where the numbers are that say how far.
    place: usize,
}

impl Coverage {
    /// `None` where nothing is asked to reach the origin.
    pub(super) fn of(index: &Index, around: &Around) -> Option<Self> {
        match index.layout().held(around.covered_by?) {
            Some(Held::Number(place)) => Some(Self {
                origin: around.origin.unit_vector().0,
                place,
            }),
            _ => unreachable!("how far a center reaches is a number"),
        }
    }

    /// How far from the origin there may be a center that reaches it, as a squared chord;
    /// `None` where no center reaches anything.
    pub(super) fn farthest(&self, index: &Index) -> Option<f64> {
        let reach_m = index.greatest(self.place);
        (reach_m > 0.0).then(|| chord_squared_of(reach_m + HALF_A_MICROMETRE_M))
    }

    /// Whether no center of a bucket reaches the origin, as its box and the greatest of its
    /// numbers tell.
    pub(super) fn misses(&self, bucket: &Bucket, bounds: &Bounds) -> bool {
        let least_m = distance_m_of(nearest_chord_squared(bounds, &self.origin)) * SURELY;
        !covers(bucket.greatest(self.place), least_m)
    }

    /// Whether a center so far away, as a squared chord, reaches the origin.
    pub(super) fn takes(&self, chord_squared: f64, bucket: &Bucket, slot: usize) -> bool {
        covers(
            bucket.number(slot, self.place),
            distance_m_of(chord_squared),
        )
    }
}
