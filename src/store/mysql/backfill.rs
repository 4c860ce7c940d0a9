//! Mending locations, and coordinates, in MySQL.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use sqlx::pool::PoolConnection;
use sqlx::{Executor, MySql, MySqlPool};

use super::index_pages;
use super::location::taken;
use super::schema::indexes;
use super::survey::Conditions;
use crate::store::sql::{Sql, identifier};
use crate::store::survey::{self, Mended};
use crate::store::{BackfillFrom, Collection, StoreError};

/// READ COMMITTED lets go of rows that need no change as soon as they are looked
/// at, and locks no gaps: others may insert meanwhile. Waits for locks are the
/// shortest there are, a second: whoever waits also holds what it has.
const POLITE: &str = "SET SESSION transaction_isolation = 'READ-COMMITTED', \
    SESSION innodb_lock_wait_timeout = 1";

/// After so long an UPDATE writes no further row. The row under way may still split
/// a page of the spatial index, and now and then that page's parent, which takes
/// longer than all else: so the most that other writers wait for is this and two splits.
const LONGEST_WRITING: Duration = Duration::from_millis(10);

/// How long the server may not tidy up: no longer than a report would keep it.
const UNTIDY: Duration = Duration::from_secs(30);
/// One that writes, one that looks, and one for a snapshot.
const NEEDED_CONNECTIONS: u32 = 3;

/// Keeps the server from tidying up behind every chunk, where that would have it merge
/// pages of the spatial index that the next chunk splits again: twice the splits, and
/// half as long again. While a snapshot is open, dead points stay, as they do during a
/// single UPDATE. It locks no row and no table.
///
/// An index whose pages are merged late goes without: the room of the dead is taken by
/// those that come, with fewer splits than in either case.
#[derive(Debug)]
struct Snapshot {
    connection: PoolConnection<MySql>,
    opened: Option<Instant>,
}

impl Snapshot {
    /// Prepares one on a connection that is closed in the end, so that nobody finds
    /// the transaction open; `None` where no index needs it or the pool has none to spare.
    async fn prepare(pool: &MySqlPool, collection: &Collection) -> sqlx::Result<Option<Self>> {
        if pool.options().get_max_connections() < NEEDED_CONNECTIONS
            || !index_pages::are_merged_early(&indexes(pool, collection).await?, collection)
        {
            return Ok(None);
        }
        let mut connection = match pool.acquire().await {
            Err(sqlx::Error::PoolTimedOut) => return Ok(None),
            acquired => acquired?,
        };
        connection.close_on_drop();
        connection
            .execute("SET SESSION transaction_isolation = 'REPEATABLE-READ'")
            .await?;
        Ok(Some(Self {
            connection,
            opened: None,
        }))
    }

    /// Opens it, anew where it is old.
    async fn hold(&mut self) -> sqlx::Result<()> {
        if self.opened.is_none_or(|opened| opened.elapsed() > UNTIDY) {
            // Ends the one before.
            self.connection
                .execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
                .await?;
            self.opened = Some(Instant::now());
        }
        Ok(())
    }

    async fn release(&mut self) -> sqlx::Result<()> {
        if self.opened.take().is_some() {
            self.connection.execute("COMMIT").await?;
        }
        Ok(())
    }
}

/// Writes locations on a connection of its own.
#[derive(Debug)]
pub(in crate::store) struct Mender {
    connection: PoolConnection<MySql>,
    snapshot: Option<Snapshot>,
    /// Writes until the time is over.
    update: Sql,
    /// Writes one row, however long it takes to get to it.
    update_one: Sql,
    /// Whether the last statement came to no row in its time.
    came_to_none: bool,
}

impl Mender {
    /// Takes a connection, which is closed in the end: it is set up for this.
    pub(in crate::store) async fn new(
        pool: &MySqlPool,
        collection: &Collection,
        from: BackfillFrom,
    ) -> sqlx::Result<Self> {
        let mut connection = pool.acquire().await?;
        connection.close_on_drop();
        connection.execute(POLITE).await?;
        let Conditions {
            expected,
            differs,
            may_be_placed,
            says_where,
            ..
        } = Conditions::of(collection);
        let (id, table) = (collection.id.quoted(), collection.table.quoted());
        let location = collection.location.quoted();
        // True, and keeps the id of the last row that is written. A row's condition may
        // be read twice, before a wait for it and after; this is not.
        let noted = format!("(LAST_INSERT_ID({id}) <> 0 OR {id} = 0)");
        // Assignments see what those before them set.
        let (differs, mut set) = match from {
            BackfillFrom::Coordinates => (
                format!("{may_be_placed} AND {differs}"),
                format!("{location} = IF({noted}, {expected}, {location})"),
            ),
            BackfillFrom::Location => {
                let (latitude, longitude) =
                    (collection.latitude.quoted(), collection.longitude.quoted());
                let (taken_latitude, taken_longitude) = taken(&location);
                (
                    format!("{says_where} AND {differs}"),
                    format!(
                        "{latitude} = IF({noted}, {taken_latitude}, {latitude}), \
                         {longitude} = {taken_longitude}, {location} = {expected}"
                    ),
                )
            }
        };
        for column in columns_that_touch_themselves(pool, collection).await? {
            let column = identifier(&column);
            set = format!("{set}, {column} = {column}");
        }
        // SYSDATE is the time at this row, NOW that at which the statement began. It
        // comes first, as comparing locations takes longer.
        let micros = LONGEST_WRITING.as_micros();
        let in_time = format!("SYSDATE(6) <= NOW(6) + INTERVAL {micros} MICROSECOND");
        let update = format!("UPDATE {table} SET {set} WHERE {id} > ? AND {id} <= ?");
        Ok(Self {
            connection,
            snapshot: Snapshot::prepare(pool, collection).await?,
            update_one: Sql::new(format!("{update} AND {differs} ORDER BY {id} LIMIT 1")),
            update: Sql::new(format!("{update} AND {in_time} AND {differs}")),
            came_to_none: false,
        })
    }
}

#[async_trait]
impl survey::Mender for Mender {
    /// Writes the locations of a run of ids where they differ, in their order and each
    /// from its own row's coordinates, in one short transaction.
    async fn mend(&mut self, (after, last): (i64, i64), _: u32) -> Result<Mended, StoreError> {
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.hold().await?;
        }
        let update = if self.came_to_none {
            &self.update_one
        } else {
            &self.update
        };
        let started = Instant::now();
        // A statement of its own is a transaction of its own, in one round trip.
        let done = sqlx::query(update.text())
            .bind(after)
            .bind(last)
            .execute(&mut *self.connection)
            .await?;
        let written = done.rows_affected();
        let saw_all = if self.came_to_none {
            written == 0
        } else {
            // The server's clock started later and was read earlier.
            started.elapsed() < LONGEST_WRITING
        };
        let reached = match written {
            0 => after,
            _ if saw_all => last,
            // Asked for by itself: the answer to a statement that fires a trigger says 0.
            _ => {
                sqlx::query_scalar("SELECT CAST(LAST_INSERT_ID() AS SIGNED)")
                    .fetch_one(&mut *self.connection)
                    .await?
            }
        };
        self.came_to_none = !saw_all && written == 0;
        Ok(Mended {
            written,
            rest: (!saw_all && reached < last).then_some((reached, last)),
        })
    }

    /// Lets the server tidy up until there is more to write.
    async fn rest(&mut self) -> Result<(), StoreError> {
        match &mut self.snapshot {
            Some(snapshot) => Ok(snapshot.release().await?),
            None => Ok(()),
        }
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
