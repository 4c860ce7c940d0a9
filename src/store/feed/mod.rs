//! The feed of a database: which rows every commit changed, whoever made it.
//!
//! It gives keys, no values. Whoever follows it reads the rows back by those keys, and so
//! holds what the database holds, whatever types and collations its columns have. Keys
//! come once or several times, never not at all: where that cannot be promised, the feed
//! says that everything has to be loaded anew.

mod gtid_set;
mod progress;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use thiserror::Error;

use super::{Collection, Database, StoreError};
use crate::domain::CenterId;
pub use gtid_set::{GtidSet, GtidSource};
pub use progress::Progress;

/// Why what is held has to be loaded anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Nothing is loaded yet.
    Start,
    /// A table was altered, emptied, dropped, or took another's place.
    Schema,
    /// One transaction changed more rows than are worth following.
    LargeTransaction,
    /// The server has removed what was not read yet.
    Purged,
    /// The server does not have what was read: it is another one, or was restored.
    OtherHistory,
    /// Something that was read is not understood.
    Undecodable,
    /// The rows could not be read by their keys.
    Unreadable,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Start,
        Self::Schema,
        Self::LargeTransaction,
        Self::Purged,
        Self::OtherHistory,
        Self::Undecodable,
        Self::Unreadable,
    ];

    /// What metrics and the log call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Schema => "schema",
            Self::LargeTransaction => "large_transaction",
            Self::Purged => "purged",
            Self::OtherHistory => "other_history",
            Self::Undecodable => "undecodable",
            Self::Unreadable => "unreadable",
        }
    }
}

/// What of a collection is no longer as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// Rows of its own.
    pub rows: BTreeSet<CenterId>,
    /// Rows whose ratings or organizations are others.
    pub linked: BTreeSet<CenterId>,
    /// Whether the ratings or organizations of any row may be others.
    pub all_links: bool,
    /// Whether organizations are called otherwise.
    pub organizations: bool,
}

impl Keys {
    /// These rows, and nothing else.
    #[must_use]
    pub fn of_rows(rows: impl IntoIterator<Item = CenterId>) -> Self {
        Self {
            rows: rows.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The links of these rows, and nothing else.
    #[must_use]
    pub fn of_links(linked: impl IntoIterator<Item = CenterId>) -> Self {
        Self {
            linked: linked.into_iter().collect(),
            ..Self::default()
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len() + self.linked.len()
    }

    /// Whether nothing has changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0 && !self.all_links && !self.organizations
    }

    /// Adds all of others.
    pub fn merge(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.linked.extend(other.linked);
        self.all_links |= other.all_links;
        self.organizations |= other.organizations;
    }

    /// Takes up to so many keys out; `None` when nothing is left.
    pub fn take(&mut self, most: usize) -> Option<Self> {
        if self.is_empty() {
            return None;
        }
        let mut part = Self {
            rows: take(&mut self.rows, most),
            linked: BTreeSet::new(),
            all_links: std::mem::take(&mut self.all_links),
            organizations: std::mem::take(&mut self.organizations),
        };
        part.linked = take(&mut self.linked, most - part.rows.len());
        Some(part)
    }
}

fn take(keys: &mut BTreeSet<CenterId>, most: usize) -> BTreeSet<CenterId> {
    match keys.iter().nth(most).copied() {
        Some(next) => {
            let rest = keys.split_off(&next);
            std::mem::replace(keys, rest)
        }
        None => std::mem::take(keys),
    }
}

/// What some commits changed.
#[derive(Debug, Default)]
pub struct Changes {
    /// Of each followed collection, in their order, what has changed.
    pub keys: Vec<Keys>,
    /// Of each, why it has to be loaded anew, if so.
    pub reloads: Vec<Option<Reason>>,
    /// Whether settings have changed.
    pub settings: bool,
    /// The transactions that this is all of.
    pub transactions: GtidSet,
    /// When the first of them was committed; `None` where there is none, and everything
    /// that was committed has been told.
    pub committed_at: Option<SystemTime>,
}

impl Changes {
    /// Nothing, of so many collections.
    #[must_use]
    pub fn none(collections: usize) -> Self {
        Self {
            keys: vec![Keys::default(); collections],
            reloads: vec![None; collections],
            ..Self::default()
        }
    }

    /// Whether followers have nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.settings
            && self.keys.iter().all(Keys::is_empty)
            && self.reloads.iter().all(Option::is_none)
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.iter().map(Keys::len).sum()
    }

    /// Adds what later commits changed.
    pub fn merge(&mut self, later: Self) {
        for (own, later) in self.keys.iter_mut().zip(later.keys) {
            own.merge(later);
        }
        for (own, later) in self.reloads.iter_mut().zip(later.reloads) {
            *own = own.or(later);
        }
        self.settings |= later.settings;
        self.transactions.merge(&later.transactions);
        self.committed_at = self.committed_at.or(later.committed_at);
    }
}

/// Why a feed ended.
#[derive(Debug, Error)]
pub enum FeedError {
    /// The connection was lost: it goes on from where it was.
    #[error("{0}")]
    Lost(String),
    /// It cannot go on from there.
    #[error("{1}")]
    Ended(Reason, String),
}

impl From<StoreError> for FeedError {
    fn from(error: StoreError) -> Self {
        Self::Lost(error.to_string())
    }
}

/// Something that a database lacks to be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// What.
    pub what: String,
    /// The statement that mends it, or what else to do.
    pub mend: String,
}

