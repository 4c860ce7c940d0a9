//! What becomes of searches while an index is further behind than is wanted.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use super::Catalog;
use crate::engine::sql::SqlEngine;
use crate::engine::{Engine, SearchError};

/// Within it an index counts as level: nobody is told.
const UNTOLD: Duration = Duration::from_secs(1);
/// How long the database may take to give a sign of life.
const LONGEST_PROBE: Duration = Duration::from_secs(1);

/// What to do with a search while the index is too far behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WhenStale {
    /// Answer it from memory all the same.
    Answer,
    /// Ask the database, and where that is away, answer from memory.
    #[default]
    Sql,
    /// Refuse it.
    Refuse,
}

/// How far behind an index may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// So far.
    pub max_lag: Duration,
    /// What to do with searches beyond that.
    pub when_stale: WhenStale,
}

/// What becomes of a search now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum State {
    FromMemory = 0,
    BySql = 1,
    Refused = 2,
}

/// What is known of an index: searches read it without a lock.
#[derive(Debug, Default)]
pub(super) struct Staleness {
    /// A [`State`].
    state: AtomicU8,
    /// How far the index is behind, in whole seconds.
    lag_s: AtomicU32,
    /// What asks the database in its place.
    pub sql: Option<Engine>,
}

impl Staleness {
    /// What can ask the database where that is wanted.
    pub(super) fn new(sql: Option<SqlEngine>) -> Self {
        Self {
            sql: sql.map(Engine::Sql),
            ..Self::default()
        }
    }

    fn put(&self, state: State, lag: Duration) {
        let told = if lag < UNTOLD { 0 } else { lag.as_secs() };
        let told = u32::try_from(told).unwrap_or(u32::MAX);
        self.lag_s.store(told, Ordering::Relaxed);
        self.state.store(state as u8, Ordering::Relaxed);
    }

    fn is(&self, state: State) -> bool {
        self.state.load(Ordering::Relaxed) == state as u8
    }
}

impl Catalog {
    /// What answers searches now: the engine, or, while its index is too far behind, what
    /// asks the database.
    ///
    /// # Errors
    /// When searches are refused meanwhile.
    #[inline]
    pub fn answering(&self) -> Result<&Engine, SearchError> {
        if self.staleness.is(State::FromMemory) {
            return Ok(&self.engine);
        }
        match &self.staleness.sql {
            Some(sql) if self.staleness.is(State::BySql) => Ok(sql),
            _ if self.staleness.is(State::Refused) => Err(SearchError::Stale {
                lag_s: self.staleness.lag_s.load(Ordering::Relaxed),
            }),
            _ => Ok(&self.engine),
        }
    }

    /// How many seconds the index is behind that answers now; `None` where it is level, or
    /// the database answers.
    #[inline]
    #[must_use]
    pub fn told_lag_s(&self) -> Option<u32> {
        let lag_s = self.staleness.lag_s.load(Ordering::Relaxed);
        (lag_s > 0 && !self.staleness.is(State::BySql)).then_some(lag_s)
    }

    /// Looks how far the index is behind, and decides what becomes of searches.
    pub async fn look_at_lag(&self, wanted: Option<Freshness>) {
        let Some(lag) = self.lag() else {
            return;
        };
        let state = match wanted {
            Some(wanted) if lag > wanted.max_lag => match wanted.when_stale {
                WhenStale::Refuse => State::Refused,
                WhenStale::Sql if self.may_ask_database().await => State::BySql,
                WhenStale::Sql | WhenStale::Answer => State::FromMemory,
            },
            _ => State::FromMemory,
        };
        if !self.staleness.is(state) {
            self.tell(state, lag);
        }
        self.staleness.put(state, lag);
    }

    /// Learns what asking the database goes by, where it may be asked.
    pub async fn prepare_to_ask(&self) {
        let Some(Engine::Sql(engine)) = &self.staleness.sql else {
            return;
        };
        let learning = async {
            engine.look_for_ratings().await?;
            engine.measure_density().await
        };
        if let Err(error) = learning.await {
            tracing::debug!(cause = %error, "how densely centers lie is not known");
        }
    }

    async fn may_ask_database(&self) -> bool {
        let probing = timeout(LONGEST_PROBE, self.store.probe());
        self.staleness.sql.is_some() && matches!(probing.await, Ok(Ok(())))
    }

    fn tell(&self, state: State, lag: Duration) {
        let what = match state {
            State::FromMemory => "are answered from memory",
            State::BySql => "ask the database",
            State::Refused => "are refused",
        };
        tracing::warn!(
            collection = self.collection().name.as_str(),
            lag_s = lag.as_secs(),
            "by how far the index is behind, searches {what} from now on"
        );
    }
}
