//! Noticing that another process wrote the file.

use sqlx::{AssertSqlSafe, SqlitePool};

use crate::store::StoreError;

/// Whether another process has written since this was last asked.
///
/// `PRAGMA data_version` changes when anybody but the asking connection writes,
/// so it is asked on the one connection that writes for this process. Its values
/// mean nothing on another connection; therefore the last one seen is kept in
/// the connection itself, as the user version of its temporary schema, and a
/// fresh connection, which has 0 there, says yes.
pub(in crate::store) async fn changed_elsewhere(writer: &SqlitePool) -> Result<bool, StoreError> {
    let mut connection = writer.acquire().await?;
    let seen: i64 = sqlx::query_scalar("PRAGMA temp.user_version")
        .fetch_one(&mut *connection)
        .await?;
    let now: i64 = sqlx::query_scalar("PRAGMA data_version")
        .fetch_one(&mut *connection)
        .await?;
    if seen == now {
        return Ok(false);
    }
    // A pragma takes no bound values; this is a number that SQLite gave.
    let keep = AssertSqlSafe(format!("PRAGMA temp.user_version = {now}"));
    sqlx::query(keep).execute(&mut *connection).await?;
    Ok(true)
}
