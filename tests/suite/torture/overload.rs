//! More requests than the service can answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::clients::{Whereabouts, readers};
use super::{allow_many_connections, is_long, lasts};
use crate::cli::memory::{MB, resident_bytes};
use crate::cli::served::Served;
use crate::support::{TestDatabase, on_both_stores};

/// A search that takes the service more than it takes a client to ask.
const SEARCH: &str = "/nearby?lat=0&lng=0&radius_km=20000&limit=1000";
/// How long a client waits that has better to do.
const PATIENCE: Duration = Duration::from_secs(5);

async fn fill(db: &TestDatabase) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("g.csv");
    let rows = super::command(&["generate", "--count", "3000"]).await;
    std::fs::write(&file, rows.stdout).expect("it can be written");
    let file = file.to_str().expect("it is a text");
    super::command(&["import", file, "--database-url", db.url()])
        .await
        .assert(0, &[]);
}

/// Asks so often a second, whether answers come or not; how many came in time.
async fn ask_at(rate: f64, url: String, time: Duration) -> (usize, usize) {
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .build()
        .expect("it is built");
    let (good, refused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    let mut asked = 0.0;
    while begun.elapsed() < time {
        while asked < begun.elapsed().as_secs_f64() * rate {
            asked += 1.0;
            let (client, url) = (client.clone(), url.clone());
            let (good, refused) = (Arc::clone(&good), Arc::clone(&refused));
            tasks.spawn(async move {
                if let Ok(answer) = client.get(url).send().await {
                    let status = answer.status();
                    let is_whole = answer.bytes().await.is_ok();
                    if status == 200 && is_whole {
                        good.fetch_add(1, Ordering::Relaxed);
                    } else if status == 503 {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        while tasks.try_join_next().is_some() {}
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let came = (
        good.load(Ordering::Relaxed),
        refused.load(Ordering::Relaxed),
    );
    tasks.abort_all();
    came
}

on_both_stores! {
    async fn three_times_as_many_requests_as_it_can_answer_cost_it_little(db: TestDatabase) {
        allow_many_connections();
        fill(&db).await;
        let served = Served::start(&["--database-url", db.url(), "--max-connections-per-network", "0"]);
        let service = Whereabouts::at(served.url(""));
        let time = Duration::from_secs(if is_long() { 10 } else { 2 });
        let busy = readers(&service, 16, SEARCH, Duration::ZERO);
        tokio::time::sleep(time).await;
        let reads = busy.stop().await;
        assert_eq!(reads.failed, Vec::<String>::new());
        let most = count(reads.took.len()) / time.as_secs_f64();
        let before = resident_bytes(served.pid());

        let time = lasts(Duration::from_secs(4));
        let (good, refused) = ask_at(3.0 * most, served.url(SEARCH), time).await;
        let goodput = count(good) / time.as_secs_f64();
        let grown = resident_bytes(served.pid()).saturating_sub(before) / MB;
        let recovering = Instant::now();
        while served.get("/nearby?lat=1&lng=1").await.0 != 200 {
            assert!(recovering.elapsed() < Duration::from_secs(10), "it does not recover");
        }
        println!(
            "{}: {most:.0} answers a second at most; asked three times as often, {goodput:.0} ({:.2}), \
             {refused} refused in all, {grown} MB more resident, back after {:?}",
            if db.is_mysql() { "MySQL" } else { "embedded file" },
            goodput / most,
            recovering.elapsed(),
        );
        assert!(goodput > most * if is_long() { 0.6 } else { 0.3 });
        assert!(grown < 600, "{grown} MB");
        served.stop();
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("it is small"))
}
