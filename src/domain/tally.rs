//! How many centers a search is about, and how often each value of a field is there.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::condition::{FieldId, FieldValue};
use super::value_key::ValueKey;

/// The most fields whose values one search counts.
pub const MAX_FACETS: usize = 5;
/// The most values of one field that are told one by one.
pub const MAX_FACET_VALUES: usize = 100;

/// What there is within the radius of a search, whatever its limit and cursor.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    /// How many centers.
    pub total: u64,
    /// How often each value is there, in the order of the fields that were asked for.
    pub facets: Vec<Facet>,
}

/// How often each value of a field is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Facet {
    /// The field.
    pub field: FieldId,
    /// The most frequent values, the most frequent first and equals in their order;
    /// `None` counts the centers whose field is NULL, and stands behind its equals.
    pub values: Vec<(Option<FieldValue>, u64)>,
    /// How many centers have another value.
    pub other: u64,
}

impl Facet {
    /// Ranks counts, of which each is of another value.
    #[must_use]
    pub fn of(field: FieldId, counts: impl IntoIterator<Item = (Option<FieldValue>, u64)>) -> Self {
        let mut values: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
        values.sort_unstable_by(|(one, of_one), (other, of_other)| {
            of_other
                .cmp(of_one)
                .then_with(|| in_order(one.as_ref(), other.as_ref()))
        });
        let others = values.split_off(values.len().min(MAX_FACET_VALUES));
        Self {
            field,
            values,
            other: others.iter().map(|(_, count)| count).sum(),
        }
    }
}

/// Counts of the values of a field while they come in.
#[derive(Debug, Default)]
pub struct Counts(HashMap<Option<ValueKey>, u64>);

impl Counts {
    /// Counts a value so many times more.
    pub fn add(&mut self, value: Option<FieldValue>, count: u64) {
        *self.0.entry(value.map(ValueKey::from)).or_default() += count;
    }

    /// Ranks them.
    #[must_use]
    pub fn into_facet(self, field: FieldId) -> Facet {
        let counts = self.0.into_iter();
        let value = |key: Option<ValueKey>| key.map(FieldValue::from);
        Facet::of(field, counts.map(|(key, count)| (value(key), count)))
    }
}

fn in_order(one: Option<&FieldValue>, other: Option<&FieldValue>) -> Ordering {
    match (one, other) {
        (Some(one), Some(other)) => {
            let order = one.borrowed().compare(other.borrowed());
            order.unwrap_or(Ordering::Equal)
        }
        // NULL is behind all values.
        _ => one.is_none().cmp(&other.is_none()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> FieldValue {
        FieldValue::Text(value.to_owned())
    }

    #[test]
    fn the_most_frequent_values_come_first_and_null_behind_its_equals() {
        let counts = [
            (Some(text("c")), 2),
            (None, 3),
            (Some(text("a")), 2),
            (Some(text("gone")), 0),
            (Some(text("b")), 3),
        ];
        let facet = Facet::of(FieldId::CITY, counts);
        let expected = [
            (Some(text("b")), 3),
            (None, 3),
            (Some(text("a")), 2),
            (Some(text("c")), 2),
        ];
        assert_eq!((facet.values.as_slice(), facet.other), (&expected[..], 0));
    }

    #[test]
    fn equal_values_are_counted_together_whatever_their_kind() {
        let mut counts = Counts::default();
        let number = |number| Some(FieldValue::Number(number));
        for value in [number(0.0), number(-0.0), number(1.5), None, None, None] {
            counts.add(value, 2);
        }
        let expected = [(None, 6), (number(0.0), 4), (number(1.5), 2)];
        assert_eq!(counts.into_facet(FieldId::CITY).values, expected);
    }

    #[test]
    fn values_beyond_the_first_hundred_are_counted_together() {
        let facet = |values: usize| {
            let counts = (0..values).map(|value| (Some(text(&format!("{value:03}"))), 2));
            Facet::of(FieldId::CITY, counts)
        };
        assert_eq!((facet(100).values.len(), facet(100).other), (100, 0));
        assert_eq!((facet(103).values.len(), facet(103).other), (100, 6));
        assert_eq!(facet(103).values[99], (Some(text("099")), 2));
    }
}
