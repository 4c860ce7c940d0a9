//! Statements that read for a client.
//!
//! Each runs in a task of its own, whoever waits for it: a connection that is left in the middle
//! of an answer would take the rest of it for the answer to its next statement. It is used
//! again only when its statement has ended, and closed otherwise.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use sqlx::mysql::{MySqlQueryResult, MySqlRow};
use sqlx::{AssertSqlSafe, Either, Executor as _, MySqlConnection, MySqlPool};
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::{sleep, timeout};

use super::retrying_pool::Asked;
use crate::store::client_read::ClientRead;

/// What an answer is made of: rows, and what says that they are all.
type Part = Either<MySqlQueryResult, MySqlRow>;

/// Rows that are passed on at a time, where they are there.
const ROWS_AT_A_TIME: usize = 256;
/// How many such lots may wait.
const LOTS: usize = 2;
/// How much longer than the server itself a statement is waited for.
const GRACE: Duration = Duration::from_secs(1);
/// How long it may take to have the server end a statement.
const LONGEST_KILL: Duration = Duration::from_secs(1);

/// The parts of an answer on their way.
enum Lot {
    Parts(Vec<sqlx::Result<Part>>),
    /// They were all.
    End,
}

/// Makes a read over one connection of `pool`. Where nobody waits for the answer any more and
/// the read may take long, the server is told over one of `killers` to end it.
pub(super) fn read(
    pool: MySqlPool,
    killers: MySqlPool,
    read: ClientRead,
    asked: Asked,
) -> BoxStream<'static, sqlx::Result<Part>> {
    let (to_client, from_server) = channel(LOTS);
    tokio::spawn(async move {
        if let Err(error) = pass_on(&pool, &killers, &read, asked, &to_client).await {
            // Nobody may be there to hear it.
            let _ = to_client.send(Lot::Parts(vec![Err(error)])).await;
        }
    });
    stream::unfold(Some(from_server), async |from_server| {
        let mut from_server = from_server?;
        match from_server.recv().await {
            Some(Lot::Parts(parts)) => Some((parts, Some(from_server))),
            Some(Lot::End) => None,
            // Rows that are missing must not look as if there were none.
            None => Some((vec![Err(sqlx::Error::WorkerCrashed)], None)),
        }
    })
    .flat_map(stream::iter)
    .fuse()
    .boxed()
}

async fn pass_on(
    pool: &MySqlPool,
    killers: &MySqlPool,
    read: &ClientRead,
    asked: Asked,
    to_client: &Sender<Lot>,
) -> sqlx::Result<()> {
    let server = pool.connect_options();
    let mut connection = tokio::select! {
        connection = pool.acquire() => connection?,
        () = to_client.closed() => return Ok(()),
    };
    let longest = read.longest + GRACE;
    let to_kill = if read.may_take_long {
        let Ok(id) = timeout(longest, id_of(&mut connection)).await else {
            connection.close_on_drop();
            return Err(out_of_time());
        };
        Some(id?)
    } else {
        None
    };
    let ended = {
        let mut lots = connection.fetch_many(asked).ready_chunks(ROWS_AT_A_TIME);
        let passing = async {
            while let Some(parts) = lots.next().await {
                // Where nobody takes them, they are read all the same: the connection is used again.
                let _ = to_client.send(Lot::Parts(parts)).await;
            }
        };
        tokio::select! {
            () = passing => Some(Lot::End),
            () = sleep(longest) => None,
            () = to_client.closed(), if to_kill.is_some() => None,
        }
    };
    if let Some(end) = ended {
        let _ = to_client.send(end).await;
        return Ok(());
    }
    // Another server has another connection of this number.
    let is_there = Arc::ptr_eq(&server, &pool.connect_options());
    if let Some(id) = to_kill.filter(|_| is_there) {
        // Before the connection is closed: nobody else has its number yet.
        kill(killers, id).await;
    }
    connection.close_on_drop();
    Err(out_of_time())
}

async fn id_of(connection: &mut MySqlConnection) -> sqlx::Result<u64> {
    sqlx::query_scalar("SELECT CONNECTION_ID()")
        .fetch_one(connection)
        .await
}

/// Has the server end what it does over a connection.
async fn kill(killers: &MySqlPool, id: u64) {
    let killing = killers.execute(AssertSqlSafe(format!("KILL QUERY {id}")));
    match timeout(LONGEST_KILL, killing).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::debug!(cause = %error, "a statement was not ended"),
        Err(_) => tracing::debug!("a statement was not ended in time"),
    }
}

fn out_of_time() -> sqlx::Error {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}
