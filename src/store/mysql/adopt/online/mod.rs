//! Building the spatial index without stopping writers: in a copy of the table, its
//! shadow, that takes its place.
//!
//! MySQL builds a spatial index only while nobody writes (error 1846), but keeps one
//! that is there beside writers. So the shadow has its index while it is empty. Triggers
//! note the keys of rows that others write meanwhile, in a table of changes; the copying
//! session reads rows without locking them, and carries noted rows over until few are
//! left. Then it locks the table for a moment, carries the last ones, and renames.
//!
//! Triggers that write the shadow themselves, as some tools make them, let every writer
//! pay for the shadow's index, and wait for the chunk that is copied.
//!
//! The order makes every moment safe to be killed in. Until the one RENAME the table is
//! whole and the shadow is thrown away; after it the shadow is the table, and what is left
//! to tidy can be read from what is there. The table of changes is made first and dropped
//! last: it says that something is left over.

mod copy;
mod fit;
mod foreign_keys;
mod leftovers;
mod names;
mod rebuild;
mod swap;

use std::time::Duration;

use sqlx::MySqlPool;

use super::gather::Gathered;
use super::{Action, Locking, Step};
use crate::store::Collection;
pub(super) use fit::{obstacles, of_steps};
pub(super) use leftovers::{finish, leave_after};
pub(super) use rebuild::rebuild;

/// How a spatial index comes to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indexing {
    /// It is built in the table, while writers wait.
    InPlace,
    /// It is in a copy of the table, which takes its place while writers go on.
    Online,
}

/// What happens in an online build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rebuilt {
    /// So many rows are copied.
    Copied(u64),
    /// Others held a table, for the so-manieth time.
    Waits(u32),
}

/// The step that takes the place of building the index in the table.
pub(super) async fn step(
    pool: &MySqlPool,
    collection: &Collection,
    gathered: &Gathered,
    expected: Duration,
) -> sqlx::Result<Step> {
    let bytes: u64 = sqlx::query_scalar(
        "SELECT CAST(COALESCE(DATA_LENGTH + INDEX_LENGTH, 0) AS UNSIGNED) \
         FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
    )
    .bind(collection.table.as_str())
    .fetch_one(pool)
    .await?;
    Ok(Step {
        action: Action::RebuildOnline,
        text: format!(
            "put a copy in the table's place that has the spatial index {} and all that others write \
             meanwhile (about {} MB more on disk until then)",
            super::plan::index_name(gathered, collection),
            bytes.div_ceil(1_000_000).max(1),
        ),
        locking: Locking::Online,
        // It also copies every other column, and waits for writers.
        expected: expected.mul_f64(1.5),
        statements: Vec::new(),
    })
}
