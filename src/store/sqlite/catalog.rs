//! What the file says about its tables.

use std::collections::BTreeSet;

use rusqlite::types::FromSql;
use rusqlite::{Connection, Params};

use crate::store::Collection;
use crate::store::references::KeyColumn;
use crate::store::refusal::is_missing_in_file;

/// The first column of every row of a statement.
pub(super) fn all<T: FromSql, C: FromIterator<T>>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
) -> rusqlite::Result<C> {
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_map(values, |row| row.get(0))?;
    found.collect()
}

/// Nothing where the table is missing: other programs' files need not have one.
pub(super) fn or_none<T>(rows: rusqlite::Result<Vec<T>>) -> rusqlite::Result<Vec<T>> {
    match rows {
        Err(error) if is_missing_in_file(&error) => Ok(Vec::new()),
        rows => rows,
    }
}

/// Rows of a table that may not be there; `None` where it is not.
pub(super) fn if_there<T>(rows: rusqlite::Result<Vec<T>>) -> rusqlite::Result<Option<Vec<T>>> {
    match rows {
        Err(error) if is_missing_in_file(&error) => Ok(None),
        rows => rows.map(Some),
    }
}

/// The names in lower case of the tables and views of the file.
pub(super) fn tables(connection: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    all(
        connection,
        "SELECT lower(name) FROM sqlite_master WHERE type IN ('table', 'view')",
        (),
    )
}

/// Whether a table exists.
pub(super) fn table_exists(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?)",
        [table],
        |row| row.get(0),
    )
}

/// How many rows of a collection have an id beyond `after`; 0 where there is no
/// such table.
pub(super) fn count_rows(
    connection: &Connection,
    collection: &Collection,
    after: i64,
) -> rusqlite::Result<u64> {
    if !table_exists(connection, collection.table.as_str())? {
        return Ok(0);
    }
    let sql = format!(
        "SELECT COUNT(*) FROM {} WHERE {} > ?",
        collection.table.quoted(),
        collection.id.quoted()
    );
    let count: i64 = connection.query_row(&sql, [after], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// The foreign keys to a table, column by column. One that names no column refers to
/// the primary key.
pub(super) fn foreign_keys(
    connection: &Connection,
    table: &str,
) -> rusqlite::Result<Vec<KeyColumn>> {
    let mut statement = connection.prepare_cached(
        "SELECT m.name, CAST(f.id AS TEXT), f.\"from\", \
                COALESCE(f.\"to\", (SELECT i.name FROM pragma_table_info(f.\"table\") i \
                                    WHERE i.pk = f.seq + 1)), \
                f.on_delete \
         FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f \
         WHERE m.type = 'table' AND f.\"table\" = ? COLLATE NOCASE \
         ORDER BY m.name, f.id, f.seq",
    )?;
    let found = statement.query_map([table], |row| {
        Ok(KeyColumn {
            schema: None,
            table_name: row.get(0)?,
            key_name: row.get(1)?,
            column_name: row.get(2)?,
            referenced_column: row.get(3)?,
            rule: row.get(4)?,
        })
    })?;
    found.collect()
}
