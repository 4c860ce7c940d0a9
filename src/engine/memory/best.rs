//! The nearest centers found so far, at most so many.

use super::bucket::Place;
use crate::domain::CenterId;

/// A center that qualifies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    /// Its bits: chords are not negative, and the bits of such doubles order as their
    /// values do.
    chord_squared: u64,
    place: Place,
}

impl Candidate {
    #[inline]
    pub(super) fn new(chord_squared: f64, place: Place) -> Self {
        Self {
            chord_squared: chord_squared.to_bits(),
            place,
        }
    }

    #[inline]
    pub(super) fn chord_squared(&self) -> f64 {
        f64::from_bits(self.chord_squared)
    }

    #[inline]
    pub(super) fn place(&self) -> Place {
        self.place
    }
}

/// Keeps the best candidates of those offered: by squared chord, then id.
///
/// Ids decide only between centers that are just as far, and reading one is a
/// wait for memory: they are looked up where such a pair is found. Ordering by one
/// number takes no branches that a processor could guess wrong, which is why
/// candidates are gathered and divided now and then, and no heap is kept.
#[derive(Debug, Default)]
pub(super) struct Best {
    keep: usize,
    bound: f64,
    candidates: Vec<Candidate>,
    /// How many of them were there already when it settled last.
    settled: usize,
}

impl Best {
    /// Starts anew: keeps so many, at least one, none beyond a squared chord.
    pub(super) fn restart(&mut self, keep: usize, bound: f64) {
        self.candidates.clear();
        self.settled = 0;
        self.keep = keep;
        self.bound = bound;
    }

    /// What is farther than this squared chord is not among the best any more;
    /// what is just as far may be, by its id.
    #[inline]
    pub(super) fn bound(&self) -> f64 {
        self.bound
    }

    /// Takes a candidate that is within the bound.
    #[inline]
    pub(super) fn offer(&mut self, candidate: Candidate) {
        self.candidates.push(candidate);
    }

    /// Lets go of candidates that are not among the best and draws the bound tighter.
    /// `id_at` looks up the id of the center at a place.
    pub(super) fn settle(&mut self, id_at: impl Fn(Place) -> CenterId) {
        if self.candidates.len() < self.keep || self.candidates.len() == self.settled {
            return;
        }
        let last = self.keep - 1;
        let by_chord = |candidate: &Candidate| candidate.chord_squared;
        let (_, worst, others) = self.candidates.select_nth_unstable_by_key(last, by_chord);
        let worst = *worst;
        if others
            .iter()
            .any(|other| other.chord_squared == worst.chord_squared)
        {
            self.candidates
                .select_nth_unstable_by_key(last, |it| (it.chord_squared, id_at(it.place)));
        }
        self.candidates.truncate(self.keep);
        self.settled = self.keep;
        self.bound = worst.chord_squared();
    }

    /// The best since the last [`Self::settle`], in any order.
    pub(super) fn kept(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The same, nearest first.
    pub(super) fn sorted(&mut self, id_at: impl Fn(Place) -> CenterId) -> &[Candidate] {
        self.candidates
            .sort_unstable_by_key(|candidate| candidate.chord_squared);
        let equals = self
            .candidates
            .chunk_by_mut(|a, b| a.chord_squared == b.chord_squared)
            .filter(|equals| equals.len() > 1);
        for equals in equals {
            equals.sort_unstable_by_key(|candidate| id_at(candidate.place));
        }
        &self.candidates
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
            ids in Just((1..=60_i64).collect::<Vec<_>>()).prop_shuffle(),
            keep in 1_usize..12,
            offered_at_once in 1_usize..20,
        ) {
            let mut best = Best::default();
            best.restart(keep, 5.0);
            let id_at = |place: Place| CenterId::new(ids[place.0 as usize]).unwrap();
            let mut expected = Vec::new();
            let offers: Vec<_> = (0..).map(Place).zip(chords.into_iter().map(f64::from)).collect();
            for offers in offers.chunks(offered_at_once) {
                for &(place, chord) in offers {
                    expected.push((chord, id_at(place)));
                    if chord <= best.bound() {
                        best.offer(Candidate::new(chord, place));
                    }
                }
                best.settle(id_at);
                prop_assert!(best.kept().len() <= keep);
            }
            expected.sort_by(|a, b| a.partial_cmp(b).unwrap());
            expected.truncate(keep);
            if expected.len() == keep {
                prop_assert_eq!(best.bound(), expected[keep - 1].0);
            }
            let found = best.sorted(id_at).iter();
            let found: Vec<_> = found.map(|it| (it.chord_squared(), id_at(it.place()))).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
