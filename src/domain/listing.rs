//! What a page of a list shows: which centers, in which order, and which part.

use std::borrow::Cow;
use std::collections::HashMap;

use super::bounds::Bounds;
use super::center::{CenterId, TextField};
use super::fold::fold;
use super::rating::RatingRange;
use super::viewport::Viewport;

/// A text that is looked for anywhere in a field, without case and accents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needle {
    folded: String,
}

impl Needle {
    /// A needle; `None` for a text that is in every other, such as an empty one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let folded = fold(text);
        (!folded.is_empty()).then(|| Self {
            folded: folded.into_owned(),
        })
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

/// A text that has to be in one of some fields at least, each with its own form of
/// it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AnyOf {
    /// Where it is looked for.
    pub fields: Vec<(TextField, Needle)>,
    /// Centers that are known to hold it elsewhere, by id.
    pub or_these: Vec<CenterId>,
}

impl AnyOf {
    /// A needle in one field.
    #[must_use]
    pub fn within(field: TextField, needle: Needle) -> Self {
        Self {
            fields: vec![(field, needle)],
            or_these: Vec::new(),
        }
    }

    /// A needle in any of [`Listing::SEARCHED`].
    #[must_use]
    pub fn anywhere(needle: &Needle) -> Self {
        let fields = Listing::SEARCHED.map(|field| (field, needle.clone()));
        Self {
            fields: fields.into(),
            or_these: Vec::new(),
        }
    }

    fn takes(&self, row: &ListRow<'_>) -> bool {
        let holds = |(field, needle): &(TextField, Needle)| {
            row.text(*field).is_some_and(|text| needle.is_in(text))
        };
        self.fields.iter().any(holds) || self.or_these.binary_search(&row.id).is_ok()
    }
}

/// A center as it is read to see whether a list holds it, and where.
#[derive(Debug)]
pub struct ListRow<'a> {
    /// Its number.
    pub id: CenterId,
    /// The time or mark that the list is sorted by, such that these sort as texts.
    pub mark: Option<Cow<'a, str>>,
    /// Its texts, those that are needed.
    pub texts: [Option<Cow<'a, str>>; TextField::ALL.len()],
}

impl ListRow<'_> {
    /// The text of a field, where it was read.
    #[must_use]
    pub fn text(&self, field: TextField) -> Option<&str> {
        self.texts[field as usize].as_deref()
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
    /// What [`Listing::ranks`] says.
    Rank,
    /// Nothing but the id.
    Id,
}

/// Which centers a list holds, in which order.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// What its texts hold; all of these.
    pub texts: Vec<AnyOf>,
    /// Only these, by id.
    pub among: Option<Vec<CenterId>>,
    /// Only centers whose owner was approved.
    pub is_claimed: bool,
    /// Only centers with a position in there.
    pub viewport: Option<Viewport>,
    /// Only centers with an average rating in there.
    pub ratings: RatingRange,
    /// What it is sorted by.
    pub sort_by: SortBy,
    /// Whether the greatest comes first.
    pub descending: bool,
    /// The keys to sort by, for [`SortBy::Rank`]; centers without one lack it.
    pub ranks: HashMap<CenterId, Box<str>>,
}

impl Listing {
    /// Whether it has to be known how centers are rated.
    #[must_use]
    pub fn asks_for_ratings(&self) -> bool {
        self.sort_by == SortBy::Rating || !self.ratings.is_all()
    }

    /// The same where nobody is rated: by id; `None` where nobody is in it.
    #[must_use]
    pub fn where_nobody_is_rated(&self) -> Option<Self> {
        let is_all = self.ratings.is_all();
        is_all.then(|| self.clone().without_ratings())
    }

    /// The fields that a search looks in.
    pub const SEARCHED: [TextField; 5] = [
        TextField::Name,
        TextField::Description,
        TextField::Country,
        TextField::Region,
        TextField::City,
    ];

    /// Whether a center is such as is wanted, as far as that is told here and not by
    /// the database.
    #[must_use]
    pub fn takes(&self, row: &ListRow<'_>) -> bool {
        self.texts.iter().all(|text| text.takes(row))
    }

    /// What a center sorts by.
    #[must_use]
    pub fn key(&self, row: &ListRow<'_>) -> SortKey {
        match self.sort_by {
            SortBy::Text(field) => row.text(field).map(sort_key),
            SortBy::Id => None,
            SortBy::Rank => self.ranks.get(&row.id).cloned(),
            SortBy::CreatedAt | SortBy::UpdatedAt | SortBy::Rating => {
                row.mark.as_deref().map(Into::into)
            }
        }
    }

    /// Whether rows have to be looked at here: databases fold texts otherwise, and
    /// do not know ranks.
    #[must_use]
    pub fn is_told_here(&self) -> bool {
        !self.texts.is_empty() || self.sort_by == SortBy::Rank
    }

    /// The viewport, where it decides alone what a list by name holds.
    #[must_use]
    pub fn viewport_alone(&self) -> Option<&Viewport> {
        let alone = self.texts.is_empty()
            && self.among.is_none()
            && !self.is_claimed
            && self.ratings.is_all()
            && self.sort_by == SortBy::Text(TextField::Name);
        self.viewport.as_ref().filter(|_| alone)
    }

    /// Whether it likely leaves most centers out.
    #[must_use]
    pub fn is_narrow(&self) -> bool {
        let is_box = |viewport: &Viewport| matches!(viewport.bounds(), Bounds::Box { .. });
        !self.texts.is_empty()
            || self.among.is_some()
            || self.is_claimed
            || !self.ratings.is_all()
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
        let asked = self.texts.iter().flat_map(|text| &text.fields);
        self.sort_by == SortBy::Text(field) || asked.into_iter().any(|(asked, _)| *asked == field)
    }
}

impl Default for Listing {
    /// All centers by name.
    fn default() -> Self {
        Self {
            texts: Vec::new(),
            among: None,
            is_claimed: false,
            viewport: None,
            ratings: RatingRange::default(),
            sort_by: SortBy::Text(TextField::Name),
            descending: false,
            ranks: HashMap::new(),
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
    fn all_texts_must_be_there_and_any_of_their_fields_will_do() {
        let mut row = ListRow {
            id: CenterId::new(7).unwrap(),
            mark: None,
            texts: Default::default(),
        };
        row.texts[TextField::Name as usize] = Some("Blue".into());
        row.texts[TextField::City as usize] = Some("Athens".into());
        let anywhere = |text| AnyOf::anywhere(&needle(text));
        let within = |field, text| AnyOf::within(field, needle(text));
        let takes = |texts: &[AnyOf]| {
            let texts = texts.to_vec();
            Listing {
                texts,
                ..Listing::default()
            }
            .takes(&row)
        };
        assert!(takes(&[]));
        assert!(takes(&[anywhere("then"), within(TextField::Name, "blu")]));
        assert!(!takes(&[anywhere("then"), within(TextField::Name, "red")]));
        assert!(!takes(&[within(TextField::Country, "g")]));
        assert!(!takes(&[anywhere("blue athens")]));
        let known = |ids: &[i64]| AnyOf {
            or_these: ids.iter().map(|id| CenterId::new(*id).unwrap()).collect(),
            ..anywhere("alias")
        };
        assert!(takes(&[known(&[3, 7])]) && !takes(&[known(&[3, 9])]));
    }
}
