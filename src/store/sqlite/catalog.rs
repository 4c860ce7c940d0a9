//! What the file says about its tables.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, SqlitePool};

use crate::store::Collection;
use crate::store::references::KeyColumn;

/// The names in lower case of the tables and views of the file.
pub(in crate::store) async fn tables(pool: &SqlitePool) -> sqlx::Result<BTreeSet<String>> {
    let names: Vec<String> =
        sqlx::query_scalar("SELECT lower(name) FROM sqlite_master WHERE type IN ('table', 'view')")
            .fetch_all(pool)
            .await?;
    Ok(names.into_iter().collect())
}

/// Whether a table exists.
pub(in crate::store) async fn table_exists(pool: &SqlitePool, table: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?)",
    )
    .bind(table)
    .fetch_one(pool)
    .await
}

/// How many rows of a collection have an id beyond `after`; 0 where there is no
/// such table.
pub(in crate::store) async fn count_rows(
    pool: &SqlitePool,
    collection: &Collection,
    after: i64,
) -> sqlx::Result<u64> {
    if !table_exists(pool, collection.table.as_str()).await? {
        return Ok(0);
    }
    let sql = format!(
        "SELECT COUNT(*) FROM {} WHERE {} > ?",
        collection.table.quoted(),
        collection.id.quoted()
    );
    let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(after)
        .fetch_one(pool)
        .await?;
    Ok(count.unsigned_abs())
}

/// The foreign keys to a table, column by column. One that names no column refers to
/// the primary key.
pub(in crate::store) async fn foreign_keys(
    pool: &SqlitePool,
    table: &str,
) -> sqlx::Result<Vec<KeyColumn>> {
    sqlx::query_as(
        "SELECT NULL AS schema, m.name AS table_name, CAST(f.id AS TEXT) AS key_name, \
                f.\"from\" AS column_name, \
                COALESCE(f.\"to\", (SELECT i.name FROM pragma_table_info(f.\"table\") i \
                                    WHERE i.pk = f.seq + 1)) AS referenced_column, \
                f.on_delete AS rule \
         FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f \
         WHERE m.type = 'table' AND f.\"table\" = ? COLLATE NOCASE \
         ORDER BY m.name, f.id, f.seq",
    )
    .bind(table)
    .fetch_all(pool)
    .await
}
