//! Writing locations from coordinates, a run of rows at a time.

use std::time::{Duration, Instant};

use super::survey::Survey;
use super::{Collection, Database, StoreError, mysql, sqlite};

/// How often a chunk is tried that other writers keep from being written.
const MAX_TRIES: u32 = 20;
/// How long to step aside for them.
const STEP_ASIDE: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(5)..=Duration::from_millis(100);

/// What became of a run of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackfilledChunk {
    /// What the rows were like when they were looked at.
    pub survey: Survey,
    /// How many locations were written, or would be.
    pub written: u64,
    /// How long the longest transaction took that wrote some of them, waits for
    /// others included.
    pub transaction: Duration,
    /// How long writing all of them took.
    pub writing: Duration,
    /// How often it stepped aside for other writers.
    pub retries: u32,
}

/// What became of one transaction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mended {
    /// How many locations were written.
    pub(super) written: u64,
    /// The part of the run that is left.
    pub(super) rest: Option<(i64, i64)>,
}

/// Writes the locations of one table, a run of rows at a time.
#[derive(Debug)]
pub struct Backfill<'a> {
    database: &'a Database,
    collection: &'a Collection,
    /// Made when there is something to write: looking needs no right to.
    mender: Option<mysql::backfill::Mender>,
    /// A look at the rows that come next, and beyond which id they are.
    ahead: Option<(i64, Survey)>,
}

impl Database {
    /// Prepares to write the locations of a table.
    #[must_use]
    pub fn backfill<'a>(&'a self, collection: &'a Collection) -> Backfill<'a> {
        Backfill {
            database: self,
            collection,
            mender: None,
            ahead: None,
        }
    }
}

impl Backfill<'_> {
    /// Writes the locations of up to `count` rows with ids beyond `after` where
    /// they are not what the coordinates say, in one transaction, or in several
    /// where one would be long; `None` where there is no row left.
    ///
    /// What is written is made of the coordinates that the row has in that very
    /// statement or transaction, so no concurrent write is undone. Rows that are
    /// right are not touched, nor is any other column.
    ///
    /// # Errors
    /// When the database does not answer, or others held the rows through all
    /// tries; transactions before that stay.
    pub async fn chunk(
        &mut self,
        after: i64,
        count: u32,
        dry_run: bool,
    ) -> Result<Option<BackfilledChunk>, StoreError> {
        let survey = match self.ahead.take() {
            Some((beyond, survey)) if beyond == after => survey,
            _ => look(self.database, self.collection, after, count).await?,
        };
        let Some(last) = survey.last_id else {
            return Ok(None);
        };
        let mut chunk = BackfilledChunk {
            survey,
            written: survey.to_mend(),
            transaction: Duration::ZERO,
            writing: Duration::ZERO,
            retries: 0,
        };
        if dry_run || chunk.written == 0 {
            self.rest().await?;
            return Ok(Some(chunk));
        }
        chunk.written = 0;
        // Nobody writes while rows are looked at, so the next ones are meanwhile.
        let next = look(self.database, self.collection, last, count);
        let (written, next) = tokio::join!(self.write(&mut chunk, (after, last), count), next);
        written?;
        // Where it failed, the next chunk looks again and says so: this one is written.
        self.ahead = next.ok().map(|survey| (last, survey));
        Ok(Some(chunk))
    }

    /// Writes what differs in the run of ids that a chunk is.
    async fn write(
        &mut self,
        chunk: &mut BackfilledChunk,
        mut run: (i64, i64),
        count: u32,
    ) -> sqlx::Result<()> {
        let mut tries = 1;
        loop {
            let start = Instant::now();
            match self.mend(run, count).await {
                Ok(mended) => {
                    let took = start.elapsed();
                    chunk.written += mended.written;
                    chunk.transaction = chunk.transaction.max(took);
                    chunk.writing += took;
                    let Some(rest) = mended.rest else {
                        return Ok(());
                    };
                    run = rest;
                    tries = 1;
                }
                Err(error) if is_held_by_others(&error) && tries < MAX_TRIES => {
                    tries += 1;
                    chunk.retries += 1;
                    tokio::time::sleep(rand::random_range(STEP_ASIDE)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Leaves the server to itself for a while: to be called before a pause.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rest(&mut self) -> Result<(), StoreError> {
        // What was seen would be old by then.
        self.ahead = None;
        match &mut self.mender {
            Some(mender) => Ok(mender.rest().await?),
            None => Ok(()),
        }
    }

    async fn mend(&mut self, run: (i64, i64), count: u32) -> sqlx::Result<Mended> {
        match self.database {
            Database::MySql(pool) => {
                let mender = match &mut self.mender {
                    Some(mender) => mender,
                    none => none.insert(mysql::backfill::Mender::new(pool, self.collection).await?),
                };
                mender.mend(run).await
            }
            Database::Sqlite(pools) => {
                let written =
                    sqlite::backfill::mend(&pools.writer, self.collection, run, count).await?;
                Ok(Mended {
                    written,
                    rest: None,
                })
            }
        }
    }
}

/// Looks at up to `count` rows with ids beyond `after`.
async fn look(
    database: &Database,
    collection: &Collection,
    after: i64,
    count: u32,
) -> sqlx::Result<Survey> {
    match database {
        Database::MySql(pool) => mysql::survey::survey(pool, collection, after, count).await,
        Database::Sqlite(pools) => {
            let surveyed = sqlite::survey::survey(&pools.readers, collection, after, count);
            Ok(surveyed.await?.survey)
        }
    }
}

/// Whether another try may work: a deadlock or a lock that was waited for too
/// long, by the numbers of the database.
fn is_held_by_others(error: &sqlx::Error) -> bool {
    let Some(refusal) = error.as_database_error() else {
        return false;
    };
    match refusal.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        Some(refusal) => matches!(refusal.number(), 1205 | 1213),
        // SQLITE_BUSY and its kin: the lower byte is the primary code.
        None => refusal
            .code()
            .and_then(|code| code.parse::<i32>().ok())
            .is_some_and(|code| code & 0xff == 5),
    }
}
