//! Connections: which database, how many, how long, and waiting for it.

mod backend;
mod error;
mod url;
mod wait;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::{Collection, StoreError};
pub(super) use backend::Backend;
pub use error::ConnectError;
pub(super) use error::Failure;
pub(super) use url::{Address, Scheme, bad};
pub use url::{DatabaseUrl, DatabaseUrlError};
pub use wait::Wait;

/// How many connections there are, how long they live, what is logged of them
/// and how the database is waited for.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// The most connections. Those to a SQLite file only read; one more writes.
    pub size: u32,
    /// How long a request waits for a free connection.
    pub acquire_timeout: Duration,
    /// A connection that was not used for so long is closed.
    pub idle_timeout: Duration,
    /// A connection to MySQL is closed at this age, used or not.
    pub max_lifetime: Duration,
    /// Whether a connection to MySQL is asked for a sign of life before it is used.
    pub test_before_acquire: bool,
    /// Whether every statement to MySQL is logged, without its values.
    pub log_statements: bool,
    /// Statements to MySQL that take longer are logged as warnings.
    pub slow_statement: Duration,
    /// How the database is waited for.
    pub wait: Wait,
    /// Whether a SQLite file that does not exist is created.
    pub creates: bool,
    /// When what is written to a SQLite file is on the disk.
    pub sqlite_synchronous: SqliteSynchronous,
    /// Whether changes are noted in the audit log.
    pub audit: Auditing,
}

/// When what is written to a SQLite file is on the disk. Either way a process that is
/// killed loses nothing, and a machine that loses power leaves a sound file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SqliteSynchronous {
    /// Now and then: without power the last writes may be gone.
    #[default]
    Normal,
    /// Before a write is answered.
    Full,
}

/// Whether changes are noted in the audit log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Auditing {
    /// Each, in its own transaction; what commands do to many rows with counts.
    #[default]
    On,
    /// None.
    Off,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            size: 10,
            acquire_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_mins(10),
            max_lifetime: Duration::from_mins(30),
            test_before_acquire: true,
            log_statements: false,
            slow_statement: Duration::from_secs(1),
            wait: Wait::default(),
            creates: true,
            sqlite_synchronous: SqliteSynchronous::default(),
            audit: Auditing::default(),
        }
    }
}

/// An open database. Clones are the same.
#[derive(Debug, Clone)]
pub struct Database {
    backend: Arc<dyn Backend>,
    /// Whether changes are noted in the audit log.
    pub(super) audits: bool,
}

/// How many connections of a database are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// In use right now.
    pub in_use: usize,
    /// Open and waiting for work.
    pub idle: usize,
}

impl Database {
    /// Opens a database: waits for a server that does not answer yet, creates a
    /// file that does not exist, unless the settings say otherwise. The schema
    /// is not looked at.
    ///
    /// # Errors
    /// When the database did not answer in the tries that the settings allow;
    /// at once when it answered with what waiting cannot mend.
    pub async fn connect(url: &DatabaseUrl, settings: &PoolSettings) -> Result<Self, ConnectError> {
        Ok(Self {
            audits: settings.audit == Auditing::On,
            ..url.open(settings).await?
        })
    }

    pub(super) fn of(backend: impl Backend) -> Self {
        Self {
            backend: Arc::new(backend),
            audits: true,
        }
    }

    pub(super) fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    /// Whether a path, by whatever name, leads to the file of an embedded database or to
    /// what is kept beside it.
    #[must_use]
    pub fn is_kept_in(&self, path: &Path) -> bool {
        self.backend.is_kept_in(path)
    }

    /// Whether the database tells when others have written it.
    #[must_use]
    pub fn tells_of_other_writers(&self) -> bool {
        self.backend.tells_of_other_writers()
    }

    /// Asks for a sign of life.
    ///
    /// # Errors
    /// When there is none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.backend.ping().await
    }

    /// How many rows a collection has with ids beyond `after`; 0 where its table
    /// does not exist.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_rows(
        &self,
        collection: &Collection,
        after: Option<i64>,
    ) -> Result<u64, StoreError> {
        let after = after.unwrap_or(i64::MIN);
        self.backend.count_rows(collection, after).await
    }

    /// Waits for work under way and closes every connection. An embedded database is one
    /// whole file then, unless another process has it open and reads an older state.
    pub async fn close(&self) {
        self.backend.close().await;
    }

    /// How many connections there are at most, those that only write left out.
    #[must_use]
    pub fn most_connections(&self) -> usize {
        self.backend.most_connections()
    }

    /// A place for a read among the connections, where they are short; to be held as long as it
    /// may need one.
    ///
    /// # Errors
    /// When none came within the time in which a connection has to.
    pub async fn place_to_read(&self) -> Result<Option<OwnedSemaphorePermit>, StoreError> {
        match self.backend.places() {
            Some(places) => places.to_read().await.map(Some),
            None => Ok(None),
        }
    }

    /// The same for a write.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when none came within the time in which a connection has to.
    pub async fn place_to_write(&self) -> Result<Option<OwnedSemaphorePermit>, StoreError> {
        match self.backend.places() {
            Some(places) => places.to_write().await.map(Some),
            None => Ok(None),
        }
    }

    /// Whether it is asked over a network, where an answer may never come.
    #[must_use]
    pub fn may_never_answer(&self) -> bool {
        self.backend.may_never_answer()
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.backend.connections()
    }
}
