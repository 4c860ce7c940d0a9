//! Keeps what the engine holds in memory at what the database holds: loads it
//! after the start, and again when another process wrote the embedded file, or on
//! MySQL from time to time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::catalog::Catalog;
use crate::store::{Database, StoreError};

/// How often the file is looked at; how long others' writes may go unseen.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After a reload, rest this many times as long as it took: a process that
/// writes all the while costs no more than a fifth of a core.
const REST_FACTOR: u32 = 4;
/// The longest rest.
const REST_AT_MOST: Duration = Duration::from_mins(1);

/// Loads the index, then follows other writers of the embedded file; on MySQL,
/// where nothing tells of them, names that are asked for and how densely centers
/// lie. While the database is away everything stays as it was.
pub async fn follow(database: Database, catalog: Arc<Catalog>) {
    let mut loaded = false;
    let mut was_away = false;
    loop {
        let started = Instant::now();
        match step(&database, &catalog, &mut loaded).await {
            Ok(reloaded) => {
                if reloaded {
                    tracing::info!(
                        duration_ms = u64::try_from(started.elapsed().as_millis()).ok(),
                        "index loaded"
                    );
                }
                was_away = false;
            }
            // Said once, not every second.
            Err(error) if !was_away => {
                tracing::warn!(cause = %error, "the index cannot be loaded now; trying on");
                was_away = true;
            }
            Err(_) => {}
        }
        let rest = started.elapsed() * REST_FACTOR;
        tokio::time::sleep(rest.clamp(LOOK_EVERY, REST_AT_MOST)).await;
    }
}

/// Loads the index if that is needed, and tells whether it was.
async fn step(
    database: &Database,
    catalog: &Catalog,
    loaded: &mut bool,
) -> Result<bool, StoreError> {
    // Asked before loading, so that what is written meanwhile is seen next time.
    let changed = database.changed_elsewhere().await?;
    if *loaded && !changed {
        catalog.refresh_names(false).await?;
        catalog.refresh_density().await?;
        return Ok(false);
    }
    // Stays false when loading fails, as the change would not be told again.
    *loaded = false;
    catalog.load().await?;
    catalog.refresh_names(true).await?;
    *loaded = true;
    Ok(true)
}
