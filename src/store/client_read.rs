//! What somebody waits for, a client or whoever follows the database: how long each of its reads
//! may take, and what it holds meanwhile.
//!
//! Other reads, as those that load an index, take as long as they take.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

tokio::task_local! {
    static ASKED: ClientRead;
}

/// A read that a client waits for.
#[derive(Clone)]
pub struct ClientRead {
    /// How long each of its statements may take.
    pub(super) longest: Duration,
    /// Whether it is worth a trip to the server to end a statement that nobody waits for.
    pub(super) may_take_long: bool,
    _holds: Arc<dyn Any + Send + Sync>,
}

impl ClientRead {
    /// A read that holds places and turns until its last statement has ended.
    #[must_use]
    pub fn new(longest: Duration, may_take_long: bool, holds: impl Any + Send + Sync) -> Self {
        Self {
            longest,
            may_take_long,
            _holds: Arc::new(holds),
        }
    }
}

impl fmt::Debug for ClientRead {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ClientRead")
            .field("longest", &self.longest)
            .field("may_take_long", &self.may_take_long)
            .finish_non_exhaustive()
    }
}

/// Work whose statements are those of such a read.
pub fn within<F: Future>(read: ClientRead, work: F) -> impl Future<Output = F::Output> {
    ASKED.scope(read, work)
}

/// The read that the work under way is for; `None` where no client waits.
pub(super) fn client_read() -> Option<ClientRead> {
    ASKED.try_with(Clone::clone).ok()
}
