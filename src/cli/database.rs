//! The arguments of every command that acts on a database.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;
use secrecy::{ExposeSecret as _, SecretString};

use super::secret;
use crate::store::{Auditing, Database, DatabaseUrl, PoolSettings, SqliteSynchronous, Wait};

/// Which database, and how it is connected to.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Database")]
pub(super) struct DatabaseArgs {
    /// The database: `mysql://user:password@host[:port][,host[:port]…]/database`, or `sqlite:PATH`, created by `serve`, `import` and `migrate up` where it is missing
    //
    // Kept as text until it is opened: clap would repeat a wrong one, password and all.
    #[arg(
        long,
        env = "DATABASE_URL",
        value_name = "URL",
        hide_env_values = true,
        required_unless_present = "database_url_file"
    )]
    database_url: Option<SecretString>,
    /// A file with that URL, as orchestrators mount secrets
    #[arg(
        long,
        env = "DATABASE_URL_FILE",
        value_name = "FILE",
        conflicts_with = "database_url"
    )]
    database_url_file: Option<PathBuf>,
    #[command(flatten)]
    pool: PoolArgs,
}

/// How a database is connected to.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Database")]
pub(super) struct PoolArgs {
    /// The most connections; on MySQL there are two more, for readiness and to end what nobody waits for
    #[arg(long, env = "NEARBY_POOL_SIZE", value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pool_size: u32,
    /// How long a request waits for a free connection, in seconds
    #[arg(long, env = "NEARBY_ACQUIRE_TIMEOUT", value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    acquire_timeout: u64,
    /// After how many seconds without use a connection is closed
    #[arg(long, env = "NEARBY_IDLE_TIMEOUT", value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    idle_timeout: u64,
    /// At what age in seconds a connection is closed
    #[arg(long, env = "NEARBY_MAX_LIFETIME", value_name = "SECONDS", default_value_t = 1800, value_parser = clap::value_parser!(u64).range(1..))]
    max_lifetime: u64,
    /// Use connections without asking them for a sign of life first
    #[arg(long, env = "NEARBY_NO_CONNECTION_TEST")]
    no_connection_test: bool,
    /// How often a database that does not answer is tried, 1 to 5 seconds apart
    #[arg(long, env = "NEARBY_CONNECT_TRIES", value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    connect_tries: u32,
    /// When what is written to an embedded file is on the disk
    #[arg(
        long,
        env = "NEARBY_SQLITE_SYNCHRONOUS",
        value_enum,
        default_value_t = Synchronous::Normal
    )]
    sqlite_synchronous: Synchronous,
    /// Whether changes are noted in the audit log, which `nearby audit` shows
    #[arg(long, env = "NEARBY_AUDIT", value_enum, default_value_t = Audit::On)]
    audit: Audit,
    /// Log every statement to MySQL, without its values
    #[arg(long, env = "NEARBY_LOG_STATEMENTS")]
    log_statements: bool,
    /// Log statements to MySQL that take longer, in milliseconds
    #[arg(
        long,
        env = "NEARBY_SLOW_STATEMENT_MS",
        value_name = "MS",
        default_value_t = 1000
    )]
    slow_statement_ms: u64,
}

/// When what is written to an embedded file is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Synchronous {
    /// Now and then: a machine that loses power may lose the last writes, though none of the file
    Normal,
    /// Before a write is answered: none is lost, and each takes as long as the disk does
    Full,
}

/// Whether changes are noted in the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Audit {
    /// Each, in its own transaction; what commands do to many rows with counts
    On,
    /// None; what was noted before stays
    Off,
}

impl DatabaseArgs {
    /// Does something with the database, waiting for it where need be, and closes it.
    /// A file has to be there: a command that only reads or mends would find nothing in
    /// a new one, and leave it where a path was mistyped.
    pub(super) async fn with<T>(
        &self,
        work: impl AsyncFnOnce(&Database) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        self.pool.with_existing(&self.url()?, work).await
    }

    /// The same for commands that fill a database: a missing file is created.
    pub(super) async fn with_new<T>(
        &self,
        work: impl AsyncFnOnce(&Database) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        self.pool.with_new(&self.url()?, work).await
    }

    fn url(&self) -> anyhow::Result<DatabaseUrl> {
        let url = url_of(
            self.database_url.as_ref(),
            self.database_url_file.as_deref(),
        )?;
        url.context("--database-url is missing")
    }
}

/// The URL that is given, or that a file holds; none where neither is.
///
/// # Errors
/// When the file cannot be read, or the URL is none.
pub(super) fn url_of(
    given: Option<&SecretString>,
    file: Option<&Path>,
) -> anyhow::Result<Option<DatabaseUrl>> {
    let of_file = file.map(secret::of_file).transpose()?;
    let url = given.or(of_file.as_ref());
    Ok(url.map(|url| url.expose_secret().parse()).transpose()?)
}

impl PoolArgs {
    /// Does something with a database that is named elsewhere, and closes it; a missing
    /// file is created.
    pub(super) async fn with_new<T>(
        &self,
        url: &DatabaseUrl,
        work: impl AsyncFnOnce(&Database) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        closed_after(self.connect(url, true).await?, work).await
    }

    /// The same with a database that has to be there.
    pub(super) async fn with_existing<T>(
        &self,
        url: &DatabaseUrl,
        work: impl AsyncFnOnce(&Database) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        closed_after(self.connect(url, false).await?, work).await
    }

    async fn connect(&self, url: &DatabaseUrl, creates: bool) -> anyhow::Result<Database> {
        let settings = PoolSettings {
            creates,
            ..self.settings()
        };
        Database::connect(url, &settings)
            .await
            .context("no database")
    }

    fn settings(&self) -> PoolSettings {
        PoolSettings {
            size: self.pool_size,
            acquire_timeout: Duration::from_secs(self.acquire_timeout),
            idle_timeout: Duration::from_secs(self.idle_timeout),
            max_lifetime: Duration::from_secs(self.max_lifetime),
            test_before_acquire: !self.no_connection_test,
            log_statements: self.log_statements,
            slow_statement: Duration::from_millis(self.slow_statement_ms),
            wait: Wait {
                tries: self.connect_tries,
                ..Wait::default()
            },
            sqlite_synchronous: match self.sqlite_synchronous {
                Synchronous::Normal => SqliteSynchronous::Normal,
                Synchronous::Full => SqliteSynchronous::Full,
            },
            audit: match self.audit {
                Audit::On => Auditing::On,
                Audit::Off => Auditing::Off,
            },
            ..PoolSettings::default()
        }
    }
}

/// Closes the database however the work ended: an embedded one is then one whole file.
async fn closed_after<T>(
    database: Database,
    work: impl AsyncFnOnce(&Database) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let done = work(&database).await;
    database.close().await;
    done
}
