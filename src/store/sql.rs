//! Text of statements: built once, shared by every call.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;
use sqlx::AssertSqlSafe;

use super::statement::Statement;
use super::{Collection, ColumnName};
use crate::domain::{Center, CenterId, Listing, Meridians, TextField, Viewport};

/// A statement. Its text holds checked names and placeholders only; values are
/// always bound.
#[derive(Debug, Clone)]
pub(super) struct Sql(Arc<str>);

impl Sql {
    pub(super) fn new(text: String) -> Self {
        Self(text.into())
    }

    /// For [`sqlx::query()`]: the names come from [`super::ColumnName`].
    pub(super) fn text(&self) -> AssertSqlSafe<Arc<str>> {
        AssertSqlSafe(Arc::clone(&self.0))
    }
}

/// A name as an identifier of SQL, whatever it holds: the one place that quotes them.
/// SQLite takes the same quotes as MySQL.
pub(super) fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text as a literal of MySQL, with backslashes as escapes or without
/// (`NO_BACKSLASH_ESCAPES`, where they come out twice).
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// What reads a text field, or NULL where the table has no column for it.
pub(super) fn text_or_null(collection: &Collection, field: TextField) -> String {
    let text = collection.read_text(field);
    text.unwrap_or_else(|| "NULL".to_owned())
}

/// A quoted column, or NULL where there is none.
pub(super) fn quoted_or_null(column: Option<&ColumnName>) -> String {
    column.map_or_else(|| "NULL".to_owned(), ColumnName::quoted)
}

/// The text fields that the table has a column for, with the column quoted, as it is
/// written.
pub(super) fn text_columns(collection: &Collection) -> Vec<(TextField, String)> {
    TextField::ALL
        .into_iter()
        .filter(|&field| !collection.computes(field))
        .filter_map(|field| Some((field, collection.text(field)?.quoted())))
        .collect()
}

/// What reads the attributes of a collection, each after a comma.
pub(super) fn and_attributes(collection: &Collection) -> String {
    let mut columns = String::new();
    for attribute in collection.attributes() {
        columns.push_str(", ");
        columns.push_str(&attribute.read());
    }
    columns
}

/// Appends the condition that coordinates are within a viewport, at its edges too. The
/// antimeridian is 180 there, by whatever name a row has it.
pub(super) fn push_degrees_within(
    viewport: &Viewport,
    latitude: &str,
    longitude: &str,
    statement: &mut Statement<'_>,
) {
    statement.push_with(
        &format!(" AND {latitude} BETWEEN ? AND ?"),
        [viewport.south().into(), viewport.north().into()],
    );
    let Meridians::Between { west, east } = viewport.meridians() else {
        return;
    };
    let meridian = format!("CASE {longitude} WHEN -180 THEN 180 ELSE {longitude} END");
    let between = if west <= east {
        format!(" AND {meridian} BETWEEN ? AND ?")
    } else {
        format!(" AND ({meridian} >= ? OR {meridian} <= ?)")
    };
    statement.push_with(&between, [west.into(), east.into()]);
}

/// A pattern that finds a text anywhere, for `LIKE ? ESCAPE '!'`.
pub(super) fn escaped_like(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// Ids as a list in JSON, for statements that take many.
pub(super) fn json_of(ids: &[CenterId]) -> String {
    let numbers: Vec<i64> = ids.iter().map(|id| id.get()).collect();
    json!(numbers).to_string()
}

/// The texts that have to be read of a list, these among them, in the order of their
/// columns.
pub(super) fn read_of(listing: &Listing, texts: &[TextField]) -> impl Iterator<Item = TextField> {
    let read = move |field: &TextField| listing.reads(*field) || texts.contains(field);
    TextField::ALL.into_iter().filter(read)
}

/// Centers in the order of their ids; those that are not there are left out.
pub(super) fn in_order(ids: &[CenterId], centers: Vec<Center>) -> Vec<Center> {
    let mut by_id: HashMap<CenterId, Center> = centers
        .into_iter()
        .map(|center| (center.id, center))
        .collect();
    ids.iter().filter_map(|id| by_id.remove(id)).collect()
}
