//! The nearest center of each value of a field.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::best::Candidate;
use super::bounds::Point;
use super::bucket::{Bucket, BucketId, Place};
use super::index::Index;
use super::region::Region;
use super::search::Wanted;
use super::values::Held;
use super::vocabulary::ValueId;
use crate::domain::FieldId;

/// What centers share of whom the nearest is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Group {
    /// A value of a vocabulary.
    Interned(ValueId),
    /// The bits of a number.
    Number(u64),
    /// Nothing: the field of the center there is NULL.
    Alone(Place),
}

/// The nearest center found so far of each of the nearest groups.
pub(super) struct Groups<'a> {
    index: &'a Index,
    held: Held,
    keep: usize,
    bound: f64,
    nearest: HashMap<Group, Candidate>,
    has_changed: bool,
}

impl<'a> Groups<'a> {
    /// Keeps so many, at least one, none beyond a squared chord.
    pub(super) fn of(index: &'a Index, field: FieldId, keep: usize, bound: f64) -> Self {
        let held = index.layout().held(field);
        Self {
            index,
            held: held.expect("names do not group"),
            keep,
            bound,
            nearest: HashMap::new(),
            has_changed: false,
        }
    }

    /// No center farther than this squared chord is the nearest of a group that is kept.
    pub(super) fn bound(&self) -> f64 {
        self.bound
    }

    /// The nearest of each group, in any order; some groups may be more than are kept.
    pub(super) fn nearest(&self) -> impl Iterator<Item = Candidate> {
        self.nearest.values().copied()
    }

    /// Takes what a bucket holds.
    pub(super) fn look_into(&mut self, id: BucketId, wanted: &Wanted<'_>, origin: &Point) {
        let bucket = self.index.buckets().get(id);
        if wanted.misses(id, bucket) {
            return;
        }
        let takes_all = wanted.takes_all();
        Region::Circle(*origin, self.bound).visit(bucket, |chord, slot| {
            if takes_all || wanted.takes(chord, bucket, slot) {
                let place = Place::new(id, slot);
                let group = self.group_of(bucket, slot, place);
                self.take(group, Candidate::new(chord, place));
            }
        });
        self.settle();
    }

    fn group_of(&self, bucket: &Bucket, slot: usize, place: Place) -> Group {
        match self.held {
            Held::Interned(vocabulary) => match bucket.value(slot, vocabulary) {
                ValueId::NONE => Group::Alone(place),
                value => Group::Interned(value),
            },
            Held::Number(at) => match bucket.number(slot, at) {
                number if number.is_nan() => Group::Alone(place),
                // Minus 0 is 0.
                number => Group::Number((number + 0.0).to_bits()),
            },
        }
    }

    fn take(&mut self, group: Group, candidate: Candidate) {
        let id_of = |candidate: &Candidate| self.index.buckets().id_at(candidate.place());
        match self.nearest.entry(group) {
            Entry::Vacant(entry) => {
                entry.insert(candidate);
            }
            Entry::Occupied(mut entry) => {
                let (held, new) = (entry.get().chord_squared(), candidate.chord_squared());
                let is_nearer = new < held || new == held && id_of(&candidate) < id_of(entry.get());
                if !is_nearer {
                    return;
                }
                entry.insert(candidate);
            }
        }
        self.has_changed = true;
    }

    /// Lets go of groups that are not among the nearest and draws the bound tighter. One that
    /// is let go of may come back: what is found of it then is nearer than all that was.
    fn settle(&mut self) {
        if !self.has_changed || self.nearest.len() < self.keep {
            return;
        }
        self.has_changed = false;
        let chords = self.nearest.values().map(Candidate::chord_squared);
        let mut chords: Vec<f64> = chords.collect();
        let (_, worst, _) = chords.select_nth_unstable_by(self.keep - 1, f64::total_cmp);
        self.bound = *worst;
        let bound = self.bound;
        self.nearest
            .retain(|_, candidate| candidate.chord_squared() <= bound);
    }
}
