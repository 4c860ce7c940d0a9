//! Connections to the file. SQLite is called on threads that may block.

use std::path::Path;
use std::time::Duration;

use rusqlite::ffi::{Error, SQLITE_CANTOPEN, SQLITE_INTERRUPT};
use rusqlite::{Connection, OpenFlags};
use tokio::task::spawn_blocking;

use super::functions;
use crate::store::SqliteSynchronous;

/// How long a statement waits for another process that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Memory for pages in the connection that writes, in KiB. SQLite's own 2 MB make an
/// import write pages out that the next rows need again; more than this gained
/// nothing, for rows in the order of their ids or in none.
const WRITER_CACHE_KIB: i64 = 32 * 1024;
/// Statements that a connection keeps prepared: those of every collection.
const PREPARED: usize = 128;

/// Runs what blocks where it may.
pub(super) async fn blocking<T, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<rusqlite::Error> + Send + 'static,
{
    // Work does not panic; the runtime drops what it has not begun when it ends.
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(interrupted().into()))
}

pub(super) fn interrupted() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(Error::new(SQLITE_INTERRUPT), None)
}

pub(super) fn closed() -> rusqlite::Error {
    let said = "the connection was closed".to_owned();
    rusqlite::Error::SqliteFailure(Error::new(SQLITE_CANTOPEN), Some(said))
}

pub(super) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Opens a file that is there or, where that is said, makes it.
pub(super) fn open_to_write(
    path: &Path,
    synchronous: SqliteSynchronous,
    creates: bool,
) -> rusqlite::Result<Connection> {
    let mut access = OpenFlags::SQLITE_OPEN_READ_WRITE;
    access.set(OpenFlags::SQLITE_OPEN_CREATE, creates);
    let connection = open(path, access)?;
    let synchronous = match synchronous {
        SqliteSynchronous::Normal => "NORMAL",
        SqliteSynchronous::Full => "FULL",
    };
    // Also makes the file.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    Ok(connection)
}

/// Opens a file that is there, and changes nothing of it.
pub(super) fn open_to_look(path: &Path) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

fn open(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    // One thread at a time uses it: SQLite need not guard it.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    functions::add_to(&connection)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connection_that_writes_is_set_up_as_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gpkg");
        for (synchronous, level) in [
            (SqliteSynchronous::Normal, "1"),
            (SqliteSynchronous::Full, "2"),
        ] {
            let connection = open_to_write(&path, synchronous, true).unwrap();
            for (pragma, value) in [
                ("PRAGMA journal_mode", "wal"),
                ("PRAGMA synchronous", level),
                ("PRAGMA foreign_keys", "1"),
                ("PRAGMA busy_timeout", "5000"),
            ] {
                let got = connection.query_row(pragma, (), |row| {
                    Ok(match row.get_ref(0)? {
                        rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                        text => text.as_str()?.to_owned(),
                    })
                });
                assert_eq!(got.unwrap(), value, "{pragma}");
            }
        }
    }
}
