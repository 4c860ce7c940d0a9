//! Centers in an embedded GeoPackage.
//!
//! The location is written in the same statement as the coordinates. Everything is
//! written over one connection, and read over others, which never wait for it.

mod abandoned;
mod access_keys;
mod apart;
mod attributes;
mod audit;
mod backfill;
mod catalog;
mod columns;
mod connect;
mod connection;
mod database;
mod dive_sites;
mod edit;
mod extent;
mod fields;
mod foreign_changes;
mod functions;
mod geopackage;
mod guard;
mod idempotency;
mod journal;
mod kept_file;
mod layer;
mod listing;
mod load_once;
mod migrate;
mod moved;
mod obstacles;
mod organizations;
mod query;
mod ratings;
mod read;
mod readers;
mod rows;
mod rtree;
mod scan;
mod schema;
mod settings;
mod statements;
mod store;
mod survey;
mod transaction;
mod triggers;
mod upsert;
mod write;
mod writer;

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::{Collection, FileVersion, PoolSettings};
pub(super) use connect::{SCHEME, address};
use kept_file::KeptFile;
pub use layer::{LayerError, LayerPlace, LayerRow, LayerValue, LayerWriter, PointLayer};
use readers::Readers;
use statements::Statements;
use writer::Writer;

/// Looks at whole tables of a file at one time; more wait.
const MAX_SCANS: u32 = 64;

/// An embedded file that is open.
#[derive(Debug, Clone)]
pub(super) struct SqliteDatabase {
    file: KeptFile,
    readers: Readers,
    /// One connection for signs of life, which wait for nothing else.
    probes: Readers,
    writer: Writer,
    /// A permit for each look at a whole table, over a connection of its own.
    scans: Arc<Semaphore>,
    /// The version that was seen when somebody last looked for what others wrote.
    seen: Arc<Mutex<Option<FileVersion>>>,
}

impl SqliteDatabase {
    fn new(path: &Arc<Path>, settings: &PoolSettings) -> Self {
        let file = KeptFile::new(Arc::clone(path));
        let one = PoolSettings {
            size: 1,
            ..settings.clone()
        };
        Self {
            readers: Readers::new(file.clone(), settings),
            probes: Readers::new(file.clone(), &one),
            writer: Writer::new(file.clone(), settings.sqlite_synchronous),
            file,
            scans: Arc::new(Semaphore::new(MAX_SCANS as usize)),
            seen: Arc::default(),
        }
    }
}

/// A collection of centers in an embedded GeoPackage.
///
/// Rows whose id is no [`crate::domain::CenterId`] (keys of 64 bits without a sign
/// can be beyond) are counted but neither listed nor found:
/// [`crate::store::Database::rows_beyond_ids`] tells of them.
#[derive(Debug, Clone)]
struct SqliteStore {
    database: SqliteDatabase,
    collection: Arc<Collection>,
    statements: Arc<Statements>,
}

impl SqliteStore {
    fn new(database: SqliteDatabase, collection: &Arc<Collection>) -> Self {
        Self {
            database,
            collection: Arc::clone(collection),
            statements: Arc::new(Statements::new(collection)),
        }
    }
}
