//! Faults, one after another, against the real program: for some seconds each among the other
//! tests, for as long as is asked by `scripts/torture`.
//!
//! What was acknowledged must be there, what was refused must not, and what nobody knows may be
//! either: [`ledger`] holds the accounts.

mod clients;
mod database;
mod full_disk;
mod interrupted;
mod kills;
mod ledger;
mod overload;
mod slow_clients;
mod stopping;

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::cli::process::run;
use crate::support::TestDatabase;

/// How long a scenario goes on: `NEARBY_TORTURE_MINUTES`, or this short time.
fn lasts(short: Duration) -> Duration {
    match std::env::var("NEARBY_TORTURE_MINUTES") {
        Ok(minutes) => {
            let minutes: f64 = minutes.parse().expect("it is a number of minutes");
            Duration::from_secs_f64(minutes * 60.0)
        }
        Err(_) => short,
    }
}

/// Whether there is time for figures that mean something.
fn is_long() -> bool {
    lasts(Duration::ZERO) > Duration::ZERO
}

/// Lets the tests' own clients open as many connections as the system allows.
fn allow_many_connections() {
    let files = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: files.maximum,
        ..files
    };
    setrlimit(Resource::Nofile, all).expect("there may be many files");
}

/// Runs a command while others go on.
async fn command(args: &[&str]) -> crate::cli::process::Ended {
    let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
    let running = tokio::task::spawn_blocking(move || run(&args));
    running.await.expect("the command runs")
}

/// Asserts that every location says what its coordinates say.
async fn is_in_step(db: &TestDatabase) {
    let verified = command(&["verify", "--database-url", db.url()]).await;
    verified.assert(0, &[]);
}
