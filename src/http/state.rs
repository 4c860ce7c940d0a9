//! What every request works on.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::HeaderValue;
use secrecy::SecretString;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::audited::account_of;
use super::budget::Budget;
use super::changes::Listeners;
use super::coding::Packing;
use super::divemap::media::MediaUrl;
use super::idempotency::{IDEMPOTENCY_KEY, KeysUnderWay};
use super::limits::Limits;
use super::network::TrustedProxies;
use super::problem::Problem;
use super::queue::{Queue, Queues, Turn};
use super::wrong_keys::WrongKeys;
use crate::catalog::Catalog;
use crate::collections::Collections;
use crate::domain::Zoom;
use crate::keyring::Keyring;
use crate::metrics::Metrics;
use crate::store::asker::Asker;
use crate::store::client_read::{self, ClientRead};
use crate::store::{Database, SentAgain, StoreError};

/// What goes on without its client is given up after so many times as long as its client waited.
const UNATTENDED_FACTOR: u32 = 2;
/// Longer than a server lets a statement wait for a lock.
const LONGEST_LOCK_WAIT: Duration = Duration::from_mins(1);

/// What every request works on; one for all workers.
#[derive(Debug)]
pub struct State {
    /// The centers: the default collection, reached without a look-up.
    pub catalog: Arc<Catalog>,
    /// All collections, the default one among them.
    pub collections: Collections,
    /// Where they are kept, for signs of life.
    pub database: Database,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The operator's key.
    pub admin_key: Option<SecretString>,
    /// The keys that the database knows.
    pub keyring: Arc<Keyring>,
    /// The wrong keys that were shown.
    pub wrong_keys: WrongKeys,
    /// Whether reading takes a key.
    pub closes_reads: bool,
    /// How many requests of one network are taken.
    pub limits: Option<Arc<Limits>>,
    /// Whether reading takes no key, and is not limited.
    pub reads_are_free: bool,
    /// The proxies whose word on where a request came from counts.
    pub trusted_proxies: TrustedProxies,
    /// Where the logos are that Divemap keeps.
    pub media_url: Option<MediaUrl>,
    /// How long answers to reads may be kept, where they may be used unasked.
    pub cache_control: Option<HeaderValue>,
    /// Packs answers.
    pub packing: Packing,
    /// Maps show every center by itself from this zoom on.
    pub clustered_below: Zoom,
    /// The largest body in bytes.
    pub body_limit: usize,
    /// How long a client may take to send a body.
    pub body_timeout: Duration,
    /// Those who listen to changes.
    pub listeners: Arc<Listeners>,
    /// Turns for the parts of batches, for all batches together.
    pub batch_turns: Arc<Semaphore>,
    /// Queues for what takes long.
    pub queues: Queues,
    /// The bytes of bodies and answers that may be under way.
    pub budget: Arc<Budget>,
    /// How long the database may take for a request.
    pub request_timeout: Duration,
    /// Whether the service was told to stop.
    pub stopping: Arc<AtomicBool>,
    /// Places for writes that are under way, those that wait among them.
    pub write_places: Arc<Semaphore>,
    /// The `Idempotency-Key`s of requests that are under way.
    pub keys_under_way: KeysUnderWay,
    /// The process's own runtime, which outlives the workers.
    pub runtime: Handle,
}

impl State {
    /// The state of the application that a request was sent to.
    #[must_use]
    pub fn of(request: &HttpRequest) -> &Arc<Self> {
        request
            .app_data::<Arc<Self>>()
            .expect("the application is built with its state")
    }

    /// Refuses a request of a network that sends more than it may.
    ///
    /// # Errors
    /// When it does.
    pub fn check_limits(&self, request: &HttpRequest) -> Result<(), Problem> {
        match &self.limits {
            Some(limits) => limits.check(request),
            None => Ok(()),
        }
    }

    /// Runs a read that leaves connections to writes, as [`State::run_beside`] does.
    ///
    /// # Errors
    /// As [`State::run_beside`], and when others read over all connections that reads may have.
    pub async fn run<T, E>(
        &self,
        work: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        self.run_beside(self.placed(None::<Turn>, work)).await
    }

    /// A read when there is a place for it among the connections. A turn that it has is
    /// that of work that may take long.
    ///
    /// # Errors
    /// What the work returns, and when there is no place.
    pub fn placed<T, E, W, H>(
        &self,
        turn: Option<H>,
        work: W,
    ) -> impl Future<Output = Result<T, Problem>> + use<T, E, W, H>
    where
        E: Into<Problem>,
        W: Future<Output = Result<T, E>>,
        H: Send + Sync + 'static,
    {
        let is_ended_early = turn.is_some();
        let database = self.database.clone();
        placed_for(database, self.request_timeout, is_ended_early, turn, work)
    }

