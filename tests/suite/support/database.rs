//! A fresh database for every test.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nearby::store::{Collection, Database, DatabaseUrl, PoolSettings, Store, Wait};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, MySqlPool};
use tempfile::TempDir;

/// Runs every test once on MySQL (reported as ignored where there is none) and
/// once on SQLite. At most one call a module:
///
/// ```ignore
/// on_both_stores! {
///     /// Why this matters.
///     async fn a_created_center_is_read_back(db: TestDatabase) {
///         let store = db.store();
///         // …
///     }
/// }
/// ```
///
/// makes `mysql::a_created_center_is_read_back` and
/// `sqlite::a_created_center_is_read_back`, each on a migrated database of its
/// own.
macro_rules! on_both_stores {
    ($($(#[$meta:meta])* async fn $name:ident($db:ident: TestDatabase) $body:block)+) => {
        $($(#[$meta])* async fn $name($db: $crate::support::TestDatabase) $body)+

        mod mysql {
            $(
                #[tokio::test]
                #[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
                async fn $name() {
                    super::$name($crate::support::TestDatabase::mysql().await).await;
                }
            )+
        }

        mod sqlite {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name($crate::support::TestDatabase::sqlite().await).await;
                }
            )+
        }
    };
}
pub(crate) use on_both_stores;

/// A database of its own, removed when it is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    database: Database,
    url: String,
    // Last, so that the connections are gone before what they lead to.
    place: Place,
}

#[derive(Debug)]
enum Place {
    MySql {
        server: String,
        name: String,
        pool: MySqlPool,
        /// Whether others, or its server, outlive the test's use of it.
        is_kept: bool,
    },
    Sqlite {
        path: PathBuf,
        _folder: TempDir,
    },
}

impl TestDatabase {
    /// A fresh database on MySQL, migrated.
    pub async fn mysql() -> Self {
        Self::mysql_empty().await.migrated().await
    }

    /// A fresh SQLite file, migrated.
    pub async fn sqlite() -> Self {
        Self::sqlite_empty().await.migrated().await
    }

    /// A fresh database on another server, migrated.
    pub async fn mysql_on(server: &str) -> Self {
        Self::mysql_empty_on(server.to_owned())
            .await
            .migrated()
            .await
    }

    /// A fresh database on MySQL without a table.
    pub async fn mysql_empty() -> Self {
        Self::mysql_empty_on(mysql_server()).await
    }

    async fn mysql_empty_on(server: String) -> Self {
        let name = unique_name();
        on_server(&server, format!("CREATE DATABASE `{name}`")).await;
        let url = with_database(&server, &name);
        let place = Place::MySql {
            server,
            name,
            pool: their_pool(&url),
            is_kept: false,
        };
        Self::open(url, place).await
    }

    /// A database that is there, and stays.
    pub async fn mysql_at(url: &str) -> Self {
        let (server, name) = url.rsplit_once('/').expect("it names a database");
        let place = Place::MySql {
            server: server.to_owned(),
            name: name.to_owned(),
            pool: their_pool(url),
            is_kept: true,
        };
        Self::open(url.to_owned(), place).await
    }

    /// The same, which stays, as it goes with its server.
    pub fn kept(mut self) -> Self {
        if let Place::MySql { is_kept, .. } = &mut self.place {
            *is_kept = true;
        }
        self
    }

    /// A fresh SQLite file without a table.
    pub async fn sqlite_empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        Self::sqlite_in(folder, "test.gpkg").await
    }

    /// A file that is there, and goes with its folder.
    pub async fn sqlite_in(folder: TempDir, file: &str) -> Self {
        let path = folder.path().join(file);
        let url = format!("sqlite:{}", path.display());
        let place = Place::Sqlite {
            path,
            _folder: folder,
        };
        Self::open(url, place).await
    }

    async fn open(url: String, place: Place) -> Self {
        Self {
            database: connect(&url).await,
            url,
            place,
        }
    }

    async fn migrated(self) -> Self {
        self.database
            .migrate_up(None)
            .await
            .expect("the migrations apply");
        self
    }

    /// The open database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// What to give as `--database-url`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The built-in collection of this database.
    pub fn store(&self) -> Store {
        Store::new(&self.database, &Collection::diving_centers())
    }

    /// Runs statements behind the service's back, as another process would, several
    /// separated by `;`.
    ///
    /// # Panics
    /// When the database refuses one.
    pub async fn execute(&self, sql: &str) {
        self.try_execute(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// As [`Self::execute`], for statements that may be refused.
    pub async fn try_execute(&self, sql: &str) -> Result<(), String> {
        match &self.place {
            Place::MySql { pool, .. } => {
                let done = pool.execute(AssertSqlSafe(sql.to_owned())).await;
                done.map(drop).map_err(|error| error.to_string())
            }
            Place::Sqlite { path, .. } => {
                let done = their_connection(path).execute_batch(sql);
                done.map_err(|error| error.to_string())
            }
        }
    }

    /// The one whole number that a query gives.
    pub async fn number(&self, sql: &str) -> i64 {
        match &self.place {
            Place::MySql { pool, .. } => {
                let asking = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
                asking.fetch_one(pool).await.expect("it gives a number")
            }
            Place::Sqlite { path, .. } => {
                let asking = their_connection(path).query_row(sql, (), |row| row.get(0));
                asking.expect("it gives a number")
            }
        }
    }

    /// Connections of another process, where this is MySQL.
    pub fn mysql_pool(&self) -> &MySqlPool {
        match &self.place {
            Place::MySql { pool, .. } => pool,
            Place::Sqlite { .. } => panic!("this is SQLite"),
        }
    }

    /// A connection of another process, where this is SQLite.
    pub fn sqlite_connection(&self) -> rusqlite::Connection {
        match &self.place {
            Place::Sqlite { path, .. } => their_connection(path),
            Place::MySql { .. } => panic!("this is MySQL"),
        }
    }

    /// The URL of a user with these rights on this database and no others.
    /// At most one a database.
    pub async fn user_with(&self, rights: &str) -> String {
        let mut url = url::Url::parse(&self.url).expect("it is a URL");
        let name = url.path().trim_start_matches('/').to_owned();
        self.execute(&format!(
            "CREATE USER `{name}` IDENTIFIED BY 'p@ss'; GRANT {rights} ON `{name}`.* TO `{name}`"
        ))
        .await;
        url.set_username(&name).expect("it has a host");
        url.set_password(Some("p@ss")).expect("it has a host");
        url.to_string()
    }

    /// Whether this is MySQL, for the few statements that differ.
    pub fn is_mysql(&self) -> bool {
        matches!(self.place, Place::MySql { .. })
    }
}

/// Opens a database as tests do: few connections, no patience.
pub async fn connect(url: &str) -> Database {
    let url: DatabaseUrl = url.parse().expect("tests name databases rightly");
    let settings = PoolSettings {
        size: 4,
        wait: Wait {
            tries: 1,
            ..Wait::default()
        },
        ..PoolSettings::default()
    };
    Database::connect(&url, &settings)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Connections with which another application would write.
fn their_pool(url: &str) -> MySqlPool {
    let url = url::Url::parse(url).expect("it is a URL");
    let options = sqlx::mysql::MySqlConnectOptions::from_url(&url)
        .unwrap_or_else(|error| panic!("{error}"))
        .pipes_as_concat(false);
    sqlx::mysql::MySqlPoolOptions::new()
        .max_connections(4)
        .connect_lazy_with(options)
}

/// A connection with which another program would write an embedded file.
pub fn their_connection(path: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).expect("the file can be opened");
    let patience = connection.busy_timeout(Duration::from_secs(5));
    patience.expect("it can be patient");
    let keys = connection.pragma_update(None, "foreign_keys", true);
    keys.expect("foreign keys hold");
    connection
}

impl Drop for Place {
    fn drop(&mut self) {
        let Self::MySql {
            server,
            name,
            is_kept: false,
            ..
        } = self
        else {
            return;
        };
        // A runtime of its own: the test's may be gone, and nothing awaits here.
        let sql = format!("DROP DATABASE IF EXISTS `{name}`; DROP USER IF EXISTS `{name}`");
        let (server, name) = (server.clone(), name.clone());
        let dropping = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime can be made")
                .block_on(async {
                    // A rollback that nobody waited for would keep the tables for good:
                    // the runtime that would carry it out waits here.
                    end_connections(&server, &name).await;
                    on_server(&server, sql).await;
                });
        });
        let dropped = dropping.join();
        if !std::thread::panicking() {
            dropped.expect("the database can be dropped");
        }
    }
}

