//! Answers that are kept under a client's `Idempotency-Key`, so that what is asked for
//! under one key is made once, however often the request is sent.
//!
//! An answer is written in the transaction of what it tells of: neither is there without
//! the other, also when the answer to a COMMIT is lost. The key is taken at the beginning
//! of that transaction, so that other instances see that it is under way.

use std::future::Future;
use std::sync::Arc;

use parking_lot::Mutex;
use sqlx::{MySqlConnection, SqliteConnection};

use super::refusal::{Rule, is_not_waited_for, is_unseen_table};
use super::{Database, StoreError};
use crate::domain::{Center, Membership, Organization};

/// The largest body of an answer that is kept, in bytes.
pub const MAX_KEPT_BYTES: usize = 8 * 1024 * 1024;
/// How many old answers are removed in one transaction.
pub const REMOVED_AT_ONCE: u64 = 100;

/// A digest of 256 bits.
pub type Digest = [u8; 32];

/// A request that came with an `Idempotency-Key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyedRequest {
    /// Of the key and its sender's credential.
    pub key: Digest,
    /// Of all that is asked for.
    pub request: Digest,
}

/// What was made, which an answer tells of.
#[derive(Debug, Clone, Copy)]
pub enum Made<'a> {
    /// A center, or a row of another collection.
    Center(&'a Center),
    /// A batch of them.
    Centers(&'a [Center]),
    /// An organization.
    Organization(&'a Organization),
    /// That a center works by an organization.
    Membership(&'a Membership),
}

impl<'a> From<&'a Center> for Made<'a> {
    fn from(center: &'a Center) -> Self {
        Self::Center(center)
    }
}

impl<'a> From<&'a Vec<Center>> for Made<'a> {
    fn from(centers: &'a Vec<Center>) -> Self {
        Self::Centers(centers)
    }
}

impl<'a> From<&'a Organization> for Made<'a> {
    fn from(organization: &'a Organization) -> Self {
        Self::Organization(organization)
    }
}

impl<'a> From<&'a Membership> for Made<'a> {
    fn from(membership: &'a Membership) -> Self {
        Self::Membership(membership)
    }
}

/// An answer of JSON, as far as it is not the same for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The path of what was made, where it has one.
    pub location: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownKey {
    /// Nothing was made under it, or a day ago.
    Free,
    /// This request was answered so.
    Answered(KeptAnswer),
    /// It came with another request.
    OfAnotherRequest,
    /// A request that came with it is under way.
    UnderWay,
    /// The database has no table for answers that this user may see.
    NoTable,
}

/// The record of one write under a key. Clones are the same record.
#[derive(Clone)]
pub struct Recording(Arc<Recorded>);

struct Recorded {
    request: KeyedRequest,
    answer_to: Box<dyn Fn(Made<'_>) -> KeptAnswer + Send + Sync>,
    answer: Mutex<Option<KeptAnswer>>,
}

tokio::task_local! {
    static RECORDING: Recording;
}

impl Recording {
    /// A record of what a write under a key will make, and of how that is answered.
    pub fn new(
        request: KeyedRequest,
        answer_to: impl Fn(Made<'_>) -> KeptAnswer + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Recorded {
            request,
            answer_to: Box::new(answer_to),
            answer: Mutex::new(None),
        }))
    }

    /// The write, which keeps its answer in its own transaction.
    pub fn of<F: Future>(self, write: F) -> impl Future<Output = F::Output> {
        RECORDING.scope(self, write)
    }

    /// The answer, once it is written.
    #[must_use]
    pub fn answer(&self) -> Option<KeptAnswer> {
        self.0.answer.lock().take()
    }

    /// Whether no answer is written.
    pub(super) fn is_empty(&self) -> bool {
        self.0.answer.lock().is_none()
    }

    /// The record of the write that is under way here, if it has one.
    pub(super) fn current() -> Option<Self> {
        RECORDING.try_with(Clone::clone).ok()
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.0.request.key
    }

    pub(super) fn request(&self) -> &[u8] {
        &self.0.request.request
    }

    /// The answer to what was made, in a size that is kept.
    pub(super) fn answer_to(&self, made: Made<'_>) -> Result<KeptAnswer, StoreError> {
        let answer = (self.0.answer_to)(made);
        match answer.body.len() {
            ..=MAX_KEPT_BYTES => Ok(answer),
            bytes => Err(StoreError::AnswerTooLarge { bytes }),
        }
    }

    /// Notes an answer that is written; of several tries the last one counts.
    pub(super) fn is_kept(&self, answer: KeptAnswer) {
        *self.0.answer.lock() = Some(answer);
    }
}

