//! Names that are almost what was typed.

use std::ops::Range;

use super::fold::word_starts;

/// One letter of so many may be wrong, missing or too many.
const LETTERS_PER_TYPO: usize = 5;
/// The most that may be, however long the text: comparing takes that many times as
/// long.
const MAX_TYPOS: usize = 8;
/// What is compared of a row: as many letters on either side as may be missing, and
/// one that is always too many.
const BAND: usize = 2 * MAX_TYPOS + 3;

/// What was typed, with letters wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typos {
    letters: Vec<char>,
    allowed: usize,
}

impl Typos {
    /// Of a folded needle; `None` for one that is too short for any.
    #[must_use]
    pub fn of(needle: &str) -> Option<Self> {
        let letters: Vec<char> = needle.chars().collect();
        let allowed = (letters.len() / LETTERS_PER_TYPO).min(MAX_TYPOS);
        (allowed > 0).then_some(Self { letters, allowed })
    }

    /// The needle in one piece more than letters may be wrong: whatever is close
    /// enough holds one of them as it is.
    pub fn pieces(&self) -> impl Iterator<Item = String> {
        let count = self.allowed + 1;
        let cut = move |piece: usize| self.letters.len() * piece / count;
        (0..count).map(move |piece| self.letters[cut(piece)..cut(piece + 1)].iter().collect())
    }

    /// How many letters are wrong at least where a word of a folded name, and what
    /// follows it, begins with the needle; `None` beyond what may be.
    #[must_use]
    pub fn in_name(&self, name: &str) -> Option<u8> {
        let letters: Vec<char> = name.chars().collect();
        let mut fewest = self.at_start(&letters);
        let (mut at, mut place) = (0, 0);
        for start in word_starts(name) {
            place += name[at..start].chars().count();
            at = start;
            let here = self.at_start(&letters[place..]);
            fewest = fewest.into_iter().chain(here).min();
        }
        fewest
    }

    /// The same where a text begins: Levenshtein's distance to the closest of its
    /// beginnings, in the band of the matrix that can be close enough.
    fn at_start(&self, text: &[char]) -> Option<u8> {
        const FAR: u8 = u8::MAX / 2;
        let allowed = self.allowed;
        // In `row[place]`: the first `needle` letters against the first
        // `needle + place - allowed - 1` of the text.
        let column = |needle: usize, place: usize| (needle + place).checked_sub(allowed + 1);
        let places: Range<usize> = 1..2 * allowed + 2;
        let mut row = [FAR; BAND];
        for place in places.clone() {
            if let Some(text_letters) = column(0, place).filter(|letters| *letters <= text.len()) {
                // At most one more than may be wrong.
                row[place] = u8::try_from(text_letters).unwrap_or(FAR);
            }
        }
        for (needle, letter) in (1..).zip(&self.letters) {
            let above = row;
            row = [FAR; BAND];
            for place in places.clone() {
                let Some(text_letters) = column(needle, place).filter(|l| *l <= text.len()) else {
                    continue;
                };
                let missing = above[place + 1] + 1;
                let surplus = row[place - 1] + 1;
                let same = match text_letters.checked_sub(1) {
                    Some(last) => above[place] + u8::from(text[last] != *letter),
                    None => FAR,
                };
                row[place] = missing.min(surplus).min(same);
            }
            if row.iter().all(|wrong| usize::from(*wrong) > allowed) {
                return None;
            }
        }
        row.into_iter()
            .min()
            .filter(|wrong| usize::from(*wrong) <= allowed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wrong(needle: &str, name: &str) -> Option<u8> {
        Typos::of(needle).and_then(|typos| typos.in_name(name))
    }

    #[test]
    fn one_letter_in_five_may_be_wrong() {
        for (needle, name, expected) in [
            ("anavissos", "anavyssos", Some(1)),
            ("anavissos", "dive club anavyssos 2", Some(1)),
            ("anavisos", "anavissos", Some(1)),
            ("anaavissos", "anavissos", Some(1)),
            ("xnavissos", "anavissos", Some(1)),
            ("anavissos", "anaviss", None),
            ("anavissosx", "anaviss", None),
            ("anavissxyz", "anavissos", None),
            ("anavyss", "anavissos", Some(1)),
            ("blue hole", "blue hold", Some(1)),
            ("bluehole", "blue hole", Some(1)),
            ("blu", "bla", None),
            ("hole", "hold", None),
            ("holes", "holds", Some(1)),
            ("σκοπελοσ", "σκιπελοσ", Some(1)),
            // At a word's start only.
            ("yssosx", "anavyssos", None),
        ] {
            assert_eq!(wrong(needle, name), expected, "{needle} in {name}");
        }
    }

    #[test]
    fn a_needle_comes_in_one_piece_more_than_letters_may_be_wrong() {
        let pieces = |needle| Typos::of(needle).unwrap().pieces().collect::<Vec<_>>();
        assert_eq!(pieces("abcde"), ["ab", "cde"]);
        assert_eq!(pieces("abcdefghij"), ["abc", "def", "ghij"]);
        assert_eq!(pieces(&"é".repeat(200)).len(), MAX_TYPOS + 1);
    }

    /// The whole matrix.
    fn slowly(needle: &[char], text: &[char]) -> usize {
        let mut row: Vec<usize> = (0..=text.len()).collect();
        for (at, letter) in needle.iter().enumerate() {
            let above = row.clone();
            row[0] = at + 1;
            for place in 1..=text.len() {
                let same = above[place - 1] + usize::from(text[place - 1] != *letter);
                row[place] = same.min(above[place] + 1).min(row[place - 1] + 1);
            }
        }
        row.into_iter().min().unwrap()
    }

    proptest! {
        #[test]
        fn the_band_says_what_the_whole_matrix_says(needle in "[ab]{5,24}", text in "[ab]{0,30}") {
            let typos = Typos::of(&needle).unwrap();
            let (letters, text_letters): (Vec<_>, Vec<_>) = (needle.chars().collect(), text.chars().collect());
            let expected = slowly(&letters, &text_letters);
            let found = typos.at_start(&text_letters).map(usize::from);
            prop_assert_eq!(found, Some(expected).filter(|wrong| *wrong <= typos.allowed));
            if found.is_some() {
                prop_assert!(typos.pieces().any(|piece| text.contains(&piece)));
            }
        }
    }
}
