//! The nearest centers found so far, at most so many.

use std::collections::BinaryHeap;

use super::bucket::Place;

/// A center that qualifies. Orders by squared chord, then id: chords are not
/// negative, and the bits of such doubles order as their values do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    chord_squared: u64,
    id: i64,
    place: Place,
}

impl Candidate {
    pub(super) fn new(chord_squared: f64, id: i64, place: Place) -> Self {
        Self {
            chord_squared: chord_squared.to_bits(),
            id,
            place,
        }
    }

    pub(super) fn chord_squared(&self) -> f64 {
        f64::from_bits(self.chord_squared)
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Whether it sorts behind where a page ended.
    pub(super) fn is_after(&self, chord_squared: f64, id: i64) -> bool {
        (self.chord_squared, self.id) > (chord_squared.to_bits(), id)
    }
}

/// Keeps the best candidates of those offered.
#[derive(Debug, Default)]
pub(super) struct Best {
    keep: usize,
    bound: f64,
    heap: BinaryHeap<Candidate>,
    /// Holds the allocation between one answer and the next search.
    sorted: Vec<Candidate>,
}

impl Best {
    /// Starts anew: keeps so many, none beyond a squared chord.
    pub(super) fn restart(&mut self, keep: usize, bound: f64) {
        self.sorted.clear();
        self.heap = std::mem::take(&mut self.sorted).into();
        self.keep = keep;
        self.bound = bound;
    }

    /// What is farther than this squared chord is not among the best any more;
    /// what is just as far may be, by its id.
    pub(super) fn bound(&self) -> f64 {
        self.bound
    }

    /// Takes a candidate if it is among the best.
    pub(super) fn offer(&mut self, candidate: Candidate) {
        if self.heap.len() < self.keep {
            self.heap.push(candidate);
            if self.heap.len() < self.keep {
                return;
            }
        } else {
            let mut worst = self.heap.peek_mut().expect("at least one is kept");
            if candidate >= *worst {
                return;
            }
            *worst = candidate;
        }
        let worst = self.heap.peek().expect("at least one is kept");
        self.bound = self.bound.min(worst.chord_squared());
    }

    /// The best, nearest first.
    pub(super) fn sorted(&mut self) -> &[Candidate] {
        self.sorted = std::mem::take(&mut self.heap).into_vec();
        self.sorted.sort_unstable();
        &self.sorted
    }
}
