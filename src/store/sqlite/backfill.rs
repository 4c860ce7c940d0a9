//! Mending locations in SQLite.

use sqlx::{AssertSqlSafe, Connection, SqlitePool};

use super::survey::survey;
use crate::store::Collection;

/// Writes the locations of up to `count` rows beyond `after` where they differ.
/// Gives how many.
///
/// The rows are read again in the transaction that writes, which shuts other
/// writers out from its beginning: what is written is what the coordinates are.
pub(in crate::store) async fn mend(
    writer: &SqlitePool,
    collection: &Collection,
    after: i64,
    count: u32,
) -> sqlx::Result<u64> {
    let update = format!(
        "UPDATE {} SET {} = ? WHERE {} = ?",
        collection.table.quoted(),
        collection.location.quoted(),
        collection.id.quoted(),
    );
    let mut connection = writer.acquire().await?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let surveyed = survey(&mut *transaction, collection, after, count).await?;
    let mut written = 0;
    for row in surveyed.to_mend {
        let update = sqlx::query(AssertSqlSafe(update.clone()));
        let done = update
            .bind(row.location)
            .bind(row.id)
            .execute(&mut *transaction)
            .await?;
        written += done.rows_affected();
    }
    transaction.commit().await?;
    Ok(written)
}
