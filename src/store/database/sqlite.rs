//! Opening a SQLite file: ours, or none of ours.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{self, SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions, Connection, Executor, SqliteConnection};
use tokio::sync::Semaphore;

use super::error::{ConnectError, Failure};
use super::{MAX_SCANS, PoolSettings, SqlitePools, SqliteSynchronous};
use crate::store::sqlite::blocking::Writer;
use crate::store::sqlite::schema::APPLICATION_ID;

/// Memory for pages in a connection that writes, in KiB. SQLite's own 2 MB make an
/// import write pages out that the next rows need again; more than this gained
/// nothing, for rows in the order of their ids or in none.
pub(in crate::store) const WRITER_CACHE_KIB: u32 = 32 * 1024;
/// How long a statement waits for another process that holds the file.
pub(in crate::store) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn connect(
    path: &Path,
    settings: &PoolSettings,
) -> Result<SqlitePools, ConnectError> {
    let plain = settings
        .logged(SqliteConnectOptions::new())
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT);
    let shared = plain
        .clone()
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(match settings.sqlite_synchronous {
            SqliteSynchronous::Normal => sqlite::SqliteSynchronous::Normal,
            SqliteSynchronous::Full => sqlite::SqliteSynchronous::Full,
        });
    settings
        .wait
        .until_open(format!("sqlite:{}", path.display()), async || {
            check(path, &plain, settings.creates).await?;
            // Creates the file and turns it to write-ahead logging.
            let created = shared
                .clone()
                .create_if_missing(settings.creates)
                .connect()
                .await;
            let connection = created.map_err(|error| failure(path, &error))?;
            connection
                .close()
                .await
                .map_err(|error| failure(path, &error))
        })
        .await?;
    // A file has no connection to lose: asking for a sign of life is one more trip
    // to the thread of the connection, and finds nothing.
    let pool = || settings.pool().test_before_acquire(false);
    let path: Arc<Path> = path.into();
    Ok(SqlitePools {
        centers: Writer::new(Arc::clone(&path), settings.sqlite_synchronous),
        scans: Arc::new(Semaphore::new(MAX_SCANS as usize)),
        path,
        readers: pool().connect_lazy_with(shared.clone().pragma("query_only", "ON")),
        // Never replaced while it works: what it has seen of other processes'
        // writes would be forgotten, and its pages read again.
        writer: pool()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(shared.pragma("cache_size", format!("-{WRITER_CACHE_KIB}"))),
    })
}

/// Looks before anything is written: nothing of another application is touched.
async fn check(path: &Path, options: &SqliteConnectOptions, creates: bool) -> Result<(), Failure> {
    if path.is_dir() {
        return Err(Failure::lasting("it is a directory", "name a file in it"));
    }
    if !path.exists() {
        if creates {
            return Ok(());
        }
        return Err(Failure::lasting(
            "there is no such file",
            "name one that is there; `nearby serve`, `nearby import` and `nearby migrate up` \
             create it where it is missing",
        ));
    }
    let fails = |error: sqlx::Error| failure(path, &error);
    let mut connection = options.connect().await.map_err(fails)?;
    let ours = is_ours(&mut connection).await.map_err(fails)?;
    if !ours {
        return Err(Failure::lasting(
            "it holds the tables of another application",
            "name another file, which is created where it is missing",
        ));
    }
    // SQLite opens a file that it may not write without a word.
    connection
        .execute("BEGIN IMMEDIATE; ROLLBACK")
        .await
        .map_err(fails)?;
    connection.close().await.map_err(fails)
}

/// Empty, or a GeoPackage that we migrated or that holds centers.
async fn is_ours(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )
    .fetch_all(&mut *connection)
    .await?;
    let application: i64 = sqlx::query_scalar("PRAGMA application_id")
        .fetch_one(&mut *connection)
        .await?;
    let has = |name: &str| tables.iter().any(|table| table == name);
    let empty = tables.iter().all(|table| table == "_sqlx_migrations");
    Ok(
        empty
            || application == APPLICATION_ID && (has("_sqlx_migrations") || has("diving_centers")),
    )
}

