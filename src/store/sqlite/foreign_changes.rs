//! Noticing that another process wrote the file.
//!
//! `PRAGMA data_version` changes when anybody but the asking connection writes. One
//! connection writes for this process, so what it sees change was another process. A
//! version means nothing on another connection; this one is never replaced.

use rusqlite::Connection;

use super::SqliteDatabase;
use crate::store::{FileLook, FileVersion, StoreError};

impl SqliteDatabase {
    /// Whether another process has written since this was last asked, and the version of
    /// the file. The first answer is that it has.
    pub(super) async fn look(&self) -> Result<FileLook, StoreError> {
        let version = self.version().await;
        if version.is_err() && self.file.check().is_err() {
            // Whoever opens the new file must not find what they hold of the old one's log.
            self.readers.forget_idle();
            self.probes.forget_idle();
        }
        let now = version?;
        let seen = self.seen.lock().replace(now);
        Ok(FileLook {
            has_changed: seen != Some(now),
            version: Some(now),
        })
    }

    /// The version of the file as the connection that writes it sees it.
    pub(super) async fn version(&self) -> Result<FileVersion, StoreError> {
        let asking = self
            .writer
            .run(|connection| Ok(version_seen_by(connection)?));
        asking.await
    }
}

/// The same within a transaction of that connection.
pub(super) fn version_seen_by(connection: &Connection) -> rusqlite::Result<FileVersion> {
    connection.query_row("PRAGMA data_version", (), |row| row.get(0).map(FileVersion))
}
