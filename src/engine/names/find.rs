//! The candidates of a query.
//!
//! Names that begin with the needle and words that do are runs of sorted lists.
//! Only where these give too few is the text itself searched for it: vector
//! instructions go through the names of a million centers in a millisecond or
//! two, for which no index of substrings has to be kept.
//!
//! Where a very long run is asked for its nearest, names are looked at from the
//! origin outwards instead, until enough are found.

use std::collections::{BTreeSet, HashSet};

use memchr::memmem;

use super::Candidates;
use super::base::{Base, Rank};
use super::best::{First, Nearest};
use super::reach::Reach;
use crate::domain::{NameMatch, NameQuery, Typos};

/// Runs longer than this are not looked through for their nearest before it was
/// tried from the origin outwards.
const LONG_RUN: usize = 8_192;
/// How many names are compared at most where letters may be wrong, in some tens of
/// milliseconds; others that are close, if there are any, are not found then.
const COMPARED: usize = 131_072;
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
        let with_typos = !chosen.is_full() && query.typos().is_some();
        if let Some(typos) = query.typos().filter(|_| with_typos) {
            let almost = self.almost(query.needle(), typos);
            let wrong: BTreeSet<u8> = almost.iter().map(|(wrong, _)| *wrong).collect();
            for wrong in wrong {
                let so_many = almost.iter().filter(move |(other, _)| *other == wrong);
                if !chosen.is_full() {
                    chosen.add(NameMatch::Fuzzy(wrong), so_many.map(|(_, rank)| *rank));
                } else if so_many.count() > 0 {
                    chosen.left_some_out = true;
                }
            }
        }
        Candidates {
            with_typos,
            complete: !chosen.left_some_out && !chosen.is_full(),
            ids: chosen
                .ranks
                .iter()
                .map(|rank| self.ids[*rank as usize])
                .collect(),
        }
    }
}

impl Base {
    /// The names that almost hold a needle, in their order, with how many letters
    /// are wrong.
    fn almost(&self, needle: &str, typos: &Typos) -> Vec<(u8, Rank)> {
        let mut ranks = Vec::new();
        for (place, piece) in typos.pieces().enumerate() {
            let left = COMPARED.saturating_sub(ranks.len());
            let piece = piece.as_bytes();
            if place == 0 {
                // Nothing is wrong before its end, so that it begins a word.
                let with_word = self.with_word(piece).iter().copied();
                ranks.extend(self.beginning_with(piece).chain(with_word).take(left));
            } else {
                let inside = Inside {
                    base: self,
                    finder: memmem::Finder::new(piece),
                    rank: 0,
                };
                ranks.extend(inside.take(left));
            }
        }
        ranks.sort_unstable();
        ranks.dedup();
        let almost = ranks.into_iter().filter_map(|rank| {
            let name = self.name(rank);
            let wrong = typos.in_name(name)?;
            (NameMatch::of(name, needle).is_none()).then_some((wrong, rank))
        });
        almost.collect()
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
        let query = self.query;
        let mut left = OUTWARDS;
        self.base.outwards(reach, |name, chord| {
            if chord <= nearest.bound() && query.how(self.base.name(name)) == Some(how) {
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
