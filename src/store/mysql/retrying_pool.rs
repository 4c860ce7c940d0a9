//! MySQL connections whose reads outlive a connection that breaks.

use std::future::{Ready, ready};
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _, TryFutureExt as _, TryStreamExt as _};
use sqlx::error::BoxDynError;
use sqlx::mysql::{MySqlArguments, MySqlQueryResult, MySqlRow, MySqlStatement, MySqlTypeInfo};
use sqlx::{AssertSqlSafe, Either, Execute, Executor, MySql, MySqlPool, SqlSafeStr as _, SqlStr};

use super::attended;
use super::renewal::Renewal;
use super::transaction::Transaction;
use crate::store::client_read::client_read;
use crate::store::refusal;

/// A read that was under way for longer is not begun again: whoever asked has waited
/// long enough.
const LONGEST_FIRST_TRY: Duration = Duration::from_secs(5);

/// How statements begin that only read.
const READS: [&str; 2] = ["SELECT", "SHOW"];

/// A pool of connections to MySQL. A read that is asked of the pool itself, and whose
/// connection breaks before its first row, is made once more on another connection.
/// Writes, transactions, and what is asked of one connection are made once.
///
/// Reads that clients wait for are [`attended`].
#[derive(Debug, Clone)]
pub struct RetryingPool {
    pool: MySqlPool,
    /// Over these the server is told to end statements that nobody waits for.
    killers: MySqlPool,
    /// Which connections are used again.
    renewal: Arc<Renewal>,
}

impl RetryingPool {
    pub(super) fn new(pool: MySqlPool, killers: MySqlPool, renewal: Arc<Renewal>) -> Self {
        Self {
            pool,
            killers,
            renewal,
        }
    }

    /// Begins a transaction that writes.
    pub(super) async fn begin(&self) -> sqlx::Result<Transaction> {
        let open = self.pool.begin().await?;
        Ok(Transaction::new(open, Arc::clone(&self.renewal)))
    }

    /// Waits for what is under way and closes every connection.
    pub(super) async fn close(&self) {
        tokio::join!(self.pool.close(), self.killers.close());
    }

    /// Makes a read, and once more where its connection broke.
    async fn twice<'e, T>(
        &self,
        asked: Asked,
        make: impl Fn(Asked) -> BoxFuture<'e, sqlx::Result<T>>,
    ) -> sqlx::Result<T> {
        if !asked.is_read() {
            return make(asked).await;
        }
        let begun = Instant::now();
        let error = match make(asked.clone()).await {
            Err(error) if refusal::is_connection_lost(&error) => error,
            answer => return answer,
        };
        self.renewal.doubt();
        if begun.elapsed() > LONGEST_FIRST_TRY {
            return Err(error);
        }
        tracing::warn!(cause = %error, "a connection broke; its read is made once more");
        forget_broken(&self.pool);
        make(asked).await
    }

    /// The parts of an answer, of a read that a client waits for or of anything else.
    fn parts(
        &self,
        asked: Asked,
    ) -> BoxStream<'_, sqlx::Result<Either<MySqlQueryResult, MySqlRow>>> {
        match client_read() {
            Some(read) if asked.is_read() => {
                let asked = asked.bounded(read.longest);
                attended::read(self.pool.clone(), self.killers.clone(), read, asked)
            }
            _ => self.pool.fetch_many(asked),
        }
    }
}

impl Deref for RetryingPool {
    type Target = MySqlPool;

    fn deref(&self) -> &MySqlPool {
        &self.pool
    }
}

/// A statement with its values, which can be asked more than once.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    sql: SqlStr,
    arguments: Option<MySqlArguments>,
    persistent: bool,
}

impl Asked {
    fn of<'q>(mut query: impl Execute<'q, MySql>) -> sqlx::Result<Self> {
        let arguments = query.take_arguments().map_err(sqlx::Error::Encode)?;
        let persistent = query.persistent();
        Ok(Self {
            sql: query.sql(),
            arguments,
            persistent,
        })
    }

    /// The same, given up by the server itself after so long.
    fn bounded(self, longest: Duration) -> Self {
        match bounded(self.sql.as_str(), longest) {
            Some(text) => Self {
                sql: AssertSqlSafe(text).into_sql_str(),
                ..self
            },
            None => self,
        }
    }

    fn is_read(&self) -> bool {
        let sql = self.sql.as_str().trim_start().as_bytes();
        READS.iter().any(|begin| {
            sql.get(..begin.len())
                .is_some_and(|begun| begun.eq_ignore_ascii_case(begin.as_bytes()))
        })
    }
}

