//! How well a center fits what was searched, from 0 to 1, reckoned as Divemap does.
//!
//! A name that holds the text is 1. Otherwise it counts how many of the words are
//! found in name, city, region or country, as they are or nearly; whether they stand
//! together in the name; whether a place holds the whole text; and how alike name and
//! text are. Likeness is Ratcliff's and Obershelp's (Dr. Dobb's Journal, July 1988):
//! twice the letters in common blocks by all letters.

use std::borrow::Cow;

use crate::domain::{ListRow, TextField, fold};

/// From this likeness on, words are taken for the same.
const SAME_WORD: f64 = 0.7;
/// From this likeness on, one word alone makes the score.
const SAME_SINGLE_WORD: f64 = 0.8;
/// Whoever scores no more is not close to what was searched.
const CLOSE: f64 = 0.2;

/// The fields that a score is made of.
pub(super) const SCORED: [TextField; 5] = [
    TextField::Name,
    TextField::Description,
    TextField::Country,
    TextField::Region,
    TextField::City,
];

/// A text that was searched.
#[derive(Debug)]
pub(super) struct Searched {
    text: String,
    letters: Vec<char>,
    words: Vec<Vec<char>>,
    joined: String,
}

/// The texts of one center, as they are compared.
struct Texts<'a> {
    name: Cow<'a, str>,
    country: Cow<'a, str>,
    region: Cow<'a, str>,
    city: Cow<'a, str>,
}

impl<'a> Texts<'a> {
    fn of(row: &'a ListRow<'_>) -> Self {
        let folded = |field| row.text(field).map_or(Cow::Borrowed(""), fold);
        Self {
            name: folded(TextField::Name),
            country: folded(TextField::Country),
            region: folded(TextField::Region),
            city: folded(TextField::City),
        }
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        let all = [&self.name, &self.city, &self.region, &self.country];
        all.into_iter().flat_map(|text| text.split(' '))
    }
}

impl Searched {
    pub(super) fn new(text: &str) -> Self {
        let text = fold(text).into_owned();
        Self {
            letters: text.chars().collect(),
            words: text.split(' ').map(|word| word.chars().collect()).collect(),
            joined: text.replace(' ', ""),
            text,
        }
    }

    /// The score of a center that holds the text.
    pub(super) fn score(&self, row: &ListRow<'_>) -> f64 {
        let texts = Texts::of(row);
        if texts.name.contains(&self.text) {
            return 1.0;
        }
        let (found, together) = (self.found(&texts), self.together(&texts.name));
        self.rated(row, &texts, found, together)
    }

    /// The score of a center that does not hold the text; `None` where it is not
    /// close to it.
    pub(super) fn close(&self, row: &ListRow<'_>) -> Option<f64> {
        let texts = Texts::of(row);
        let (found, together) = (self.found(&texts), self.together(&texts.name));
        // Likeness alone is not enough: most centers end here.
        if found == 0.0 && together == 0.0 {
            return None;
        }
        let score = self.rated(row, &texts, found, together);
        (score > CLOSE).then_some(score)
    }

    fn rated(&self, row: &ListRow<'_>, texts: &Texts<'_>, found: f64, together: f64) -> f64 {
        let places = [&texts.country, &texts.region, &texts.city];
        let held = places.map(|place| if place.contains(&self.text) { 0.2 } else { 0.0 });
        let name: Vec<char> = texts.name.chars().collect();
        let description = row
            .text(TextField::Description)
            .map_or(Cow::Borrowed(""), fold);
        let described = description.contains(&self.text);
        let score = found * 0.5
            + together
            + held.iter().sum::<f64>()
            + likeness(&self.letters, &name) * 0.2
            + if described { 0.1 } else { 0.0 };
        let alone = match self.words.as_slice() {
            [word] => best_likeness(word, texts.name.split(' ')),
            _ => 0.0,
        };
        let alone = if alone >= SAME_SINGLE_WORD {
            alone * 0.8
        } else {
            0.0
        };
        score.max(alone).min(1.0)
    }

    /// Which part of the words is there.
    #[expect(clippy::cast_precision_loss, reason = "few words make small numbers")]
    fn found(&self, texts: &Texts<'_>) -> f64 {
        let is_there = |word: &&Vec<char>| {
            let text: String = word.iter().collect();
            texts.words().any(|other| other.contains(&text))
                || texts.words().any(|other| {
                    may_be_alike(word, other) && {
                        let other: Vec<char> = other.chars().collect();
                        likeness(word, &other) >= SAME_WORD
                    }
                })
        };
        self.words.iter().filter(is_there).count() as f64 / self.words.len() as f64
    }

    /// What it adds that several words stand together in the name.
    fn together(&self, name: &str) -> f64 {
        if self.words.len() < 2 {
            return 0.0;
        }
        let name = name.replace(' ', "");
        if name.contains(&self.joined) {
            return 0.3;
        }
        let name: Vec<char> = name.chars().collect();
        let joined: Vec<char> = self.joined.chars().collect();
        if likeness(&joined, &name) >= SAME_WORD {
            0.2
        } else {
            0.0
        }
    }
}

fn best_likeness<'t>(word: &[char], others: impl Iterator<Item = &'t str>) -> f64 {
    let likeness = others.map(|other| likeness(word, &other.chars().collect::<Vec<_>>()));
    likeness.fold(0.0, f64::max)
}

