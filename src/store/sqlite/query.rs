//! Statements on their way to the file.

use rusqlite::types::Value as Bound;

use crate::store::statement::{Statement, Value};

/// The text of a statement, and the values that it binds.
pub(super) fn parts(statement: Statement<'_>) -> (String, Vec<Bound>) {
    let (text, values) = statement.into_parts();
    let bound = values.into_iter().map(|value| match value {
        Value::Integer(number) => number.into(),
        Value::Count(count) => i64::try_from(count).unwrap_or(i64::MAX).into(),
        Value::Real(number) => number.into(),
        Value::Boolean(boolean) => i64::from(boolean).into(),
        Value::Date(date) => date.to_string().into(),
        Value::Bytes(bytes) => bytes.into(),
        Value::Null => Bound::Null,
        Value::Text(text) => text.into_owned().into(),
    });
    (text, bound.collect())
}
