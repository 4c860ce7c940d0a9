//! Clients that read all the while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::api::server::TestServer;

const REST: Duration = Duration::from_millis(5);

/// Clients of an instance that search, list and read until they are told to stop. An answer
/// that is none fails the test.
pub struct Readers {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<usize>>,
}

impl Readers {
    pub fn of(server: &TestServer, center: i64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let paths = [
            "/nearest?lat=1&lng=1&limit=5".to_owned(),
            format!("/centers/{center}"),
            "/centers?limit=5".to_owned(),
        ];
        let tasks = paths.map(|path| {
            let stop = Arc::clone(&stop);
            let url = format!("http://{}{path}", server.address);
            tokio::spawn(async move {
                let client = reqwest::Client::new();
                let mut count = 0;
                while !stop.load(Ordering::Relaxed) {
                    let answer = client.get(&url).send().await.expect("it answers");
                    let status = answer.status();
                    let body = answer.text().await.expect("the answer is whole");
                    assert_eq!(status, 200, "{url}: {body}");
                    count += 1;
                    tokio::time::sleep(REST).await;
                }
                count
            })
        });
        Self {
            stop,
            tasks: tasks.into(),
        }
    }

    /// Waits for the last ones; how many there were.
    pub async fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let mut count = 0;
        for task in self.tasks {
            count += task.await.expect("every read is answered");
        }
        count
    }
}
