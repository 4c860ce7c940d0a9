//! The nearest centers found so far, at most so many.

use std::collections::BinaryHeap;

use super::bucket::Place;

/// A center that qualifies. Orders by squared chord, then id: chords are not
/// negative, and the bits of such doubles order as their values do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    chord_squared: u64,
    /// 0 until ids matter: see [`Best`].
    id: i64,
    place: Place,
}

impl Candidate {
    pub(super) fn new(chord_squared: f64, place: Place) -> Self {
        Self {
            chord_squared: chord_squared.to_bits(),
            id: 0,
            place,
        }
    }

    pub(super) fn chord_squared(&self) -> f64 {
        f64::from_bits(self.chord_squared)
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }
}

/// Keeps the best candidates of those offered.
///
/// Ids decide only between centers that are just as far, and reading one is a
/// wait for memory: they are looked up once such a pair meets, and for those
/// that are offered afterwards.
#[derive(Debug, Default)]
pub(super) struct Best {
    keep: usize,
    bound: f64,
    ids_matter: bool,
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
        self.ids_matter = false;
    }

    /// What is farther than this squared chord is not among the best any more;
    /// what is just as far may be, by its id.
    pub(super) fn bound(&self) -> f64 {
        self.bound
    }

    /// Takes a candidate if it is among the best. `id_at` looks up the id of the
    /// center at a place.
    pub(super) fn offer(&mut self, mut candidate: Candidate, id_at: impl Fn(Place) -> i64) {
        if self.ids_matter {
            candidate.id = id_at(candidate.place);
        }
        if self.heap.len() < self.keep {
            self.heap.push(candidate);
            if self.heap.len() < self.keep {
                return;
            }
        } else {
            if self.worst().chord_squared == candidate.chord_squared {
                self.look_up_ids(&id_at);
                candidate.id = id_at(candidate.place);
            }
            if let Some(mut removed) = self.replace_worst(candidate)
                && self.worst().chord_squared == removed.chord_squared
            {
                self.look_up_ids(&id_at);
                removed.id = id_at(removed.place);
                self.replace_worst(removed);
            }
        }
        self.bound = self.bound.min(self.worst().chord_squared());
    }

    /// The best, in any order.
    pub(super) fn kept(&self) -> &[Candidate] {
        self.heap.as_slice()
    }

    /// The best, nearest first.
    pub(super) fn sorted(&mut self, id_at: impl Fn(Place) -> i64) -> &[Candidate] {
        self.sorted = std::mem::take(&mut self.heap).into_vec();
        // By one number, which takes no branches; the ids of equals come below.
        self.sorted
            .sort_unstable_by_key(|candidate| candidate.chord_squared);
        let equals = self
            .sorted
            .chunk_by_mut(|a, b| a.chord_squared == b.chord_squared)
            .filter(|equals| equals.len() > 1);
        for equals in equals {
            for candidate in &mut *equals {
                candidate.id = id_at(candidate.place);
            }
            equals.sort_unstable();
        }
        &self.sorted
    }

    fn worst(&self) -> &Candidate {
        self.heap.peek().expect("at least one is kept")
    }

    /// Puts a candidate in the place of the worst, if it is better; gives what
    /// it replaced.
    fn replace_worst(&mut self, candidate: Candidate) -> Option<Candidate> {
        let mut worst = self.heap.peek_mut().expect("at least one is kept");
        (candidate < *worst).then(|| std::mem::replace(&mut *worst, candidate))
    }

    /// From here on ids decide.
    fn look_up_ids(&mut self, id_at: impl Fn(Place) -> i64) {
        if self.ids_matter {
            return;
        }
        self.ids_matter = true;
        let mut kept = std::mem::take(&mut self.heap).into_vec();
        for candidate in &mut kept {
            candidate.id = id_at(candidate.place);
        }
        self.heap = kept.into();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_best_are_those_that_sorting_gives(
            chords in prop::collection::vec(0_u8..6, 0..60),
            ids in Just((0..60_i64).collect::<Vec<_>>()).prop_shuffle(),
            keep in 1_usize..12,
        ) {
            let mut best = Best::default();
            best.restart(keep, f64::INFINITY);
            let id_at = |place: Place| ids[place.0 as usize] + 1;
            let mut expected = Vec::new();
            for (number, chord) in (0..).zip(&chords) {
                let chord = f64::from(*chord);
                expected.push((chord, id_at(Place(number))));
                if chord <= best.bound() {
                    best.offer(Candidate::new(chord, Place(number)), id_at);
                }
            }
            expected.sort_by(|a, b| a.partial_cmp(b).unwrap());
            let expected: Vec<i64> = expected.into_iter().map(|(_, id)| id).take(keep).collect();
            let found: Vec<i64> = best.sorted(id_at).iter().map(|found| id_at(found.place())).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
