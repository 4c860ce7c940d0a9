//! Statements on their way to the server.

use std::borrow::Cow;

use sqlx::mysql::MySqlArguments;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, MySql};

use crate::store::statement::{Statement, Value};

/// A statement with its values bound.
pub(super) fn query(statement: Statement<'_>) -> Query<'_, MySql, MySqlArguments> {
    let (text, values) = statement.into_parts();
    let query = sqlx::query(AssertSqlSafe(text));
    values.into_iter().fold(query, |query, value| match value {
        Value::Integer(number) => query.bind(number),
        Value::Count(count) => query.bind(count),
        Value::Real(number) => query.bind(number),
        Value::Boolean(boolean) => query.bind(boolean),
        Value::Date(date) => query.bind(date),
        Value::Bytes(bytes) => query.bind(bytes),
        Value::Null => query.bind(None::<&str>),
        Value::Text(Cow::Borrowed(text)) => query.bind(text),
        Value::Text(Cow::Owned(text)) => query.bind(text),
    })
}
