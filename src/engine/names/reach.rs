//! Distances in single precision: good enough to choose candidates by.

use super::base::{Base, Rank};
use crate::domain::{Origin, Position};

/// A point of the unit sphere.
pub(super) type Point = [f32; 3];

/// Of a center without a position.
const NOWHERE: Point = [f32::NAN; 3];

/// How much two chords of the unit sphere may differ from what single precision
/// makes of them: each coordinate is off by up to 3e-8, each operation by 6e-8 of
/// what comes out. Six metres.
const MARGIN: f32 = 1e-6;

/// The chord up to which points may in truth be as near as one with this chord.
pub(super) fn at_most_as_far_as(chord: f32) -> f32 {
    chord + MARGIN
}

/// A position as it is kept here.
pub(super) fn point_of(position: Option<Position>) -> Point {
    position.map_or(NOWHERE, |position| single(position.unit_vector().0))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "single precision is what is meant"
)]
fn single(point: [f64; 3]) -> Point {
    point.map(|coordinate| coordinate as f32)
}

/// How far points are from an origin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach(Point);

impl Reach {
    pub(super) fn of(origin: Origin) -> Self {
        Self(single(origin.unit_vector().0))
    }

    /// The chord to a point; `None` without a position.
    pub(super) fn chord_to(self, point: &Point) -> Option<f32> {
        let [dx, dy, dz]: Point = std::array::from_fn(|axis| point[axis] - self.0[axis]);
        let squared = dx * dx + dy * dy + dz * dz;
        (!squared.is_nan()).then(|| squared.sqrt())
    }
}

/// The names of centers that have a position, as a k-d tree without pointers: of
/// each part the one in the middle divides the others along one axis, and the
/// axes take turns (J. L. Bentley, "Multidimensional Binary Search Trees Used for
/// Associative Searching", 1975).
pub(super) fn by_place(points: &[Point]) -> Vec<Rank> {
    let mut places: Vec<(Point, Rank)> = (0..)
        .zip(points)
        .filter(|(_, point)| !point[0].is_nan())
        .map(|(rank, point)| (*point, rank))
        .collect();
    divide(&mut places, 0);
    places.into_iter().map(|(_, rank)| rank).collect()
}

fn divide(places: &mut [(Point, Rank)], axis: usize) {
    if places.len() < 2 {
        return;
    }
    let middle = places.len() / 2;
    places.select_nth_unstable_by(middle, |(a, _), (b, _)| a[axis].total_cmp(&b[axis]));
    let (before, after) = places.split_at_mut(middle);
    divide(before, (axis + 1) % 3);
    divide(&mut after[1..], (axis + 1) % 3);
}

impl Base {
    /// Hands on names with their chords, near ones first by and large, and every
    /// one within the chord that `each` gives last; ends where it gives none.
    pub(super) fn outwards(&self, reach: Reach, mut each: impl FnMut(Rank, f32) -> Option<f32>) {
        let mut bound = f32::INFINITY;
        self.walk(&self.by_place, 0, reach, &mut bound, &mut each);
    }

    /// Whether to go on.
    fn walk(
        &self,
        part: &[Rank],
        axis: usize,
        reach: Reach,
        bound: &mut f32,
        each: &mut impl FnMut(Rank, f32) -> Option<f32>,
    ) -> bool {
        let Some(&name) = part.get(part.len() / 2) else {
            return true;
        };
        let point = &self.points[name as usize];
        let ahead = reach.0[axis] - point[axis];
        let (below, above) = (&part[..part.len() / 2], &part[part.len() / 2 + 1..]);
        let (near, far) = if ahead < 0.0 {
            (below, above)
        } else {
            (above, below)
        };
        let next = (axis + 1) % 3;
        if !self.walk(near, next, reach, bound, each) {
            return false;
        }
        let chord = reach
            .chord_to(point)
            .expect("only those with a position are here");
        match each(name, chord) {
            None => false,
            Some(new) => {
                *bound = new;
                ahead.abs() > at_most_as_far_as(*bound) || self.walk(far, next, reach, bound, each)
            }
        }
    }
}
