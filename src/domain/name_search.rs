//! Names looked for as one types them.

use super::center::{Center, CenterId};
use super::distance::distance_m_of;
use super::fold::{fold, word_starts};
use super::position::Origin;
use super::typos::Typos;

/// The most characters of what is typed.
pub const MAX_NAME_QUERY_CHARS: usize = 200;

/// How a name holds what was typed, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameMatch {
    /// It begins with it.
    Prefix,
    /// One of its words does.
    WordStart,
    /// It is somewhere inside.
    Inside,
    /// It is not there, but a word begins with almost the same: with so many letters
    /// wrong.
    Fuzzy(u8),
}

impl NameMatch {
    /// How a folded name holds a folded needle, if it does.
    #[must_use]
    pub fn of(name: &str, needle: &str) -> Option<Self> {
        if name.starts_with(needle) {
            Some(Self::Prefix)
        } else if !name.contains(needle) {
            None
        } else if word_starts(name).any(|at| name[at..].starts_with(needle)) {
            Some(Self::WordStart)
        } else {
            Some(Self::Inside)
        }
    }

    /// The word for it on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Prefix => "prefix",
            Self::WordStart => "word",
            Self::Inside => "inside",
            Self::Fuzzy(_) => "fuzzy",
        }
    }
}

/// What is typed and where from: names that begin with it before names of which
/// a word does before those that hold it anywhere; where these are fewer than are
/// wanted, those that almost hold it, fewer wrong letters first. Within each the nearest
/// first, ties by id, those without a position last by name; without an origin
/// by name. The same name twice: by id.
#[derive(Debug, Clone, PartialEq)]
pub struct NameQuery {
    needle: String,
    typos: Option<Typos>,
    /// Where distances are measured from.
    pub origin: Option<Origin>,
    /// How many centers at most.
    pub limit: usize,
}

impl NameQuery {
    /// A query for a text without case and accents; `None` where nothing is
    /// left of it.
    #[must_use]
    pub fn new(text: &str, origin: Option<Origin>, limit: usize) -> Option<Self> {
        let needle = fold(text).into_owned();
        (!needle.is_empty()).then(|| Self {
            typos: Typos::of(&needle),
            needle,
            origin,
            limit,
        })
    }

    /// The same query for names that hold the text to the letter.
    #[must_use]
    pub fn to_the_letter(mut self) -> Self {
        self.typos = None;
        self
    }

    /// Which letters may be wrong, if any.
    #[must_use]
    pub fn typos(&self) -> Option<&Typos> {
        self.typos.as_ref()
    }

    /// How a folded name holds the text, or almost does.
    #[must_use]
    pub fn how(&self, name: &str) -> Option<NameMatch> {
        let almost = || Some(NameMatch::Fuzzy(self.typos.as_ref()?.in_name(name)?));
        NameMatch::of(name, &self.needle).or_else(almost)
    }

    /// What to look for in folded names.
    #[must_use]
    pub fn needle(&self) -> &str {
        &self.needle
    }
}

/// A center whose name holds what was typed.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundName {
    /// The center.
    pub center: Center,
    /// How its name holds it.
    pub how: NameMatch,
    /// The great-circle distance from the origin in metres; `None` where either
    /// has no position.
    pub distance_m: Option<f64>,
}

impl NameQuery {
    /// The answer, if no other centers than these can be part of it.
    #[must_use]
    pub fn answer(&self, centers: Vec<Center>) -> Vec<FoundName> {
        let origin = self.origin.map(Origin::unit_vector);
        let mut found: Vec<(Rank, FoundName)> = centers
            .into_iter()
            .filter_map(|center| {
                let name = fold(&center.text.name);
                let how = self.how(&name)?;
                let distance_m = origin.zip(center.position).map(|(origin, position)| {
                    distance_m_of(origin.chord_squared(position.unit_vector()))
                });
                let rank = Rank {
                    how,
                    // Bits of what is not negative sort as the numbers do.
                    distance: distance_m.map_or(u64::MAX, f64::to_bits),
                    name: distance_m.is_none().then(|| name.into()),
                    id: center.id,
                };
                let found = FoundName {
                    center,
                    how,
                    distance_m,
                };
                Some((rank, found))
            })
            .collect();
        found.sort_unstable_by(|(rank, _), (other, _)| rank.cmp(other));
        found.truncate(self.limit);
        found.into_iter().map(|(_, found)| found).collect()
    }
}

/// What an answer is sorted by, in this order.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    how: NameMatch,
    distance: u64,
    name: Option<Box<str>>,
    id: CenterId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_holds_a_text_in_the_best_way_that_it_can() {
        use NameMatch::{Inside, Prefix, WordStart};
        for (name, needle, expected) in [
            ("blue hole", "blue", Some(Prefix)),
            ("blue hole", "hol", Some(WordStart)),
            ("blue hole", "ole", Some(Inside)),
            // Inside first, at a word's start later.
            ("whole hole", "hole", Some(WordStart)),
            ("blue hole", "e h", Some(Inside)),
            ("blue hole", "hole ", None),
            ("100 % club", "%", Some(Inside)),
            ("o'neill", "neill", Some(WordStart)),
            ("", "a", None),
        ] {
            assert_eq!(NameMatch::of(name, needle), expected, "{name} {needle}");
        }
    }
}
