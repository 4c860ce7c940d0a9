//! What the server says about its tables.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, MySqlPool};

use crate::store::Collection;

/// The names in lower case of the tables and views in the database of the
/// session, as far as this user may see them.
pub(in crate::store) async fn tables(pool: &MySqlPool) -> sqlx::Result<BTreeSet<String>> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT LOWER(CAST(TABLE_NAME AS CHAR)) FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA = DATABASE()",
    )
    .fetch_all(pool)
    .await?;
    Ok(names.into_iter().collect())
}

/// Whether a table exists in the database of the session.
pub(in crate::store) async fn table_exists(pool: &MySqlPool, table: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?)",
    )
    .bind(table)
    .fetch_one(pool)
    .await
}

/// How many rows of a collection have an id beyond `after`; 0 where there is no
/// such table.
pub(in crate::store) async fn count_rows(
    pool: &MySqlPool,
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
