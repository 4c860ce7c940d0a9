//! More to do than can be done: what waits, what is told to come back, what goes on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use sqlx::Executor as _;

use super::server::{TestServer, center};
use crate::support::TestDatabase;

/// What must be answered whatever else waits; far less than that is waited for.
const AT_ONCE: Duration = Duration::from_secs(5);
/// How many transactions of the database wait for rows that others hold.
const LOCK_WAITS: &str = "SELECT COUNT(DISTINCT w.REQUESTING_THREAD_ID) \
    FROM performance_schema.data_lock_waits w \
    JOIN performance_schema.threads t ON t.THREAD_ID = w.REQUESTING_THREAD_ID \
    WHERE t.PROCESSLIST_DB = DATABASE()";

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn lists_that_wait_keep_neither_searches_nor_single_rows_nor_readiness_waiting() {
    let server = TestServer::start(TestDatabase::mysql().await).await;
    let id = server.seed(&[center("a", 1.0, 1.0)]).await[0];
    let mut theirs = server.db.mysql_pool().acquire().await.unwrap();
    theirs
        .execute("LOCK TABLES diving_organizations WRITE")
        .await
        .unwrap();
    let refused = AtomicUsize::new(0);
    let lists = (0..80).map(|_| async {
        let answer = server.get("/organizations").send().await;
        if answer.status != 200 {
            answer.problem(503, "overloaded");
            let seconds: u64 = answer.header("retry-after").parse().unwrap();
            assert!((1..=60).contains(&seconds), "{seconds}");
            refused.fetch_add(1, Ordering::Relaxed);
        }
    });
    let one = format!("/centers/{id}");
    let others = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        for path in [&one, "/nearby?lat=1&lng=1", "/readyz", "/healthz"] {
            let asked = Instant::now();
            let answer = server.get(path).send().await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            assert!(asked.elapsed() < AT_ONCE, "{path}: {:?}", asked.elapsed());
        }
        let asked = Instant::now();
        let made = server.post("/centers", &center("b", 2.0, 2.0)).send().await;
        assert_eq!(made.status, 201, "{}", made.text());
        assert!(asked.elapsed() < AT_ONCE);
        // One is under way, and 32 wait.
        server
            .soon("those beyond the queue are refused", async || {
                refused.load(Ordering::Relaxed) == 80 - 33
            })
            .await;
        theirs.execute("UNLOCK TABLES").await.unwrap();
    };
    tokio::join!(join_all(lists), others);
    assert_eq!(
        refused.into_inner(),
        80 - 33,
        "those that waited are answered"
    );
}

/// Somebody edits a row in a transaction, and others keep writing it.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn writes_that_wait_for_a_row_keep_no_read_waiting() {
    let server = TestServer::start(TestDatabase::mysql().await).await;
    let held = server.seed(&[center("held", 1.0, 1.0)]).await[0];
    let mut theirs = server.db.mysql_pool().begin().await.unwrap();
    let locking = format!("SELECT * FROM diving_centers WHERE id = {held} FOR UPDATE");
    theirs.execute(sqlx::AssertSqlSafe(locking)).await.unwrap();
    let one = format!("/centers/{held}");
    let more_than_connections = server.db.database().most_connections() + 2;
    let writes = (0..more_than_connections).map(|_| async {
        let put = server.request(reqwest::Method::PUT, &one).key();
        put.json(&center("ours", 1.0, 1.0)).send().await
    });
    let reads = async {
        let for_writes = 2;
        server
            .soon("as many wait as may", async || {
                server.db.number(LOCK_WAITS).await == for_writes
            })
            .await;
        for path in [&one, "/nearby?lat=1&lng=1", "/centers", "/readyz"] {
            let asked = Instant::now();
            let answer = server.get(path).send().await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            assert!(asked.elapsed() < AT_ONCE, "{path}: {:?}", asked.elapsed());
        }
        // None of the others has a connection yet.
        assert_eq!(server.db.number(LOCK_WAITS).await, for_writes);
        theirs.commit().await.unwrap();
    };
    let (written, ()) = tokio::join!(join_all(writes), reads);
    for answer in written {
        // On a busy machine some have waited for as long as they may.
        if answer.status != 200 {
            answer.problem(503, "database_unavailable");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn reads_that_wait_keep_no_write_waiting() {
    let server = TestServer::start(TestDatabase::mysql().await).await;
    let mut theirs = server.db.mysql_pool().acquire().await.unwrap();
    theirs
        .execute("LOCK TABLES diving_organizations WRITE")
        .await
        .unwrap();
    let more_than_connections = server.db.database().most_connections() + 2;
    let reads = (0..more_than_connections).map(|_| server.get("/organizations/1").send());
    let write = async {
        let for_reads = 3;
        server
            .soon("as many wait as may", async || {
                server.db.database().connections().in_use == for_reads
            })
            .await;
        let asked = Instant::now();
        let made = server.post("/centers", &center("b", 2.0, 2.0)).send().await;
        assert_eq!(made.status, 201, "{}", made.text());
        assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
        theirs.execute("UNLOCK TABLES").await.unwrap();
    };
    let (read, ()) = tokio::join!(join_all(reads), write);
    for answer in read {
        answer.problem(404, "organization_not_found");
    }
}

#[tokio::test]
async fn bodies_and_answers_beyond_the_budget_are_told_to_come_back() {
    let server = TestServer::start_with(TestDatabase::sqlite().await, |settings| {
        settings.buffer_budget = 1_000_000;
    })
    .await;
    let centers: Vec<_> = (0..1_000)
        .map(|n| center(&format!("center {n}"), 1.0, 1.0))
        .collect();
    server.seed(&centers).await;
    let query = json!({ "lat": 1, "lng": 1, "limit": 1_000 });
    let batch = |count: usize| json!({ "queries": vec![query.clone(); count] });
    let large = server.post("/nearby/batch", &batch(20)).send().await;
    let problem = large.problem(503, "overloaded");
    assert!(
        large.header("retry-after").parse::<u64>().unwrap() > 0,
        "{problem}"
    );
    // What was refused holds nothing.
    for _ in 0..3 {
        let small = server.post("/nearby/batch", &batch(4)).send().await;
        assert_eq!(small.status, 200, "{}", small.text());
    }
    let body = format!("{{\"queries\":[]{}}}", " ".repeat(1_100_000));
    let refused = server.request(reqwest::Method::POST, "/nearby/batch");
    let refused = refused.body("application/json", body).send().await;
    refused.problem(503, "overloaded");
    let found = server.found("/nearby?lat=1&lng=1&limit=1000").await;
    assert_eq!(found["count"], 1_000);
}
