//! The servers of a database, and which of them is asked.
//!
//! # Which server answers
//!
//! All that an instance asks, it asks of one server at a time: reads, writes, and the
//! transactions that have been committed. That is the one that takes writes, as long as there
//! is one. So whatever reads after a write reads what was written: an index that follows its
//! own write, a list after a POST, a comparison with the table, and
//! [`ChangeFeed::present`](crate::store::feed::ChangeFeed::present), up to which whoever has to
//! be level waits.
//!
//! Where none takes writes, another one that is up answers reads, if it has everything that
//! has been followed, and everything that the last one had, where that still answers. An index
//! never goes back that way. The log may come from a server that is no longer asked: rows
//! are read back from the one that is, which has waited for the transactions that the log
//! told of.
//!
//! Where no server has all that for [`LONGEST_WAIT`], the rest is lost: the best of those
//! that answer is asked, and what is held in memory is loaded anew from it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sqlx::{ConnectOptions as _, Connection as _, MySqlConnection, MySqlPool};
use tokio::time::{sleep, timeout};

use super::connect::{check_version, failure, set_session};
use super::feed::Login;
use super::renewal::Renewal;
use super::url::Server;
use crate::store::database::Failure;
use crate::store::feed::{GtidSet, Progress};

/// How often servers are looked at while one takes writes, and while none does.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// The rest before a look because of a write or read that failed.
const LOOK_AT_ONCE: Duration = Duration::from_millis(10);
/// A server that is silent for so long counts as away.
const LONGEST_LOOK: Duration = Duration::from_millis(500);
/// The same before any was.
const LONGEST_FIRST_LOOK: Duration = Duration::from_secs(3);
/// How long a server is waited for that takes writes and has everything.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What is said where several servers take writes that are not of one database.
const STRANGERS: &str =
    "two of its servers take writes, and neither has all that the other one has";

/// The servers of one database.
#[derive(Debug)]
pub(super) struct Servers {
    all: Vec<Server>,
    asked: AtomicUsize,
}

/// What a server says of itself.
#[derive(Debug)]
struct Seen {
    takes_writes: bool,
    /// The transactions that it has.
    executed: GtidSet,
}

/// Which server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Choice {
    server: usize,
    takes_writes: bool,
}

impl Servers {
    /// Looks for the one to be asked at first.
    pub(super) async fn find(all: Vec<Server>) -> Result<Self, Failure> {
        if let [alone] = all.as_slice() {
            let connection = open(alone).await?;
            // Its answer changes nothing: the connection has served its purpose.
            let _ = connection.close().await;
            return Ok(Self {
                asked: AtomicUsize::new(0),
                all,
            });
        }
        let looks = all.iter().map(async |server| {
            let mut look = Look::default();
            look.at(server, LONGEST_FIRST_LOOK).await
        });
        let mut failures = Vec::new();
        let mut seen = Vec::new();
        for (looked, server) in join_all(looks).await.into_iter().zip(&all) {
            match looked {
                Ok(one) => seen.push(Some(one)),
                Err(failure) => {
                    seen.push(None);
                    failures.push((server, failure));
                }
            }
        }
        let Some(first) = seen.iter().position(Option::is_some) else {
            return Err(all_of(failures));
        };
        let Some(choice) = choose(first, &seen, &GtidSet::default(), true) else {
            return Err(Failure::Passing(STRANGERS.to_owned()));
        };
        for (server, failure) in failures {
            tracing::warn!(%server, "a server cannot be used now: {failure}");
        }
        tell(&all[choice.server], choice.takes_writes);
        Ok(Self {
            asked: AtomicUsize::new(choice.server),
            all,
        })
    }

    /// The one that is asked now.
    pub(super) fn asked(&self) -> &Server {
        &self.all[self.asked.load(Ordering::Relaxed)]
    }

    /// How to log in where the log is to come from.
    pub(super) fn login(&self) -> &Login {
        &self.asked().login
    }