/// About how large tables are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// Their rows.
    pub rows: u64,
    /// The bytes that these take.
    pub bytes: u64,
}

/// What can be followed.
#[async_trait]
pub trait ChangeFeed: Debug + Send + Sync {
    /// What the database lacks to be followed; nothing where it can be.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn lacks(&self, collections: &[Collection]) -> Result<Vec<Lack>, StoreError>;

    /// About how large the tables of these collections are.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn extent(&self, collections: &[Collection]) -> Result<Extent, StoreError>;

    /// Every transaction that is visible now.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn present(&self) -> Result<GtidSet, StoreError>;

    /// Follows these collections from some transactions on.
    ///
    /// # Errors
    /// When the connection cannot be had, or the feed cannot go on from there.
    async fn open(
        &self,
        collections: &[Collection],
        after: &GtidSet,
    ) -> Result<Box<dyn OpenFeed>, FeedError>;

    /// How far whoever follows has come.
    fn progress(&self) -> &Progress;
}

/// A feed that is being followed.
#[async_trait]
pub trait OpenFeed: Send {
    /// Waits for the next changes; without any, for the word that there are none, which comes
    /// several times a second.
    ///
    /// # Errors
    /// When it ended.
    async fn next(&mut self) -> Result<Changes, FeedError>;

    /// Waits until whoever reads sees these changes: the feed may tell of a commit a moment
    /// before.
    ///
    /// # Errors
    /// When it ended.
    async fn until_visible(&mut self, changes: &Changes) -> Result<(), FeedError>;
}

impl Database {
    /// What tells of every commit; `None` where nothing does.
    #[must_use]
    pub fn feed(&self) -> Option<Arc<dyn ChangeFeed>> {
        self.backend().feed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[i64]) -> BTreeSet<CenterId> {
        ids.iter().map(|&id| CenterId::new(id).unwrap()).collect()
    }

    #[test]
    fn keys_are_taken_part_by_part_each_once() {
        let mut keys = Keys {
            rows: ids(&[1, 2, 3]),
            linked: ids(&[2, 9]),
            all_links: false,
            organizations: true,
        };
        let part = keys.take(2).unwrap();
        assert_eq!((part.rows, part.linked), (ids(&[1, 2]), ids(&[])));
        assert!(part.organizations);
        let part = keys.take(2).unwrap();
        assert_eq!((part.rows, part.linked), (ids(&[3]), ids(&[2])));
        assert!(!part.organizations);
        let part = keys.take(2).unwrap();
        assert_eq!((part.rows, part.linked), (ids(&[]), ids(&[9])));
        assert_eq!(keys.take(2), None);
    }

    #[test]
    fn changes_add_up() {
        let change = |id, reload, at| {
            let mut changes = Changes::none(2);
            changes.keys[1].rows = ids(&[id]);
            changes.reloads[0] = reload;
            changes.committed_at = Some(SystemTime::UNIX_EPOCH + at);
            changes
        };
        let second = std::time::Duration::from_secs(1);
        let mut all = change(1, None, second);
        all.merge(change(2, Some(Reason::Schema), 2 * second));
        all.merge(change(1, Some(Reason::LargeTransaction), 3 * second));
        assert_eq!(all.keys[1].rows, ids(&[1, 2]));
        assert_eq!(all.reloads, [Some(Reason::Schema), None]);
        assert_eq!(all.committed_at, Some(SystemTime::UNIX_EPOCH + second));
        assert!(!all.is_empty() && Changes::none(2).is_empty());
    }
}
