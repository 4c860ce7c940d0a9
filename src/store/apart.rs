//! Centers that keep a distance from others of similar names.

use super::{Database, StoreError};
use crate::domain::{Neighbour, Radius};

/// A state of an embedded file: another one after every transaction of another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileVersion(pub(super) i64);

/// What a look at a database found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLook {
    /// Whether another process has written since the look before.
    pub has_changed: bool,
    /// The version of an embedded file.
    pub version: Option<FileVersion>,
}

/// What has to be known to create a center apart from others.
#[derive(Debug)]
pub struct Apart {
    /// Within which distance a center of a similar name is in the way.
    pub distance: Radius,
    /// Those that the engine found, the nearest first.
    pub found: Vec<Neighbour>,
    /// The version of the embedded file that the engine knew then.
    pub version: Option<FileVersion>,
}

impl Database {
    /// Whether another process has written since this was last asked. The first
    /// answer is that it has; of MySQL, where nothing tells, always that it has not.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn look_for_changes(&self) -> Result<FileLook, StoreError> {
        self.backend().look_for_changes().await
    }

    /// The version of an embedded file; `None` of MySQL.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn file_version(&self) -> Result<Option<FileVersion>, StoreError> {
        self.backend().file_version().await
    }
}
