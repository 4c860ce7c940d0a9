//! What the file says about its tables.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, SqlitePool};

use crate::store::Collection;

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
