//! The entries of a node of the tree: boxes, each with the child that it is around.
//!
//! A search measures how far every box of a node is. The faces lie side by side,
//! so that it reads half the cache lines and takes several boxes at a time.

use arrayvec::ArrayVec;
use prefetch_index::prefetch_index;
use rstar::Envelope as _;

use super::bounds::{Bounds, Point, bounds_around, divide_at};
use crate::engine::boxes::nearest_chord_squared_between;

/// The most entries of a node. 32 were no faster, and slower where no radius bounds
/// a search.
pub(super) const WIDTH: usize = 16;

/// Up to [`WIDTH`] boxes and their children.
#[derive(Debug)]
pub(super) struct NodeEntries<T> {
    lower: [[f32; WIDTH]; 3],
    upper: [[f32; WIDTH]; 3],
    children: ArrayVec<T, WIDTH>,
}

impl<T> Default for NodeEntries<T> {
    fn default() -> Self {
        Self {
            lower: [[f32::INFINITY; WIDTH]; 3],
            upper: [[f32::NEG_INFINITY; WIDTH]; 3],
            children: ArrayVec::new(),
        }
    }
}

impl<T> FromIterator<(Bounds, T)> for NodeEntries<T> {
    fn from_iter<I: IntoIterator<Item = (Bounds, T)>>(boxed: I) -> Self {
        let mut all = Self::default();
        for (bounds, child) in boxed {
            all.push(bounds, child);
        }
        all
    }
}

impl<T> NodeEntries<T> {
    pub(super) fn children(&self) -> &[T] {
        &self.children
    }

    /// Has the boxes and the children fetched.
    pub(super) fn prefetch(&self) {
        for faces in self.lower.iter().chain(&self.upper) {
            prefetch_index(faces, 0);
        }
        prefetch_index(self.children.as_slice(), 0);
    }

    pub(super) fn child_mut(&mut self, slot: usize) -> &mut T {
        &mut self.children[slot]
    }

    pub(super) fn bounds(&self, slot: usize) -> Bounds {
        let (lower, upper) = self.faces(slot);
        Bounds::from_bounds(lower, upper)
    }

