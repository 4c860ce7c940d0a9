//! What a page of a list shows: which centers, in which order, and which part.

use super::bounds::Bounds;
use super::center::{CenterId, TextField};
use super::fold::fold;
use super::rating::RatingRange;
use super::viewport::Viewport;

/// A text that is looked for anywhere in a field, without case and accents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needle {
    given: String,
    folded: String,
}

impl Needle {
    /// A needle; `None` for a text that is in every other, such as an empty one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let folded = fold(text);
        (!folded.is_empty()).then(|| Self {
            given: text.trim().to_owned(),
            folded: folded.into_owned(),
        })
    }

    /// The text as it was given, without blanks around it.
    #[must_use]
    pub fn given(&self) -> &str {
        &self.given
    }

    /// The text without case and accents.
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// Whether a text holds it.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        fold(text).contains(&self.folded)
    }
}

/// What a list is sorted by. Texts sort without case and accents; rows that
/// lack it come first, last when descending; ties by id, ascending always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortBy {
    /// The text of a field.
    Text(TextField),
    /// When a center was created.
    CreatedAt,
    /// When a center was last written.
    UpdatedAt,
    /// The average rating.
    Rating,
    /// Nothing but the id.
    Id,
}

/// Which centers a list holds, in which order.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// Looked for in any of [`Listing::SEARCHED`].
    pub anywhere: Option<Needle>,
    /// Looked for in one field each; all must be there.
    pub within: Vec<(TextField, Needle)>,
    /// Only centers with a position in there.
    pub viewport: Option<Viewport>,
    /// Only centers with an average rating in there.
    pub ratings: RatingRange,
    /// What it is sorted by.
    pub sort_by: SortBy,
    /// Whether the greatest comes first.
    pub descending: bool,
}

impl Listing {
    /// The fields that [`Listing::anywhere`] is looked for in.
    pub const SEARCHED: [TextField; 5] = [
        TextField::Name,
        TextField::Description,
        TextField::Country,
        TextField::Region,
        TextField::City,
    ];

    /// Whether the texts of a center are such as are wanted.
    #[must_use]
    pub fn takes<'t>(&self, text: impl Fn(TextField) -> Option<&'t str>) -> bool {
        let holds =
            |field: TextField, needle: &Needle| text(field).is_some_and(|text| needle.is_in(text));
        self.within
            .iter()
            .all(|(field, needle)| holds(*field, needle))
            && self
                .anywhere
                .as_ref()
                .is_none_or(|needle| Self::SEARCHED.into_iter().any(|field| holds(field, needle)))
    }

    /// The viewport, where it decides alone what a list by name holds.
    #[must_use]
    pub fn viewport_alone(&self) -> Option<&Viewport> {
        let alone = self.within.is_empty()
            && self.ratings.is_all()
            && self.anywhere.is_none()
            && self.sort_by == SortBy::Text(TextField::Name);
        self.viewport.as_ref().filter(|_| alone)
    }

    /// Whether it likely leaves most centers out.
    #[must_use]
    pub fn is_narrow(&self) -> bool {
        let is_box = |viewport: &Viewport| matches!(viewport.bounds(), Bounds::Box { .. });
        !self.within.is_empty()
            || !self.ratings.is_all()
            || self.anywhere.is_some()
            || self.viewport.as_ref().is_some_and(is_box)
    }

    /// The same list without ratings, by id where they gave the order.
    #[must_use]
    pub fn without_ratings(self) -> Self {
        Self {
            ratings: RatingRange::default(),
            sort_by: match self.sort_by {
                SortBy::Rating => SortBy::Id,
                sort_by => sort_by,
            },
            ..self
        }
    }

    /// Whether the text of a field has to be read to answer.
    #[must_use]
    pub fn reads(&self, field: TextField) -> bool {
        self.sort_by == SortBy::Text(field)
            || self.within.iter().any(|(within, _)| *within == field)
            || self.anywhere.is_some() && Self::SEARCHED.contains(&field)
    }
}

impl Default for Listing {
    /// All centers by name.
    fn default() -> Self {
        Self {
            anywhere: None,
            within: Vec::new(),
            viewport: None,
            ratings: RatingRange::default(),
            sort_by: SortBy::Text(TextField::Name),
            descending: false,
        }
    }
}

/// What a center sorts by; those that lack it come first.
pub type SortKey = Option<Box<str>>;

/// Blanks, punctuation and symbols in the order in which the Unicode Collation
/// Algorithm has them, before digits and letters (UTS #10, DUCET), as MySQL sorts.
const BEFORE_DIGITS: &str = " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";

