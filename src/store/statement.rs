//! Statements that are put together for one question: their text and its values are
//! written in one walk, so that none can be without the other.

use std::borrow::Cow;

use chrono::NaiveDate;

use crate::domain::FieldValue;

/// A value of a statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Integer(i64),
    /// How many rows.
    Count(u64),
    Real(f64),
    Boolean(bool),
    Date(NaiveDate),
    /// Bytes, as of a point.
    Bytes(Vec<u8>),
    Null,
    Text(Cow<'a, str>),
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u64> for Value<'_> {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<Option<f64>> for Value<'_> {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Self::Null, Into::into)
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Into::into)
    }
}

impl<'a> From<Option<&'a FieldValue>> for Value<'a> {
    fn from(value: Option<&'a FieldValue>) -> Self {
        match value {
            None => Self::Null,
            Some(FieldValue::Text(text)) => text.as_str().into(),
            Some(FieldValue::Number(number)) => (*number).into(),
            Some(FieldValue::Boolean(boolean)) => Self::Boolean(*boolean),
            Some(FieldValue::Date(date)) => Self::Date(*date),
        }
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

/// A statement and the values of its placeholders, in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Statement<'a> {
    text: String,
    values: Vec<Value<'a>>,
}

/// Lists of values are filled up to one of these lengths, so that there are few
/// statements to prepare.
const PADDED_LENGTHS: [usize; 4] = [1, 8, 50, 100];

impl<'a> Statement<'a> {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            values: Vec::new(),
        }
    }

    /// Appends text that has no placeholders.
    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Appends text with the values of its placeholders.
    pub(super) fn push_with<const N: usize>(
        &mut self,
        text: &str,
        values: [Value<'a>; N],
    ) -> &mut Self {
        debug_assert_eq!(text.matches('?').count(), N, "{text}");
        self.text.push_str(text);
        self.values.extend(values);
        self
    }

    /// Appends a value.
    pub(super) fn push_value(&mut self, value: impl Into<Value<'a>>) -> &mut Self {
        self.push_with("?", [value.into()])
    }

    /// Appends the values of a list with commas between them, the last of them repeated
    /// up to one of a few lengths.
    pub(super) fn push_list<T: Into<Value<'a>>>(
        &mut self,
        values: impl IntoIterator<Item = T>,
    ) -> &mut Self {
        let first = self.values.len();
        self.values.extend(values.into_iter().map(Into::into));
        let count = self.values.len() - first;
        if let Some(last) = self.values[first..].last().cloned() {
            let padded = PADDED_LENGTHS.into_iter().find(|&length| length >= count);
            let missing = padded.unwrap_or(count) - count;
            self.values.extend(std::iter::repeat_n(last, missing));
        }
        let marks = vec!["?"; self.values.len() - first];
        self.text.push_str(&marks.join(", "));
        self
    }

    /// The same, to be explained by MySQL in place of executed.
    #[cfg(test)]
    pub(super) fn explained(mut self) -> Self {
        self.text.insert_str(0, "EXPLAIN FORMAT=TRADITIONAL ");
        self
    }

    /// The text and the values.
    pub(super) fn into_parts(self) -> (String, Vec<Value<'a>>) {
        (self.text, self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_one_of_a_few_lengths_and_lose_no_value() {
        for count in 0..=101_i64 {
            let mut statement = Statement::default();
            let (text, found) = {
                statement.push_list(0..count);
                statement.into_parts()
            };
            let length = found.len();
            let asked = usize::try_from(count).unwrap();
            assert!(length == asked || PADDED_LENGTHS.contains(&length));
            let values: Vec<_> = (0..count).map(Value::Integer).collect();
            assert_eq!(found[..asked], values);
            assert!(
                found[asked..]
                    .iter()
                    .all(|value| Some(value) == values.last())
            );
            assert_eq!(text.matches('?').count(), length);
        }
    }

    #[test]
    fn values_stand_in_the_order_of_their_placeholders() {
        let mut statement = Statement::new("SELECT ");
        statement
            .push_with("? < ?", [1.5.into(), 2_u64.into()])
            .push(" AND x = ")
            .push_value("a");
        let (text, values) = statement.into_parts();
        assert_eq!(text, "SELECT ? < ? AND x = ?");
        assert_eq!(values, [1.5.into(), 2_u64.into(), "a".into()]);
    }
}
