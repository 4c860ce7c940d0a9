//! Clients that write all the while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::api::server::{KEY, TestServer};

/// How many write at a time.
const WRITERS: u32 = 4;
/// How long each rests between two writes.
const REST: Duration = Duration::from_millis(5);

/// What came of a write.
#[derive(Debug, Clone)]
pub struct Write {
    pub name: String,
    pub begun: Instant,
    pub ended: Instant,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was acknowledged.
    Made,
    /// It was said that nothing was written, and to try again.
    NotMade,
    /// It was said that nobody knows, and to try again.
    Unsettled,
}

/// Clients of an instance that create centers until they are told to stop.
pub struct Writers {
    stop: Arc<AtomicBool>,
    writes: Arc<Mutex<Vec<Write>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Writers {
    pub fn of(server: &TestServer) -> Self {
        static WRITER: AtomicU32 = AtomicU32::new(0);
        let stop = Arc::new(AtomicBool::new(false));
        let writes = Arc::new(Mutex::new(Vec::new()));
        let url = format!("http://{}/centers", server.address);
        let tasks = (0..WRITERS).map(|_| {
            let client_number = WRITER.fetch_add(1, Ordering::Relaxed);
            let (stop, writes, url) = (Arc::clone(&stop), Arc::clone(&writes), url.clone());
            tokio::spawn(async move {
                let client = reqwest::Client::new();
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    number += 1;
                    let name = format!("w{client_number} n{number}");
                    let write = write(&client, &url, name).await;
                    writes.lock().push(write);
                    tokio::time::sleep(REST).await;
                }
            })
        });
        Self {
            tasks: tasks.collect(),
            stop,
            writes,
        }
    }

    /// Waits for the last ones; what came of all.
    pub async fn stop(self) -> Vec<Write> {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await
                .expect("a writer meets nothing that it does not expect");
        }
        Arc::into_inner(self.writes)
            .expect("they have ended")
            .into_inner()
    }
}

async fn write(client: &reqwest::Client, url: &str, name: String) -> Write {
    let begun = Instant::now();
    let center = json!({"name": name, "latitude": 1, "longitude": 1});
    let asking = client.post(url).bearer_auth(KEY).json(&center);
    let answer = asking.send().await.expect("it answers");
    let status = answer.status();
    let says_when = answer.headers().contains_key(RETRY_AFTER);
    let body = answer.text().await.expect("the answer is whole");
    let outcome = match status {
        StatusCode::CREATED => Outcome::Made,
        StatusCode::SERVICE_UNAVAILABLE if body.contains("may have been made") => {
            Outcome::Unsettled
        }
        StatusCode::SERVICE_UNAVAILABLE if says_when => Outcome::NotMade,
        _ => panic!("{status}: {body}"),
    };
    Write {
        name,
        begun,
        ended: Instant::now(),
        outcome,
    }
}

/// How many writes of this outcome there are.
pub fn count(writes: &[Write], outcome: Outcome) -> usize {
    writes
        .iter()
        .filter(|write| write.outcome == outcome)
        .count()
}

/// How long after a time every write succeeded; `None` where the last one did not.
pub fn back_after(writes: &[Write], since: Instant) -> Option<Duration> {
    let later = writes.iter().filter(|write| write.ended >= since);
    let failed = later.clone().filter(|write| write.outcome != Outcome::Made);
    let last_failed = failed.map(|write| write.ended).max().unwrap_or(since);
    later
        .filter(|write| write.begun >= last_failed && write.outcome == Outcome::Made)
        .map(|write| write.ended - since)
        .min()
}

/// Panics unless every acknowledged write is there once, and none that was not made.
pub fn are_as_told(writes: &[Write], names: &[String]) {
    let there = |write: &Write| names.iter().filter(|&name| *name == write.name).count();
    for write in writes {
        let count = there(write);
        match write.outcome {
            Outcome::Made => assert_eq!(count, 1, "{write:?}"),
            Outcome::NotMade => assert_eq!(count, 0, "{write:?}"),
            Outcome::Unsettled => assert!(count <= 1, "{write:?}"),
        }
    }
}
