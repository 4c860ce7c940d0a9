//! Backfilling a whole table: chunk after chunk, at a pace that others can live
//! with, until the end or until told to stop.

use std::time::Duration;

use tokio::sync::watch;

use crate::store::{
    BackfillFrom, BackfilledChunk, Collection, Database, DriftDistances, StoreError, Work,
    WorkAction,
};

/// How long writing a chunk should take: it ends when it is told to only after one,
/// and tells how far it is. A chunk may be several transactions, each shorter.
const TARGET: Duration = Duration::from_millis(100);
/// How many rows the first chunk has, before anything is known of the server.
const FIRST_CHUNK: u32 = 64;
/// However slow the server is, a chunk has so many rows.
const MIN_CHUNK: u32 = 10;

/// How to go about it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which of coordinates and location counts where they disagree.
    pub from: BackfillFrom,
    /// The most rows in one chunk.
    pub batch_size: u32,
    /// The pause after each.
    pub pause: Duration,
    /// Count only.
    pub dry_run: bool,
    /// Begin beyond this id; `None` begins with the first row.
    pub after: Option<i64>,
}

/// What was done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows looked at.
    pub checked: u64,
    /// Rows written, or that would be.
    pub written: u64,
    /// Rows with one coordinate or none.
    pub without_coordinates: u64,
    /// Of these, rows with a latitude alone.
    pub latitude_only: u64,
    /// Of these, rows with a longitude alone.
    pub longitude_only: u64,
    /// Rows with coordinates that are no point on the globe.
    pub out_of_range: u64,
    /// Rows that were in drift when they were looked at.
    pub drift: u64,
    /// How far these were off.
    pub distances: DriftDistances,
    /// The id of the last row that is done; `None` before the first chunk.
    pub last_id: Option<i64>,
    /// How often a chunk stepped aside for other writers.
    pub retries: u64,
    /// The longest transaction.
    pub longest_transaction: Duration,
    /// Whether the end of the table was reached.
    pub complete: bool,
}

impl Progress {
    fn add(&mut self, chunk: &BackfilledChunk) {
        self.checked += chunk.survey.rows;
        self.written += chunk.written;
        self.without_coordinates += chunk.survey.without_coordinates;
        self.latitude_only += chunk.survey.latitude_only;
        self.longitude_only += chunk.survey.longitude_only;
        self.drift += chunk.survey.drift;
        self.distances += chunk.survey.distances;
        self.out_of_range += chunk.survey.out_of_range;
        self.last_id = chunk.survey.last_id.or(self.last_id);
        self.retries += u64::from(chunk.retries);
        self.longest_transaction = self.longest_transaction.max(chunk.transaction);
    }
}

/// Backfills until the end of the table, or until `stop` turns true: then after
/// the chunk under way. `each` is told after every chunk how far it is.
///
/// Every chunk is one short transaction or a few, so it can end at any moment,
/// however roughly, and be run again.
///
/// # Errors
/// When the database does not answer. What was written until then stays, and
/// `each` was told of it.
pub async fn run(
    database: &Database,
    collection: &Collection,
    settings: &Settings,
    mut stop: watch::Receiver<bool>,
    mut each: impl FnMut(&Progress),
) -> Result<Progress, StoreError> {
    let mut progress = Progress {
        last_id: settings.after,
        ..Progress::default()
    };
    let mut backfill = database.backfill(collection, settings.from);
    let mut count = FIRST_CHUNK.min(settings.batch_size);
    while !*stop.borrow() {
        let after = progress.last_id.unwrap_or(i64::MIN);
        let chunk = backfill.chunk(after, count, settings.dry_run).await?;
        let Some(chunk) = chunk else {
            progress.complete = true;
            break;
        };
        progress.add(&chunk);
        each(&progress);
        count = next_count(count, chunk.writing, settings.batch_size);
        if !settings.pause.is_zero() {
            backfill.rest().await?;
            let told_to_stop = async {
                if stop.wait_for(|stop| *stop).await.is_err() {
                    // Nobody is left who could say it.
                    std::future::pending::<()>().await;
                }
            };
            // Either way the loop goes on to look.
            let _ = tokio::time::timeout(settings.pause, told_to_stop).await;
        }
    }
    Ok(progress)
}

/// Notes in the audit log how many rows were written, if any were.
pub async fn note(database: &Database, collection: &Collection, progress: &Progress, by: &str) {
    if progress.written == 0 {
        return;
    }
    let counts = [("checked", progress.checked), ("written", progress.written)];
    let work = Work {
        by,
        action: WorkAction::Backfilled,
        collection: collection.name.as_str(),
        counts: &counts,
    };
    database.note_work(work).await;
}

/// As many rows as would have taken [`TARGET`], at most twice as many as before: a
/// fast chunk says little of the next one.
fn next_count(count: u32, writing: Duration, most: u32) -> u32 {
    let least = MIN_CHUNK.min(most);
    let fitting = TARGET
        .as_micros()
        .saturating_mul(u128::from(count))
        .checked_div(writing.as_micros())
        .unwrap_or(u128::MAX);
    let fitting = u32::try_from(fitting).unwrap_or(u32::MAX);
    fitting.min(count.saturating_mul(2)).clamp(least, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_grow_where_writing_is_fast_and_shrink_where_it_is_slow() {
        let ms = Duration::from_millis;
        assert_eq!(next_count(200, ms(0), 1_000), 400);
        assert_eq!(next_count(200, ms(40), 1_000), 400);
        assert_eq!(next_count(900, ms(40), 1_000), 1_000);
        assert_eq!(next_count(1, ms(0), 1_000), MIN_CHUNK);
        assert_eq!(next_count(400, ms(100), 1_000), 400);
        assert_eq!(next_count(400, ms(200), 1_000), 200);
        assert_eq!(next_count(400, ms(60_000), 1_000), MIN_CHUNK);
        assert_eq!(next_count(5, ms(60_000), 5), 5);
    }
}
