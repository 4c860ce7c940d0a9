//! The keys that clients may show, in memory: looked up by every request that shows one, and
//! read again every few seconds, so that a key that was revoked is of no use anywhere soon.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use parking_lot::RwLock;
use sha2::{Digest as _, Sha256};

use crate::domain::{AccessKey, Rate};
use crate::store::{Database, Digest};

/// How often keys are read again: a key is revoked everywhere within 5 s.
const READ_EVERY: Duration = Duration::from_secs(2);
/// How long reading may take before the next try.
const READ_TIMEOUT: Duration = Duration::from_secs(2);
/// How often it is noted when keys were shown.
const NOTE_EVERY: Duration = Duration::from_mins(1);
/// That a key was not shown since it was noted.
const NOT_SHOWN: i64 = 0;

/// What all keys begin with, so that they are found where they should not be.
pub const KEY_PREFIX: &str = "nby_";
/// The random bytes of a key, which are written in hexadecimal digits.
const KEY_BYTES: usize = 32;

/// A new key.
#[must_use]
pub fn new_key() -> String {
    let random: [u8; KEY_BYTES] = rand::random();
    let digits = random.map(|byte| format!("{byte:02x}"));
    format!("{KEY_PREFIX}{}", digits.concat())
}

/// What a key is known by.
#[must_use]
pub fn digest_of(key: &[u8]) -> Digest {
    Sha256::digest(key).into()
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

/// A key that is good unless it has expired.
#[derive(Debug)]
pub struct HeldKey {
    /// What it allows.
    pub key: AccessKey,
    limiter: Option<Limiter>,
    /// When it was shown since that was noted last, in seconds since 1970.
    shown_s: AtomicI64,
}

impl HeldKey {
    fn new(key: AccessKey) -> Self {
        let per_minute = key.rate.map(Rate::requests_per_minute);
        let quota = per_minute.map(Quota::per_minute);
        Self {
            key,
            limiter: quota.map(|quota| RateLimiter::direct(quota).with_middleware()),
            shown_s: AtomicI64::new(NOT_SHOWN),
        }
    }

    /// Notes that it is shown, unless its rate is used up; gives what is left of that, if it has
    /// one.
    ///
    /// # Errors
    /// After how long it may be shown again.
    pub fn show(&self, now: DateTime<Utc>) -> Result<Option<StateSnapshot>, Duration> {
        self.shown_s.store(now.timestamp(), Ordering::Relaxed);
        let Some(limiter) = &self.limiter else {
            return Ok(None);
        };
        let now = DefaultClock::default().now();
        let left = limiter.check();
        left.map(Some).map_err(|until| until.wait_time_from(now))
    }

    /// Whether it is what the database says now, but for when it was shown.
    fn is(&self, key: &AccessKey) -> bool {
        let shown = AccessKey {
            last_used_at: self.key.last_used_at,
            ..key.clone()
        };
        self.key == shown
    }
}

/// All keys; one for all workers.
#[derive(Debug, Default)]
pub struct Keyring {
    held: RwLock<HashMap<Digest, Arc<HeldKey>>>,
    is_read: AtomicBool,
}

impl Keyring {
    /// Whether the keys were read.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.is_read.load(Ordering::Acquire)
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.read().is_empty()
    }

    /// The key that a client shows.
    #[must_use]
    pub fn find(&self, shown: &[u8]) -> Option<Arc<HeldKey>> {
        if !shown.starts_with(KEY_PREFIX.as_bytes()) {
            return None;
        }
        let digest = digest_of(shown);
        self.held.read().get(&digest).cloned()
    }

    fn replace(&self, keys: Vec<(Digest, AccessKey)>) {
        let mut held = self.held.write();
        let mut before = std::mem::take(&mut *held);
        *held = keys
            .into_iter()
            .map(|(digest, key)| {
                // What it used of its rate stays used.
                let same = before.remove(&digest).filter(|held| held.is(&key));
                (digest, same.unwrap_or_else(|| Arc::new(HeldKey::new(key))))
            })
            .collect();
        self.is_read.store(true, Ordering::Release);
    }

    /// The keys that were shown since this was asked last, and when.
    fn shown(&self) -> Vec<(Digest, i64)> {
        let held = self.held.read();
        let shown = held.iter().map(|(digest, held)| {
            let shown_s = held.shown_s.swap(NOT_SHOWN, Ordering::Relaxed);
            (*digest, shown_s)
        });
        shown.filter(|(_, shown_s)| *shown_s != NOT_SHOWN).collect()
    }
}

