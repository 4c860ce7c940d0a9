//! MySQL connections whose reads outlive a connection that breaks.

use std::ops::Deref;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _, TryFutureExt as _, TryStreamExt as _};
use sqlx::error::BoxDynError;
use sqlx::mysql::{MySqlArguments, MySqlQueryResult, MySqlRow, MySqlStatement, MySqlTypeInfo};
use sqlx::{Either, Execute, Executor, MySql, MySqlPool, SqlStr};

use crate::store::refusal;

/// A read that was under way for longer is not begun again: whoever asked has waited
/// long enough.
const LONGEST_FIRST_TRY: Duration = Duration::from_secs(5);

/// How statements begin that only read.
const READS: [&str; 2] = ["SELECT", "SHOW"];

/// A pool of connections to MySQL. A read that is asked of the pool itself, and whose
/// connection breaks before its first row, is made once more on another connection.
/// Writes, transactions, and what is asked of one connection are made once.
#[derive(Debug, Clone)]
pub struct RetryingPool(MySqlPool);

impl RetryingPool {
    pub(super) fn new(pool: MySqlPool) -> Self {
        Self(pool)
    }
}

impl Deref for RetryingPool {
    type Target = MySqlPool;

    fn deref(&self) -> &MySqlPool {
        &self.0
    }
}

/// A statement with its values, which can be asked more than once.
#[derive(Debug, Clone)]
struct Asked {
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

    fn is_read(&self) -> bool {
        let sql = self.sql.as_str().trim_start().as_bytes();
        READS.iter().any(|begin| {
            sql.get(..begin.len())
                .is_some_and(|begun| begun.eq_ignore_ascii_case(begin.as_bytes()))
        })
    }
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

/// Makes a read, and once more where its connection broke.
async fn twice<'e, T>(
    pool: &MySqlPool,
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
    if begun.elapsed() > LONGEST_FIRST_TRY {
        return Err(error);
    }
    tracing::warn!(cause = %error, "a connection broke; its read is made once more");
    forget_broken(pool);
    make(asked).await
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
        self.0.execute(query)
    }

    fn execute_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, sqlx::Result<MySqlQueryResult>>
    where
        'c: 'e,
        E: 'q + Execute<'q, MySql>,
    {
        self.0.execute_many(query)
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
                let mut rows = self.0.fetch_many(asked);
                let first = rows.try_next().await?;
                Ok(stream::iter(first.map(Ok)).chain(rows))
            }
            .boxed()
        };
        async move { twice(&self.0, asked?, make).await }
            .try_flatten_stream()
            .boxed()
    }

    fn fetch_all<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Vec<MySqlRow>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, MySql>,
    {
        let asked = Asked::of(query);
        async move { twice(&self.0, asked?, |asked| self.0.fetch_all(asked)).await }.boxed()
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
        async move { twice(&self.0, asked?, |asked| self.0.fetch_optional(asked)).await }.boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [MySqlTypeInfo],
    ) -> BoxFuture<'e, sqlx::Result<MySqlStatement>>
    where
        'c: 'e,
    {
        self.0.prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<sqlx::Describe<MySql>>>
    where
        'c: 'e,
    {
        self.0.describe(sql)
    }
}
