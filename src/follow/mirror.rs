//! Keeps indexes in memory at a database that others write as well, by its feed: every
//! commit is followed, whoever made it, and nothing is asked from time to time.
//!
//! One task follows the feed. Another one for each collection loads its index, at the
//! start and whenever the feed says so, beside the one that goes on answering. One more
//! compares indexes and tables.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use super::sweep::sweep;
use super::{Watched, lag};
use crate::catalog::Catalog;
use crate::metrics::Metrics;
use crate::store::client_read::{self, ClientRead};
use crate::store::feed::{ChangeFeed, Changes, FeedError, Keys, OpenFeed, Reason};
use crate::store::{Collection, StoreError};

/// The rest after a failure, which doubles up to the longest one: of a connection, and
/// where everything has to be loaded.
const FIRST_REST: Duration = Duration::from_millis(200);
const LONGEST_REST: Duration = Duration::from_secs(2);
const LONGEST_REST_OF_LOADS: Duration = Duration::from_secs(30);
/// How often names are looked after.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long an index counts as level without a word of the database.
const LEVEL_WITHOUT_A_WORD: Duration = Duration::from_secs(1);
/// How long the database may take to answer what following asks: over a connection that went
/// silent it never does.
const LONGEST_ANSWER: Duration = Duration::from_secs(12);
/// A feed that is lost so often at the same place cannot be read there.
const MOST_LOSSES: u32 = 5;

/// The indexes, each of a collection, and what tells of commits.
struct Mirror {
    feed: Arc<dyn ChangeFeed>,
    catalogs: Vec<Arc<Catalog>>,
    metrics: Arc<Metrics>,
}

/// Follows the feed of a database until it is dropped.
pub(super) async fn follow(
    feed: Arc<dyn ChangeFeed>,
    catalogs: Vec<Arc<Catalog>>,
    metrics: Arc<Metrics>,
    watched: Watched,
) {
    let loading = catalogs
        .iter()
        .map(|catalog| keep_loaded(catalog, &metrics));
    let mirror = Mirror {
        feed,
        catalogs: catalogs.clone(),
        metrics: Arc::clone(&metrics),
    };
    let asking = ClientRead::new(LONGEST_ANSWER, false, ());
    tokio::join!(
        client_read::within(asking, mirror.follow_feed()),
        join_all(loading),
        keep_names(&catalogs),
        sweep(&catalogs, watched.sweep_rows_per_second, &metrics),
        lag::watch(&catalogs, watched.freshness)
    );
}

/// Rests between tries.
struct Rest {
    next: Duration,
    longest: Duration,
}

impl Rest {
    fn up_to(longest: Duration) -> Self {
        Self {
            next: FIRST_REST,
            longest,
        }
    }

    /// Not to the same moment as other instances.
    async fn take(&mut self) {
        sleep(self.next.mul_f64(rand::random_range(0.5..1.0))).await;
        self.next = (self.next * 2).min(self.longest);
    }
}

pub(super) fn name(catalog: &Catalog) -> &str {
    catalog.collection().name.as_str()
}

impl Mirror {
    async fn follow_feed(&self) {
        let collections = self.catalogs.iter();
        let collections: Vec<Collection> = collections
            .map(|catalog| catalog.collection().clone())
            .collect();
        // Why everything has to be loaded; `None` where it goes on from where it was.
        let mut reason = Some(Reason::Start);
        let mut rest = Rest::up_to(LONGEST_REST);
        let mut rest_of_loads = Rest::up_to(LONGEST_REST_OF_LOADS);
        let mut losses = 0;
        let mut is_told = false;
        loop {
            let opened = self.open(&collections, reason).await;
            let opened_at = Instant::now();
            let ended = match opened {
                Ok(mut feed) => {
                    reason = None;
                    is_told = false;
                    losses += 1;
                    self.follow_open(&mut *feed, &mut losses).await
                }
                Err(error) => error,
            };
            self.feed.progress().fell_behind(SystemTime::now());
            if opened_at.elapsed() > LONGEST_REST_OF_LOADS {
                rest = Rest::up_to(LONGEST_REST);
                rest_of_loads = Rest::up_to(LONGEST_REST_OF_LOADS);
            }
            match ended {
                FeedError::Lost(why) if losses < MOST_LOSSES => {
                    // Said once, not at every try.
                    if !is_told {
                        tracing::warn!(cause = %why, "the feed of the database is lost; trying on");
                    }
                    is_told = true;
                    rest.take().await;
                    continue;
                }
                FeedError::Lost(why) => {
                    tracing::warn!(
                        cause = %why,
                        "the feed of the database is lost time and again; loading anew"
                    );
                    reason = Some(Reason::Undecodable);
                }
                FeedError::Ended(why, said) => {
                    tracing::warn!(
                        cause = %said,
                        reason = why.name(),
                        "the feed of the database cannot go on; loading anew"
                    );
                    reason = Some(why);
                }
            }
            losses = 0;
            rest_of_loads.take().await;
        }
    }

