//! The candidates of a query.
//!
//! Names that begin with the needle and words that do are runs of sorted lists.
//! Only where these give too few is the text itself searched for it: vector
//! instructions go through the names of a million centers in a few milliseconds,
//! for which no index of substrings has to be kept.

use std::collections::{BTreeSet, HashSet};

use memchr::memmem;

use super::Candidates;
use super::base::{Base, Rank};
use crate::domain::{NameQuery, Origin, Position};

/// Of a center without a position.
pub(super) const NO_POINT: [f32; 3] = [f32::NAN; 3];

/// How much two chords of the unit sphere may differ from what single precision
/// makes of them: each coordinate is off by up to 3e-8, each operation by 6e-8 of
/// what comes out. Six metres.
const MARGIN: f32 = 1e-6;

/// A position as it is kept here: on the unit sphere, in single precision.
pub(super) fn point_of(position: Option<Position>) -> [f32; 3] {
    #[expect(clippy::cast_possible_truncation, reason = "single precision is meant")]
    position.map_or(NO_POINT, |position| {
        position.unit_vector().0.map(|c| c as f32)
    })
}

impl Base {
    /// The best `wanted`, those that may be as good as the last of them, and
    /// no others that are worse.
    pub(super) fn candidates(&self, query: &NameQuery, wanted: usize) -> Candidates {
        let needle = query.needle().as_bytes();
        let mut chosen = Chosen::new(self, query.origin, wanted);
        let beginning = self.beginning_with(needle);
        chosen.add_sorted(beginning.clone());
        if !chosen.is_full() {
            let with_word = self.with_word(needle).iter().copied();
            chosen.add(with_word.filter(|rank| !beginning.contains(rank)));
        }
        if !chosen.is_full() {
            let seen: HashSet<Rank> = self.with_word(needle).iter().copied().collect();
            let inside = Inside {
                base: self,
                finder: memmem::Finder::new(needle),
                rank: 0,
            };
            chosen.add_sorted(
                inside.filter(|rank| !beginning.contains(rank) && !seen.contains(rank)),
            );
        }
        Candidates {
            complete: !chosen.left_some_out && !chosen.is_full(),
            ids: chosen
                .ranks
                .iter()
                .map(|rank| self.ids[*rank as usize])
                .collect(),
        }
    }
}

/// Names that hold a needle, in their order.
struct Inside<'a> {
    base: &'a Base,
    finder: memmem::Finder<'a>,
    /// Where to go on.
    rank: Rank,
}

impl Iterator for Inside<'_> {
    type Item = Rank;

    fn next(&mut self) -> Option<Rank> {
        let from = self.base.start(self.rank);
        let at = from + self.finder.find(&self.base.text[from..])?;
        let found = self.base.rank_at(self.rank, at);
        self.rank = found + 1;
        Some(found)
    }
}

/// The best names of one kind of match after another.
struct Chosen<'a> {
    base: &'a Base,
    by_distance: bool,
    reach: Reach,
    wanted: usize,
    ranks: Vec<Rank>,
    left_some_out: bool,
}

impl<'a> Chosen<'a> {
    fn new(base: &'a Base, origin: Option<Origin>, wanted: usize) -> Self {
        Self {
            base,
            by_distance: origin.is_some(),
            reach: Reach::of(origin),
            wanted,
            ranks: Vec::new(),
            left_some_out: false,
        }
    }

    fn is_full(&self) -> bool {
        self.ranks.len() >= self.wanted
    }

    /// Adds the best of some names, as many as are still wanted. Names may come
    /// more than once, in any order.
    fn add(&mut self, names: impl Iterator<Item = Rank>) {
        let missing = self.wanted - self.ranks.len();
        if self.by_distance {
            self.add_nearest(names, missing);
        } else {
            self.add_first(names, missing);
        }
    }

    /// The same of names that come in their order, each once.
    fn add_sorted(&mut self, names: impl Iterator<Item = Rank>) {
        if self.by_distance {
            self.add(names);
        } else {
            // No need to look at the others.
            self.ranks
                .extend(names.take(self.wanted - self.ranks.len()));
        }
    }

    /// The first in the order of names.
    fn add_first(&mut self, names: impl Iterator<Item = Rank>, missing: usize) {
        let mut first = BTreeSet::new();
        for name in names {
            if first.len() < missing {
                first.insert(name);
            } else if first.last().is_some_and(|last| name < *last) && first.insert(name) {
                first.pop_last();
                self.left_some_out = true;
            } else if !first.contains(&name) {
                self.left_some_out = true;
            }
        }
        self.ranks.extend(first);
    }

    /// The nearest, and those that may be as near as the last of them; then, in
    /// the order of names, those without a position.
    fn add_nearest(&mut self, names: impl Iterator<Item = Rank>, missing: usize) {
        let mut placed: Vec<(f32, Rank)> = Vec::new();
        let mut nowhere: Vec<Rank> = Vec::new();
        for name in names {
            let chord = self.reach.chord_to(&self.base.points[name as usize]);
            if chord.is_infinite() {
                nowhere.push(name);
            } else {
                placed.push((chord, name));
            }
        }
        if placed.len() > missing {
            // A name may be there once for every word of it.
            let mut many = missing;
            loop {
                let last = many.min(placed.len()) - 1;
                let (_, (reach, _), _) =
                    placed.select_nth_unstable_by(last, |(a, _), (b, _)| a.total_cmp(b));
                let reach = self.reach.at_least_as_far_as(*reach);
                let near = placed.iter().filter(|(chord, _)| *chord <= reach);
                let distinct: BTreeSet<Rank> = near.map(|(_, name)| *name).collect();
                if distinct.len() >= missing || last + 1 == placed.len() {
                    self.left_some_out |= placed.iter().any(|(chord, _)| *chord > reach);
                    self.ranks.extend(distinct);
                    break;
                }
                many *= 2;
            }
        } else {
            let distinct: BTreeSet<Rank> = placed.iter().map(|(_, name)| *name).collect();
            self.ranks.extend(distinct);
        }
        let missing = self.wanted.saturating_sub(self.ranks.len());
        if missing > 0 {
            self.add_first(nowhere.into_iter(), missing);
        } else {
            self.left_some_out |= !nowhere.is_empty();
        }
    }
}

/// How far points are from an origin, in single precision.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach(Option<[f32; 3]>);

impl Reach {
    pub(super) fn of(origin: Option<Origin>) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "single precision is meant")]
        Self(origin.map(|origin| origin.unit_vector().0.map(|c| c as f32)))
    }

    /// The chord to a point; infinite without a position, 0 without an origin.
    pub(super) fn chord_to(self, point: &[f32; 3]) -> f32 {
        let Some(origin) = self.0 else {
            return 0.0;
        };
        if point[0].is_nan() {
            return f32::INFINITY;
        }
        let [dx, dy, dz]: [f32; 3] = std::array::from_fn(|axis| point[axis] - origin[axis]);
        (dx * dx + dy * dy + dz * dz).sqrt()
    }

    /// The chord up to which points may in truth be as near as one with this
    /// chord. Where chords say nothing, names do, and names are exact.
    pub(super) fn at_least_as_far_as(self, chord: f32) -> f32 {
        match self.0 {
            Some(_) if chord.is_finite() => chord + MARGIN,
            _ => f32::NEG_INFINITY,
        }
    }
}