    /// Has all pools ask the right one, until they are closed.
    pub(super) async fn watch(
        self: Arc<Self>,
        pools: [MySqlPool; 3],
        renewal: Arc<Renewal>,
        progress: Weak<Progress>,
    ) {
        if self.all.len() < 2 {
            return;
        }
        let mut looks: Vec<Look> = self.all.iter().map(|_| Look::default()).collect();
        let mut unsettled_since = None;
        let mut has_moved = false;
        loop {
            let seen = looks.iter_mut().zip(&self.all);
            let seen = seen.map(async |(look, server)| look.at(server, LONGEST_LOOK).await.ok());
            let seen = join_all(seen).await;
            // What was on its way to the last one when that changed is given up as well.
            if std::mem::take(&mut has_moved) {
                renewal.renew();
            }
            // Gone with whoever asked.
            let Some(progress) = progress.upgrade() else {
                return;
            };
            let asked = self.asked.load(Ordering::Relaxed);
            let waited = unsettled_since.map_or(Duration::ZERO, |since: Instant| since.elapsed());
            let choice = choose(asked, &seen, &progress.reached(), waited > LONGEST_WAIT);
            if let Some(choice) = choice.filter(|choice| choice.server != asked) {
                tell(&self.all[choice.server], choice.takes_writes);
                self.asked.store(choice.server, Ordering::Relaxed);
                for pool in &pools {
                    pool.set_connect_options(self.asked().options.clone());
                }
                renewal.renew();
                has_moved = true;
            }
            let takes_writes = choice.is_some_and(|choice| choice.takes_writes);
            unsettled_since = if takes_writes {
                None
            } else {
                unsettled_since.or_else(|| Some(Instant::now()))
            };
            let rest = if takes_writes || waited > 3 * LONGEST_WAIT {
                LOOK_EVERY
            } else {
                LOOK_AGAIN
            };
            tokio::select! {
                () = pools[0].close_event() => return,
                () = sleep(rest) => {}
                () = renewal.doubted() => sleep(LOOK_AT_ONCE).await,
            }
        }
    }
}

fn tell(server: &Server, takes_writes: bool) {
    if takes_writes {
        tracing::info!(%server, "asking this server, which takes writes");
    } else {
        tracing::warn!(%server, "asking this server; none is known that takes writes");
    }
}

/// Why no server can be used: by what may pass, where anything may.
fn all_of(failures: Vec<(&Server, Failure)>) -> Failure {
    let passing: Vec<String> = failures
        .iter()
        .filter(|(_, failure)| matches!(failure, Failure::Passing(_)))
        .map(|(server, failure)| format!("{server}: {failure}"))
        .collect();
    if !passing.is_empty() && failures.len() > 1 {
        return Failure::Passing(passing.join("; "));
    }
    let mut failures = failures.into_iter().map(|(_, failure)| failure);
    let first = failures.next();
    first.unwrap_or_else(|| Failure::Passing("no server is named".to_owned()))
}

/// Chooses among servers, of which those that are away are `None`; none where none will do.
/// `followed` is what the one to be asked has to have, unless that `is_lost`.
fn choose(
    asked: usize,
    seen: &[Option<Seen>],
    followed: &GtidSet,
    is_lost: bool,
) -> Option<Choice> {
    let mut needed = GtidSet::default();
    if !is_lost {
        needed.merge(followed);
        if let Some(last) = &seen[asked] {
            needed.merge(&last.executed);
        }
    }
    let fit = seen
        .iter()
        .enumerate()
        .filter_map(|(server, seen)| Some((server, seen.as_ref()?)))
        .filter(|(_, seen)| seen.executed.covers(&needed));
    let (writable, readable): (Vec<_>, Vec<_>) = fit.partition(|(_, seen)| seen.takes_writes);
    // Of two that take writes and do not know each other's, neither is asked.
    let best = |all: &[(usize, &Seen)]| {
        let stays = all.iter().find(|(server, _)| *server == asked);
        let knows_all = |one: &Seen| {
            let mut others = all.iter();
            others.all(|(_, other)| one.executed.covers(&other.executed))
        };
        let knows_all = || all.iter().find(|(_, seen)| knows_all(seen));
        Some(stays.or_else(knows_all)?.0)
    };
    let choice = |takes_writes| {
        move |server| Choice {
            server,
            takes_writes,
        }
    };
    let writes = best(&writable).map(choice(true));
    let reads = || best(&readable).or(Some(readable.first()?.0));
    writes.or_else(|| reads().map(choice(false)))
}

/// A connection to look at one server by.
#[derive(Default)]
struct Look(Option<MySqlConnection>);

impl Look {
    async fn at(&mut self, server: &Server, longest: Duration) -> Result<Seen, Failure> {
        let looked = timeout(longest, self.ask(server)).await;
        looked.unwrap_or_else(|_| {
            let why = format!("no answer within {longest:?}");
            Err(Failure::Passing(why))
        })
    }

