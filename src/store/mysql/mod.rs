//! Centers in MySQL.
//!
//! The location is written in the same statement as the coordinates, also where
//! they stay as they were: a point that says the same has the same bytes, which
//! the server does not write again, and one that had drifted is mended.

mod access_keys;
pub(super) mod adopt;
mod at_fault;
mod attended;
mod attributes;
mod audit;
mod backfill;
mod catalog;
mod cells;
mod connect;
mod database;
mod definers;
mod dive_sites;
mod edit;
mod feed;
mod fields;
mod guard;
mod hint;
mod idempotency;
mod index_pages;
mod journal;
mod listing;
mod location;
mod migrate;
mod organizations;
#[cfg(test)]
mod plans;
mod query;
mod ratings;
mod read;
mod renewal;
mod retry;
mod retrying_pool;
mod room;
mod rows;
mod schema;
mod search;
mod servers;
mod settings;
mod statements;
mod store;
mod survey;
mod tally;
mod transaction;
mod triggers;
mod upsert;
mod url;
mod write;

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::places::Places;
use super::{Collection, PoolSettings};
use feed::MySqlFeed;
#[cfg(test)]
pub(super) use migrate::MIGRATIONS;
use retrying_pool::RetryingPool;
use statements::Statements;
pub(super) use url::SCHEME;

/// A MySQL database.
#[derive(Debug, Clone)]
pub(super) struct MySqlDatabase {
    pool: RetryingPool,
    /// One connection for signs of life, which wait for nothing else.
    probes: RetryingPool,
    places: Arc<Places>,
    feed: Arc<MySqlFeed>,
}

impl MySqlDatabase {
    fn new(
        pool: RetryingPool,
        probes: RetryingPool,
        feed: MySqlFeed,
        settings: &PoolSettings,
    ) -> Self {
        Self {
            feed: Arc::new(feed),
            pool,
            probes,
            places: Arc::new(Places::new(settings)),
        }
    }

    fn pool(&self) -> &RetryingPool {
        &self.pool
    }
}

/// A collection of centers in MySQL.
///
/// Rows whose id is no [`crate::domain::CenterId`] (keys of 64 bits without a sign
/// can be beyond) are counted but neither listed nor found:
/// [`crate::store::Database::rows_beyond_ids`] tells of them.
#[derive(Debug, Clone)]
struct MySqlStore {
    pool: RetryingPool,
    probes: RetryingPool,
    collection: Arc<Collection>,
    statements: Arc<Statements>,
    /// The greatest id that a client may choose; known once it is needed.
    last_chosen: Arc<OnceCell<i64>>,
}

impl MySqlStore {
    fn new(database: &MySqlDatabase, collection: &Arc<Collection>) -> Self {
        Self {
            pool: database.pool.clone(),
            probes: database.probes.clone(),
            collection: Arc::clone(collection),
            statements: Arc::new(Statements::new(collection)),
            last_chosen: Arc::default(),
        }
    }
}
