//! A database that does not answer, and clients that do not wait.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sqlx::Executor as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::server::{KEY, TestServer, center};
use crate::cli::served::Served;
use crate::support::{Meddler, Meddling, TestDatabase};

/// Soon enough after a limit of a second.
const SOON: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn requests_to_a_database_that_hangs_are_answered_in_time_and_again_when_it_goes_on() {
    let server = TestServer::start_with(TestDatabase::mysql().await, |settings| {
        settings.request_timeout = Duration::from_secs(1);
    })
    .await;
    let id = server.seed(&[center("a", 1.0, 1.0)]).await[0];
    let mut theirs = server.db.mysql_pool().acquire().await.unwrap();
    theirs
        .execute("LOCK TABLES diving_centers WRITE")
        .await
        .unwrap();
    let one = format!("/centers/{id}");
    for path in [&one, "/nearby?lat=1&lng=1", "/centers", "/readyz"] {
        let asked = Instant::now();
        let answer = server.get(path).send().await;
        answer.problem(503, "database_unavailable");
        assert!(asked.elapsed() < SOON, "{path}: {:?}", asked.elapsed());
    }
    let asked = Instant::now();
    let write = server.post("/centers", &center("b", 2.0, 2.0)).send().await;
    let problem = write.problem(503, "database_unavailable");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("may be made yet"),
        "{problem}"
    );
    assert!(!write.headers.contains_key("retry-after"));
    let put = server.request(reqwest::Method::PUT, &one).key();
    let put = put.json(&center("a", 1.0, 1.0)).send().await;
    put.problem(503, "database_unavailable");
    assert!(put.headers.contains_key("retry-after"), "{}", put.text());
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    // The server itself has given up what nobody waits for.
    let reads = "SELECT COUNT(*) FROM performance_schema.processlist \
        WHERE DB = DATABASE() AND INFO LIKE 'SELECT%MAX_EXECUTION_TIME%FROM `diving_centers`%' \
          AND INFO NOT LIKE '%processlist%'";
    server
        .soon("no read is left", async || {
            server.db.number(reads).await == 0
        })
        .await;
    theirs.execute("UNLOCK TABLES").await.unwrap();
    server
        .soon("the write is made", async || {
            server.found("/centers").await["count"] == 2
        })
        .await;
    server
        .soon("it is ready", async || {
            server.get("/readyz").send().await.status == 200
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn an_answer_that_never_comes_holds_up_no_later_request() {
    let db = TestDatabase::mysql().await;
    let meddler = Meddler::before(&db).await;
    let url = meddler.url().to_owned();
    let served = Served::start(&["--database-url", &url, "--request-timeout", "1"]);
    for (n, text) in ["INSERT INTO `diving_centers`", "FROM `diving_centers`"]
        .into_iter()
        .enumerate()
    {
        meddler.meddle(Meddling::Silence, text, 1);
        let asked = Instant::now();
        let status = match n {
            0 => served.post("/centers", &center("never", 1.0, 1.0)).await.0,
            _ => served.get("/centers").await.0,
        };
        assert_eq!(status, 503);
        assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
        assert_eq!(meddler.left(), 0);
        for _ in 0..12 {
            let (status, body) = served.post("/centers", &center("c", 1.0, 1.0)).await;
            assert_eq!(status, 201, "{body}");
        }
        assert_eq!(served.get("/readyz").await.0, 200);
    }
}

/// Whatever a statement has come to when its time is over, nobody gets what is left of its answer.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn reads_that_are_given_up_at_any_moment_leave_others_the_right_answers() {
    let server = TestServer::start(TestDatabase::mysql().await).await;
    let centers: Vec<_> = (0..40)
        .map(|n| center(&format!("center {n}"), 1.0, f64::from(n)))
        .collect();
    let ids = server.seed(&centers).await;
    let mut took = Vec::new();
    for id in &ids {
        let asked = Instant::now();
        assert_eq!(
            server.get(&format!("/centers/{id}")).send().await.status,
            200
        );
        took.push(asked.elapsed());
    }
    took.sort();
    let mut answered = Vec::new();
    let mut db = server.stop().await;
    let mut longest = took[took.len() / 2];
    let has_both = |answered: &[u16]| [200, 503].iter().all(|status| answered.contains(status));
    while !longest.is_zero() && !has_both(&answered) {
        let hasty = TestServer::launch(db, |settings| settings.request_timeout = longest);
        let asking = (0..4).map(|lane| read_all(&hasty, &ids, lane * 10));
        answered.extend(join_all(asking).await.concat());
        db = hasty.stop().await;
        longest /= 2;
    }
    assert!(answered.contains(&200), "all were given up");
    assert!(answered.contains(&503), "none was given up");
}

/// Reads all of them several times and looks that what is answered is right; gives the
/// statuses.
async fn read_all(server: &TestServer, ids: &[i64], first: usize) -> Vec<u16> {
    let mut answered = Vec::new();
    for (n, id) in ids.iter().enumerate().cycle().skip(first).take(150) {
        let path = match n % 2 {
            0 => format!("/centers/{id}"),
            _ => "/centers?limit=40".to_owned(),
        };
        let answer = server.get(&path).send().await;
        answered.push(answer.status);
        if answer.status != 200 {
            assert_eq!(answer.status, 503, "{}", answer.text());
        } else if n % 2 == 0 {
            assert_eq!(answer.json()["name"], format!("center {n}"));
        } else {
            assert_eq!(answer.json()["count"], 40);
        }
    }
    answered
}

/// As browsers do when somebody types on.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn what_a_client_that_has_gone_asked_for_is_given_up() {
    let server = TestServer::start(TestDatabase::mysql().await).await;
    let mut theirs = server.db.mysql_pool().acquire().await.unwrap();
    theirs
        .execute("LOCK TABLES diving_organizations WRITE")
        .await
        .unwrap();
    let in_use = async || server.db.database().connections().in_use;
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut client = TcpStream::connect(server.address).await.unwrap();
        let asked = b"GET /organizations HTTP/1.1\r\nhost: a\r\n\r\n";
        client.write_all(asked).await.unwrap();
        clients.push(client);
    }
    server.soon("they wait", async || in_use().await >= 2).await;
    drop(clients);
    // Long before the limit of a request, and by the server too.
    server
        .soon("nothing waits", async || in_use().await == 0)
        .await;
    let statements = "SELECT COUNT(*) FROM performance_schema.processlist \
        WHERE DB = DATABASE() AND STATE LIKE 'Waiting for table%'";
    server
        .soon("no statement is left", async || {
            server.db.number(statements).await == 0
        })
        .await;
    theirs.execute("UNLOCK TABLES").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_service_that_is_told_to_stop_ends_in_time_whatever_hangs() {
    let db = TestDatabase::mysql().await;
    let meddler = Meddler::before(&db).await;
    let url = meddler.url().to_owned();
    let served = Served::start(&["--database-url", &url, "--shutdown-timeout", "1"]);
    meddler.meddle(Meddling::Silence, "", usize::MAX);
    let post = reqwest::Client::new()
        .post(served.url("/centers"))
        .bearer_auth(KEY)
        .json(&center("never", 1.0, 1.0))
        .send();
    let posting = tokio::spawn(post);
    let reading = tokio::spawn(reqwest::get(served.url("/centers")));
    tokio::time::sleep(Duration::from_millis(500)).await;
    let told = Instant::now();
    tokio::task::spawn_blocking(move || served.ended())
        .await
        .unwrap();
    assert!(told.elapsed() < SOON, "{:?}", told.elapsed());
    posting.abort();
    reading.abort();
}
