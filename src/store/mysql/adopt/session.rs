//! One adoption at a time, and statements that wait for others with patience
//! instead of making others wait.
//!
//! While an `ALTER TABLE` waits for a transaction on its table to end, whoever
//! comes after it waits too, readers included. So it waits for moments only, then
//! steps aside and tries again.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Executor, MySqlConnection, MySqlPool};
use thiserror::Error;
use tokio::sync::watch;

use super::online::{self, Rebuilt};
use super::step::{Statement, Way};
use crate::store::mysql::connect::connect_beside;
use crate::store::refusal::{
    DEADLOCK, INTERRUPTED, LOCK_WAITED_FOR, NO_SUCH_WAY, NO_SUCH_WAY_BECAUSE, NULL, NULL_VALUE,
    is_held, number,
};
use crate::store::{Collection, StoreError};

/// How long a statement waits for the table, in seconds: what changes at once,
/// and what takes time anyway and loses it where its end has to wait too long.
const LOCK_WAIT_S: u32 = 1;
const LONG_LOCK_WAIT_S: u32 = 5;
/// How often a statement is tried that others keep from the table.
const TRIES: u32 = 100;
/// The pause before another try: what others get to go on in.
const STEP_ASIDE: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(4);
/// How long to wait for the server to end a statement that it was told to. While it builds
/// a spatial index it does not listen: 20,000 points took it 46 s to the end, whatever it
/// was told after half a second (MySQL 9.7 on two busy cores).
const END_WAIT: Duration = Duration::from_mins(1);
/// The session must outlast a long backfill on another connection, whatever the
/// server's setting: a day.
const KEEP_SESSION: &str = "SET SESSION wait_timeout = 86400";
/// Lets stand what rows and defaults have held for long: with an ordinary session's mode
/// every ALTER of a table with a zero date is refused. NULL in the place of a point still is.
pub const ADOPTION_SQL_MODE: &str = "SET SESSION sql_mode = \
    'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION'";
/// A name of its own for every table of the server, of at most 64 characters.
const LOCK_NAME: &str = "CONCAT('nearby adopt ', LEFT(SHA2(CONCAT(DATABASE(), '.', ?), 256), 40))";

/// Why a table was not adopted.
#[derive(Debug, Error)]
pub enum AdoptError {
    /// There is nothing to adopt in an embedded database.
    #[error(
        "adopting is for MySQL: an embedded database belongs to nearby, which keeps its schema by \
         itself. `nearby import` takes rows of others"
    )]
    NotMySql,
    /// Another adoption of the table is under way.
    #[error(
        "another `nearby adopt --apply` works on {table}, or the server still finishes a statement of \
         one that was killed (connection {connection}): wait for it, or KILL {connection}, then \
         run this again"
    )]
    Busy {
        /// The table.
        table: String,
        /// The server's number of the connection that holds the lock.
        connection: i64,
    },
    /// Others did not let the table go.
    #[error(
        "gave up after {TRIES} tries, as others never let go of the table: `{statement}`. Some \
         connection has a transaction open on it (SELECT * FROM sys.schema_table_lock_waits names \
         it): end that, then run this again. What was done until now stays"
    )]
    Held {
        /// What could not be done.
        statement: String,
    },
    /// It was told to stop, and the server has not ended the statement under way yet.
    #[error(
        "stopped, but the server still carries out `{statement}` (connection {connection}) and does \
         not listen until it is through: until then other writers of the table may WAIT, and \
         running this again is refused. SELECT * FROM performance_schema.threads WHERE \
         PROCESSLIST_ID = {connection} shows whether it still runs"
    )]
    StillUnderWay {
        /// What is carried out.
        statement: String,
        /// The server's number of the connection that does.
        connection: u64,
    },
    /// It was told to stop.
    #[error("stopped; the table is as usable as before, and running this again goes on from here")]
    Stopped,
    /// Others write NULLs, and nothing turns them into points.
    #[error(
        "location is NULL in rows that others write meanwhile, and making it NOT NULL would stop \
         them: they insert without naming columns (INSERT INTO … VALUES), which passes the default \
         by, or set it to NULL. Have the triggers made, which turn that right (GRANT TRIGGER to \
         this user, and with binary logging on SET PERSIST log_bin_trust_function_creators = 1), \
         or let them name columns and leave the location out; then run this again"
    )]
    Nulls,
    /// The table is another than it was when it was copied.
    #[error(
        "the table was altered or emptied while it was copied, or the triggers of nearby were \
         dropped: the copy is taken away, and the table is as it was; run this again"
    )]
    Altered,
    /// The copy differs where nobody is known to have written.
    #[error(
        "of {rows} rows of the table the copy has {copied}, and {equal} of them just so, although \
         nobody is noted to have written them: something writes past triggers, such as a replica's \
         applier. The copy is taken away, and the table is as it was; adopt it without --online"
    )]
    Differs {
        /// How many rows the table has in one chunk.
        rows: u64,
        /// How many the copy has there.
        copied: u64,
        /// How many are equal.
        equal: u64,
    },
    /// Others write faster than their rows are copied.
    #[error(
        "others write faster than their rows can be copied: the copy is taken away, and the table \
         is as it was; run this again at an hour when they write less"
    )]
    Outrun,
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for AdoptError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What became of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// It is done.
    Done,
    /// It was refused: some row has a NULL location.
    NullsLeft,
}

