//! Telling how far a load of an index has come.

use std::time::{Duration, Instant};

use crate::store::Collection;

/// How often it is told.
const TELL_EVERY: Duration = Duration::from_secs(3);
/// After how many rows it is looked whether it is time.
const LOOK_EVERY: u64 = 1_024;

/// Counts rows as they are read, and logs now and then how many there are.
#[derive(Debug)]
pub(super) struct LoadProgress {
    collection: String,
    began: Instant,
    told: Instant,
    rows: u64,
}

impl LoadProgress {
    pub(super) fn of(collection: &Collection) -> Self {
        let now = Instant::now();
        Self {
            collection: collection.name.as_str().to_owned(),
            began: now,
            told: now,
            rows: 0,
        }
    }

    /// A row was read.
    pub(super) fn row(&mut self) {
        self.rows += 1;
        if self.rows.is_multiple_of(LOOK_EVERY)
            && let Some(rows_per_second) = self.due(Instant::now())
        {
            tracing::info!(
                collection = self.collection,
                rows = self.rows,
                rows_per_second,
                "loading the index"
            );
        }
    }

    /// How many rows a second there were, if it is time to tell.
    fn due(&mut self, now: Instant) -> Option<u64> {
        if now - self.told < TELL_EVERY {
            return None;
        }
        self.told = now;
        let elapsed_ms = u64::try_from((now - self.began).as_millis()).ok()?;
        (self.rows * 1_000).checked_div(elapsed_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_every_few_seconds_with_the_rows_of_a_second() {
        let mut progress = LoadProgress::of(&Collection::diving_centers());
        for _ in 0..6_000 {
            progress.row();
        }
        let began = progress.began;
        let after = |seconds| began + Duration::from_secs(seconds);
        assert_eq!(progress.due(after(2)), None);
        assert_eq!(progress.due(after(3)), Some(2_000));
        assert_eq!(progress.due(after(4)), None);
        assert_eq!(progress.due(after(6)), Some(1_000));
    }
}
