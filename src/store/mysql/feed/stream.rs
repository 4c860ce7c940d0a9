//! The connection that the log comes by.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use mysql_async::prelude::Queryable as _;
use mysql_async::{BinlogStream, BinlogStreamRequest, Conn, Error, Sid};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;

use super::events::{Assembler, Told};
use super::login::Login;
use super::tables::Followed;
use crate::store::Collection;
use crate::store::feed::{Changes, FeedError, GtidSet, OpenFeed, Reason};
use crate::store::mysql::retrying_pool::RetryingPool;
use crate::store::refusal::{LOG_UNREADABLE, Meaning, of_mysql};

/// How often the server gives a word where it has nothing to tell: until then nobody knows
/// whether what was followed was the last commit.
const HEARTBEAT: Duration = Duration::from_millis(100);
/// Without a word for so long the connection is lost.
const LONGEST_SILENCE: Duration = Duration::from_secs(5);
/// How long a login may take.
const LONGEST_LOGIN: Duration = Duration::from_secs(5);
/// How long a commit may take to be seen after the log has it.
const LONGEST_COMMIT_S: u32 = 10;
/// Transactions that wait for whoever follows.
const WAITING: usize = 256;
/// Keys of theirs, beside those of the last one.
const WAITING_KEYS: u32 = 200_000;
/// Keys that are handed out at once, as far as transactions can be told apart.
const HANDED_OUT: usize = 1_000;

/// Of a server with a few replicas none has such an id.
const FIRST_SERVER_ID: u32 = 1 << 31;

type Step = Result<Changes, FeedError>;
/// A step, and the room that it takes among those that wait.
type Waiting = (Step, Option<OwnedSemaphorePermit>);

/// A log that is being read.
pub(super) struct LogStream {
    pool: RetryingPool,
    steps: mpsc::Receiver<Waiting>,
    /// What comes after what was handed out.
    held_back: Option<FeedError>,
    reading: JoinHandle<()>,
}

