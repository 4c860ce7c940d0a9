//! MySQL's feed: its binary log, as a replica reads it.
//!
//! - `fitness`: what a server lacks to be followed
//! - `extent`: how large the tables are
//! - `tables`: what of a database is followed, and which statements alter it
//! - `events`: from the events of the log to transactions
//! - `login`, `stream`: the connection that the log comes by

mod events;
mod extent;
mod fitness;
mod login;
mod stream;
mod tables;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::MySqlPool;

use super::retrying_pool::RetryingPool;
use super::servers::Servers;
use crate::store::feed::{ChangeFeed, Extent, FeedError, GtidSet, Lack, OpenFeed, Progress};
use crate::store::{Collection, StoreError};
pub(super) use login::Login;

/// The binary log of a server.
pub(super) struct MySqlFeed {
    pool: RetryingPool,
    servers: Arc<Servers>,
    progress: Arc<Progress>,
}

impl MySqlFeed {
    pub(super) fn new(pool: RetryingPool, servers: Arc<Servers>, progress: Arc<Progress>) -> Self {
        Self {
            pool,
            servers,
            progress,
        }
    }
}

impl fmt::Debug for MySqlFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("MySqlFeed");
        shown
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl ChangeFeed for MySqlFeed {
    async fn lacks(&self, collections: &[Collection]) -> Result<Vec<Lack>, StoreError> {
        fitness::lacks(&self.pool, self.servers.login(), collections).await
    }

    async fn extent(&self, collections: &[Collection]) -> Result<Extent, StoreError> {
        extent::extent(&self.pool, collections).await
    }

    async fn present(&self) -> Result<GtidSet, StoreError> {
        present(&self.pool).await
    }

    async fn open(
        &self,
        collections: &[Collection],
        after: &GtidSet,
    ) -> Result<Box<dyn OpenFeed>, FeedError> {
        let collections: Arc<[Collection]> = collections.into();
        let stream = stream::open(&self.pool, self.servers.login(), collections, after).await?;
        Ok(Box::new(stream))
    }

    fn progress(&self) -> &Progress {
        &self.progress
    }
}

/// A commit is in this set once everybody sees it.
async fn present(pool: &MySqlPool) -> Result<GtidSet, StoreError> {
    let text: String = sqlx::query_scalar("SELECT @@GLOBAL.gtid_executed")
        .fetch_one(pool)
        .await?;
    text.parse().map_err(StoreError::unreadable)
}