/// Whether two words have letters enough in common, wherever these stand, to be taken
/// for the same: much faster to tell than how alike they are.
fn may_be_alike(word: &[char], other: &str) -> bool {
    let mut left: Vec<char> = word.to_vec();
    let (mut common, mut length) = (0, 0);
    for letter in other.chars() {
        length += 1;
        if let Some(at) = left.iter().position(|known| *known == letter) {
            left.swap_remove(at);
            common += 1;
        }
    }
    share(common, word.len() + length) >= SAME_WORD
}

/// How alike two texts are: twice the letters of their common blocks, by all letters.
fn likeness(one: &[char], other: &[char]) -> f64 {
    share(in_common(one, other), one.len() + other.len())
}

#[expect(clippy::cast_precision_loss, reason = "texts are short")]
fn share(common: usize, all: usize) -> f64 {
    if all == 0 {
        1.0
    } else {
        2.0 * common as f64 / all as f64
    }
}

/// The letters of the longest common block and, on either side of it, of the longest
/// ones there; the first of those that are equally long.
fn in_common(one: &[char], other: &[char]) -> usize {
    let (mut start, mut other_start, mut longest) = (0, 0, 0);
    // How long the block is that ends with this letter and each of the other's.
    let mut ending = vec![0; other.len() + 1];
    for (at, letter) in one.iter().enumerate() {
        for place in (0..other.len()).rev() {
            ending[place + 1] = if other[place] == *letter {
                ending[place] + 1
            } else {
                0
            };
        }
        // The first of the longest that end here.
        for (place, &length) in ending.iter().enumerate().skip(1) {
            if length > longest {
                (start, other_start, longest) = (at + 1 - length, place - length, length);
            }
        }
    }
    if longest == 0 {
        return 0;
    }
    in_common(&one[..start], &other[..other_start])
        + longest
        + in_common(&one[start + longest..], &other[other_start + longest..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::CenterId;

    fn alike(one: &str, other: &str) -> f64 {
        let letters = |text: &str| text.chars().collect::<Vec<_>>();
        likeness(&letters(one), &letters(other))
    }

    /// As Python's `difflib.SequenceMatcher(None, one, other).ratio()` says.
    #[test]
    fn likeness_is_what_python_says() {
        for (one, other, expected) in [
            ("anavissos", "anavyssos", 0.888_888_888_888_888_8),
            ("anavys", "anavissos", 0.666_666_666_666_666_6),
            ("blue hole", "bleu hole", 0.888_888_888_888_888_8),
            ("abcd", "bcde", 0.75),
            ("tide", "diet", 0.25),
            ("diet", "tide", 0.5),
            ("scuba life", "scubalife athens", 0.692_307_692_307_692_3),
            ("", "", 1.0),
            ("a", "", 0.0),
        ] {
            assert_eq!(alike(one, other), expected, "{one} {other}");
        }
    }

    fn row(texts: [&'static str; 4]) -> ListRow<'static> {
        let mut row = ListRow {
            id: CenterId::new(1).expect("an id"),
            mark: None,
            texts: Default::default(),
        };
        let fields = [
            TextField::Name,
            TextField::Description,
            TextField::Region,
            TextField::City,
        ];
        for (field, text) in fields.into_iter().zip(texts) {
            row.texts[field as usize] = Some(text.into());
        }
        row
    }

    /// As Divemap's own scoring says, run on these texts.
    #[test]
    fn scores_are_what_divemap_says() {
        let described = "about scuba life in greece";
        for (text, texts, expected) in [
            (
                "anavissos",
                ["Scuba Life", "", "Attica", "Anavyssos"],
                0.542_105_263_157_894_8,
            ),
            ("blue hole", ["The Blue Hole", "", "", ""], 1.0),
            (
                "blue hole",
                ["Bluehole Reef", "", "", ""],
                0.945_454_545_454_545_5,
            ),
            ("attica", ["Dive", "", "Attica", ""], 0.74),
            (
                "anavys",
                ["Anavissos", "", "", ""],
                0.133_333_333_333_333_33,
            ),
            (
                "anavisos",
                ["Anavissos Bay", "", "", ""],
                0.752_941_176_470_588_2,
            ),
            (
                "scuba life",
                ["Skuba Live Athens", described, "Attica", "Athens"],
                0.718_518_518_518_518_4,
            ),
            (
                "divee club athens",
                ["Dive Club", "x", "Attica", "Athens"],
                0.638_461_538_461_538_4,
            ),
            ("sea", ["Sea urchin", "", "", ""], 1.0),
            ("see", ["sea", "", "", ""], 0.133_333_333_333_333_33),
        ] {
            assert_eq!(
                Searched::new(text).score(&row(texts)),
                expected,
                "{text} {texts:?}"
            );
        }
    }

    #[test]
    fn what_has_neither_a_word_nor_the_phrase_is_not_close() {
        let close = |text, name| Searched::new(text).close(&row([name, "", "", ""]));
        assert_eq!(close("anavys", "Anavissos"), None);
        assert!(close("anavisos", "Anavissos Bay").is_some_and(|score| score > 0.7));
        assert!(close("scuba lief", "Scuba Life").is_some());
    }
}
