//! Keeps what engines hold in memory at what the database holds: loads it after
//! the start, and again when another process wrote the embedded file, or on MySQL
//! from time to time, or by its feed where an index follows that.

mod lag;
mod mirror;
mod sweep;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::catalog::{Catalog, Freshness};
use crate::collections::Collections;
use crate::domain::EngineKind;
use crate::metrics::Metrics;
use crate::store::{Database, FileVersion, StoreError};

/// How indexes that follow a feed are looked after.
#[derive(Debug, Clone, Copy)]
pub struct Watched {
    /// At how many rows a second they are compared with their tables; 0 never does.
    pub sweep_rows_per_second: u32,
    /// How far behind they may be; `None` answers from them however far that is.
    pub freshness: Option<Freshness>,
}

/// How often the file is looked at; how long others' writes may go unseen.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After a reload, rest this many times as long as it took: a process that
/// writes all the while costs no more than a fifth of a core.
const REST_FACTOR: u32 = 4;
/// The longest rest.
const REST_AT_MOST: Duration = Duration::from_mins(1);

/// Loads the indexes, then follows other writers of the embedded file; on MySQL,
/// where nothing tells of them, names that are asked for and how densely centers
/// lie. While the database is away everything stays as it was.
///
/// `watched` is how indexes that follow a feed are looked after.
pub async fn follow(
    database: Database,
    collections: Collections,
    metrics: Arc<Metrics>,
    watched: Watched,
) {
    if collections.default().is_mirror()
        && let Some(feed) = database.feed()
    {
        let catalogs = collections.iter().cloned().collect();
        return mirror::follow(feed, catalogs, metrics, watched).await;
    }
    tokio::join!(
        follow_settings(&collections),
        follow_rows(&database, &collections)
    );
}

/// Reads every second what settings say: loads of an index, which take longer, do not
/// hold it up. Whether the database is away is told by who follows the rows.
async fn follow_settings(collections: &Collections) {
    loop {
        for catalog in collections.iter() {
            if let Err(error) = catalog.refresh_rating_visibility().await {
                tracing::debug!(cause = %error, "the settings cannot be read now; trying on");
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn follow_rows(database: &Database, collections: &Collections) {
    let mut followed: Vec<Followed> = collections.iter().map(Followed::new).collect();
    let mut was_away = false;
    loop {
        let started = Instant::now();
        match step(database, &mut followed).await {
            Ok(()) => was_away = false,
            // Said once, not every second.
            Err(error) if !was_away => {
                tracing::warn!(cause = %error, "the database cannot be read now; trying on");
                was_away = true;
            }
            Err(_) => {}
        }
        let rest = started.elapsed() * REST_FACTOR;
        tokio::time::sleep(rest.clamp(LOOK_EVERY, REST_AT_MOST)).await;
    }
}

/// Loads what has to be loaded. A collection that cannot be keeps no other one
/// from it; the first error is told.
async fn step(database: &Database, followed: &mut [Followed<'_>]) -> Result<(), StoreError> {
    // Asked before loading, so that what is written meanwhile is seen next time.
    let look = database.look_for_changes().await;
    // What was not found out counts as a change: half of it may be noted as seen.
    let behind = look.as_ref().map_or(true, |look| look.has_changed);
    for followed in &mut *followed {
        // Stays true when loading fails, as the change would not be told again.
        followed.behind |= behind;
    }
    let version = look?.version;
    let mut all = Ok(());
    for followed in followed {
        all = all.and(followed.catch_up(version).await);
    }
    all
}

/// A collection, and whether others wrote it since it was loaded.
struct Followed<'a> {
    catalog: &'a Catalog,
    behind: bool,
}

impl<'a> Followed<'a> {
    fn new(catalog: &'a std::sync::Arc<Catalog>) -> Self {
        Self {
            catalog,
            behind: true,
        }
    }

    /// Lets coordinates follow points that were drawn or moved on a map.
    async fn take_over_moved(&self) {
        let collection = self.catalog.collection().name.as_str();
        match self.catalog.store().take_over_moved().await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(collection, rows, "points of other programs taken over"),
            // What is there can be served all the same.
            Err(error) => tracing::warn!(
                collection,
                cause = %error,
                "points of other programs could not be taken over; trying again when they write"
            ),
        }
    }

    /// To the version of the file at which it was looked at, at least.
    async fn catch_up(&mut self, version: Option<FileVersion>) -> Result<(), StoreError> {
        if !self.behind {
            self.catalog.note_unchanged(version);
            self.catalog.refresh_names(false).await?;
            return self.catalog.refresh_engine().await;
        }
        let started = Instant::now();
        self.take_over_moved().await;
        self.catalog.load().await?;
        self.catalog.refresh_names(true).await?;
        self.behind = false;
        tracing::info!(
            collection = self.catalog.collection().name.as_str(),
            centers = self.catalog.indexed(),
            duration_ms = u64::try_from(started.elapsed().as_millis()).ok(),
            "{}",
            match self.catalog.engine().kind() {
                EngineKind::Memory => "index loaded",
                // How far a search has to look is guessed by it.
                EngineKind::Sql => "looked how densely centers lie",
            }
        );
        Ok(())
    }
}