    /// Runs a read on the process's runtime: a connection opened in a worker would die with
    /// it while another worker still finishes its requests. It ends with the client's
    /// patience, ours, or the client.
    ///
    /// # Errors
    /// What the work returns, when it panicked, and when it took too long.
    pub async fn run_beside<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Problem>> + Send + 'static,
    ) -> Result<T, Problem> {
        let mut attended = Attended(self.runtime.spawn(work));
        self.ended(&mut attended.0).await
    }

    /// Runs a read as [`State::run`] does when its turn has come.
    ///
    /// # Errors
    /// As [`State::run`], and at once when too many wait for a turn.
    pub async fn queued<T, E>(
        &self,
        queue: &Arc<Queue>,
        work: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        let turn = queue.turn(self.request_timeout).await?;
        self.run_beside(self.placed(Some(turn), work)).await
    }

    /// The same of what others can use as well, as names that are loaded for the first
    /// search: it goes on where nobody waits for it any more.
    ///
    /// # Errors
    /// As [`State::queued`].
    pub async fn queued_to_its_end<T, E>(
        &self,
        queue: &Arc<Queue>,
        work: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        let turn = queue.turn(self.request_timeout).await?;
        let (database, longest) = (self.database.clone(), self.longest_unattended());
        let reading = placed_for(database, longest, false, turn, work);
        let mut running = self.runtime.spawn(reading);
        self.ended(&mut running).await
    }

    /// How long work may take that nobody may wait for any more.
    fn longest_unattended(&self) -> Duration {
        self.request_timeout.max(LONGEST_LOCK_WAIT) * UNATTENDED_FACTOR
    }

    async fn ended<T>(&self, running: &mut JoinHandle<Result<T, Problem>>) -> Result<T, Problem> {
        match timeout(self.request_timeout, running).await {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => Err(Problem::internal(error)),
            Err(_) => Err(Problem::too_slow(self.request_timeout)),
        }
    }

    /// Runs a write on the process's runtime, to its end even where the client hangs up:
    /// a write that was committed must reach the index. A write whose client has gone before
    /// it began is not made, nor is one that finds all places taken.
    ///
    /// # Errors
    /// What the work returns, when it panicked, when there is no place for it, and when
    /// it takes too long: it goes on then.
    pub async fn write<T, E>(
        &self,
        request: &HttpRequest,
        work: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        // As it is passed on several times.
        let work = Box::pin(work);
        let Ok(place) = Arc::clone(&self.write_places).try_acquire_owned() else {
            self.metrics.write_turned_away();
            return Err(StoreError::Busy.into());
        };
        let under_way = self.metrics.write_began();
        let asker = request.conn_data::<Asker>().cloned().unwrap_or_default();
        let database = self.database.clone();
        let work = self.database.on_account_of(account_of(request), work);
        let work = asker.asks_for(async move {
            // Kept to the end of the write, whether its client waits for it or not.
            let _kept = (place, under_way, database.place_to_write().await?);
            work.await.map_err(Into::into)
        });
        // A server may never answer; what is kept in a file is always done.
        let longest = self.longest_unattended();
        let longest = self.database.may_never_answer().then_some(longest);
        let running = self.runtime.spawn(async move {
            match longest {
                Some(longest) => timeout(longest, work).await.ok(),
                None => Some(work.await),
            }
        });
        match timeout(self.request_timeout, running).await {
            Ok(Ok(Some(result))) => result,
            Ok(Ok(None)) | Err(_) => Err(Problem::write_too_slow(
                self.request_timeout,
                sent_again(request),
            )),
            Ok(Err(error)) => Err(Problem::internal(error)),
        }
    }
}

/// What comes of sending a write once more.
fn sent_again(request: &HttpRequest) -> SentAgain {
    if request.headers().contains_key(IDEMPOTENCY_KEY) {
        SentAgain::IsAnsweredByItsKey
    } else if request.method() == Method::POST {
        SentAgain::MayDouble
    } else {
        SentAgain::IsTheSame
    }
}

/// Makes a read of a client when there is a place for it among the connections; that place and
/// a turn are held until its last statement has ended.
async fn placed_for<T, E, H>(
    database: Database,
    longest: Duration,
    is_ended_early: bool,
    turn: H,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Problem>
where
    E: Into<Problem>,
    H: Send + Sync + 'static,
{
    let place = database.place_to_read().await?;
    let read = ClientRead::new(longest, is_ended_early, (place, turn));
    client_read::within(read, work).await.map_err(Into::into)
}

/// Work that ends with whoever waits for it.
struct Attended<T>(JoinHandle<T>);

impl<T> Drop for Attended<T> {
    fn drop(&mut self) {
        // What is done is done.
        self.0.abort();
    }
}