    async fn ask(&mut self, server: &Server) -> Result<Seen, Failure> {
        // Taken: one that is left in the middle of an answer is not used again.
        let mut connection = match self.0.take() {
            Some(connection) => connection,
            None => open(server).await?,
        };
        // `super_read_only` has `read_only` on as well.
        let (is_read_only, executed): (bool, String) =
            sqlx::query_as("SELECT @@GLOBAL.read_only, @@GLOBAL.gtid_executed")
                .fetch_one(&mut connection)
                .await
                .map_err(|error| failure(&error))?;
        self.0 = Some(connection);
        let executed = executed.parse::<GtidSet>();
        Ok(Seen {
            takes_writes: !is_read_only,
            executed: executed.map_err(|error| Failure::Passing(error.to_string()))?,
        })
    }
}

async fn open(server: &Server) -> Result<MySqlConnection, Failure> {
    let connecting = server.options.connect().await;
    let mut connection = connecting.map_err(|error| failure(&error))?;
    let set = set_session(&mut connection).await;
    set.map_err(|error| failure(&error))?;
    let version: String = sqlx::query_scalar("SELECT VERSION()")
        .fetch_one(&mut connection)
        .await
        .map_err(|error| failure(&error))?;
    check_version(&version)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    const OTHER: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

    fn set(source: &str, last: u64) -> GtidSet {
        format!("{source}:1-{last}").parse().unwrap()
    }

    fn seen(takes_writes: bool, executed: GtidSet) -> Seen {
        Seen {
            takes_writes,
            executed,
        }
    }

    /// Which is asked, and whether it takes writes.
    fn choice(asked: usize, seen: &[Option<Seen>], followed: u64) -> Option<(usize, bool)> {
        let choice = choose(asked, seen, &set(GROUP, followed), false)?;
        Some((choice.server, choice.takes_writes))
    }

    #[test]
    fn the_server_that_takes_writes_is_asked_as_long_as_it_does() {
        let servers = [
            Some(seen(false, set(GROUP, 9))),
            Some(seen(true, set(GROUP, 9))),
            Some(seen(false, set(GROUP, 8))),
        ];
        assert_eq!(choice(0, &servers, 7), Some((1, true)));
        assert_eq!(choice(1, &servers, 7), Some((1, true)));
    }

    #[test]
    fn one_that_takes_writes_has_everything_before_it_is_asked() {
        let servers = [
            Some(seen(false, set(GROUP, 9))),
            Some(seen(true, set(GROUP, 8))),
        ];
        assert_eq!(choice(0, &servers, 7), Some((0, false)));
        let lost = choose(0, &servers, &set(GROUP, 7), true).unwrap();
        assert_eq!((lost.server, lost.takes_writes), (1, true));
    }

    #[test]
    fn where_none_takes_writes_one_is_asked_that_has_what_was_followed() {
        let servers = [
            None,
            Some(seen(false, set(GROUP, 5))),
            Some(seen(false, set(GROUP, 9))),
        ];
        assert_eq!(choice(0, &servers, 6), Some((2, false)));
        // The one that answers stays.
        assert_eq!(choice(1, &servers, 5), Some((1, false)));
        assert_eq!(choice(0, &servers, 10), None);
        let lost = choose(0, &servers, &set(GROUP, 10), true).unwrap();
        assert_eq!((lost.server, lost.takes_writes), (2, false));
    }

    #[test]
    fn of_two_that_take_writes_the_one_that_knows_both_is_asked_or_neither() {
        let behind = [
            None,
            Some(seen(true, set(GROUP, 5))),
            Some(seen(true, set(GROUP, 9))),
        ];
        assert_eq!(choice(0, &behind, 5), Some((2, true)));
        // The one that is asked stays.
        assert_eq!(choice(1, &behind, 5), Some((1, true)));
        let mut theirs = set(GROUP, 5);
        theirs.merge(&set(OTHER, 1));
        let strangers = [
            None,
            Some(seen(true, set(GROUP, 9))),
            Some(seen(true, theirs)),
        ];
        assert_eq!(choice(0, &strangers, 5), None);
    }

    #[test]
    fn a_server_of_another_history_is_not_asked() {
        let servers = [
            Some(seen(false, set(GROUP, 9))),
            Some(seen(true, set(OTHER, 50))),
        ];
        assert_eq!(choice(0, &servers, 9), Some((0, false)));
    }
}
