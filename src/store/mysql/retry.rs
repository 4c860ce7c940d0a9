//! Running a transaction again after a deadlock.

use std::time::Duration;

use crate::store::{BatchError, DeleteError, StoreError};

/// How often a transaction is tried before its deadlock is reported.
const TRIES: u32 = 5;
/// The longest first pause before another try; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Counts the tries of one transaction.
#[derive(Debug, Default)]
pub(super) struct Retries {
    made: u32,
}

impl Retries {
    /// Whether to run the transaction again after this error. Waits a little
    /// before it says so, at random, that two which met do not meet again.
    pub(super) async fn again(&mut self, error: &impl MayBeDeadlock) -> bool {
        self.made += 1;
        if self.made >= TRIES || !error.is_deadlock() {
            return false;
        }
        let pause = FIRST_PAUSE * (1 << self.made);
        tokio::time::sleep(pause.mul_f64(rand::random::<f64>())).await;
        true
    }
}

/// An error that may stand for a deadlock.
pub(super) trait MayBeDeadlock {
    fn is_deadlock(&self) -> bool;
}

impl MayBeDeadlock for StoreError {
    fn is_deadlock(&self) -> bool {
        StoreError::is_deadlock(self)
    }
}

impl MayBeDeadlock for DeleteError {
    fn is_deadlock(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_deadlock())
    }
}

impl MayBeDeadlock for BatchError {
    fn is_deadlock(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_deadlock())
    }
}
