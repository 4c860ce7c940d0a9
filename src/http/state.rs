//! What every request works on.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use secrecy::SecretString;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::divemap::media::MediaUrl;
use super::idempotency::KeysUnderWay;
use super::problem::Problem;
use crate::catalog::Catalog;
use crate::collections::Collections;
use crate::domain::Zoom;
use crate::metrics::Metrics;
use crate::store::asker::Asker;
use crate::store::{Database, StoreError};

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
    /// The key for writes; without one nobody writes.
    pub admin_key: Option<SecretString>,
    /// Where the logos are that Divemap keeps.
    pub media_url: Option<MediaUrl>,
    /// Maps show every center by itself from this zoom on.
    pub clustered_below: Zoom,
    /// The largest body in bytes.
    pub body_limit: usize,
    /// How long a client may take to send a body.
    pub body_timeout: Duration,
    /// Turns for the parts of batches: as many at once as there are cores, for
    /// all batches together.
    pub batch_turns: Arc<Semaphore>,
    /// Turns for searches that go through all that they are about, as to count it: as
    /// many at once as there are cores.
    pub count_turns: Arc<Semaphore>,
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

    /// Runs what touches the database on the process's runtime, to its end even
    /// where the client hangs up: a write that was committed must reach the
    /// index, and a connection opened in a worker would die with it while
    /// another worker still finishes its requests.
    ///
    /// # Errors
    /// What the work returns, and when it panicked.
    pub async fn run<T, E>(
        &self,
        work: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        ended(self.runtime.spawn(work)).await
    }

    /// Runs a write as [`State::run`] does. A write whose client has gone before it began
    /// is not made, nor is one that finds all places taken.
    ///
    /// # Errors
    /// What the work returns, when it panicked, and when there is no place for it.
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
        let work = asker.asks_for(async move {
            // Kept to the end of the write, whether its client waits for it or not.
            let _kept = (place, under_way);
            work.await
        });
        self.run(work).await
    }
}

async fn ended<T, E: Into<Problem>>(work: JoinHandle<Result<T, E>>) -> Result<T, Problem> {
    match work.await {
        Ok(result) => result.map_err(Into::into),
        Err(error) => Err(Problem::internal(error)),
    }
}