/// The server that `scripts/test` names.
fn mysql_server() -> String {
    std::env::var("NEARBY_TEST_MYSQL_URL").unwrap_or_else(|_| {
        panic!(
            "NEARBY_TEST_MYSQL_URL is not set: run scripts/test, or \
             `NEARBY_TEST_MYSQL_URL=$(scripts/mysql start) cargo test`"
        )
    })
}

fn unique_name() -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let random: u32 = rand::random();
    format!("nearby_test_{}_{number}_{random:08x}", std::process::id())
}

/// The URL of a database on a server, whose own URL may name one already.
pub fn with_database(server: &str, name: &str) -> String {
    let mut url = url::Url::parse(server).expect("NEARBY_TEST_MYSQL_URL is a URL");
    url.set_path(name);
    url.to_string()
}

async fn connect_to_server(server: &str) -> sqlx::MySqlConnection {
    let url = url::Url::parse(server).expect("NEARBY_TEST_MYSQL_URL is a URL");
    let options = sqlx::mysql::MySqlConnectOptions::from_url(&url)
        .unwrap_or_else(|error| panic!("NEARBY_TEST_MYSQL_URL: {error}"));
    options
        .connect()
        .await
        .unwrap_or_else(|error| panic!("NEARBY_TEST_MYSQL_URL: {error}"))
}

async fn end_connections(server: &str, database: &str) {
    let mut connection = connect_to_server(server).await;
    let there: Vec<u64> =
        // Not the process list, which stumbles over statements of others.
        sqlx::query_scalar(
            "SELECT PROCESSLIST_ID FROM performance_schema.threads WHERE PROCESSLIST_DB = ?",
        )
            .bind(database)
            .fetch_all(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
    for id in there {
        // Gone by itself is as good.
        let _ = connection
            .execute(AssertSqlSafe(format!("KILL {id}")))
            .await;
    }
}

async fn on_server(server: &str, sql: String) {
    let mut connection = connect_to_server(server).await;
    connection
        .execute(AssertSqlSafe(sql))
        .await
        .unwrap_or_else(|error| panic!("{error}"));
}
