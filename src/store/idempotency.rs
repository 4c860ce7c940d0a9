//! Answers that are kept under a client's `Idempotency-Key`, so that what is asked for
//! under one key is made once, however often the request is sent.
//!
//! An answer is written in the transaction of what it tells of: neither is there without
//! the other, also when the answer to a COMMIT is lost. The key is taken at the beginning
//! of that transaction, so that other instances see that it is under way.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::refusal::Rule;
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

/// What a database holds of a key.
#[derive(Debug)]
pub(super) enum HeldKey {
    /// Nothing.
    Nothing,
    /// The answer to a request.
    Answer(KeyRow),
    /// Another transaction has taken it.
    UnderWay,
    /// There is no table for answers that this user may see.
    NoTable,
}

/// A row of the table of answers.
#[derive(Debug)]
pub(super) struct KeyRow {
    /// The digest of the request.
    pub(super) request: Vec<u8>,
    pub(super) status: Option<i64>,
    pub(super) location: Option<String>,
    pub(super) body: Option<Vec<u8>>,
    /// Whether it is a day old.
    pub(super) is_old: bool,
}

/// The table of answers that are kept under keys.
#[async_trait]
pub(super) trait KeysTable {
    /// Looks a key up, and waits for nobody.
    async fn look_up_key(&self, key: &[u8]) -> Result<HeldKey, StoreError>;

    /// Lets a key be taken anew whose answer is a day old.
    async fn free_key(&self, key: &[u8]) -> Result<(), StoreError>;

    /// Removes answers that are a day old, up to `most` of them; gives how many. Nothing
    /// where there is no table for them.
    async fn remove_old_answers(&self, most: i64) -> Result<u64, StoreError>;
}

impl Database {
    /// What is known of the key that a request came with.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn known_key(&self, request: &KeyedRequest) -> Result<KnownKey, StoreError> {
        let key = request.key.as_slice();
        let row = match self.backend().look_up_key(key).await? {
            HeldKey::Nothing => return Ok(KnownKey::Free),
            HeldKey::NoTable => return Ok(KnownKey::NoTable),
            HeldKey::UnderWay => return Ok(KnownKey::UnderWay),
            HeldKey::Answer(row) => row,
        };
        if row.is_old {
            self.backend().free_key(key).await?;
            return Ok(KnownKey::Free);
        }
        if row.request != request.request {
            return Ok(KnownKey::OfAnotherRequest);
        }
        let status = row.status.and_then(|status| u16::try_from(status).ok());
        let answer = status.zip(row.body).map(|(status, body)| KeptAnswer {
            status,
            location: row.location,
            body,
        });
        let answer = answer.ok_or_else(|| {
            StoreError::unreadable("a key is kept without the answer that belongs to it")
        })?;
        Ok(KnownKey::Answered(answer))
    }

    /// Removes answers that are a day old, up to [`REMOVED_AT_ONCE`] of them; gives how
    /// many. Nothing where there is no table for them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remove_old_answers(&self) -> Result<u64, StoreError> {
        let most = i64::try_from(REMOVED_AT_ONCE).unwrap_or(i64::MAX);
        self.backend().remove_old_answers(most).await
    }
}
