//! How late a worker comes to the requests that wait for it.
//!
//! A worker answers one request after the other. Where more come than it can answer, each waits
//! longer than the one before, until all are answered whose clients have gone. So a worker that
//! is late again and again refuses requests, which takes it next to nothing, until it is in time.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::problem::Problem;

/// How often a worker looks whether it is in time.
const EVERY: Duration = Duration::from_millis(20);
/// How late it may be.
const LATE: Duration = Duration::from_millis(500);
/// How often in a row it must be late: once may be the machine's fault.
const TIMES: u32 = 2;
/// How long it may go on with what was there when it looked last: whatever it comes to then has
/// waited as long.
const LONGEST_ROUND: Duration = Duration::from_secs(1);

thread_local! {
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
    /// How often in a row this worker was late.
    static LATE_IN_A_ROW: Cell<u32> = const { Cell::new(0) };
    /// When this worker looked last.
    static LOOKED_AT: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Has this worker look after itself from now on.
pub fn watch() {
    if IS_WATCHED.replace(true) {
        return;
    }
    tokio::task::spawn_local(async {
        loop {
            let due = Instant::now() + EVERY;
            sleep_until(due).await;
            note(due.elapsed());
            LOOKED_AT.set(Some(Instant::now()));
        }
    });
}

fn note(late: Duration) {
    let times = if late < LATE {
        0
    } else {
        LATE_IN_A_ROW.get().saturating_add(1)
    };
    LATE_IN_A_ROW.set(times);
}

/// Whether this worker is late, and is to refuse what comes.
pub(super) fn is_late() -> bool {
    let is_in_a_long_round = || {
        LOOKED_AT
            .get()
            .is_some_and(|looked_at| looked_at.elapsed() > LONGEST_ROUND)
    };
    LATE_IN_A_ROW.get() >= TIMES || is_in_a_long_round()
}

/// Refuses a request where this worker is late.
///
/// # Errors
/// When it is.
pub(super) fn check() -> Result<(), Problem> {
    if is_late() {
        return Err(Problem::overloaded(
            "more requests come than this server can answer",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_goes_on_for_long_refuses_what_has_waited_as_long() {
        LOOKED_AT.set(Some(Instant::now()));
        assert!(check().is_ok());
        LOOKED_AT.set(Instant::now().checked_sub(LONGEST_ROUND));
        assert!(check().is_err());
    }

    #[test]
    fn a_worker_that_is_late_again_and_again_refuses_until_it_is_in_time() {
        for (late_ms, refuses) in [
            (900, false),
            (0, false),
            (501, false),
            (600, true),
            (700, true),
            (499, false),
        ] {
            note(Duration::from_millis(late_ms));
            assert_eq!(check().is_err(), refuses, "{late_ms}");
        }
    }
}
