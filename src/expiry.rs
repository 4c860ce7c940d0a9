//! Removes what is kept for a while only, while the service runs: answers under an
//! `Idempotency-Key` after a day, entries of the audit log after as many as the operator says.

use std::future::Future;
use std::time::Duration;

use chrono::{Days, Utc};

use crate::store::{Database, REMOVED_AT_ONCE, StoreError};

/// How often it is looked for.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// The rest between two pieces, for other writers.
const REST: Duration = Duration::from_millis(100);

/// Removes old answers, until it is dropped.
pub async fn remove_old_answers(database: Database) {
    let what = "answers kept under Idempotency-Keys";
    piece_by_piece(what, || database.remove_old_answers()).await;
}

/// Removes entries of the audit log that are older than so many days, until it is dropped.
pub async fn remove_old_entries(database: Database, days: Days) {
    piece_by_piece("old entries of the audit log", || {
        database.remove_old_entries(Utc::now() - days)
    })
    .await;
}

async fn piece_by_piece<F>(what: &str, remove: impl Fn() -> F)
where
    F: Future<Output = Result<u64, StoreError>>,
{
    let mut was_away = false;
    loop {
        let rest = match remove().await {
            Ok(REMOVED_AT_ONCE..) => REST,
            Ok(_) => {
                was_away = false;
                LOOK_EVERY
            }
            Err(error) => {
                // Said once, not every minute.
                if !was_away {
                    tracing::warn!(cause = %error, "{what} could not be removed; trying on");
                }
                was_away = true;
                LOOK_EVERY
            }
        };
        tokio::time::sleep(rest).await;
    }
}
