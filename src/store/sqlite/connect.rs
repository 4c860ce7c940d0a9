//! Opening a SQLite file: ours, or none of ours.

use std::fmt;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;
use tokio::task::spawn_blocking;

use super::SqliteDatabase;
use super::catalog::all;
use super::connection::{open_to_look, open_to_write};
use super::schema::APPLICATION_ID;
use crate::store::database::{Address, Failure, Scheme, bad};
use crate::store::migrate::LEDGER;
use crate::store::{ConnectError, Database, DatabaseUrlError, PoolSettings, SqliteSynchronous};

/// How the URLs of SQLite look.
pub(in crate::store) const SCHEME: Scheme = Scheme {
    name: "sqlite",
    form: "sqlite:PATH",
    parse,
};

/// A file.
#[derive(Debug)]
struct File(Arc<Path>);

/// The address of a file.
pub(in crate::store) fn address(path: &Path) -> Arc<dyn Address> {
    Arc::new(File(path.into()))
}

fn parse(text: &str) -> Result<Arc<dyn Address>, DatabaseUrlError> {
    let path = text.strip_prefix("sqlite:").unwrap_or(text);
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() {
        return Err(bad("names no file"));
    }
    if path == ":memory:" {
        return Err(bad("asks for a database in memory, which is not supported"));
    }
    if path.contains('?') {
        return Err(bad("has parameters, which a SQLite file takes none of"));
    }
    Ok(address(&PathBuf::from(path)))
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sqlite:{}", self.0.display())
    }
}

#[async_trait]
impl Address for File {
    fn is_to_be_created(&self) -> bool {
        !self.0.exists()
    }

    async fn open(&self, settings: &PoolSettings) -> Result<Database, ConnectError> {
        let (creates, synchronous) = (settings.creates, settings.sqlite_synchronous);
        let attempt = || {
            let path = Arc::clone(&self.0);
            let trying = spawn_blocking(move || try_once(&path, creates, synchronous));
            async { trying.await.expect("opening does not panic") }
        };
        settings.wait.until_open(self, attempt).await?;
        Ok(Database::of(SqliteDatabase::new(&self.0, settings)))
    }
}

fn try_once(path: &Path, creates: bool, synchronous: SqliteSynchronous) -> Result<(), Failure> {
    check(path, creates)?;
    if creates {
        make_private(path);
    }
    // Creates the file where that was not done, and turns it to write-ahead logging.
    let opened = open_to_write(path, synchronous, creates);
    opened.map(drop).map_err(|error| failure(path, &error))
}

/// Makes a file that is missing so that its owner alone reads it; those beside it get its mode
/// from SQLite. What fails here fails again, and is told, when the file is opened.
fn make_private(path: &Path) {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    drop(made);
}

/// Looks before anything is written: nothing of another application is touched.
fn check(path: &Path, creates: bool) -> Result<(), Failure> {
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
    let fails = |error: rusqlite::Error| failure(path, &error);
    let connection = open_to_look(path).map_err(fails)?;
    if !is_ours(&connection).map_err(fails)? {
        return Err(Failure::lasting(
            "it holds the tables of another application",
            "name another file, which is created where it is missing",
        ));
    }
    // SQLite opens a file that it may not write without a word.
    connection
        .execute_batch("BEGIN IMMEDIATE; ROLLBACK")
        .map_err(fails)
}

/// Empty, or a GeoPackage that we migrated or that holds centers.
fn is_ours(connection: &Connection) -> rusqlite::Result<bool> {
    let tables: Vec<String> = all(
        connection,
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
        (),
    )?;
    let application: i64 = connection.query_row("PRAGMA application_id", (), |row| row.get(0))?;
    let has = |name: &str| tables.iter().any(|table| table == name);
    let empty = tables.iter().all(|table| table == LEDGER);
    Ok(empty || application == APPLICATION_ID && (has(LEDGER) || has("diving_centers")))
}

/// Whether waiting may help, and what to do where it does not.
fn failure(path: &Path, error: &rusqlite::Error) -> Failure {
    let code = error.sqlite_error().map(|error| error.extended_code);
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
    use super::*;
    use crate::store::{DatabaseUrl, Wait};

    async fn open(path: &Path) -> Result<Database, ConnectError> {
        let settings = PoolSettings {
            wait: Wait {
                tries: 1,
                ..Wait::default()
            },
            ..PoolSettings::default()
        };
        Database::connect(&DatabaseUrl::of_file(path), &settings).await
    }

    async fn refusal(path: &Path) -> String {
        open(path).await.expect_err("it is refused").to_string()
    }

    #[tokio::test]
    async fn a_missing_file_is_created() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new.gpkg");
        let database = open(&path).await.unwrap();
        assert!(path.exists());
        database.ping().await.unwrap();
        assert_eq!(database.connections().in_use, 0);
        database.close().await;
        assert!(database.ping().await.is_err());
    }

    #[tokio::test]
    async fn the_file_of_another_application_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.db");
        let other = Connection::open(&path).unwrap();
        other.execute_batch("CREATE TABLE theirs (a)").unwrap();
        drop(other);
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
