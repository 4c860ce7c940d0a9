//! Mending locations in MySQL.

use sqlx::{AssertSqlSafe, Executor, MySqlPool};

use super::survey::Conditions;
use crate::store::Collection;

/// Lets go of rows that need no change as soon as they are looked at, and locks
/// no gaps: others may insert meanwhile. Holds for the next transaction only.
const READ_COMMITTED: &str = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED";
/// In seconds, the shortest there is: whoever waits also holds what it has.
const SHORT_LOCK_WAIT: &str = "SET SESSION innodb_lock_wait_timeout = 1";
const USUAL_LOCK_WAIT: &str = "SET SESSION innodb_lock_wait_timeout = DEFAULT";

/// Writes the locations of a run of ids where they differ, each from its own
/// row's coordinates, in one transaction. Gives how many.
pub(in crate::store) async fn mend(
    pool: &MySqlPool,
    collection: &Collection,
    (after, last): (i64, i64),
) -> sqlx::Result<u64> {
    let Conditions {
        expected, differs, ..
    } = Conditions::of(collection);
    let (id, table) = (collection.id.quoted(), collection.table.quoted());
    let location = collection.location.quoted();
    let mut set = format!("{location} = {expected}");
    for column in columns_that_touch_themselves(pool, collection).await? {
        set = format!("{set}, `{column}` = `{column}`");
    }
    let update = format!("UPDATE {table} SET {set} WHERE {id} > ? AND {id} <= ? AND {differs}");

    let mut connection = pool.acquire().await?;
    connection.execute(SHORT_LOCK_WAIT).await?;
    connection.execute(READ_COMMITTED).await?;
    // A statement of its own is a transaction of its own, in one round trip.
    let written = sqlx::query(AssertSqlSafe(update))
        .bind(after)
        .bind(last)
        .execute(&mut *connection)
        .await;
    let reset = connection.execute(USUAL_LOCK_WAIT).await;
    let written = written?.rows_affected();
    reset?;
    Ok(written)
}

/// Columns with `ON UPDATE CURRENT_TIMESTAMP`: set to what they are, they stay.
/// Whoever owns the rows did not write them.
async fn columns_that_touch_themselves(
    pool: &MySqlPool,
    collection: &Collection,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "SELECT CAST(COLUMN_NAME AS CHAR) FROM information_schema.COLUMNS \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND EXTRA LIKE '%on update%'",
    )
    .bind(collection.table.as_str())
    .fetch_all(pool)
    .await
}
