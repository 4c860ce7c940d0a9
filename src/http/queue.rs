//! Work that takes long waits in a queue of its kind, so that no kind keeps another waiting:
//! neither other kinds nor what never queues, as `/nearby`, single rows, writes, and readiness.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;

/// How many may wait for a turn; more are turned away at once.
const MAX_WAITING: usize = 32;
/// The same for parts of maps: one view of a map asks for twenty.
const MAX_WAITING_MAPS: usize = 512;
/// The longest that a client is told to stay away.
const LONGEST_RETRY_S: u64 = 60;
/// How much one turn weighs in what a turn is thought to take: one in so many.
const WEIGHT: u64 = 8;

/// The queues, one for each kind of work.
#[derive(Debug)]
pub struct Queues {
    /// Pages of rows.
    pub lists: Arc<Queue>,
    /// Searches by text, and counts of what they find.
    pub texts: Arc<Queue>,
    /// Batches of searches.
    pub batches: Arc<Queue>,
    /// Searches that go through all that they are about, as to count it.
    pub counts: Arc<Queue>,
    /// Tiles and clusters.
    pub maps: Arc<Queue>,
}

/// How much of each kind is done at a time.
#[derive(Debug, Clone, Copy)]
pub struct AtOnce {
    /// Pages of rows.
    pub lists: usize,
    /// Searches by text.
    pub texts: usize,
    /// Batches, and their parts.
    pub batches: usize,
    /// Searches that go through all that they are about.
    pub counts: usize,
    /// Tiles and clusters.
    pub maps: usize,
}

impl Queues {
    /// Queues that let so many of each kind work at a time.
    #[must_use]
    pub fn new(at_once: AtOnce) -> Self {
        let queue = |at_once| Arc::new(Queue::new(at_once, MAX_WAITING));
        Self {
            lists: queue(at_once.lists),
            texts: queue(at_once.texts),
            batches: queue(at_once.batches),
            counts: queue(at_once.counts),
            maps: Arc::new(Queue::new(at_once.maps, MAX_WAITING_MAPS)),
        }
    }
}

/// A queue for turns.
#[derive(Debug)]
pub struct Queue {
    turns: Arc<Semaphore>,
    at_once: usize,
    most_waiting: usize,
    waiting: AtomicUsize,
    /// What a turn takes, about.
    turn_ms: AtomicU64,
}

/// A turn; the next one has it when this is dropped.
#[derive(Debug)]
pub struct Turn {
    queue: Arc<Queue>,
    began: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Queue {
    fn new(at_once: usize, most_waiting: usize) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(at_once)),
            at_once,
            most_waiting,
            waiting: AtomicUsize::new(0),
            turn_ms: AtomicU64::new(0),
        }
    }

    /// Waits for a turn, but not longer than this.
    ///
    /// # Errors
    /// At once when too many wait already; when none came.
    pub async fn turn(self: &Arc<Self>, longest: Duration) -> Result<Turn, Problem> {
        let permit = match Arc::clone(&self.turns).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.wait(longest).await?,
        };
        Ok(Turn {
            queue: Arc::clone(self),
            began: Instant::now(),
            _permit: permit,
        })
    }

    async fn wait(&self, longest: Duration) -> Result<OwnedSemaphorePermit, Problem> {
        let waiting = Waiting::new(&self.waiting);
        if waiting.before > self.most_waiting {
            return Err(self.too_many());
        }
        let turn = Arc::clone(&self.turns).acquire_owned();
        match tokio::time::timeout(longest, turn).await {
            Ok(permit) => Ok(permit.expect("the turns are never closed")),
            Err(_) => Err(self.too_many()),
        }
    }

    fn too_many(&self) -> Problem {
        let detail = "this server has as many requests of this kind waiting as it takes; try again \
                      when they are answered";
        Problem::overloaded_for(detail, self.passes_in_s())
    }

    /// When those who wait now are about done.
    fn passes_in_s(&self) -> u64 {
        let waiting = self.waiting.load(Ordering::Relaxed).min(self.most_waiting) + self.at_once;
        let turns = waiting.div_ceil(self.at_once) as u64;
        let ms = turns * self.turn_ms.load(Ordering::Relaxed);
        ms.div_ceil(1_000).clamp(1, LONGEST_RETRY_S)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let took = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let before = self.queue.turn_ms.load(Ordering::Relaxed);
        // One of two that end together may be lost: it is a guess.
        let now = (before * (WEIGHT - 1) + took).div_ceil(WEIGHT);
        self.queue.turn_ms.store(now, Ordering::Relaxed);
    }
}

/// One that waits.
struct Waiting<'a> {
    count: &'a AtomicUsize,
    /// With it.
    before: usize,
}

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        let before = count.fetch_add(1, Ordering::Relaxed) + 1;
        Self { count, before }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn those_beyond_the_queue_are_turned_away_at_once_and_told_when_to_come_back() {
        let queue = Arc::new(Queue::new(1, MAX_WAITING));
        queue.turn_ms.store(1_000, Ordering::Relaxed);
        let first = queue.turn(LONG).await.unwrap();
        let waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| {
                let queue = Arc::clone(&queue);
                tokio::spawn(async move { queue.turn(LONG).await.map(drop) })
            })
            .collect();
        while queue.waiting.load(Ordering::Relaxed) < MAX_WAITING {
            tokio::task::yield_now().await;
        }
        let refused = queue.turn(LONG).await.unwrap_err();
        let (name, after) = refused.headers().first().expect("it says when");
        assert_eq!(
            (name.as_str(), after.to_str().unwrap()),
            ("retry-after", "33")
        );
        drop(first);
        for waited in waiting {
            waited.await.unwrap().unwrap();
        }
        queue.turn(LONG).await.unwrap();
        assert_eq!(queue.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_that() {
        let queue = Arc::new(Queue::new(1, MAX_WAITING));
        let _first = queue.turn(LONG).await.unwrap();
        queue.turn(Duration::from_millis(10)).await.unwrap_err();
        assert_eq!(queue.waiting.load(Ordering::Relaxed), 0);
    }
}