/// That a key could not be taken as another request has it.
pub(super) fn or_under_way(error: impl Into<StoreError>) -> StoreError {
    match error.into() {
        StoreError::Unfit(unfit) if unfit.rule == Rule::Unique => StoreError::KeyUnderWay,
        error if error.is_held_by_others() => StoreError::KeyUnderWay,
        error => error,
    }
}

/// Waits for nobody: a key that another transaction has taken is under way.
const LOOK_UP_MYSQL: &str = "\
    SELECT request_digest, status, location, body, \
        made_at <= UTC_TIMESTAMP() - INTERVAL 24 HOUR \
    FROM nearby_idempotency_keys WHERE key_digest = ? FOR SHARE NOWAIT";
const LOOK_UP_SQLITE: &str = "\
    SELECT request_digest, status, location, body, \
        made_at <= strftime('%Y-%m-%dT%H:%M:%fZ','now','-24 hours') \
    FROM nearby_idempotency_keys WHERE key_digest = ?";
const FREE_MYSQL: &str = "\
    DELETE FROM nearby_idempotency_keys \
    WHERE key_digest = ? AND made_at <= UTC_TIMESTAMP() - INTERVAL 24 HOUR";
const FREE_SQLITE: &str = "\
    DELETE FROM nearby_idempotency_keys \
    WHERE key_digest = ? AND made_at <= strftime('%Y-%m-%dT%H:%M:%fZ','now','-24 hours')";
pub(super) const TAKE: &str =
    "INSERT INTO nearby_idempotency_keys (key_digest, request_digest) VALUES (?, ?)";
pub(super) const KEEP: &str = "\
    UPDATE nearby_idempotency_keys SET status = ?, location = ?, body = ? WHERE key_digest = ?";
const REMOVE_MYSQL: &str = "\
    DELETE FROM nearby_idempotency_keys WHERE made_at <= UTC_TIMESTAMP() - INTERVAL 24 HOUR \
    ORDER BY made_at LIMIT ?";
const ANY_OLD_SQLITE: &str = "\
    SELECT EXISTS (SELECT 1 FROM nearby_idempotency_keys \
        WHERE made_at <= strftime('%Y-%m-%dT%H:%M:%fZ','now','-24 hours'))";
const REMOVE_SQLITE: &str = "\
    DELETE FROM nearby_idempotency_keys WHERE key_digest IN ( \
        SELECT key_digest FROM nearby_idempotency_keys \
        WHERE made_at <= strftime('%Y-%m-%dT%H:%M:%fZ','now','-24 hours') \
        ORDER BY made_at LIMIT ?)";

/// A transaction over a pool's connection.
pub(super) trait RecordsKeys {
    /// Takes the key of the write that is under way here, if it has one: the first
    /// statement of its transaction.
    async fn take_key(&mut self) -> Result<(), StoreError>;

