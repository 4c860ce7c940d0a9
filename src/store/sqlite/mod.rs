//! Centers in an embedded GeoPackage.
//!
//! The location is written in the same statement as the coordinates. Centers are
//! written over one connection, everything else over another, and read over more.

mod apart;
mod backfill;
pub(super) mod blocking;
mod catalog;
mod columns;
mod extent;
mod fields;
mod foreign_changes;
mod functions;
pub(super) mod geopackage;
mod journal;
mod layer;
mod listing;
mod load_once;
mod moved;
mod obstacles;
mod query;
mod read;
mod rows;
mod rtree;
mod scan;
pub(super) mod schema;
mod statements;
pub(super) mod survey;
pub(super) mod triggers;
mod upsert;
mod write;

use std::sync::Arc;

use super::database::SqlitePools;
use super::{Collection, Database};
pub(super) use catalog::{count_rows, foreign_keys, table_exists, tables};
pub(super) use foreign_changes::{file_version, look_for_changes};
pub use layer::{LayerError, LayerPlace, LayerRow, LayerValue, LayerWriter, PointLayer};
pub(super) use obstacles::{columns, obstacles};
use statements::Statements;

/// A collection of centers in an embedded GeoPackage.
///
/// Rows whose id is no [`crate::domain::CenterId`] (keys of 64 bits without a sign
/// can be beyond) are counted but neither listed nor found:
/// [`crate::store::Database::rows_beyond_ids`] tells of them.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    pools: SqlitePools,
    collection: Arc<Collection>,
    statements: Arc<Statements>,
}

impl SqliteStore {
    pub(super) fn new(pools: SqlitePools, collection: &Collection) -> Self {
        Self {
            pools,
            collection: Arc::new(collection.clone()),
            statements: Arc::new(Statements::new(collection)),
        }
    }

    pub(super) fn collection(&self) -> &Collection {
        &self.collection
    }

    pub(super) fn database(&self) -> Database {
        Database::Sqlite(self.pools.clone())
    }
}
