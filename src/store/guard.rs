//! Guards that hold locations right against writers that forget them.

use super::{Collection, Database, StoreError, mysql};

/// How a collection is guarded against other writers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// The triggers were there.
    InPlace,
    /// The triggers were made, or made anew.
    Installed,
    /// They could not be made. Nothing of ours depends on them: our own writes
    /// set the location themselves, and `verify` and `backfill` mend what others
    /// leave.
    Missing {
        /// What the database said.
        reason: String,
        /// Which setting or grant is missing.
        advice: String,
    },
}

impl Database {
    /// Guards a collection where the database allows it. `None` where there is
    /// nothing to do: the table is missing, or its own migration guards it, as
    /// on SQLite.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn guard(&self, collection: &Collection) -> Result<Option<Guard>, StoreError> {
        match self {
            Self::MySql(pool) => mysql::triggers::ensure(pool, collection).await,
            Self::Sqlite(_) => Ok(None),
        }
    }
}
