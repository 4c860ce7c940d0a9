//! What the server says about its tables.

use sqlx::MySqlPool;

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
