//! Values of fields that can be looked up.

use chrono::NaiveDate;

use super::condition::FieldValue;

/// A value of a field as the key of a map.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ValueKey {
    /// See [`FieldKind::Text`](super::FieldKind::Text).
    Text(String),
    /// The bits of a number; minus 0 is 0.
    Number(u64),
    /// See [`FieldKind::Boolean`](super::FieldKind::Boolean).
    Boolean(bool),
    /// See [`FieldKind::Date`](super::FieldKind::Date).
    Date(NaiveDate),
}

impl From<FieldValue> for ValueKey {
    fn from(value: FieldValue) -> Self {
        match value {
            FieldValue::Text(text) => Self::Text(text),
            FieldValue::Number(number) => Self::Number((number + 0.0).to_bits()),
            FieldValue::Boolean(boolean) => Self::Boolean(boolean),
            FieldValue::Date(day) => Self::Date(day),
        }
    }
}

impl From<ValueKey> for FieldValue {
    fn from(key: ValueKey) -> Self {
        match key {
            ValueKey::Text(text) => Self::Text(text),
            ValueKey::Number(bits) => Self::Number(f64::from_bits(bits)),
            ValueKey::Boolean(boolean) => Self::Boolean(boolean),
            ValueKey::Date(day) => Self::Date(day),
        }
    }
}
