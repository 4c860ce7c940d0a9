//! Centers in MySQL.
//!
//! The location is written in the same statement as the coordinates, also where
//! they stay as they were: a point that says the same has the same bytes, which
//! the server does not write again, and one that had drifted is mended.

pub(super) mod adopt;
pub(super) mod backfill;
mod catalog;
mod fields;
mod hint;
mod index_pages;
mod journal;
mod listing;
pub(super) mod location;
#[cfg(test)]
mod plans;
mod query;
mod read;
mod retry;
mod room;
mod rows;
pub(super) mod schema;
mod search;
mod statements;
pub(super) mod survey;
mod tally;
pub(super) mod triggers;
mod upsert;
mod write;

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::{Collection, Database, RetryingPool};
pub(super) use catalog::{count_rows, foreign_keys, table_exists, tables};
pub use search::Near;
use statements::Statements;

/// A collection of centers in MySQL.
///
/// Rows whose id is no [`crate::domain::CenterId`] (keys of 64 bits without a sign
/// can be beyond) are counted but neither listed nor found:
/// [`crate::store::Database::rows_beyond_ids`] tells of them.
#[derive(Debug, Clone)]
pub struct MySqlStore {
    pool: RetryingPool,
    collection: Arc<Collection>,
    statements: Arc<Statements>,
    /// The greatest id that a client may choose; known once it is needed.
    last_chosen: Arc<OnceCell<i64>>,
}

impl MySqlStore {
    pub(super) fn new(pool: RetryingPool, collection: &Collection) -> Self {
        Self {
            pool,
            collection: Arc::new(collection.clone()),
            statements: Arc::new(Statements::new(collection)),
            last_chosen: Arc::default(),
        }
    }

    /// What it is a store of.
    #[must_use]
    pub fn collection(&self) -> &Collection {
        &self.collection
    }

    /// The database that holds it.
    #[must_use]
    pub fn database(&self) -> Database {
        Database::MySql(self.pool.clone())
    }
}