/// Whether waiting may help, and what to do where it does not.
fn failure(path: &Path, error: &sqlx::Error) -> Failure {
    let code = error
        .as_database_error()
        .and_then(|error| error.code()?.parse::<i32>().ok());
    // The lower byte is the primary code: https://www.sqlite.org/rescode.html
    let advice = match code.map(|code| code & 0xff) {
        Some(5 | 6) => return Failure::Passing("another process holds the file".into()),
        Some(26) => "it is no SQLite file: name another",
        Some(11) => "it is damaged: bring back a copy",
        Some(13) => "the disk is full: make room",
        _ if parent_is_missing(path) => "its folder does not exist: create it",
        Some(3 | 8 | 14) => "let this user write the file and its folder",
        _ => "see https://www.sqlite.org/rescode.html for the code",
    };
    Failure::lasting(error.to_string(), advice)
}

fn parent_is_missing(path: &Path) -> bool {
    path.parent()
        .is_some_and(|parent| !parent.as_os_str().is_empty() && !parent.is_dir())
}

#[cfg(test)]
mod tests {
    use super::super::{Database, DatabaseUrl, Wait};
    use super::*;

    async fn open(path: &Path) -> Result<Database, ConnectError> {
        let settings = PoolSettings {
            wait: Wait {
                tries: 1,
                ..Wait::default()
            },
            ..PoolSettings::default()
        };
        Database::connect(&DatabaseUrl::Sqlite(path.to_owned()), &settings).await
    }

    async fn refusal(path: &Path) -> String {
        open(path).await.expect_err("it is refused").to_string()
    }

    #[tokio::test]
    async fn a_missing_file_is_created_with_one_writer_and_readers_that_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new.gpkg");
        let database = open(&path).await.unwrap();
        assert!(path.exists());
        database.ping().await.unwrap();
        let Database::Sqlite(pools) = &database else {
            panic!("it is SQLite");
        };
        let held = pools.readers.acquire().await.unwrap();
        // The one that answered the ping goes back to the pool in its own time.
        let back = async {
            while database.connections().in_use > 1 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), back)
            .await
            .expect("one connection is held, the other came back");
        assert_eq!(database.connections().in_use, 1);
        drop(held);
        assert_eq!(pools.writer.options().get_max_connections(), 1);
        let refused = pools.readers.execute("CREATE TABLE t (a)").await;
        assert!(refused.unwrap_err().to_string().contains("readonly"));
        for (pragma, value) in [
            ("PRAGMA journal_mode", "wal"),
            ("PRAGMA synchronous", "1"),
            ("PRAGMA foreign_keys", "1"),
            ("PRAGMA busy_timeout", "5000"),
        ] {
            let row = pools.writer.fetch_one(pragma).await.unwrap();
            let got: String = sqlx::Row::try_get_unchecked(&row, 0).unwrap();
            assert_eq!(got, value, "{pragma}");
        }
        database.close().await;
    }

    #[tokio::test]
    async fn the_file_of_another_application_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.db");
        let mut other = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .connect()
            .await
            .unwrap();
        other.execute("CREATE TABLE theirs (a)").await.unwrap();
        other.close().await.unwrap();
        let before = std::fs::read(&path).unwrap();
        let text = refusal(&path).await;
        assert!(text.contains("another application"), "{text}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[tokio::test]
    async fn what_is_no_database_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let text_file = folder.path().join("notes.txt");
        std::fs::write(
            &text_file,
            "no database, but long enough to look like one ".repeat(50),
        )
        .unwrap();
        for (path, advice) in [
            (folder.path().to_owned(), "name a file in it"),
            (text_file, "no SQLite file"),
            (folder.path().join("missing/new.gpkg"), "create it"),
            ("/proc/new.gpkg".into(), "let this user write"),
        ] {
            let text = refusal(&path).await;
            assert!(text.contains(advice), "{text}");
        }
    }
}