/// Keeps the keys in memory at what the database holds, until it is dropped. While the
/// database is away, they stay as they were.
pub async fn keep_keyring(database: Database, keyring: Arc<Keyring>) {
    let mut noted = Instant::now();
    let mut was_away = false;
    loop {
        let read = tokio::time::timeout(READ_TIMEOUT, database.access_keys()).await;
        let cause = match read {
            Ok(Ok(keys)) => {
                keyring.replace(keys.unwrap_or_default());
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the database does not answer".to_owned()),
        };
        // Said once, not every time.
        if let Some(cause) = &cause
            && !was_away
        {
            tracing::warn!(
                cause,
                "access keys could not be read; those known stay good"
            );
        }
        was_away = cause.is_some();
        if noted.elapsed() >= NOTE_EVERY && !was_away {
            noted = Instant::now();
            note_uses(&database, &keyring).await;
        }
        tokio::time::sleep(READ_EVERY).await;
    }
}

async fn note_uses(database: &Database, keyring: &Keyring) {
    for (digest, shown_s) in keyring.shown() {
        let Some(at) = DateTime::from_timestamp(shown_s, 0) else {
            continue;
        };
        if let Err(error) = database.note_access_key_use(digest, at).await {
            tracing::warn!(cause = %error, "when an access key was used could not be noted");
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Scope;

    fn key(name: &str, rate: Option<Rate>) -> AccessKey {
        AccessKey {
            name: name.parse().unwrap(),
            scope: Scope::Write,
            origins: Vec::new(),
            collections: Vec::new(),
            rate,
            created_at: Utc::now(),
            expires_at: None,
            last_used_at: None,
        }
    }

    #[test]
    fn a_key_is_found_as_long_as_the_database_has_it() {
        let keyring = Keyring::default();
        let secret = new_key();
        assert!(!keyring.is_read() && keyring.find(secret.as_bytes()).is_none());
        keyring.replace(vec![(digest_of(secret.as_bytes()), key("a", None))]);
        assert!(keyring.is_read() && keyring.find(secret.as_bytes()).is_some());
        assert!(keyring.find(new_key().as_bytes()).is_none());
        assert!(keyring.find(&secret.as_bytes()[4..]).is_none());
        keyring.replace(Vec::new());
        assert!(keyring.find(secret.as_bytes()).is_none());
    }

    #[test]
    fn a_rate_that_is_used_up_stays_so_when_keys_are_read_again() {
        let keyring = Keyring::default();
        let secret = new_key();
        let digest = digest_of(secret.as_bytes());
        let limited = key("a", Rate::per_minute(2));
        keyring.replace(vec![(digest, limited.clone())]);
        let show = || keyring.find(secret.as_bytes()).unwrap().show(Utc::now());
        assert!(show().is_ok() && show().is_ok());
        let used = AccessKey {
            last_used_at: Some(Utc::now()),
            ..limited
        };
        keyring.replace(vec![(digest, used)]);
        assert!(show().unwrap_err() <= Duration::from_secs(31));
        assert_eq!(keyring.shown().len(), 1);
        assert_eq!(keyring.shown().len(), 0);
    }

    #[test]
    fn keys_are_256_random_bits() {
        let (one, other) = (new_key(), new_key());
        assert_eq!(one.len(), KEY_PREFIX.len() + 2 * KEY_BYTES);
        assert_ne!(one, other);
    }
}
