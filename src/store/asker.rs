//! Whoever asked for a write, and may have gone before it began.
//!
//! A write that nobody waits for any more is not begun; one that has begun goes on to
//! its end, so that the index follows it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::StoreError;

/// A write that begins this soon is made whatever its client does: one that only ends
/// its own side of the connection, and waits for the answer, looks as if it had gone.
const PROMPT: Duration = Duration::from_millis(100);

tokio::task_local! {
    static ASKED: (Asker, Instant);
}

/// A client, which may go while its write waits. Clones are the same client.
#[derive(Debug, Clone, Default)]
pub struct Asker {
    has_gone: Arc<AtomicBool>,
}

impl Asker {
    /// Notes that it has gone.
    pub fn leave(&self) {
        self.has_gone.store(true, Ordering::Relaxed);
    }

    /// A write that looks whether this client is still there before it begins.
    pub fn asks_for<F: Future>(self, write: F) -> impl Future<Output = F::Output> {
        ASKED.scope((self, Instant::now()), write)
    }
}

/// To be asked after a wait, before the first statement of a write. Where nobody is
/// known to have asked, as in commands, all writes are made.
///
/// # Errors
/// [`StoreError::GivenUp`] when whoever asked has gone.
pub(crate) fn still_there() -> Result<(), StoreError> {
    let given_up = ASKED.try_with(|(asker, asked)| {
        asker.has_gone.load(Ordering::Relaxed) && asked.elapsed() > PROMPT
    });
    match given_up {
        Ok(true) => Err(StoreError::GivenUp),
        _ => Ok(()),
    }
}
