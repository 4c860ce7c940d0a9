//! rusqlite beside sqlx, for whole tables and large batches.
//!
//! sqlx hands every row and every statement from one thread to another, each
//! value copied on the way: ten times the work of reading a row, twice that of
//! writing one. rusqlite calls the same SQLite on a thread that may block.

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::task::spawn_blocking;

use crate::store::StoreError;
use crate::store::database::{BUSY_TIMEOUT, WRITER_CACHE_KIB};

/// The connection over which batches are written, opened when there is one.
#[derive(Debug, Clone)]
pub(in crate::store) struct BulkWriter {
    path: Arc<Path>,
    connection: Arc<Mutex<Option<Connection>>>,
}

impl BulkWriter {
    pub(in crate::store) fn new(path: Arc<Path>) -> Self {
        Self {
            path,
            connection: Arc::default(),
        }
    }

    /// Runs `work` when no other is under way.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let Self { path, connection } = self.clone();
        blocking(move || {
            let mut connection = connection.lock();
            let connection = match &mut *connection {
                Some(open) => open,
                none => none.insert(open_to_write(&path)?),
            };
            work(connection)
        })
        .await
    }

    /// Closes the connection.
    pub(in crate::store) fn close(&self) {
        drop(self.connection.lock().take());
    }
}

/// Runs what blocks where it may.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    // Work does not panic; the runtime drops what it has not begun when it ends.
    let done = spawn_blocking(work).await;
    Ok(done.unwrap_or_else(|_| Err(interrupted()))?)
}

pub(super) fn interrupted() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error {
            code: ErrorCode::OperationInterrupted,
            extended_code: rusqlite::ffi::SQLITE_INTERRUPT,
        },
        None,
    )
}

pub(super) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn open_to_write(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -i64::from(WRITER_CACHE_KIB))?;
    Ok(connection)
}

fn open(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    // One thread at a time uses it: SQLite need not guard it.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}
