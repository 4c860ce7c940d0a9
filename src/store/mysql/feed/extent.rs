//! How large tables are, as the server reckons from samples.

use sqlx::MySqlPool;

use crate::store::feed::Extent;
use crate::store::{Collection, StoreError};

pub(super) async fn extent(
    pool: &MySqlPool,
    collections: &[Collection],
) -> Result<Extent, StoreError> {
    let mut connection = pool.acquire().await?;
    // It belongs to this session alone, and ends with it.
    connection.close_on_drop();
    // Else the server tells what it reckoned up to a day ago.
    sqlx::query("SET SESSION information_schema_stats_expiry = 0")
        .execute(&mut *connection)
        .await?;
    let mut all = Extent::default();
    for collection in collections {
        let found: Option<(u64, u64)> = sqlx::query_as(
            "SELECT CAST(COALESCE(TABLE_ROWS, 0) AS UNSIGNED), \
                    CAST(COALESCE(DATA_LENGTH, 0) AS UNSIGNED) \
             FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
        )
        .bind(collection.table.as_str())
        .fetch_optional(&mut *connection)
        .await?;
        let (rows, bytes) = found.unwrap_or_default();
        all.rows += rows;
        all.bytes += bytes;
    }
    Ok(all)
}
