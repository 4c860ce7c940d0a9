//! Connections: which database, how many, how long, and waiting for it.

mod error;
mod mysql;
mod retrying_pool;
mod sqlite;
mod url;
mod wait;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, Executor, SqlitePool};
use tokio::sync::Semaphore;

use super::sqlite::blocking::Writer;
use super::{Collection, StoreError};
pub use error::ConnectError;
pub(super) use mysql::connect_beside;
pub use retrying_pool::RetryingPool;
pub(super) use sqlite::{BUSY_TIMEOUT, WRITER_CACHE_KIB};
pub use url::{DatabaseUrl, DatabaseUrlError};
pub use wait::Wait;

/// How many connections there are, how long they live, what is logged of them
/// and how the database is waited for.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// The most connections. On SQLite these only read; one more writes.
    pub size: u32,
    /// How long a request waits for a free connection.
    pub acquire_timeout: Duration,
    /// A connection that was not used for so long is closed.
    pub idle_timeout: Duration,
    /// A connection is closed at this age, used or not.
    pub max_lifetime: Duration,
    /// Whether a connection is asked for a sign of life before it is used.
    pub test_before_acquire: bool,
    /// Whether every statement is logged, without its values.
    pub log_statements: bool,
    /// Statements that take longer are logged as warnings.
    pub slow_statement: Duration,
    /// How the database is waited for.
    pub wait: Wait,
    /// Whether a SQLite file that does not exist is created.
    pub creates: bool,
    /// When what is written to a SQLite file is on the disk.
    pub sqlite_synchronous: SqliteSynchronous,
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
        }
    }
}

impl PoolSettings {
    /// Applies the logging settings to the options of one kind of database.
    fn logged<O: sqlx::ConnectOptions>(&self, options: O) -> O {
        let statements = if self.log_statements {
            log::LevelFilter::Info
        } else {
            log::LevelFilter::Off
        };
        options
            .log_statements(statements)
            .log_slow_statements(log::LevelFilter::Warn, self.slow_statement)
    }

    fn pool<D: sqlx::Database>(&self) -> sqlx::pool::PoolOptions<D> {
        sqlx::pool::PoolOptions::new()
            .max_connections(self.size)
            .acquire_timeout(self.acquire_timeout)
            .idle_timeout(self.idle_timeout)
            .max_lifetime(self.max_lifetime)
            .test_before_acquire(self.test_before_acquire)
    }
}

/// How long connections to a server may take to be closed in good order.
const MYSQL_CLOSE: Duration = Duration::from_secs(1);
/// Looks at whole tables of a file at one time; more wait.
const MAX_SCANS: u32 = 64;

/// The connections to one file: many that read, two that write.
#[derive(Debug, Clone)]
pub struct SqlitePools {
    /// The file.
    pub path: Arc<Path>,
    /// Connections that only read: a statement that writes fails.
    pub readers: SqlitePool,
    /// The one connection that writes anything but centers.
    pub writer: SqlitePool,
    /// The one that writes centers.
    pub(super) centers: Writer,
    /// A permit for each look at a whole table, over a connection of its own.
    pub(super) scans: Arc<Semaphore>,
}

/// An open database.
#[derive(Debug, Clone)]
pub enum Database {
    /// A MySQL server.
    MySql(RetryingPool),
    /// An embedded GeoPackage file.
    Sqlite(SqlitePools),
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
    /// SQLite file that does not exist, unless the settings say otherwise. The schema
    /// is not looked at.
    ///
    /// # Errors
    /// When the database did not answer in the tries that the settings allow;
    /// at once when it answered with what waiting cannot mend.
    pub async fn connect(url: &DatabaseUrl, settings: &PoolSettings) -> Result<Self, ConnectError> {
        match url {
            DatabaseUrl::MySql(url) => mysql::connect(url, settings).await.map(Self::MySql),
            DatabaseUrl::Sqlite(path) => sqlite::connect(path, settings).await.map(Self::Sqlite),
        }
    }

    /// Whether a path, by whatever name, leads to the file of an embedded database or to
    /// what SQLite keeps beside it.
    #[must_use]
    pub fn is_kept_in(&self, path: &Path) -> bool {
        let Self::Sqlite(pools) = self else {
            return false;
        };
        let Ok(asked) = fs::metadata(path) else {
            return false;
        };
        ["", "-wal", "-shm"].iter().any(|ending| {
            let mut file = pools.path.as_os_str().to_owned();
            file.push(ending);
            fs::metadata(file)
                .is_ok_and(|kept| (kept.dev(), kept.ino()) == (asked.dev(), asked.ino()))
        })
    }

    /// Asks for a sign of life.
    ///
    /// # Errors
    /// When there is none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match self {
            Self::MySql(pool) => pool.acquire().await?.ping().await?,
            Self::Sqlite(pools) => pools.readers.acquire().await?.ping().await?,
        }
        Ok(())
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
        Ok(match self {
            Self::MySql(pool) => crate::store::mysql::count_rows(pool, collection, after).await?,
            Self::Sqlite(pools) => {
                crate::store::sqlite::count_rows(&pools.readers, collection, after).await?
            }
        })
    }

    /// Waits for work under way and closes every connection. An embedded database is one
    /// whole file then, unless another process has it open and reads an older state.
    pub async fn close(&self) {
        match self {
            // What others hold up there is not waited for: the server ends it by itself.
            Self::MySql(pool) => {
                let _ = tokio::time::timeout(MYSQL_CLOSE, pool.close()).await;
            }
            Self::Sqlite(pools) => {
                // Those that nobody waits for any longer end at their next row.
                let scans = pools.scans.acquire_many(MAX_SCANS).await;
                pools.scans.close();
                drop(scans);
                pools.readers.close().await;
                pools.centers.close();
                // The last connection to close folds the log into the file; while
                // another process has one as well, this does.
                if let Err(error) = pools.writer.execute("PRAGMA wal_checkpoint(PASSIVE)").await {
                    tracing::debug!(cause = %error, "the log stays beside the file");
                }
                pools.writer.close().await;
            }
        }
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> Connections {
        fn of<D: sqlx::Database>(pool: &sqlx::Pool<D>) -> Connections {
            let idle = pool.num_idle();
            Connections {
                in_use: (pool.size() as usize).saturating_sub(idle),
                idle,
            }
        }
        match self {
            Self::MySql(pool) => of(pool),
            Self::Sqlite(pools) => {
                let (readers, writer) = (of(&pools.readers), of(&pools.writer));
                Connections {
                    in_use: readers.in_use + writer.in_use,
                    idle: readers.idle + writer.idle,
                }
            }
        }
    }
}
