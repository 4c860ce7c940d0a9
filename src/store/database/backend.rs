//! The seam between nearby and its databases.
//!
//! Which database it is, is known where a URL is opened and inside `store/mysql` and
//! `store/sqlite`. What one of them cannot do it says here, by an answer that does nothing.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use super::Connections;
use crate::store::access_keys::AccessKeysTable;
use crate::store::attributes::AttributesTable;
use crate::store::audit::AuditTable;
use crate::store::dive_sites::SiteReads;
use crate::store::feed::ChangeFeed;
use crate::store::guard::Guards;
use crate::store::idempotency::KeysTable;
use crate::store::migrate::Migrates;
use crate::store::mysql::adopt::Adopter;
use crate::store::organizations::OrganizationTables;
use crate::store::places::Places;
use crate::store::ratings::RatingsTable;
use crate::store::rows::RowStore;
use crate::store::settings::SettingsTable;
use crate::store::survey::Surveys;
use crate::store::tables::Tables;
use crate::store::{Collection, FileLook, FileVersion, StoreError};

/// A database: its connections, and all that it is asked.
#[async_trait]
pub(in crate::store) trait Backend:
    Tables
    + Migrates
    + Guards
    + Surveys
    + SettingsTable
    + OrganizationTables
    + RatingsTable
    + SiteReads
    + KeysTable
    + AccessKeysTable
    + AttributesTable
    + AuditTable
    + Debug
    + Send
    + Sync
    + 'static
{
    /// Opens a collection. The SQL of every statement is built here, once.
    fn open(&self, collection: &Arc<Collection>) -> Arc<dyn RowStore>;

    /// Asks for a sign of life.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Waits for work under way and closes every connection.
    async fn close(&self);

    /// How many connections are open.
    fn connections(&self) -> Connections;

    /// How many connections there are at most, those that only write left out.
    fn most_connections(&self) -> usize;

    /// The places for requests among the connections; `None` where writes have a connection of
    /// their own and reads wait for nothing else.
    fn places(&self) -> Option<&Places> {
        None
    }

    /// Whether it is asked over a network, where an answer may never come.
    fn may_never_answer(&self) -> bool {
        false
    }

    /// Whether a path leads to a file that the database is kept in.
    fn is_kept_in(&self, _path: &Path) -> bool {
        false
    }

    /// Whether [`Self::look_for_changes`] sees what others write.
    fn tells_of_other_writers(&self) -> bool {
        false
    }

    /// Whether another process has written since this was last asked.
    async fn look_for_changes(&self) -> Result<FileLook, StoreError> {
        Ok(FileLook {
            has_changed: false,
            version: None,
        })
    }

    /// The version of an embedded file.
    async fn file_version(&self) -> Result<Option<FileVersion>, StoreError> {
        Ok(None)
    }

    /// What tells of every commit.
    fn feed(&self) -> Option<Arc<dyn ChangeFeed>> {
        None
    }

    /// What adopts tables of other applications.
    fn adopter(&self) -> Option<Adopter> {
        None
    }
}
