//! When two centers may be one that was entered twice.

use super::center::CenterId;
use super::fold::fold;

/// The longest distance in metres within which another center is looked for.
pub const MAX_DUPLICATE_DISTANCE_M: f64 = 10_000.0;
/// The most neighbours that are named.
pub const MAX_NEIGHBOURS: usize = 10;

/// Names that need fewer changes than this share of their letters are alike.
const ALIKE: f64 = 0.8;

/// A center with a similar name nearby.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbour {
    /// Its number.
    pub id: CenterId,
    /// Its name.
    pub name: String,
    /// How far away it is in metres.
    pub distance_m: f64,
}

/// Whether two names may mean the same center: a few letters differ (normalized
/// Damerau-Levenshtein), or one has all words of the other. Case, accents and
/// punctuation do not count.
#[must_use]
pub fn are_alike(one: &str, other: &str) -> bool {
    let (one, other) = (words(one), words(other));
    let (few, many) = if one.len() <= other.len() {
        (&one, &other)
    } else {
        (&other, &one)
    };
    let holds_all = !few.is_empty() && few.iter().all(|word| many.contains(word));
    let (one, other) = (one.join(" "), other.join(" "));
    holds_all || strsim::normalized_damerau_levenshtein(&one, &other) >= ALIKE
}

/// The words of a name; a name of nothing but signs is one word.
fn words(name: &str) -> Vec<String> {
    let folded = fold(name);
    let words = folded.split(|c: char| !c.is_alphanumeric());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    if words.is_empty() {
        vec![folded.into_owned()]
    } else {
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_by_a_slip_or_a_word_are_alike() {
        for (one, other) in [
            ("Blue Dive", "blue dive"),
            ("Blue Dive", "Blue Dive Center"),
            ("Dive Center Tromsø", "TROMSO dive-center"),
            ("Aquanaut Divers", "Aquanuat Divers"),
            ("???", "???"),
        ] {
            assert!(
                are_alike(one, other) && are_alike(other, one),
                "{one}, {other}"
            );
        }
    }

    #[test]
    fn other_names_are_not() {
        for (one, other) in [
            ("Blue Dive", "Red Sea School"),
            ("Athens Divers", "Nautilus"),
            ("Blue Dive", "Blue Hotel"),
            ("???", "!!!"),
        ] {
            assert!(!are_alike(one, other), "{one}, {other}");
        }
    }
}
