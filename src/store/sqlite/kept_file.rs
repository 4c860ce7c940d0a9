//! Whether the file under the path is the one that was opened, and whether it can be written.
//!
//! The log beside a file knows it by its name alone. Whoever opens a file that took the place
//! of another while it was open would apply the log of the old one to it, and lose both.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::ffi::{Error, SQLITE_FULL, SQLITE_READONLY, SQLITE_READONLY_DBMOVED};
use rustix::fs::{Access, StatVfsMountFlags, access, statvfs};

use super::connection::open_to_read;

/// With less room on the disk, the next writes fail.
const LEAST_ROOM_BYTES: u64 = 4 * 1024 * 1024;

/// A file that is open. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct KeptFile {
    path: Arc<Path>,
    /// Device and number; `None` where it was not there.
    opened: Option<(u64, u64)>,
}

impl KeptFile {
    /// The file under a path now.
    pub(super) fn new(path: Arc<Path>) -> Self {
        let opened = identity(&path).ok();
        Self { path, opened }
    }

    pub(super) fn path(&self) -> &Arc<Path> {
        &self.path
    }

    /// To be asked before anything is read or written.
    ///
    /// # Errors
    /// When another file is under the path, or none.
    pub(super) fn check(&self) -> rusqlite::Result<()> {
        let what = match identity(&self.path) {
            Ok(now) if self.opened.is_none_or(|opened| opened == now) => return Ok(()),
            Ok(_) => "another file took its place",
            Err(error) if error.kind() == io::ErrorKind::NotFound => "it was deleted",
            Err(_) => "it can no longer be looked at",
        };
        Err(failure(
            SQLITE_READONLY_DBMOVED,
            format!("{}: {what} while it was open", self.path.display()),
        ))
    }

    /// Opens it once more, to read.
    pub(super) fn open_to_read(&self) -> rusqlite::Result<Connection> {
        self.check()?;
        open_to_read(&self.path)
    }

    /// Whether the next write can be made, as far as that can be known.
    pub(super) fn check_writable(&self) -> rusqlite::Result<()> {
        self.check()?;
        let parent = self
            .path
            .parent()
            .filter(|path| !path.as_os_str().is_empty());
        let folder = parent.unwrap_or(Path::new("."));
        let read_only = |why: &str| {
            failure(
                SQLITE_READONLY,
                format!("{} cannot be written: {why}", self.path.display()),
            )
        };
        let disk = statvfs(folder).map_err(|error| read_only(&error.to_string()))?;
        if disk.f_flag.contains(StatVfsMountFlags::RDONLY) {
            return Err(read_only("its disk is mounted to be read only"));
        }
        for path in [folder, &self.path] {
            access(path, Access::WRITE_OK).map_err(|error| read_only(&error.to_string()))?;
        }
        if disk.f_bavail.saturating_mul(disk.f_frsize) < LEAST_ROOM_BYTES {
            let why = format!("the disk of {} has no room left", self.path.display());
            return Err(failure(SQLITE_FULL, why));
        }
        Ok(())
    }
}

/// Keeps the log of a file that is no longer under its path from the one that is: what it
/// holds goes into the old file, and it is empty then.
pub(super) fn empty_log(old: &Connection) {
    let emptying = old.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| {
        row.get::<_, i64>(0)
    });
    match emptying {
        Ok(0) => {}
        Ok(_) => tracing::error!("the log beside the old file is in use and could not be emptied"),
        Err(error) => {
            tracing::error!(cause = %error, "the log beside the old file could not be emptied");
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let file = fs::metadata(path)?;
    Ok((file.dev(), file.ino()))
}

fn failure(code: i32, said: String) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(Error::new(code), Some(said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_replaced_or_deleted_is_no_longer_the_one_that_was_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gpkg");
        fs::write(&path, "one").unwrap();
        let kept = KeptFile::new(path.clone().into());
        kept.check().unwrap();
        kept.check_writable().unwrap();
        let other = folder.path().join("b.gpkg");
        fs::write(&other, "two").unwrap();
        fs::rename(&other, &path).unwrap();
        let told = kept.check().unwrap_err().to_string();
        assert!(told.contains("another file"), "{told}");
        fs::remove_file(&path).unwrap();
        let told = kept.check_writable().unwrap_err().to_string();
        assert!(told.contains("deleted"), "{told}");
    }
}
