//! The candidates of a query.
//!
//! Names that begin with the needle and words that do are runs of sorted lists.
//! Only where these give too few is the text itself searched for it: vector
//! instructions go through the names of a million centers in a millisecond or
//! two, for which no index of substrings has to be kept.
//!
//! Where a very long run is asked for its nearest, names are looked at from the
//! origin outwards instead, until enough are found.

use std::collections::HashSet;

use memchr::memmem;

use super::Candidates;
use super::base::{Base, Rank};
use super::best::{First, Nearest};
use super::reach::Reach;
use crate::domain::{NameMatch, NameQuery};

/// Runs longer than this are not looked through for their nearest before it was
/// tried from the origin outwards.
const LONG_RUN: usize = 8_192;
/// How many names are looked at from the origin outwards at most, in
/// two milliseconds or three.
const OUTWARDS: usize = 16_384;

impl Base {
    /// The best `wanted`, those that may be as good as the last of them, and
    /// no others that are worse.
    pub(super) fn candidates(&self, query: &NameQuery, wanted: usize) -> Candidates {
        let needle = query.needle().as_bytes();
        let mut chosen = Chosen {
            base: self,
            query,
            reach: query.origin.map(Reach::of),
            wanted,
            ranks: Vec::new(),
            left_some_out: false,
        };
        let beginning = self.beginning_with(needle);
        chosen.add(NameMatch::Prefix, beginning.clone());
        let with_word = self.with_word(needle);
        if !chosen.is_full() {
            let with_word = with_word.iter().copied();
            chosen.add(
                NameMatch::WordStart,
                with_word.filter(|rank| !beginning.contains(rank)),
            );
        }
        if !chosen.is_full() {
            // Few: with more, enough would have been found.
            let with_word: HashSet<Rank> = with_word.iter().copied().collect();
            let inside = Inside {
                base: self,
                finder: memmem::Finder::new(needle),
                rank: 0,
            };
            chosen.add(
                NameMatch::Inside,
                inside.filter(|rank| !beginning.contains(rank) && !with_word.contains(rank)),
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
#[derive(Clone)]
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
    query: &'a NameQuery,
    /// From the origin, if there is one.
    reach: Option<Reach>,
    wanted: usize,
    ranks: Vec<Rank>,
    left_some_out: bool,
}

impl Chosen<'_> {
    fn is_full(&self) -> bool {
        self.ranks.len() >= self.wanted
    }

    fn missing(&self) -> usize {
        self.wanted.saturating_sub(self.ranks.len())
    }

    /// Adds the best names of a kind, as many as are still wanted. They may come
    /// more than once; in their order but for those with a word.
    fn add(&mut self, how: NameMatch, names: impl Iterator<Item = Rank> + Clone) {
        let Some(reach) = self.reach else {
            if how == NameMatch::WordStart {
                self.add_first(names);
            } else {
                // No need to look at the others.
                self.ranks.extend(names.take(self.missing()));
            }
            return;
        };
        let is_long = names.clone().nth(LONG_RUN).is_some();
        if !(is_long && self.add_outwards(how, reach)) {
            self.add_nearest(names, reach);
        }
    }

    /// The first in the order of names.
    fn add_first(&mut self, names: impl Iterator<Item = Rank>) {
        let mut first = First::new(self.missing());
        names.for_each(|name| first.offer(name));
        self.left_some_out |= first.finish(&mut self.ranks);
    }

    /// The nearest, and those that may be as near as the last of them; then, in
    /// the order of names, those without a position.
    fn add_nearest(&mut self, names: impl Iterator<Item = Rank>, reach: Reach) {
        let mut nearest = Nearest::new(self.missing());
        let mut nowhere = First::new(self.missing());
        for name in names {
            match reach.chord_to(&self.base.points[name as usize]) {
                Some(chord) => nearest.offer(chord, name),
                None => nowhere.offer(name),
            }
        }
        self.left_some_out |= nearest.finish(&mut self.ranks);
        nowhere.want_only(self.missing());
        self.left_some_out |= nowhere.finish(&mut self.ranks);
    }

    /// The same, found from the origin outwards; `false`, and nothing added,
    /// where too many names would have to be looked at for as many as are
    /// missing.
    fn add_outwards(&mut self, how: NameMatch, reach: Reach) -> bool {
        let mut nearest = Nearest::new(self.missing());
        let needle = self.query.needle();
        let mut left = OUTWARDS;
        self.base.outwards(reach, |name, chord| {
            if chord <= nearest.bound() && NameMatch::of(self.base.name(name), needle) == Some(how)
            {
                nearest.offer(chord, name);
            }
            left -= 1;
            (left > 0).then(|| nearest.bound())
        });
        if left == 0 || !nearest.is_full() {
            return false;
        }
        nearest.finish(&mut self.ranks);
        self.left_some_out = true;
        true
    }
}
