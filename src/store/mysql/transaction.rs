//! Transactions that write.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use sqlx::{MySql, MySqlConnection};

use super::renewal::Renewal;

/// A transaction that is to be committed. One that is not may have met a server that takes no
/// writes: its connection is asked before it is used again.
pub(super) struct Transaction {
    // Dropped before the connection is given back.
    unsettled: Unsettled,
    open: sqlx::Transaction<'static, MySql>,
}

/// Tells that nobody knows why a write was not made, unless it was, or was not to be.
struct Unsettled {
    renewal: Arc<Renewal>,
    is_settled: bool,
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        if !self.is_settled {
            self.renewal.doubt();
        }
    }
}

impl Transaction {
    pub(super) fn new(open: sqlx::Transaction<'static, MySql>, renewal: Arc<Renewal>) -> Self {
        let unsettled = Unsettled {
            renewal,
            is_settled: false,
        };
        Self { unsettled, open }
    }

    pub(super) async fn commit(self) -> sqlx::Result<()> {
        let Self {
            mut unsettled,
            open,
        } = self;
        let committed = open.commit().await;
        match &committed {
            Ok(()) => unsettled.is_settled = true,
            Err(error) => unsettled.renewal.learn(error),
        }
        committed
    }

    /// Undoes it, as was meant.
    pub(super) async fn rollback(self) -> sqlx::Result<()> {
        let Self {
            mut unsettled,
            open,
        } = self;
        unsettled.is_settled = true;
        open.rollback().await
    }
}

impl Deref for Transaction {
    type Target = MySqlConnection;

    fn deref(&self) -> &MySqlConnection {
        &self.open
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut MySqlConnection {
        &mut self.open
    }
}
