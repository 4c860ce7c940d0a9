//! Removes answers that were kept under an `Idempotency-Key` for a day, while the service
//! runs.

use std::time::Duration;

use crate::store::{Database, REMOVED_AT_ONCE};

/// How often old answers are looked for.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// The rest between two pieces, for other writers.
const REST: Duration = Duration::from_millis(100);

/// Removes old answers, piece by piece, until it is dropped.
pub async fn remove_old_answers(database: Database) {
    let mut was_away = false;
    loop {
        let rest = match database.remove_old_answers().await {
            Ok(REMOVED_AT_ONCE..) => REST,
            Ok(_) => {
                was_away = false;
                LOOK_EVERY
            }
            Err(error) => {
                // Said once, not every minute.
                if !was_away {
                    tracing::warn!(
                        cause = %error,
                        "answers kept under Idempotency-Keys could not be removed; trying on"
                    );
                }
                was_away = true;
                LOOK_EVERY
            }
        };
        tokio::time::sleep(rest).await;
    }
}
