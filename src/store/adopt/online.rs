//! The spatial index without stopping writers.

use tokio::sync::watch;

use super::super::{Collection, mysql};
use super::{AdoptError, AdoptionSession};

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

impl AdoptionSession {
    /// Puts a copy of the table that has a spatial index in its place, beside its writers.
    ///
    /// # Errors
    /// When the database refuses, others keep the table, writers are faster than the
    /// copying, or it is told to stop. The table then is as it was, unless the error is
    /// about what is to be done after the copy has taken its place: another run does that.
    pub async fn rebuild(
        &mut self,
        collection: &Collection,
        stop: &watch::Receiver<bool>,
        each: impl FnMut(Rebuilt),
    ) -> Result<(), AdoptError> {
        let pool = self.pool().clone();
        mysql::adopt::rebuild(&pool, self, collection, stop, each).await
    }
}
