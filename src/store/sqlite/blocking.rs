//! rusqlite beside sqlx, for whole tables and for writing centers.
//!
//! sqlx hands every row and every statement from one thread to another, each
//! value copied on the way: ten times the work of reading a row, several times
//! that of writing one. rusqlite calls the same SQLite on a thread that may block.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::ffi::{SQLITE_CANTOPEN, SQLITE_INTERRUPT};
use rusqlite::{Connection, OpenFlags};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::{block_in_place, spawn_blocking};

use super::functions;
use crate::store::database::{BUSY_TIMEOUT, SqliteSynchronous, WRITER_CACHE_KIB};
use crate::store::sql::Sql;

/// Statements that a connection keeps prepared: those of every collection.
const PREPARED: usize = 128;

/// The connection over which centers are written, opened for the first.
#[derive(Debug, Clone)]
pub(in crate::store) struct Writer {
    path: Arc<Path>,
    synchronous: SqliteSynchronous,
    connection: Arc<Mutex<Opened>>,
    /// What to run before it is closed, by table.
    last: Arc<Mutex<BTreeMap<String, Sql>>>,
}

#[derive(Debug, Default)]
enum Opened {
    #[default]
    NotYet,
    Open(Connection),
    Closed,
}

impl Writer {
    pub(in crate::store) fn new(path: Arc<Path>, synchronous: SqliteSynchronous) -> Self {
        Self {
            path,
            synchronous,
            connection: Arc::default(),
            last: Arc::default(),
        }
    }

    /// Runs `work` when no other is under way, to its end even where nobody waits
    /// for it any longer.
    pub(super) async fn run<T, E>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + Send + 'static,
    {
        // A runtime of several threads lets this one block: a write that came on a
        // thread of its own does not change threads for it.
        if Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
            return block_in_place(|| self.run_here(work));
        }
        let writer = self.clone();
        blocking(move || writer.run_here(work)).await
    }

    fn run_here<T, E: From<rusqlite::Error>>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.connection.lock();
        if let Opened::NotYet = *connection {
            *connection = Opened::Open(open_to_write(&self.path, self.synchronous)?);
        }
        match &mut *connection {
            Opened::Open(connection) => work(connection),
            _ => Err(closed().into()),
        }
    }

    /// Runs a statement that measures a table before the connection is closed.
    pub(super) fn measure_at_the_end(&self, table: &str, statement: &Sql) {
        let mut last = self.last.lock();
        if !last.contains_key(table) {
            last.insert(table.to_owned(), statement.clone());
        }
    }

    /// Closes the connection for good.
    pub(in crate::store) fn close(&self) {
        let mut connection = self.connection.lock();
        if let Opened::Open(connection) = &*connection {
            for (table, statement) in std::mem::take(&mut *self.last.lock()) {
                if let Err(error) = connection.execute(&statement.text().0, ()) {
                    tracing::debug!(table, cause = %error, "the layer's extent stays as it is");
                }
            }
        }
        *connection = Opened::Closed;
    }
}

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
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(SQLITE_INTERRUPT), None)
}

pub(super) fn closed() -> rusqlite::Error {
    let said = "the connection was closed".to_owned();
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(SQLITE_CANTOPEN), Some(said))
}

pub(super) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn open_to_write(path: &Path, synchronous: SqliteSynchronous) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let synchronous = match synchronous {
        SqliteSynchronous::Normal => "NORMAL",
        SqliteSynchronous::Full => "FULL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -i64::from(WRITER_CACHE_KIB))?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    Ok(connection)
}

fn open(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    // One thread at a time uses it: SQLite need not guard it.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    functions::add_to(&connection)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connection_that_writes_syncs_as_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gpkg");
        Connection::open(&path).unwrap();
        for (synchronous, level) in [(SqliteSynchronous::Normal, 1), (SqliteSynchronous::Full, 2)] {
            let connection = open_to_write(&path, synchronous).unwrap();
            let got = connection.query_row("PRAGMA synchronous", (), |row| row.get::<_, i64>(0));
            assert_eq!(got.unwrap(), level);
        }
    }
}