/// The right to adopt a table; lost with its connection, whatever happens.
#[derive(Debug)]
pub struct AdoptionSession {
    pool: MySqlPool,
    connection: MySqlConnection,
    id: u64,
    end_wait: Duration,
}

/// How a try at a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tried {
    Done,
    /// The server was told to end it, and goes on.
    GoesOn,
}

impl AdoptionSession {
    /// Keeps every other adoption of a table out until the session is dropped.
    pub(super) async fn begin(
        pool: &MySqlPool,
        collection: &Collection,
    ) -> Result<Self, AdoptError> {
        let table = collection.table.as_str();
        let mut connection = connect_beside(pool).await?;
        connection.execute(KEEP_SESSION).await?;
        connection.execute(ADOPTION_SQL_MODE).await?;
        let (got, holder, id): (Option<i64>, Option<i64>, u64) = sqlx::query_as(AssertSqlSafe(
            format!("SELECT GET_LOCK({LOCK_NAME}, 3), CAST(IS_USED_LOCK({LOCK_NAME}) AS SIGNED), CONNECTION_ID()"),
        ))
        .bind(table)
        .bind(table)
        .fetch_one(&mut connection)
        .await?;
        if got != Some(1) {
            return Err(AdoptError::Busy {
                table: table.to_owned(),
                connection: holder.unwrap_or_default(),
            });
        }
        Ok(Self {
            pool: pool.clone(),
            connection,
            id,
            end_wait: END_WAIT,
        })
    }

    /// How long to wait for the server to end a statement that it was told to: a minute
    /// unless said here.
    #[must_use]
    pub fn with_end_wait(self, end_wait: Duration) -> Self {
        Self { end_wait, ..self }
    }

    /// Runs a statement in the gentlest way that the server takes. `waiting` is
    /// told of every try that others held up.
    ///
    /// # Errors
    /// When others hold the table through all tries, when it is told to stop
    /// (the server then undoes the statement, or is done with it before it hears
    /// of that), or when the database refuses.
    pub async fn carry_out(
        &mut self,
        statement: &Statement,
        stop: &watch::Receiver<bool>,
        mut waiting: impl FnMut(u32),
    ) -> Result<Carried, AdoptError> {
        let mut held = Held::default();
        let mut attempts = statement.attempts().into_iter();
        let mut attempt = attempts.next();
        while let Some((way, text)) = &attempt {
            if *stop.borrow() {
                return Err(AdoptError::Stopped);
            }
            let error = match self.try_once(*way, text, stop.clone()).await {
                Ok(Tried::GoesOn) => {
                    return Err(AdoptError::StillUnderWay {
                        statement: text.clone(),
                        connection: self.id,
                    });
                }
                Ok(Tried::Done) if *stop.borrow() => return Err(AdoptError::Stopped),
                Ok(Tried::Done) => return Ok(Carried::Done),
                Err(error) => error,
            };
            match number(&error) {
                Some(INTERRUPTED) if *stop.borrow() => return Err(AdoptError::Stopped),
                Some(NULL_VALUE | NULL) => return Ok(Carried::NullsLeft),
                Some(LOCK_WAITED_FOR | DEADLOCK) => {
                    waiting(held.again(text)?);
                    held.step_aside(stop).await;
                }
                Some(NO_SUCH_WAY | NO_SUCH_WAY_BECAUSE) => {
                    attempt = attempts.next();
                    if let Some((Some(way), _)) = &attempt {
                        tracing::info!(%statement, clauses = way.clauses(), "the server needs a rougher way");
                    } else {
                        return Err(error.into());
                    }
                }
                _ => return Err(error.into()),
            }
        }
        Ok(Carried::Done)
    }

