//! Keys that clients show, by their digests: the keys themselves are kept nowhere.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use thiserror::Error;

use super::idempotency::Digest;
use super::refusal::Rule;
use super::{Database, StoreError};
use crate::domain::{AccessKey, AccessKeyName, OPERATOR, Rate};

/// The table of keys.
pub(super) const TABLE: &str = "nearby_access_keys";
/// The most keys there may be: every instance holds all of them.
pub const MAX_ACCESS_KEYS: usize = 10_000;

pub(super) const READ: &str = "\
    SELECT digest, name, scope, origins, collections, rate_per_minute, created_s, expires_s, \
        last_used_s \
    FROM nearby_access_keys ORDER BY name";
pub(super) const INSERT: &str = "\
    INSERT INTO nearby_access_keys \
        (digest, name, scope, origins, collections, rate_per_minute, created_s, expires_s) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
pub(super) const DELETE: &str = "DELETE FROM nearby_access_keys WHERE name = ?";
pub(super) const NOTE_USE: &str = "\
    UPDATE nearby_access_keys SET last_used_s = ? \
    WHERE digest = ? AND (last_used_s IS NULL OR last_used_s < ?)";

/// A row of the table of keys. Times are seconds since 1970, UTC; lists stand between blanks.
#[derive(Debug)]
pub(super) struct AccessKeyRow {
    pub(super) digest: Vec<u8>,
    pub(super) name: String,
    pub(super) scope: String,
    pub(super) origins: Option<String>,
    pub(super) collections: Option<String>,
    pub(super) rate_per_minute: Option<i64>,
    pub(super) created_s: i64,
    pub(super) expires_s: Option<i64>,
    pub(super) last_used_s: Option<i64>,
}

/// The table of keys.
#[async_trait]
pub(super) trait AccessKeysTable {
    /// All rows, by name; `None` where there is no table for them that this user may see.
    async fn read_access_keys(&self) -> Result<Option<Vec<AccessKeyRow>>, StoreError>;

    /// Adds the row of a key.
    async fn insert_access_key(&self, row: AccessKeyRow, key: &AccessKey)
    -> Result<(), StoreError>;

    /// Removes the row of a key; says whether it was there.
    async fn delete_access_key(&self, key: &AccessKey) -> Result<bool, StoreError>;

    /// Notes when a key was shown, unless a later time is noted.
    async fn note_access_key_use(&self, digest: Digest, used_s: i64) -> Result<(), StoreError>;
}

/// A key could not be made or ended.
#[derive(Debug, Error)]
pub enum AccessKeyError {
    /// The name stands for the operator's key.
    #[error("the audit log calls NEARBY_ADMIN_KEY {0}: give the key another name")]
    Reserved(AccessKeyName),
    /// There is one of this name.
    #[error("there is a key named {0}: revoke it first, or give the new one another name")]
    Taken(AccessKeyName),
    /// There are as many as there may be.
    #[error("there are {MAX_ACCESS_KEYS} keys, which is the most: revoke some first")]
    TooMany,
    /// The database has no table for keys.
    #[error(
        "this database has no table {TABLE}, or none that nearby may see: `nearby migrate up` makes it"
    )]
    NoTable,
    /// The database does not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Database {
    /// All keys, by name, each with the digest that it is known by; `None` where the database
    /// has no table for them. Rows that are none of nearby's making are left out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn access_keys(&self) -> Result<Option<Vec<(Digest, AccessKey)>>, StoreError> {
        let rows = self.backend().read_access_keys().await?;
        Ok(rows.map(|rows| rows.into_iter().filter_map(key_of).collect()))
    }

    /// Makes a key that is known by this digest.
    ///
    /// # Errors
    /// When its name is the operator's, there is one of its name, there are too many, or there is no table for them.
    pub async fn create_access_key(
        &self,
        digest: Digest,
        key: &AccessKey,
    ) -> Result<(), AccessKeyError> {
        if key.name.as_str() == OPERATOR {
            return Err(AccessKeyError::Reserved(key.name.clone()));
        }
        let known = self.access_keys().await?.ok_or(AccessKeyError::NoTable)?;
        if known.len() >= MAX_ACCESS_KEYS {
            return Err(AccessKeyError::TooMany);
        }
        let row = AccessKeyRow {
            digest: digest.to_vec(),
            name: key.name.as_str().to_owned(),
            scope: key.scope.name().to_owned(),
            origins: listed(&key.origins),
            collections: listed(&key.collections),
            rate_per_minute: key.rate.map(|rate| rate.requests_per_minute().get().into()),
            created_s: key.created_at.timestamp(),
            expires_s: key.expires_at.map(|end| end.timestamp()),
            last_used_s: None,
        };
        match self.backend().insert_access_key(row, key).await {
            Err(StoreError::Unfit(unfit)) if unfit.rule == Rule::Unique => {
                Err(AccessKeyError::Taken(key.name.clone()))
            }
            inserted => Ok(inserted?),
        }
    }

    /// Ends a key; says whether there was one of this name.
    ///
    /// # Errors
    /// When there is no table for keys, or the database does not answer.
    pub async fn revoke_access_key(&self, name: &AccessKeyName) -> Result<bool, AccessKeyError> {
        let known = self.access_keys().await?.ok_or(AccessKeyError::NoTable)?;
        match known.iter().find(|(_, key)| key.name == *name) {
            Some((_, key)) => Ok(self.backend().delete_access_key(key).await?),
            None => Ok(false),
        }
    }

    /// Notes when a key was shown.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_access_key_use(
        &self,
        digest: Digest,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let used_s = at.timestamp();
        self.backend().note_access_key_use(digest, used_s).await
    }
}

/// What a row says; `None` where it says what no key can be: whoever shows it is not let in.
fn key_of(row: AccessKeyRow) -> Option<(Digest, AccessKey)> {
    let at = |seconds| DateTime::from_timestamp(seconds, 0);
    let rate = match row.rate_per_minute {
        Some(rate) => Some(Rate::per_minute(u32::try_from(rate).ok()?)?),
        None => None,
    };
    let expires_at = match row.expires_s {
        Some(end) => Some(at(end)?),
        None => None,
    };
    let key = AccessKey {
        name: row.name.parse().ok()?,
        scope: row.scope.parse().ok()?,
        origins: list_of(row.origins),
        collections: list_of(row.collections),
        rate,
        created_at: at(row.created_s)?,
        expires_at,
        last_used_at: row.last_used_s.and_then(at),
    };
    Some((row.digest.try_into().ok()?, key))
}

fn listed(texts: &[String]) -> Option<String> {
    (!texts.is_empty()).then(|| texts.join(" "))
}

fn list_of(text: Option<String>) -> Vec<String> {
    let text = text.unwrap_or_default();
    text.split_ascii_whitespace().map(str::to_owned).collect()
}