impl Drop for LogStream {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// Whether this login may read the log.
pub(super) async fn is_allowed(login: &Login) -> mysql_async::Result<bool> {
    let connection = login.connect().await?;
    match request(connection, &GtidSet::default()).await {
        Ok(_) => Ok(true),
        Err(Error::Server(refusal)) if of_mysql(refusal.code) == Meaning::Denied => Ok(false),
        Err(error) => Err(error),
    }
}

/// Asks for everything but these transactions, as a replica of no other's name.
async fn request(mut connection: Conn, after: &GtidSet) -> mysql_async::Result<BinlogStream> {
    let uuid = hyphenated(rand::random());
    let heartbeat_ns = HEARTBEAT.as_nanos();
    // Two of one name or number would end each other's connection.
    connection
        .query_drop(format!(
            "SET @source_heartbeat_period = {heartbeat_ns}, \
                 @master_heartbeat_period = {heartbeat_ns}, \
                 @replica_uuid = '{uuid}', @slave_uuid = '{uuid}', lc_messages = 'en_US'"
        ))
        .await?;
    let sids: Vec<Sid<'static>> = after
        .sources()
        .map(|(source, intervals)| {
            let mut one = GtidSet::default();
            for &interval in intervals {
                one.add_interval(source.clone(), interval);
            }
            one.to_string().parse()
        })
        .collect::<Result<_, _>>()?;
    let server_id = rand::random_range(FIRST_SERVER_ID..u32::MAX);
    let request = BinlogStreamRequest::new(server_id)
        .with_gtid()
        .with_gtid_set(sids);
    connection.get_binlog_stream(request).await
}

fn hyphenated(uuid: u128) -> String {
    let digits = format!("{uuid:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    parts.map(|part| &digits[part]).join("-")
}

pub(super) async fn open(
    pool: &RetryingPool,
    login: &Login,
    collections: Arc<[Collection]>,
    after: &GtidSet,
) -> Result<LogStream, FeedError> {
    let asking = async {
        let mut connection = login.connect().await.map_err(|error| ended(&error))?;
        check_history(&mut connection, after).await?;
        let stream = request(connection, after).await;
        stream.map_err(|error| ended(&error))
    };
    let asked = timeout(LONGEST_LOGIN, asking).await;
    let stream = asked.map_err(|_| FeedError::Lost("the server does not answer".to_owned()))??;
    let followed = Followed::read(pool, &collections).await;
    let followed = followed.map_err(|error| FeedError::Lost(error.to_string()))?;
    let (tell, steps) = mpsc::channel(WAITING);
    let reader = Reader {
        pool: pool.clone(),
        collections,
        stream,
        assembler: Assembler::new(followed),
    };
    Ok(LogStream {
        pool: pool.clone(),
        steps,
        held_back: None,
        // A task of its own: that it panics ends the feed, and nothing else.
        reading: tokio::spawn(reader.read(tell)),
    })
}

/// Whether the server has what was read, and still has what was not.
async fn check_history(connection: &mut Conn, after: &GtidSet) -> Result<(), FeedError> {
    let after = after.to_string();
    let asking = "SELECT GTID_SUBSET(?, @@GLOBAL.gtid_executed) = 1, \
                         GTID_SUBSET(@@GLOBAL.gtid_purged, ?) = 1";
    let asked = connection.exec_first(asking, (&after, &after)).await;
    let answer: Option<(bool, bool)> = asked.map_err(|error| ended(&error))?;
    let Some((is_known, is_kept)) = answer else {
        return Err(FeedError::Lost(
            "the server says nothing of its log".to_owned(),
        ));
    };
    if !is_known {
        return Err(FeedError::Ended(
            Reason::OtherHistory,
            "the server lacks transactions that it had".to_owned(),
        ));
    }
    if !is_kept {
        return Err(FeedError::Ended(
            Reason::Purged,
            "the server has removed binary logs that were not read yet".to_owned(),
        ));
    }
    Ok(())
}

/// What it means that the server ended it.
fn ended(error: &Error) -> FeedError {
    match error {
        Error::Server(refusal) if refusal.code == LOG_UNREADABLE => {
            let reason = if refusal.message.contains("purged") {
                Reason::Purged
            } else {
                Reason::Undecodable
            };
            FeedError::Ended(reason, refusal.message.clone())
        }
        error => FeedError::Lost(error.to_string()),
    }
}

struct Reader {
    pool: RetryingPool,
    collections: Arc<[Collection]>,
    stream: BinlogStream,
    assembler: Assembler,
}

impl Reader {
    async fn read(mut self, tell: mpsc::Sender<Waiting>) {
        let room = Arc::new(Semaphore::new(WAITING_KEYS as usize));
        loop {
            // A log that is there at once is read without a wait: others have a turn between.
            yield_now().await;
            let Some(step) = self.step().await.transpose() else {
                continue;
            };
            let is_over = step.is_err();
            let keys = step.as_ref().map_or(0, Changes::len);
            let keys = u32::try_from(keys).map_or(WAITING_KEYS, |keys| keys.min(WAITING_KEYS));
            // Fails when it is closed, which nobody does.
            let room = Arc::clone(&room).acquire_many_owned(keys).await.ok();
            if tell.send((step, room)).await.is_err() || is_over {
                return;
            }
        }
    }

    async fn step(&mut self) -> Result<Option<Changes>, FeedError> {
        let event = timeout(LONGEST_SILENCE, self.stream.next()).await;
        let event = event
            .map_err(|_| FeedError::Lost(format!("no word in {LONGEST_SILENCE:?}")))?
            .ok_or_else(|| FeedError::Lost("the server ended the connection".to_owned()))?
            .map_err(|error| ended(&error))?;
        let told = self.assembler.take(&event, |id| self.stream.get_tme(id));
        match told {
            Ok(Told::Nothing) => Ok(None),
            Ok(Told::Level) => Ok(Some(Changes::none(self.collections.len()))),
            Ok(Told::Committed {
                changes,
                is_altered,
            }) => {
                if is_altered {
                    // Until then the tables look as before.
                    wait_until_seen(&self.pool, &changes.transactions).await?;
                    let read = Followed::read(&self.pool, &self.collections).await;
                    self.assembler.followed =
                        read.map_err(|error| FeedError::Lost(error.to_string()))?;
                }
                Ok(Some(changes))
            }
            Err(error) => Err(FeedError::Ended(Reason::Undecodable, error.to_string())),
        }
    }
}

/// Waits until everybody sees transactions: the log has them a moment before.
async fn wait_until_seen(pool: &RetryingPool, transactions: &GtidSet) -> Result<(), FeedError> {
    let waiting = sqlx::query_scalar("SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?)")
        .bind(transactions.to_string())
        .bind(LONGEST_COMMIT_S)
        .fetch_one(pool);
    match waiting.await {
        Ok(0_i64) => Ok(()),
        Ok(_) => Err(FeedError::Lost(
            "a transaction is in the log and not committed".to_owned(),
        )),
        Err(error) => Err(FeedError::Lost(error.to_string())),
    }
}

#[async_trait]
impl OpenFeed for LogStream {
    async fn next(&mut self) -> Result<Changes, FeedError> {
        if let Some(error) = self.held_back.take() {
            return Err(error);
        }
        let Some((first, _)) = self.steps.recv().await else {
            let why = "reading the binary log panicked".to_owned();
            return Err(FeedError::Ended(Reason::Undecodable, why));
        };
        let mut changes = first?;
        while changes.len() < HANDED_OUT {
            match self.steps.try_recv() {
                Ok((Ok(later), _)) => changes.merge(later),
                Ok((Err(error), _)) => {
                    self.held_back = Some(error);
                    break;
                }
                Err(_) => break,
            }
        }
        Ok(changes)
    }

    async fn until_visible(&mut self, changes: &Changes) -> Result<(), FeedError> {
        if changes.is_empty() {
            return Ok(());
        }
        wait_until_seen(&self.pool, &changes.transactions).await
    }
}
