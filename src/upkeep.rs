//! Looks after the locations while the service runs: verifies the tables now and
//! then, backfills them where that is wanted, and tells the metrics what was found.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::backfill;
use crate::metrics::Metrics;
use crate::store::{Allowed, BackfillFrom, Collection, Database, StoreError};

/// How many rows a backfill writes in one transaction at most.
const BATCH_SIZE: u32 = 1_000;

/// What to look after, and how.
#[derive(Debug, Clone)]
pub struct Upkeep {
    /// The collections that have locations.
    pub collections: Vec<Collection>,
    /// The rest between two looks.
    pub every: Duration,
    /// Whether drift is mended, and not only told.
    pub mend: bool,
    /// Rows that may be at fault without a warning.
    pub allowed: Vec<Allowed>,
}

/// Looks, and rests, until it is dropped.
pub async fn keep_up(database: Database, upkeep: Upkeep, metrics: Arc<Metrics>) {
    // Until `keep_up` is dropped nobody tells it to stop.
    let (_told, stop) = watch::channel(false);
    loop {
        for collection in &upkeep.collections {
            let looking = look(&database, collection, &upkeep, &metrics, stop.clone());
            if let Err(error) = looking.await {
                tracing::warn!(
                    collection = collection.name.as_str(),
                    cause = %error,
                    "the locations could not be verified; trying again later"
                );
            }
        }
        tokio::time::sleep(upkeep.every).await;
    }
}

async fn look(
    database: &Database,
    collection: &Collection,
    upkeep: &Upkeep,
    metrics: &Metrics,
    stop: watch::Receiver<bool>,
) -> Result<(), StoreError> {
    let mut found = database.verify(collection, |_| {}).await?;
    // Rows that have a location only stay as they are: it is all that says where they are.
    let is_to_mend = upkeep.mend && found.drift.count > 0;
    if is_to_mend && !database.may_be_mended(collection).await? {
        tracing::warn!(
            collection = collection.name.as_str(),
            drift = found.drift.count,
            "the table was made by another application and is not adopted, so it is not mended: run \
             `nearby adopt{}`",
            collection.flag()
        );
    } else if is_to_mend {
        let settings = backfill::Settings {
            from: BackfillFrom::Coordinates,
            batch_size: BATCH_SIZE,
            pause: Duration::ZERO,
            dry_run: false,
            after: None,
        };
        let done = backfill::run(database, collection, &settings, stop, |_| {}).await?;
        backfill::note(database, collection, &done, "nearby serve --mend").await;
        metrics.backfilled(done.checked, done.written);
        tracing::info!(
            collection = collection.name.as_str(),
            written = done.written,
            "locations backfilled"
        );
        found = database.verify(collection, |_| {}).await?;
    }
    metrics.verified(&collection.name, &found);
    if !found.is_sound_but_for(&upkeep.allowed) {
        tracing::warn!(
            collection = collection.name.as_str(),
            drift = found.drift.count,
            location_only = found.location_only.count,
            out_of_range = found.out_of_range.count,
            schema = found.schema_faults(),
            "the table is not sound; `nearby verify` tells what is wrong"
        );
    }
    Ok(())
}