/// A SELECT that the server itself gives up after so long, whether anybody still waits
/// or not; `None` where it has a limit of its own, or is another statement.
fn bounded(sql: &str, longest: Duration) -> Option<String> {
    const LIMIT: &str = "MAX_EXECUTION_TIME(";
    let rest = sql.trim_start().strip_prefix("SELECT ")?;
    // Hints stand in one comment: a second one is passed over.
    let (hints, rest) = match rest.trim_start().strip_prefix("/*+") {
        Some(hinted) => hinted.split_once("*/")?,
        None => ("", rest),
    };
    let ms = longest.as_millis();
    (!hints.contains(LIMIT))
        .then(|| format!("SELECT /*+ {LIMIT}{ms}){} */ {rest}", hints.trim_end()))
}

impl Execute<'_, MySql> for Asked {
    fn sql(self) -> SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&MySqlStatement> {
        None
    }

    fn take_arguments(&mut self) -> Result<Option<MySqlArguments>, BoxDynError> {
        Ok(self.arguments.take())
    }

    fn persistent(&self) -> bool {
        self.persistent
    }
}

/// Takes the other connections that broke out of the pool, as all have when a server
/// was restarted: one that is given back is asked for a sign of life.
fn forget_broken(pool: &MySqlPool) {
    for _ in 0..pool.num_idle() {
        drop(pool.try_acquire());
    }
}

impl<'c> Executor<'c> for &'c RetryingPool {
    type Database = MySql;

    fn execute<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<MySqlQueryResult>>
    where
        'c: 'e,
        E: 'q + Execute<'q, MySql>,
    {
        let done = self.pool.execute(query);
        let learn = |error: &sqlx::Error| self.renewal.learn(error);
        done.inspect_err(learn).boxed()
    }

    fn execute_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, sqlx::Result<MySqlQueryResult>>
    where
        'c: 'e,
        E: 'q + Execute<'q, MySql>,
    {
        self.pool.execute_many(query)
    }

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, sqlx::Result<Either<MySqlQueryResult, MySqlRow>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, MySql>,
    {
        let asked = Asked::of(query);
        let make = move |asked| {
            async move {
                let mut parts = self.parts(asked);
                let first = parts.try_next().await?;
                Ok(stream::iter(first.map(Ok)).chain(parts))
            }
            .boxed()
        };
        async move { self.twice(asked?, make).await }
            .try_flatten_stream()
            .boxed()
    }

    fn fetch_all<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Vec<MySqlRow>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, MySql>,
    {
        let asked = Asked::of(query);
        let make = move |asked| self.parts(asked).try_filter_map(row).try_collect().boxed();
        async move { self.twice(asked?, make).await }.boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, sqlx::Result<Option<MySqlRow>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, MySql>,
    {
        let asked = Asked::of(query);
        let make = move |asked| {
            async move {
                let mut rows = self.parts(asked).try_filter_map(row);
                let first = rows.try_next().await?;
                // To the end of the answer.
                while rows.try_next().await?.is_some() {}
                Ok(first)
            }
            .boxed()
        };
        async move { self.twice(asked?, make).await }.boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [MySqlTypeInfo],
    ) -> BoxFuture<'e, sqlx::Result<MySqlStatement>>
    where
        'c: 'e,
    {
        self.pool.prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<sqlx::Describe<MySql>>>
    where
        'c: 'e,
    {
        self.pool.describe(sql)
    }
}

fn row(part: Either<MySqlQueryResult, MySqlRow>) -> Ready<sqlx::Result<Option<MySqlRow>>> {
    ready(Ok(part.right()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_select_is_bounded_beside_its_other_hints_and_once() {
        let bounded = |sql| bounded(sql, Duration::from_millis(1_500));
        for (sql, expected) in [
            (
                "SELECT a FROM t",
                "SELECT /*+ MAX_EXECUTION_TIME(1500) */ a FROM t",
            ),
            (
                "SELECT /*+ INDEX(`t` `i`) */ a FROM t",
                "SELECT /*+ MAX_EXECUTION_TIME(1500) INDEX(`t` `i`) */  a FROM t",
            ),
        ] {
            assert_eq!(bounded(sql).as_deref(), Some(expected));
        }
        for sql in [
            "SELECT /*+ MAX_EXECUTION_TIME(2000) */ 1",
            "SHOW TABLES",
            "INSERT INTO t SELECT 1",
        ] {
            assert_eq!(bounded(sql), None, "{sql}");
        }
    }
}