    /// Opens the feed where it was left; or, where everything has to be loaded, at the
    /// present.
    async fn open(
        &self,
        collections: &[Collection],
        loads: Option<Reason>,
    ) -> Result<Box<dyn OpenFeed>, FeedError> {
        let progress = self.feed.progress();
        let Some(reason) = loads else {
            return self.feed.open(collections, &progress.reached()).await;
        };
        let present = self.feed.present().await?;
        let feed = self.feed.open(collections, &present).await?;
        // They change without a word while nobody follows.
        self.read_settings().await?;
        let since = SystemTime::now() - progress.lag();
        for catalog in &self.catalogs {
            catalog.want_load(reason, since);
        }
        // After that, so that nobody takes the indexes for level with it.
        progress.starts_after(present);
        Ok(feed)
    }

    /// Follows until the feed ends, and says why; nothing counts as lost that was before a
    /// word of it.
    async fn follow_open(&self, feed: &mut dyn OpenFeed, losses: &mut u32) -> FeedError {
        loop {
            let changes = match self.next(feed).await {
                Ok(changes) => changes,
                Err(error) => return error,
            };
            *losses = 0;
            let progress = self.feed.progress();
            match changes.committed_at {
                Some(committed_at) => progress.fell_behind(committed_at),
                None => progress.caught_up(),
            }
            if let Err(error) = feed.until_visible(&changes).await {
                return error;
            }
            let transactions = changes.transactions.clone();
            self.apply(changes).await;
            progress.followed(&transactions);
        }
    }

    /// The next changes. Of a server that is silent nobody knows what it has committed.
    async fn next(&self, feed: &mut dyn OpenFeed) -> Result<Changes, FeedError> {
        let heard_at = SystemTime::now();
        let mut next = feed.next();
        if let Ok(next) = timeout(LEVEL_WITHOUT_A_WORD, &mut next).await {
            return next;
        }
        self.feed.progress().fell_behind(heard_at);
        next.await
    }

    /// Goes on trying while the database is away.
    async fn apply(&self, changes: Changes) {
        let count = changes.len();
        let since = changes.committed_at.unwrap_or_else(SystemTime::now);
        for (catalog, reload) in self.catalogs.iter().zip(changes.reloads) {
            if let Some(reason) = reload {
                catalog.want_load(reason, since);
            }
        }
        for (catalog, keys) in self.catalogs.iter().zip(changes.keys) {
            if let Err(error) = follow_keys(catalog, &keys).await {
                tracing::warn!(
                    collection = name(catalog),
                    cause = %error,
                    "rows cannot be read by their keys; loading anew"
                );
                catalog.want_load(Reason::Unreadable, since);
            }
        }
        let mut rest = Rest::up_to(LONGEST_REST);
        while changes.settings
            && let Err(error) = self.read_settings().await
        {
            tracing::warn!(cause = %error, "the settings cannot be read now; trying on");
            rest.take().await;
        }
        self.metrics.mirror().followed(count);
    }

    async fn read_settings(&self) -> Result<(), StoreError> {
        for catalog in &self.catalogs {
            catalog.refresh_rating_visibility().await?;
        }
        Ok(())
    }
}

/// Goes on trying while the database is away.
async fn follow_keys(catalog: &Catalog, keys: &Keys) -> Result<(), StoreError> {
    let mut rest = Rest::up_to(LONGEST_REST);
    loop {
        match catalog.follow_keys(keys.clone()).await {
            Err(error @ StoreError::Unavailable(_)) => {
                tracing::debug!(cause = %error, "the database cannot be read now; trying on");
            }
            done => return done,
        }
        rest.take().await;
    }
}

/// Loads an index whenever that is wanted.
async fn keep_loaded(catalog: &Catalog, metrics: &Metrics) {
    let mut rest = Rest::up_to(LONGEST_REST_OF_LOADS);
    let mut tried = 0;
    loop {
        let (wanted, reason) = catalog.wanted_load().await;
        if wanted != tried {
            metrics.mirror().reloading(reason);
            tried = wanted;
        }
        if !load(catalog, reason).await {
            rest.take().await;
            continue;
        }
        rest = Rest::up_to(LONGEST_REST_OF_LOADS);
        // Where they are in use.
        if let Err(error) = catalog.refresh_names(true).await {
            tracing::warn!(collection = name(catalog), cause = %error, "names cannot be read");
        }
    }
}

/// Loads an index; whether it is there.
async fn load(catalog: &Catalog, reason: Reason) -> bool {
    let started = Instant::now();
    let loaded = catalog.load_beside().await;
    match &loaded {
        Ok(true) => tracing::info!(
            collection = name(catalog),
            reason = reason.name(),
            centers = catalog.indexed(),
            duration_ms = u64::try_from(started.elapsed().as_millis()).ok(),
            "index loaded"
        ),
        Ok(false) => tracing::info!(
            collection = name(catalog),
            "what was loaded is out of date already; loading anew"
        ),
        Err(error) => tracing::warn!(
            collection = name(catalog),
            cause = %error,
            "the index cannot be loaded now; trying on"
        ),
    }
    matches!(loaded, Ok(true))
}

/// Builds names anew of which many were written.
async fn keep_names(catalogs: &[Arc<Catalog>]) {
    loop {
        sleep(LOOK_EVERY).await;
        for catalog in catalogs {
            if let Err(error) = catalog.refresh_names(false).await {
                tracing::debug!(collection = name(catalog), cause = %error, "names cannot be read");
            }
        }
    }
}