    /// Runs a statement once; `false` where others held the table.
    pub(in crate::store) async fn attempt(
        &mut self,
        statement: &str,
        stop: &watch::Receiver<bool>,
    ) -> Result<bool, AdoptError> {
        match self.try_once(None, statement, stop.clone()).await {
            Ok(Tried::Done) => Ok(true),
            Ok(Tried::GoesOn) => Err(AdoptError::StillUnderWay {
                statement: statement.to_owned(),
                connection: self.id,
            }),
            Err(error) if is_held(&error) => Ok(false),
            Err(error) => match number(&error) {
                Some(INTERRUPTED) if *stop.borrow() => Err(AdoptError::Stopped),
                _ => Err(error.into()),
            },
        }
    }

    /// The connection that keeps other adoptions out. What runs on it goes on keeping them
    /// out when this process is killed, until the server is done with it.
    pub(in crate::store) fn connection(&mut self) -> &mut MySqlConnection {
        &mut self.connection
    }

    /// Puts a copy of the table that has a spatial index in its place, beside its writers.
    ///
    /// # Errors
    /// When the database refuses, others keep the table, writers are faster than the
    /// copying, or it is told to stop. The table then is as it was, unless the error is
    /// about what is to be done after the copy has taken its place: another run does that.
    pub async fn rebuild(
        &mut self,
        collection: &Collection,
        stop: &watch::Receiver<bool>,
        each: impl FnMut(Rebuilt),
    ) -> Result<(), AdoptError> {
        let pool = self.pool.clone();
        online::rebuild(&pool, self, collection, stop, each).await
    }

    async fn try_once(
        &mut self,
        way: Option<Way>,
        text: &str,
        mut stop: watch::Receiver<bool>,
    ) -> sqlx::Result<Tried> {
        let wait = match way {
            None | Some(Way::Instant) => LOCK_WAIT_S,
            Some(_) => LONG_LOCK_WAIT_S,
        };
        let wait = format!("SET SESSION lock_wait_timeout = {wait}");
        self.connection.execute(AssertSqlSafe(wait)).await?;
        let kill = format!("KILL QUERY {}", self.id);
        // As text: the protocol for prepared statements knows no triggers.
        let running = self.connection.execute(AssertSqlSafe(text.to_owned()));
        tokio::pin!(running);
        let told = async {
            if stop.wait_for(|stop| *stop).await.is_err() {
                // Nobody is left who could say it.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            done = &mut running => done.map(|_| Tried::Done),
            () = told => {
                // The server would go on by itself, however the client ends.
                self.pool.execute(AssertSqlSafe(kill)).await?;
                tracing::info!(
                    longest_s = self.end_wait.as_secs(),
                    "told the server to end the statement under way; others may wait for it until it has"
                );
                let ended = tokio::time::timeout(self.end_wait, running).await;
                ended.map_or(Ok(Tried::GoesOn), |ended| ended.map(|_| Tried::Done))
            }
        }
    }
}

/// How often others kept a statement from a table.
#[derive(Debug, Default)]
pub(in crate::store) struct Held {
    tries: u32,
}

impl Held {
    /// Counts one more time, and gives up after many.
    pub(in crate::store) fn again(&mut self, statement: &str) -> Result<u32, AdoptError> {
        self.tries += 1;
        if self.tries >= TRIES {
            return Err(AdoptError::Held {
                statement: statement.to_owned(),
            });
        }
        Ok(self.tries)
    }

    /// Lets others go on for a moment, or until it is told to stop.
    pub(in crate::store) async fn step_aside(&self, stop: &watch::Receiver<bool>) {
        let moment = rand::random_range(STEP_ASIDE);
        let mut stop = stop.clone();
        // Either way the next try looks.
        let _ = tokio::time::timeout(moment, stop.wait_for(|stop| *stop)).await;
    }
}
