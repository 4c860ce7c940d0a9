//! A bound on the bytes of bodies and answers that are under way, over all connections.
//!
//! Small answers are left out: a connection has one at a time, and connections are bounded.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;

use super::connection::deadlines::Unanswered;
use super::problem::Problem;

/// Larger answers count.
pub const SMALL_ANSWER_BYTES: usize = 64 * 1024;
/// What actix gets of an answer at a time, so that it holds no second copy of all.
const PIECE_BYTES: usize = 32 * 1024;

/// How many bytes may still be under way; one for all workers.
#[derive(Debug)]
pub struct Budget {
    left: AtomicUsize,
}

/// Some of them. They are free again when this is dropped.
#[derive(Debug)]
pub struct Lease {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    /// So many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self {
            left: AtomicUsize::new(bytes),
        }
    }

    /// Takes some.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn lease(self: &Arc<Self>, bytes: usize) -> Result<Lease, Problem> {
        let mut lease = Lease {
            budget: Arc::clone(self),
            bytes: 0,
        };
        lease.grow(bytes)?;
        Ok(lease)
    }
}

impl Lease {
    /// Takes more.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        let take = |left: usize| left.checked_sub(bytes);
        let (done, failed) = (Ordering::Relaxed, Ordering::Relaxed);
        match self.budget.left.fetch_update(done, failed, take) {
            Ok(_) => {
                self.bytes += bytes;
                Ok(())
            }
            Err(_) => Err(Problem::overloaded(
                "this server has as many bytes of bodies and answers under way as it takes; try again \
                 in a moment",
            )),
        }
    }

    /// Gives back what is beyond so many bytes.
    pub fn shrink_to(&mut self, bytes: usize) {
        let more = self.bytes.saturating_sub(bytes);
        self.bytes -= more;
        self.budget.left.fetch_add(more, Ordering::Relaxed);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// An answer that counts until it is sent.
#[derive(Debug)]
pub struct Counted {
    bytes: Bytes,
    _lease: Lease,
    _unanswered: Option<Unanswered>,
}

impl Counted {
    /// An answer, what was taken for it, and the request that it answers.
    #[must_use]
    pub fn new(bytes: Bytes, lease: Lease, unanswered: Option<Unanswered>) -> Self {
        Self {
            bytes,
            _lease: lease,
            _unanswered: unanswered,
        }
    }
}

impl MessageBody for Counted {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.bytes.len() as u64)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        let piece = self.bytes.len().min(PIECE_BYTES);
        Poll::Ready(Some(Ok(self.bytes.split_to(piece))))
    }
}

/// An answer that comes piece by piece, whose request is under way until it ends.
pub struct Held {
    body: BoxBody,
    _unanswered: Option<Unanswered>,
}

impl Held {
    /// An answer, and the request that it answers.
    #[must_use]
    pub fn new(body: BoxBody, unanswered: Option<Unanswered>) -> Self {
        Self {
            body,
            _unanswered: unanswered,
        }
    }
}

impl MessageBody for Held {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back() {
        let budget = Arc::new(Budget::new(10));
        let mut one = budget.lease(4).unwrap();
        let two = budget.lease(5).unwrap();
        one.grow(2).unwrap_err();
        drop(two);
        one.grow(6).unwrap();
        one.shrink_to(9);
        drop(budget.lease(1).unwrap());
        one.grow(1).unwrap();
        budget.lease(1).unwrap_err();
        drop(one);
        budget.lease(10).unwrap();
    }
}
