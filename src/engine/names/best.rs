//! Bounded lists of the best that were offered.

use super::base::Rank;
use super::reach::at_most_as_far_as;

/// Room beyond what is wanted, so that lists are sorted now and then only.
const ROOM: usize = 64;

/// The first names in their order.
pub(super) struct First {
    wanted: usize,
    /// Names behind this one are not among the first.
    bound: Rank,
    names: Vec<Rank>,
    left_some_out: bool,
}

impl First {
    pub(super) fn new(wanted: usize) -> Self {
        Self {
            wanted,
            bound: Rank::MAX,
            names: Vec::new(),
            left_some_out: false,
        }
    }

    /// Takes a name, which may have been offered before.
    pub(super) fn offer(&mut self, name: Rank) {
        if name > self.bound {
            self.left_some_out = true;
            return;
        }
        self.names.push(name);
        if self.names.len() > 2 * self.wanted + ROOM {
            self.settle();
        }
    }

    /// Wants fewer than before.
    pub(super) fn want_only(&mut self, wanted: usize) {
        self.wanted = self.wanted.min(wanted);
    }

    fn settle(&mut self) {
        self.names.sort_unstable();
        self.names.dedup();
        self.left_some_out |= self.names.len() > self.wanted;
        self.names.truncate(self.wanted);
        if self.names.len() == self.wanted {
            self.bound = self.names.last().copied().unwrap_or(0);
        }
    }

    /// Hands the names over; whether any was left out.
    pub(super) fn finish(mut self, names: &mut Vec<Rank>) -> bool {
        self.settle();
        names.append(&mut self.names);
        self.left_some_out
    }
}

/// The nearest names, and those that may be as near as the last of them.
pub(super) struct Nearest {
    wanted: usize,
    bound: f32,
    names: Vec<(f32, Rank)>,
    room: usize,
    left_some_out: bool,
}

impl Nearest {
    pub(super) fn new(wanted: usize) -> Self {
        Self {
            wanted,
            bound: f32::INFINITY,
            names: Vec::new(),
            room: 2 * wanted + ROOM,
            left_some_out: false,
        }
    }

    /// The chord beyond which nothing is among the nearest.
    pub(super) fn bound(&self) -> f32 {
        self.bound
    }

    /// Whether there are as many as are wanted.
    pub(super) fn is_full(&self) -> bool {
        self.names.len() >= self.wanted
    }

    /// Takes a name, which may have been offered before, with its chord.
    pub(super) fn offer(&mut self, chord: f32, name: Rank) {
        if chord > self.bound {
            self.left_some_out = true;
            return;
        }
        self.names.push((chord, name));
        if self.names.len() > self.room {
            self.settle();
            // Many on one spot.
            self.room = self.room.max(2 * self.names.len());
        }
    }

    fn settle(&mut self) {
        self.names
            .sort_unstable_by(|(chord, name), (other, other_name)| {
                chord.total_cmp(other).then(name.cmp(other_name))
            });
        self.names.dedup_by_key(|(_, name)| *name);
        let Some((last, _)) = self.wanted.checked_sub(1).and_then(|at| self.names.get(at)) else {
            return;
        };
        self.bound = at_most_as_far_as(*last);
        let near = self
            .names
            .partition_point(|(chord, _)| *chord <= self.bound);
        self.left_some_out |= near < self.names.len();
        self.names.truncate(near);
    }

    /// Hands the names over; whether any was left out.
    pub(super) fn finish(mut self, names: &mut Vec<Rank>) -> bool {
        self.settle();
        names.extend(self.names.iter().map(|(_, name)| *name));
        self.left_some_out
    }
}