    /// Boxes and children.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Bounds, &T)> {
        (0..)
            .zip(&self.children)
            .map(|(slot, child)| (self.bounds(slot), child))
    }

    /// The tightest box around all of them.
    pub(super) fn whole(&self) -> Bounds {
        bounds_around(self.iter().map(|(bounds, _)| bounds))
    }

    /// The smallest squared chords from a point to anything in each box. There are as
    /// many that mean something as there are children.
    pub(super) fn nearest_chords_squared(&self, point: &Point) -> [f64; WIDTH] {
        std::array::from_fn(|slot| {
            let (lower, upper) = self.faces(slot);
            nearest_chord_squared_between(lower, upper, point)
        })
    }

    /// Which boxes have a point in common with another one.
    #[expect(
        clippy::needless_bitwise_bool,
        reason = "without branches, several boxes are compared at a time"
    )]
    pub(super) fn meeting(&self, bounds: &Bounds) -> [bool; WIDTH] {
        let (lower, upper) = (bounds.lower(), bounds.upper());
        let axis = |axis: usize, slot| {
            (self.lower[axis][slot] <= upper[axis]) & (self.upper[axis][slot] >= lower[axis])
        };
        std::array::from_fn(|slot| axis(0, slot) & axis(1, slot) & axis(2, slot))
    }

    /// The box that grows least to hold another one, the smaller where two do.
    pub(super) fn slot_to_grow(&self, bounds: &Bounds) -> Option<usize> {
        let cost = |slot: &usize| {
            let own = self.bounds(*slot);
            let size = size(&own);
            (self::size(&own.merged(bounds)) - size, size)
        };
        (0..self.children.len()).min_by(|a, b| {
            let ((growth_a, size_a), (growth_b, size_b)) = (cost(a), cost(b));
            growth_a
                .total_cmp(&growth_b)
                .then(size_a.total_cmp(&size_b))
        })
    }

    pub(super) fn set_bounds(&mut self, slot: usize, bounds: &Bounds) {
        for axis in 0..3 {
            self.lower[axis][slot] = bounds.lower()[axis];
            self.upper[axis][slot] = bounds.upper()[axis];
        }
    }

    /// Adds a child. Where there is no room, the farther half goes into another
    /// node, which is returned.
    pub(super) fn add(&mut self, bounds: Bounds, child: T) -> Option<Self> {
        if self.children.len() < WIDTH {
            self.push(bounds, child);
            return None;
        }
        let mut other = self.split();
        let growth = |half: &Self| {
            let whole = half.whole();
            size(&whole.merged(&bounds)) - size(&whole)
        };
        if growth(&other) < growth(self) {
            other.push(bounds, child);
        } else {
            self.push(bounds, child);
        }
        Some(other)
    }

    /// Takes a child out. The last one moves into its slot.
    pub(super) fn swap_remove(&mut self, slot: usize) -> T {
        let last = self.children.len() - 1;
        self.set_bounds(slot, &self.bounds(last));
        self.set_bounds(last, &Bounds::new_empty());
        self.children.swap_remove(slot)
    }

    fn faces(&self, slot: usize) -> ([f32; 3], [f32; 3]) {
        (
            std::array::from_fn(|axis| self.lower[axis][slot]),
            std::array::from_fn(|axis| self.upper[axis][slot]),
        )
    }

    fn push(&mut self, bounds: Bounds, child: T) {
        self.set_bounds(self.children.len(), &bounds);
        self.children.push(child);
    }

    /// Divides the children at the median of the longest axis.
    fn split(&mut self) -> Self {
        let bounds: Vec<Bounds> = self.iter().map(|(bounds, _)| bounds).collect();
        let children = std::mem::take(&mut self.children);
        let mut all: Vec<(Bounds, T)> = bounds.into_iter().zip(children).collect();
        let middle = all.len() / 2;
        divide_at(&mut all, middle, |(bounds, _)| *bounds);
        let other = all.split_off(middle);
        *self = all.into_iter().collect();
        other.into_iter().collect()
    }
}

/// The sum of the sides. Boxes on a sphere may be flat, so that their volume says
/// nothing.
fn size(bounds: &Bounds) -> f32 {
    (0..3)
        .map(|axis| bounds.upper()[axis] - bounds.lower()[axis])
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::boxes::nearest_chord_squared;

    #[test]
    fn chords_side_by_side_are_those_of_single_boxes() {
        let at = [0.25, -0.5, 0.75];
        let around = Bounds::from_corners([0.0, -1.0, 0.5], [0.5, 0.0, 1.0]);
        let beside = Bounds::from_corners([0.5, -0.5, 0.0], [1.0, 0.0, 0.5]);
        let beyond = Bounds::from_corners([-1.0, -0.9, 0.1], [0.1, -0.7, 0.3]);
        let boxes = || [around, beside, beyond].into_iter().cycle().take(WIDTH);
        let entries: NodeEntries<_> = boxes().zip(0..).collect();
        let chords = entries.nearest_chords_squared(&at);
        assert_eq!(chords[..2], [0.0, 0.125]);
        for (bounds, chord) in boxes().zip(chords) {
            assert_eq!(chord, nearest_chord_squared(&bounds, &at));
        }
    }

    #[test]
    fn a_full_node_is_halved_and_what_is_added_goes_to_the_nearer_half() {
        let at = |x: u8| Bounds::from_point([f32::from(x), 0.0, 0.0]);
        let mut near: NodeEntries<u8> = (0..16).map(|x| (at(x), x)).collect();
        let far = near.add(at(14), 99).expect("there was no room");
        assert_eq!(near.children(), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(far.children(), [8, 9, 10, 11, 12, 13, 14, 15, 99]);
        assert_eq!(far.bounds(8), at(14));
        assert_eq!(near.whole().upper()[0], 7.0);
        assert!(near.add(at(0), 98).is_none());
        assert_eq!(near.slot_to_grow(&at(7)), Some(7));
        assert_eq!(near.swap_remove(0), 0);
        assert_eq!((near.children()[0], near.bounds(0)), (98, at(0)));
    }
}
