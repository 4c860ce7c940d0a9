//! How long a client may take, whatever came before on its connection.
//!
//! actix has one limit, for the head of the first request. Here every request, answer and
//! pause has its own. No clock is read for a request: a tick, a few times within a limit,
//! looks whether anything has changed since the one before.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// A client that takes fewer bytes of an answer in a second does not read it.
const SLOWEST_READER_BYTES_PER_S: u64 = 8 * 1024;
/// How long a connection may be idle while others wait for a place.
const IDLE_WHILE_CROWDED: Duration = Duration::from_secs(5);
/// Looks within the shortest limit: a client has up to so much more.
const TICKS_PER_LIMIT: u32 = 4;

/// What every connection is held to.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// From the first byte to the end of a request's head.
    pub head: Duration,
    /// Without a byte after an answer.
    pub idle: Duration,
    /// In which a good part of an answer has to be taken.
    pub answer: Duration,
    /// Bytes that may follow an answer before they make a request.
    pub bytes_between_requests: usize,
}

impl Deadlines {
    fn tick(&self) -> Duration {
        self.head.min(self.idle).min(self.answer) / TICKS_PER_LIMIT
    }

    fn least_bytes(&self) -> u64 {
        self.answer.as_secs() * SLOWEST_READER_BYTES_PER_S
    }
}

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    /// For a request: the first, or one that has begun to arrive.
    ForRequest,
    /// For an answer of ours. It has a deadline of its own, and so has a body.
    ForAnswer,
    /// For nothing: another request may come.
    Idle,
}

#[derive(Debug)]
struct State {
    waits: Cell<Waits>,
    /// How often anything changed.
    changes: Cell<u32>,
    /// Bytes since the last answer.
    bytes: Cell<usize>,
}

/// How far a connection is; its requests tell. Clones are the same connection.
#[derive(Debug, Clone)]
pub struct Progress(Rc<State>);

impl Default for Progress {
    fn default() -> Self {
        Self(Rc::new(State {
            waits: Cell::new(Waits::ForRequest),
            changes: Cell::new(0),
            bytes: Cell::new(0),
        }))
    }
}

impl Progress {
    /// A whole head was read. What is given back is dropped when the answer is made and handed
    /// over to be sent.
    #[must_use]
    pub fn asked(&self) -> Unanswered {
        self.0.bytes.set(0);
        self.now_waits(Waits::ForAnswer);
        Unanswered(self.clone())
    }

    /// Whether nothing was asked for, or begun to be, that is not answered.
    pub(super) fn is_idle(&self) -> bool {
        match self.0.waits.get() {
            Waits::Idle => true,
            Waits::ForRequest => self.0.bytes.get() == 0,
            Waits::ForAnswer => false,
        }
    }

    /// Bytes were read; gives how many since the last answer.
    pub(super) fn read(&self, bytes: usize) -> usize {
        match self.0.waits.get() {
            Waits::ForAnswer => return 0,
            Waits::Idle => {
                self.0.bytes.set(bytes);
                self.now_waits(Waits::ForRequest);
            }
            Waits::ForRequest => self.0.bytes.set(self.0.bytes.get().saturating_add(bytes)),
        }
        self.0.bytes.get()
    }

    /// A part of an answer went out.
    pub(super) fn wrote(&self) {
        self.0.changes.set(self.0.changes.get().wrapping_add(1));
    }

    fn now_waits(&self, waits: Waits) {
        self.0.waits.set(waits);
        self.wrote();
    }
}

/// A request without its whole answer.
#[derive(Debug)]
pub struct Unanswered(Progress);

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.0.now_waits(Waits::Idle);
    }
}

/// What a client took too long for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// A request that began to arrive, or the first.
    Request,
    /// A next request.
    Idle,
    /// Taking an answer.
    Answer,
}

/// Looks at a connection from time to time.
#[derive(Debug)]
pub(super) struct Watch {
    deadlines: Deadlines,
    tick: Pin<Box<Sleep>>,
    /// The state at the tick at which it was new, and when that was.
    seen: (Waits, u32),
    since: Instant,
    /// Bytes of answers that were sent in all.
    sent: u64,
    /// Whether the client has to take something before more can be sent.
    pub is_blocked: bool,
    /// When it was first seen so, or had last taken enough, and what was sent by then.
    blocked: Option<(Instant, u64)>,
}

impl Watch {
    pub fn new(deadlines: Deadlines) -> Self {
        Self {
            deadlines,
            tick: Box::pin(sleep(deadlines.tick())),
            seen: (Waits::ForRequest, 0),
            since: Instant::now(),
            sent: 0,
            is_blocked: false,
            blocked: None,
        }
    }

    /// Notes that bytes of answers were taken.
    pub fn note_sent(&mut self, bytes: usize) {
        self.is_blocked = false;
        self.sent += bytes as u64;
    }

    /// Bytes of answers that were taken in all.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Whether the client may send so many bytes between requests.
    pub fn allows(&self, bytes: usize) -> bool {
        bytes <= self.deadlines.bytes_between_requests
    }

    /// To be asked where the connection has to wait. The task is woken at the next tick.
    pub fn look(
        &mut self,
        context: &mut Context<'_>,
        progress: &Progress,
        is_crowded: impl FnOnce() -> bool,
    ) -> Option<Overdue> {
        if self.tick.as_mut().poll(context).is_pending() {
            return None;
        }
        let now = Instant::now();
        self.tick.as_mut().reset(now + self.deadlines.tick());
        // For its waker: it cannot be over yet.
        let _ = self.tick.as_mut().poll(context);
        if self.is_blocked {
            return self.is_answer_overdue(now).then_some(Overdue::Answer);
        }
        self.blocked = None;
        let seen = (progress.0.waits.get(), progress.0.changes.get());
        if seen != self.seen {
            self.seen = seen;
            self.since = now;
            return None;
        }
        let waited = now - self.since;
        match seen.0 {
            Waits::ForAnswer => None,
            Waits::ForRequest => (waited >= self.deadlines.head).then_some(Overdue::Request),
            Waits::Idle => {
                let idle = self.deadlines.idle;
                let is_overdue = waited >= idle || waited >= IDLE_WHILE_CROWDED && is_crowded();
                is_overdue.then_some(Overdue::Idle)
            }
        }
    }

    fn is_answer_overdue(&mut self, now: Instant) -> bool {
        let (since, sent) = *self.blocked.get_or_insert((now, self.sent));
        if now - since < self.deadlines.answer {
            return false;
        }
        self.blocked = Some((now, self.sent));
        self.sent - sent <= self.deadlines.least_bytes()
    }
}
