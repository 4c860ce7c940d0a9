//! Which connections are not used again, as their server takes no writes any more.
//!
//! A server that was demoted goes on answering, and keeps the connections that it has: where
//! its address leads to another one by now, only new ones get there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::MySqlConnection;
use tokio::sync::Notify;

use crate::store::refusal;

/// How long after a write that failed connections are asked whether their server takes any.
const DOUBT: Duration = Duration::from_secs(1);
/// Where no server takes writes, those who read keep their connections for so long.
const APART: Duration = Duration::from_millis(250);

/// Since when the connections of a pool are good.
#[derive(Debug)]
pub(super) struct Renewal {
    begun: Instant,
    /// Those that were opened before are not used again. All times are in microseconds since
    /// `begun`; 0 is never.
    good_since_us: AtomicU64,
    doubted_at_us: AtomicU64,
    told: Notify,
}

impl Default for Renewal {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            good_since_us: AtomicU64::new(0),
            doubted_at_us: AtomicU64::new(0),
            told: Notify::new(),
        }
    }
}

impl Renewal {
    fn now_us(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// A write was begun and not made, for whatever reason, or a connection broke.
    pub(super) fn doubt(&self) {
        self.doubted_at_us.store(self.now_us(), Ordering::Relaxed);
        self.told.notify_one();
    }

    /// Waits until a write is not made, or a connection breaks.
    pub(super) async fn doubted(&self) {
        self.told.notified().await;
    }

    /// What a failed write says of its server.
    pub(super) fn learn(&self, error: &sqlx::Error) {
        if refusal::takes_no_writes(error) {
            self.renew_at_most_so_often();
        }
        self.doubt();
    }

    /// From now on new connections are used, and no others.
    pub(super) fn renew(&self) {
        self.good_since_us.store(self.now_us(), Ordering::Relaxed);
    }

    /// The same, unless that was only just so.
    fn renew_at_most_so_often(&self) {
        let known = self.good_since_us.load(Ordering::Relaxed);
        if known == 0 || self.now_us().saturating_sub(known) >= as_us(APART) {
            self.renew();
        }
    }

    /// Whether a connection of this age is used again.
    pub(super) fn is_good(&self, age: Duration) -> bool {
        self.now_us().saturating_sub(as_us(age)) >= self.good_since_us.load(Ordering::Relaxed)
    }

    /// Whether a connection has to be asked.
    fn is_in_doubt(&self) -> bool {
        let doubted = self.doubted_at_us.load(Ordering::Relaxed);
        doubted > 0 && self.now_us().saturating_sub(doubted) < as_us(DOUBT)
    }

    /// Whether a connection that was used is used again; it is a sign of life of its own where
    /// the server was asked.
    pub(super) async fn looks_good(
        &self,
        connection: &mut MySqlConnection,
        age: Duration,
    ) -> sqlx::Result<bool> {
        if !self.is_good(age) {
            return Ok(false);
        }
        if self.is_in_doubt() && is_read_only(connection).await? {
            self.renew_at_most_so_often();
            return Ok(false);
        }
        Ok(true)
    }
}

fn as_us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Whether the server takes no writes.
async fn is_read_only(connection: &mut MySqlConnection) -> sqlx::Result<bool> {
    // `super_read_only` has it on as well.
    sqlx::query_scalar("SELECT @@GLOBAL.read_only")
        .fetch_one(connection)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_from_before_a_refusal_are_given_up_and_later_ones_are_not() {
        let renewal = Renewal::default();
        let old = Duration::from_secs(7);
        assert!(renewal.is_good(old) && !renewal.is_in_doubt());
        renewal.learn(&sqlx::Error::RowNotFound);
        assert!(renewal.is_good(old));
        std::thread::sleep(Duration::from_millis(2));
        renewal.renew();
        assert!(!renewal.is_good(old));
        assert!(renewal.is_good(Duration::ZERO));
        renewal.doubt();
        assert!(renewal.is_in_doubt());
    }
}
