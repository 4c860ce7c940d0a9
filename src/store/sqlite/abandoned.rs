//! What nobody waits for any more is interrupted.

use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::{Connection, InterruptHandle};

use super::connection::{blocking, interrupted};
use crate::store::StoreError;

#[derive(Default)]
struct Work {
    /// Of the connection that is at work.
    handle: Option<InterruptHandle>,
    is_abandoned: bool,
}

/// A piece of work over a connection. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Attended(Arc<Mutex<Work>>);

/// Dropped by whoever waits.
struct Waits(Attended);

impl Drop for Waits {
    fn drop(&mut self) {
        let mut work = self.0.0.lock();
        work.is_abandoned = true;
        if let Some(handle) = &work.handle {
            handle.interrupt();
        }
    }
}

impl Attended {
    /// Runs `work` with a connection; what it does is interrupted when nobody waits for it.
    pub(super) fn with<T>(
        &self,
        connection: &Connection,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        {
            let mut attended = self.0.lock();
            if attended.is_abandoned {
                return Err(interrupted().into());
            }
            attended.handle = Some(connection.get_interrupt_handle());
        }
        let done = work(connection);
        // Whoever has the connection next is not to be interrupted.
        self.0.lock().handle = None;
        done
    }
}

/// Runs what blocks where it may, as long as this is waited for.
pub(super) async fn attended<T: Send + 'static>(
    work: impl FnOnce(&Attended) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let attended = Attended::default();
    let waits = Waits(attended.clone());
    let done = blocking(move || work(&attended)).await;
    drop(waits);
    done
}
