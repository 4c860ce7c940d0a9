//! Writing locations from coordinates, or the other way, a run of rows at a time.

use std::time::{Duration, Instant};

use super::survey::{BackfillFrom, Mended, Mender, Survey};
use super::{Collection, Database, StoreError};

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
    /// How many rows were written, or would be.
    pub written: u64,
    /// How long the longest transaction took that wrote some of them, waits for
    /// others included.
    pub transaction: Duration,
    /// How long writing all of them took.
    pub writing: Duration,
    /// How often it stepped aside for other writers.
    pub retries: u32,
}

/// Writes the locations of one table, or its coordinates, a run of rows at a time.
#[derive(Debug)]
pub struct Backfill<'a> {
    database: &'a Database,
    collection: &'a Collection,
    from: BackfillFrom,
    /// Made when there is something to write: looking needs no right to.
    mender: Option<Box<dyn Mender>>,
    /// A look at the rows that come next, and beyond which id they are.
    ahead: Option<(i64, Survey)>,
}

impl Database {
    /// Prepares to write the locations of a table, or its coordinates.
    #[must_use]
    pub fn backfill<'a>(&'a self, collection: &'a Collection, from: BackfillFrom) -> Backfill<'a> {
        Backfill {
            database: self,
            collection,
            from,
            mender: None,
            ahead: None,
        }
    }
}

impl Backfill<'_> {
    /// Writes up to `count` rows with ids beyond `after` where location and
    /// coordinates disagree, in one transaction, or in several where one would be
    /// long; `None` where there is no row left.
    ///
    /// What is written is made of what the row holds in that very statement or
    /// transaction, so no concurrent write is undone. Rows that are right are not
    /// touched, nor is any other column, nor rows that lack what it is made of.
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
            written: survey.to_mend(self.from),
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
    ) -> Result<(), StoreError> {
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
                Err(error) if error.is_held_by_others() && tries < MAX_TRIES => {
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
            Some(mender) => mender.rest().await,
            None => Ok(()),
        }
    }

    async fn mend(&mut self, run: (i64, i64), count: u32) -> Result<Mended, StoreError> {
        let mender = match &mut self.mender {
            Some(mender) => mender,
            none => {
                let backend = self.database.backend();
                none.insert(backend.mender(self.collection, self.from).await?)
            }
        };
        mender.mend(run, count).await
    }
}

/// Looks at up to `count` rows with ids beyond `after`.
async fn look(
    database: &Database,
    collection: &Collection,
    after: i64,
    count: u32,
) -> Result<Survey, StoreError> {
    database.backend().survey(collection, after, count).await
}
