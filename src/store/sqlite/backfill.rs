//! Mending locations in SQLite.

use sqlx::{AssertSqlSafe, Connection, SqlitePool};

use super::survey::survey;
use crate::store::Collection;

/// Writes the locations of a run of ids where they differ, reading up to `count`
/// rows at once. Gives how many.
///
/// The rows are read again in the transaction that writes, which shuts other
/// writers out from its beginning: what is written is what the coordinates are.
/// There may be more by then than there were.
pub(in crate::store) async fn mend(
    writer: &SqlitePool,
    collection: &Collection,
    (mut after, last): (i64, i64),
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
    let mut written = 0;
    while after < last {
        let surveyed = survey(&mut *transaction, collection, after, count).await?;
        for row in surveyed.to_mend.into_iter().filter(|row| row.id <= last) {
            let update = sqlx::query(AssertSqlSafe(update.clone()));
            let done = update
                .bind(row.location)
                .bind(row.id)
                .execute(&mut *transaction)
                .await?;
            written += done.rows_affected();
        }
        after = surveyed.survey.last_id.unwrap_or(last);
    }
    transaction.commit().await?;
    Ok(written)
}
