//! Places for requests among the connections, so that neither those that write nor those that
//! read take all of them from the others.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{PoolSettings, StoreError};

/// The longest that a read waits for a place. Where more come than can be answered, all that wait
/// have waited so long: less than what clients do, or answers would come when they have gone.
const LONGEST_WAIT_TO_READ: Duration = Duration::from_secs(3);

/// Places among the connections of one pool.
#[derive(Debug)]
pub(crate) struct Places {
    reads: Arc<Semaphore>,
    writes: Arc<Semaphore>,
    longest_wait: Duration,
}

impl Places {
    /// Three quarters and more of the connections for reads, three tenths for writes.
    pub(super) fn new(settings: &PoolSettings) -> Self {
        let size = settings.size as usize;
        let reads = size - (size / 4).max(1);
        // With one alone, a row that is held would keep all other writes waiting.
        let writes = (size * 3 / 10).max(2).min(size - 1);
        Self {
            reads: Arc::new(Semaphore::new(reads.max(1))),
            writes: Arc::new(Semaphore::new(writes.max(1))),
            longest_wait: settings.acquire_timeout,
        }
    }

    /// Waits for a place for a read.
    ///
    /// # Errors
    /// When none came within the time in which a connection has to, or 3 s.
    pub(super) async fn to_read(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let longest = self.longest_wait.min(LONGEST_WAIT_TO_READ);
        let place = one_of(&self.reads, longest).await;
        place.ok_or_else(|| sqlx::Error::PoolTimedOut.into())
    }

    /// Waits for a place for a write.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when none came within that time.
    pub(super) async fn to_write(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let place = one_of(&self.writes, self.longest_wait).await;
        place.ok_or(StoreError::Busy)
    }
}

async fn one_of(places: &Arc<Semaphore>, longest: Duration) -> Option<OwnedSemaphorePermit> {
    let place = timeout(longest, Arc::clone(places).acquire_owned()).await;
    place.ok()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_takes_all_places_of_one_kind_leaves_connections_to_the_other() {
        for size in 2..100 {
            let settings = PoolSettings {
                size,
                ..PoolSettings::default()
            };
            let places = Places::new(&settings);
            let size = size as usize;
            assert!(
                (1..size).contains(&places.reads.available_permits()),
                "{size}"
            );
            assert!(
                (1..size).contains(&places.writes.available_permits()),
                "{size}"
            );
        }
    }

    #[tokio::test]
    async fn nobody_waits_longer_for_a_place_than_for_a_connection() {
        let settings = PoolSettings {
            size: 1,
            acquire_timeout: Duration::from_millis(10),
            ..PoolSettings::default()
        };
        let places = Places::new(&settings);
        let first = places.to_write().await.unwrap();
        assert!(matches!(places.to_write().await, Err(StoreError::Busy)));
        let _read = places.to_read().await.unwrap();
        let second = places.to_read().await;
        assert!(
            matches!(second, Err(StoreError::Unavailable(_))),
            "{second:?}"
        );
        drop(first);
        let _second = places.to_write().await.unwrap();
    }
}
