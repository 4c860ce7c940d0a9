//! The triggers by which an embedded file notes points that other programs draw and
//! move: migrations make those of nearby's own tables, adopting those of other layers.

use rusqlite::Connection;

use super::transaction::WriteTransaction;
use crate::store::sql::identifier;
use crate::store::{Collection, ColumnName, LayerTrigger};

/// What the triggers of a layer are called, after its table.
const NAMES: [&str; 3] = ["stale_location", "moved_location", "drawn_location"];

/// The triggers that a layer of other programs lacks.
pub(super) fn missing(
    connection: &Connection,
    collection: &Collection,
) -> rusqlite::Result<Vec<LayerTrigger>> {
    let mut missing = Vec::new();
    for trigger in wanted(collection, location_may_be_null(connection, collection)?) {
        if !exists(connection, collection, &trigger.name)? {
            missing.push(trigger);
        }
    }
    Ok(missing)
}

/// Makes triggers, and notes the points that were drawn before they were there.
pub(super) fn make(
    writing: &WriteTransaction<'_>,
    collection: &Collection,
    triggers: &[LayerTrigger],
) -> rusqlite::Result<()> {
    for trigger in triggers {
        writing.execute_all(&trigger.sql)?;
    }
    writing.execute_all(&note_drawn(collection))
}

/// Whether a table has a trigger.
pub(super) fn exists(
    connection: &Connection,
    collection: &Collection,
    trigger: &str,
) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'trigger' \
         AND tbl_name = ? COLLATE NOCASE AND name = ? COLLATE NOCASE)",
        [collection.table.as_str(), trigger],
        |row| row.get(0),
    )
}

fn location_may_be_null(
    connection: &Connection,
    collection: &Collection,
) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT NOT EXISTS (SELECT 1 FROM pragma_table_info(?) \
         WHERE name = ? COLLATE NOCASE AND \"notnull\")",
        [collection.table.as_str(), collection.location.as_str()],
        |row| row.get(0),
    )
}

/// The triggers of a layer, as migration 7 has those of nearby's own tables. A location
/// that must be there cannot be taken away where coordinates change without it.
fn wanted(collection: &Collection, location_may_be_null: bool) -> Vec<LayerTrigger> {
    let [table, id, latitude, longitude, location] = quoted(collection);
    let note = note(collection);
    let stale = format!(
        "AFTER UPDATE OF {latitude}, {longitude} ON {table} \
         WHEN NEW.{location} IS OLD.{location} AND NEW.{location} IS NOT NULL \
         AND (NEW.{latitude} IS NOT OLD.{latitude} OR NEW.{longitude} IS NOT OLD.{longitude}) \
         AND NOT (NEW.{latitude} IS OLD.{latitude} \
         AND abs(NEW.{longitude}) = 180 AND abs(OLD.{longitude}) = 180) \
         BEGIN UPDATE {table} SET {location} = NULL WHERE {id} = NEW.{id}; {note}; END"
    );
    let moved = format!(
        "AFTER UPDATE OF {location} ON {table} \
         WHEN NEW.{location} IS NOT OLD.{location} AND NEW.{location} IS NOT NULL \
         AND NEW.{latitude} IS OLD.{latitude} AND NEW.{longitude} IS OLD.{longitude} \
         BEGIN {note}; END"
    );
    let drawn = format!(
        "AFTER INSERT ON {table} WHEN NEW.{location} IS NOT NULL \
         AND (NEW.{latitude} IS NULL OR NEW.{longitude} IS NULL) \
         BEGIN {note}; END"
    );
    let triggers = NAMES.into_iter().zip([stale, moved, drawn]);
    triggers
        .filter(|(name, _)| location_may_be_null || *name != NAMES[0])
        .map(|(name, rest)| {
            let name = format!("{}_{name}", collection.table.as_str());
            LayerTrigger {
                sql: format!("CREATE TRIGGER {} {rest}", identifier(&name)),
                name,
            }
        })
        .collect()
}

fn quoted(collection: &Collection) -> [String; 5] {
    let Collection {
        table,
        id,
        latitude,
        longitude,
        location,
        ..
    } = collection;
    [table, id, latitude, longitude, location].map(ColumnName::quoted)
}

/// Notes a row, once.
fn note(collection: &Collection) -> String {
    let table = collection.table.as_str();
    let id = collection.id.quoted();
    format!(
        "INSERT INTO moved_points (table_name, row_id) SELECT '{table}', NEW.{id} \
         WHERE NOT EXISTS (SELECT 1 FROM moved_points \
         WHERE table_name = '{table}' AND row_id = NEW.{id})"
    )
}

/// Notes every row that has a location and lacks coordinates.
fn note_drawn(collection: &Collection) -> String {
    let [table, id, latitude, longitude, location] = quoted(collection);
    format!(
        "INSERT INTO moved_points (table_name, row_id) SELECT '{}', {id} FROM {table} \
         WHERE {location} IS NOT NULL AND ({latitude} IS NULL OR {longitude} IS NULL)",
        collection.table.as_str()
    )
}
