//! Mending locations in MySQL.

use sqlx::pool::PoolConnection;
use sqlx::{Executor, MySql, MySqlPool};

use super::survey::Conditions;
use crate::store::Collection;
use crate::store::sql::Sql;

/// READ COMMITTED lets go of rows that need no change as soon as they are looked
/// at, and locks no gaps: others may insert meanwhile. Waits for locks are the
/// shortest there are, a second: whoever waits also holds what it has.
const POLITE: &str = "SET SESSION transaction_isolation = 'READ-COMMITTED', \
    SESSION innodb_lock_wait_timeout = 1";

/// Writes locations on a connection of its own.
#[derive(Debug)]
pub(in crate::store) struct Mender {
    connection: PoolConnection<MySql>,
    update: Sql,
}

impl Mender {
    /// Takes a connection, which is closed in the end: it is set up for this.
    pub(in crate::store) async fn new(
        pool: &MySqlPool,
        collection: &Collection,
    ) -> sqlx::Result<Self> {
        let mut connection = pool.acquire().await?;
        connection.close_on_drop();
        connection.execute(POLITE).await?;
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
        Ok(Self {
            connection,
            update: Sql::new(update),
        })
    }

    /// Writes the locations of a run of ids where they differ, each from its own
    /// row's coordinates, in one transaction. Gives how many.
    pub(in crate::store) async fn mend(&mut self, (after, last): (i64, i64)) -> sqlx::Result<u64> {
        // A statement of its own is a transaction of its own, in one round trip.
        let written = sqlx::query(self.update.text())
            .bind(after)
            .bind(last)
            .execute(&mut *self.connection)
            .await?;
        Ok(written.rows_affected())
    }
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