    /// Keeps the answer to what was made, if the write has a key.
    async fn keep_answer(&mut self, made: Made<'_>) -> Result<(), StoreError>;
}

macro_rules! records_keys {
    ($connection:ty) => {
        impl RecordsKeys for $connection {
            async fn take_key(&mut self) -> Result<(), StoreError> {
                let Some(recording) = Recording::current() else {
                    return Ok(());
                };
                let taking = sqlx::query(TAKE)
                    .bind(recording.key())
                    .bind(recording.request());
                taking.execute(self).await.map(drop).map_err(or_under_way)
            }

            async fn keep_answer(&mut self, made: Made<'_>) -> Result<(), StoreError> {
                let Some(recording) = Recording::current() else {
                    return Ok(());
                };
                let answer = recording.answer_to(made)?;
                let keeping = sqlx::query(KEEP)
                    .bind(i64::from(answer.status))
                    .bind(answer.location.as_deref())
                    .bind(answer.body.as_slice())
                    .bind(recording.key());
                keeping.execute(self).await?;
                recording.is_kept(answer);
                Ok(())
            }
        }
    };
}
records_keys!(MySqlConnection);
records_keys!(SqliteConnection);

/// Digest of the request, status, location, body, and whether it is a day old.
type Row = (Vec<u8>, Option<i64>, Option<String>, Option<Vec<u8>>, bool);

impl Database {
    /// What is known of the key that a request came with.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn known_key(&self, request: &KeyedRequest) -> Result<KnownKey, StoreError> {
        let key = request.key.as_slice();
        let found: sqlx::Result<Option<Row>> = match self {
            Self::MySql(pool) => {
                let looking = sqlx::query_as(LOOK_UP_MYSQL).bind(key);
                looking.fetch_optional(pool).await
            }
            Self::Sqlite(pools) => {
                let looking = sqlx::query_as(LOOK_UP_SQLITE).bind(key);
                looking.fetch_optional(&pools.readers).await
            }
        };
        let (digest, status, location, body, is_old) = match found {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(KnownKey::Free),
            Err(error) if is_unseen_table(&error) => return Ok(KnownKey::NoTable),
            Err(error) if is_not_waited_for(&error) => return Ok(KnownKey::UnderWay),
            Err(error) => return Err(error.into()),
        };
        if is_old {
            self.free_key(key).await?;
            return Ok(KnownKey::Free);
        }
        if digest != request.request {
            return Ok(KnownKey::OfAnotherRequest);
        }
        let status = status.and_then(|status| u16::try_from(status).ok());
        let answer = status.zip(body).map(|(status, body)| KeptAnswer {
            status,
            location,
            body,
        });
        let answer = answer.ok_or_else(|| {
            sqlx::Error::Decode("a key is kept without the answer that belongs to it".into())
        })?;
        Ok(KnownKey::Answered(answer))
    }

    /// Lets a key be taken anew, unless that was done meanwhile.
    async fn free_key(&self, key: &[u8]) -> Result<(), StoreError> {
        match self {
            Self::MySql(pool) => {
                let freeing = sqlx::query(FREE_MYSQL).bind(key);
                freeing.execute(pool).await?;
            }
            Self::Sqlite(pools) => {
                let freeing = sqlx::query(FREE_SQLITE).bind(key);
                freeing.execute(&pools.writer).await?;
            }
        }
        Ok(())
    }

    /// Removes answers that are a day old, up to [`REMOVED_AT_ONCE`] of them; gives how
    /// many. Nothing where there is no table for them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remove_old_answers(&self) -> Result<u64, StoreError> {
        let most = i64::try_from(REMOVED_AT_ONCE).unwrap_or(i64::MAX);
        let removed: sqlx::Result<u64> = match self {
            Self::MySql(pool) => {
                let removing = sqlx::query(REMOVE_MYSQL).bind(most);
                let done = removing.execute(pool).await;
                done.map(|done| done.rows_affected())
            }
            Self::Sqlite(pools) => {
                async {
                    // Who reads waits for nobody, and most of the time there is none.
                    let looking = sqlx::query_scalar(ANY_OLD_SQLITE);
                    if !looking.fetch_one(&pools.readers).await? {
                        return Ok(0);
                    }
                    let removing = sqlx::query(REMOVE_SQLITE).bind(most);
                    Ok(removing.execute(&pools.writer).await?.rows_affected())
                }
                .await
            }
        };
        match removed {
            Err(error) if is_unseen_table(&error) => Ok(0),
            removed => Ok(removed?),
        }
    }
}
