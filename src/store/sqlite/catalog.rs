//! What the file says about its tables.

use sqlx::SqlitePool;

/// Whether a table exists.
pub(in crate::store) async fn table_exists(pool: &SqlitePool, table: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?)",
    )
    .bind(table)
    .fetch_one(pool)
    .await
}
