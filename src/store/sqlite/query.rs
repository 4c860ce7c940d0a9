//! Statements on their way to the file.

use std::borrow::Cow;

use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Sqlite};

use crate::store::statement::{Statement, Value};

/// A statement with its values bound.
pub(super) fn query(statement: Statement<'_>) -> Query<'_, Sqlite, SqliteArguments> {
    let (text, values) = statement.into_parts();
    let query = sqlx::query(AssertSqlSafe(text));
    values.into_iter().fold(query, |query, value| match value {
        Value::Integer(number) => query.bind(number),
        Value::Count(count) => query.bind(i64::try_from(count).unwrap_or(i64::MAX)),
        Value::Real(number) => query.bind(number),
        Value::Text(Cow::Borrowed(text)) => query.bind(text),
        Value::Text(Cow::Owned(text)) => query.bind(text),
    })
}