/// The key of a text: without case and accents, and such that keys sort as
/// people expect of texts.
#[must_use]
pub fn sort_key(text: &str) -> Box<str> {
    let folded = fold(text);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
    if folded.bytes().all(plain) {
        return folded.into();
    }
    let place = |c: char| {
        BEFORE_DIGITS
            .find(c)
            .and_then(|place| u8::try_from(place + 1).ok())
    };
    folded
        .chars()
        .map(|c| place(c).map_or(c, char::from))
        .collect::<String>()
        .into()
}

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// How many come before it.
    pub offset: u64,
    /// How many it holds at most.
    pub count: usize,
}

/// The ids of a part of a list, and how long the whole list is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// In the order of the list.
    pub ids: Vec<CenterId>,
    /// How many the whole list holds.
    pub total: u64,
}

impl Part {
    /// This part of a whole list that comes in any order.
    #[must_use]
    pub fn of(self, mut list: Vec<(SortKey, CenterId)>, descending: bool) -> Listed {
        let total = list.len();
        let start = usize::try_from(self.offset).map_or(total, |offset| offset.min(total));
        let end = start.saturating_add(self.count).min(total);
        let compare = |(key, id): &(SortKey, CenterId), (other, other_id): &(SortKey, CenterId)| {
            let by_key = if descending {
                other.cmp(key)
            } else {
                key.cmp(other)
            };
            by_key.then(id.cmp(other_id))
        };
        // Only what the part holds is worth sorting.
        if end < total {
            list.select_nth_unstable_by(end, compare);
            list.truncate(end);
        }
        if 0 < start && start < end {
            list.select_nth_unstable_by(start, compare);
        }
        list.drain(..start.min(end));
        list.sort_unstable_by(compare);
        Listed {
            ids: list.into_iter().map(|(_, id)| id).collect(),
            total: total as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needle(text: &str) -> Needle {
        Needle::new(text).expect("something to look for")
    }

    #[test]
    fn a_needle_is_found_without_case_and_accents() {
        assert!(needle("ATHIN").is_in("Nomós Athínas"));
        assert!(needle(" mos ath ").is_in("Nomós  Athínas"));
        assert!(!needle("%").is_in("Athens") && needle("%_").is_in("100 %_"));
        assert_eq!(Needle::new(" \u{301}"), None);
    }

    #[test]
    fn a_part_is_what_it_would_be_of_the_sorted_list() {
        let id = |number| CenterId::new(number).unwrap();
        let list: Vec<(SortKey, CenterId)> = (1..=9)
            .map(|n| ((n % 4 > 0).then(|| (n % 4).to_string().into()), id(10 - n)))
            .collect();
        let numbers = |offset, count, descending| {
            let listed = Part { offset, count }.of(list.clone(), descending);
            assert_eq!(listed.total, 9);
            listed.ids.iter().map(|id| id.get()).collect::<Vec<_>>()
        };
        let rising = [2, 6, 1, 5, 9, 4, 8, 3, 7];
        let falling = [3, 7, 4, 8, 1, 5, 9, 2, 6];
        for offset in 0..11 {
            for count in 0..11 {
                let start = offset.min(9);
                let end = (offset + count).min(9);
                assert_eq!(numbers(offset as u64, count, false), rising[start..end]);
                assert_eq!(numbers(offset as u64, count, true), falling[start..end]);
            }
        }
        assert!(numbers(u64::MAX, 1_000, false).is_empty());
    }

    #[test]
    fn punctuation_sorts_before_digits_and_these_before_letters() {
        let texts = [
            "", " x y", "x", "x y", "x_y", "x-y", "x.y", "x'y", "x/y", "x$y", "x1", "X2", "xa",
            "xé", "xf", "xя",
        ];
        let keys: Vec<_> = texts.iter().map(|text| sort_key(text)).collect();
        assert!(keys[3..].is_sorted() && keys[0] < keys[2] && keys[2] < keys[3]);
        assert_eq!(keys[1], keys[3]);
        assert!(BEFORE_DIGITS.len() < usize::from(b'0'));
    }

    #[test]
    fn all_fields_must_hold_theirs_and_any_of_the_searched_will_do() {
        let text = |field| match field {
            TextField::Name => Some("Blue"),
            TextField::City => Some("Athens"),
            _ => None,
        };
        let listing = |anywhere, within: &[(TextField, &str)]| Listing {
            anywhere: Needle::new(anywhere),
            within: within
                .iter()
                .map(|(field, text)| (*field, needle(text)))
                .collect(),
            ..Listing::default()
        };
        assert!(listing("", &[]).takes(text));
        assert!(listing("then", &[(TextField::Name, "blu")]).takes(text));
        assert!(!listing("then", &[(TextField::Name, "red")]).takes(text));
        assert!(!listing("", &[(TextField::Country, "g")]).takes(text));
        assert!(!listing("blue athens", &[]).takes(text));
    }
}
