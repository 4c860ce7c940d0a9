//! Writes that wait: for rows of others, for connections, for each other.

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::Executor as _;

use super::server::{TestServer, center};
use crate::cli::served::Served;
use crate::support::{Commit, Cut, TestDatabase, hold_center, through_cut};

/// Whoever holds a row keeps those from writing who write that row.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_row_that_another_application_holds_keeps_no_other_write_waiting() {
    let server = TestServer::start(TestDatabase::mysql().await).await;
    let held = server.seed(&[center("held", 1.0, 1.0)]).await[0];
    let mut theirs = server.db.mysql_pool().begin().await.unwrap();
    let locking = format!("SELECT * FROM diving_centers WHERE id = {held} FOR UPDATE");
    theirs.execute(sqlx::AssertSqlSafe(locking)).await.unwrap();

    let path = format!("/centers/{held}");
    let put = server
        .request(reqwest::Method::PUT, &path)
        .key()
        .json(&center("ours", 2.0, 2.0));
    let waiting = put.send();
    let others = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let started = Instant::now();
        for n in 0..5 {
            let created = server.post("/centers", &center(&format!("new {n}"), 3.0, 3.0));
            assert_eq!(created.send().await.status, 201);
        }
        let took = started.elapsed();
        theirs.commit().await.unwrap();
        took
    };
    let (written, took) = tokio::join!(waiting, others);
    assert_eq!(written.status, 200, "{}", written.text());
    assert!(took < Duration::from_secs(10), "they took {took:?}");
}

/// A client that hung up while its write waited for a connection.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_write_whose_client_has_gone_before_it_began_is_not_made() {
    let server = TestServer::start(TestDatabase::mysql().await).await;
    let held = server.seed(&[center("held", 1.0, 1.0)]).await[0];
    let mut theirs = server.db.mysql_pool().begin().await.unwrap();
    let locking = format!("SELECT * FROM diving_centers WHERE id = {held} FOR UPDATE");
    theirs.execute(sqlx::AssertSqlSafe(locking)).await.unwrap();
    // All the connections that writes have wait for that row.
    let for_writes = 2;
    let patient = reqwest::Client::new();
    let url = format!("http://{}/centers/{held}", server.address);
    let waiting = (0..for_writes).map(|_| {
        let put = patient.put(&url).bearer_auth(super::server::KEY);
        tokio::spawn(put.json(&center("held", 1.0, 1.0)).send())
    });
    let waiting: Vec<_> = waiting.collect();
    let all_wait = "SELECT COUNT(DISTINCT w.REQUESTING_THREAD_ID) \
                    FROM performance_schema.data_lock_waits w \
                    JOIN performance_schema.threads t ON t.THREAD_ID = w.REQUESTING_THREAD_ID \
                    WHERE t.PROCESSLIST_DB = DATABASE()";
    while server.db.number(all_wait).await < for_writes {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let impatient = reqwest::Client::builder()
        .timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    let url = format!("http://{}/centers", server.address);
    for n in 0..5 {
        let asked = impatient
            .post(&url)
            .bearer_auth(super::server::KEY)
            .json(&json!({"name": format!("gone {n}"), "latitude": 1, "longitude": 1}))
            .send();
        assert!(asked.await.unwrap_err().is_timeout());
    }
    // A busy machine tells late that the last of them has gone.
    tokio::time::sleep(Duration::from_secs(1)).await;
    theirs.rollback().await.unwrap();
    for put in waiting {
        assert_eq!(put.await.unwrap().unwrap().status(), 200);
    }
    // Those that wait for a connection get one now.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let rows = "SELECT COUNT(*) FROM diving_centers WHERE name <> 'held'";
    assert_eq!(server.db.number(rows).await, 0);
    let created = server
        .post("/centers", &center("there", 3.0, 3.0))
        .send()
        .await;
    assert_eq!(created.status, 201, "{}", created.text());
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn two_instances_never_both_create_what_is_alike_and_near() {
    let first = TestServer::start(TestDatabase::mysql().await).await;
    let second = Served::start(&["--database-url", first.db.url()]);
    for n in 0..40 {
        let place = f64::from(n);
        let alike = center(&format!("Blue Dive {n}"), place, place);
        let path = "/centers?min_distance_m=50";
        let (one, other) =
            tokio::join!(first.post(path, &alike).send(), second.post(path, &alike),);
        let mut statuses = [one.status, other.0];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "pair {n}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_file_never_both_create_what_is_alike_and_near() {
    let db = TestDatabase::sqlite().await;
    let first = Served::start(&["--database-url", db.url()]);
    let second = Served::start(&["--database-url", db.url()]);
    for n in 0..40 {
        let place = f64::from(n);
        let alike = center(&format!("Blue Dive {n}"), place, place);
        let path = "/centers?min_distance_m=50";
        let (one, other) = tokio::join!(first.post(path, &alike), second.post(path, &alike));
        let mut statuses = [one.0, other.0];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "pair {n}: {} {}", one.1, other.1);
        let refused = if one.0 == 409 { one.1 } else { other.1 };
        assert_eq!(refused["neighbours"][0]["distance_m"], 0.0, "{refused}");
        assert_eq!(refused["neighbours"][0]["name"], alike["name"], "{refused}");
    }
    assert_eq!(db.number("SELECT COUNT(*) FROM diving_centers").await, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_just_moved_away_is_in_nobodys_way() {
    let db = TestDatabase::sqlite().await;
    let first = Served::start(&["--database-url", db.url()]);
    let second = Served::start(&["--database-url", db.url()]);
    let path = "/centers?min_distance_m=50";
    for n in 0..5 {
        // Across the antimeridian, and at the poles, where every longitude is near.
        let (here, near) = match n {
            1 => ((90.0, 0.0), (90.0, 120.0)),
            3 => ((-90.0, 0.0), (-90.0, 120.0)),
            _ => ((f64::from(n), 179.9999), (f64::from(n), -179.9999)),
        };
        let name = format!("Red Sea {n}");
        let (status, made) = first.post(path, &center(&name, here.0, here.1)).await;
        assert_eq!(status, 201, "{made}");
        let again = center(&name, near.0, near.1);
        let (status, refused) = second.post(path, &again).await;
        assert_eq!(status, 409, "{n}: {refused}");
        let away = format!("DELETE FROM diving_centers WHERE id = {}", made["id"]);
        db.execute(&away).await;
        let (status, made) = second.post(path, &again).await;
        assert_eq!(status, 201, "{n}: {made}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_write_whose_commit_was_not_answered_is_told_to_have_perhaps_been_made() {
    let db = TestDatabase::mysql().await;
    let cut = Cut::default();
    let url = through_cut(&db, &cut).await;
    let served = Served::start(&["--database-url", &url]);

    let rows = "SELECT COUNT(*) FROM diving_centers";
    let place = served.url("/centers");
    let client = reqwest::Client::new();
    let send = async |request: reqwest::RequestBuilder| {
        cut.at_next_commit(Commit::Arrives);
        let answer = request
            .bearer_auth(super::server::KEY)
            .send()
            .await
            .unwrap();
        let retry = answer.headers().get("retry-after").is_some();
        (
            answer.status().as_u16(),
            retry,
            answer.text().await.unwrap(),
        )
    };
    let (status, retry, body) = send(client.post(&place).json(&center("c", 1.0, 1.0))).await;
    assert_eq!((status, retry), (503, false), "{body}");
    assert!(body.contains("may have been made"), "{body}");
    assert!(body.contains("Idempotency-Key"), "{body}");
    assert_eq!(db.number(rows).await, 1, "it was");
    let put = client
        .put(format!("{place}/1"))
        .json(&center("d", 1.0, 1.0));
    let (status, retry, body) = send(put).await;
    assert_eq!((status, retry), (503, true), "{body}");
    assert!(body.contains("may have been made"), "{body}");
}

/// Those that wait are bounded, and whoever comes then is told so at once.
#[tokio::test]
async fn a_write_that_finds_too_many_under_way_is_turned_away_at_once() {
    let server = TestServer::start_with(TestDatabase::sqlite().await, |settings| {
        settings.max_writes = 3;
    })
    .await;
    server.seed(&[center("a", 1.0, 1.0)]).await;
    let held = hold_center(&server.db, 1).await;
    let waiting = (0..3).map(|_| server.post("/centers", &center("b", 2.0, 2.0)).send());
    let waiting = futures_util::future::join_all(waiting);
    let others = async {
        server
            .eventually("three are under way", async || {
                let told = server.get("/metrics").send().await.text();
                told.contains("nearby_writes_under_way 3")
            })
            .await;
        let started = Instant::now();
        let turned_away = server.post("/centers", &center("c", 3.0, 3.0)).send().await;
        let problem = turned_away.problem(503, "database_unavailable");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("nothing was written"), "{detail}");
        assert!(turned_away.headers.contains_key("retry-after"));
        assert!(
            started.elapsed() < Duration::from_secs(4),
            "{:?}",
            started.elapsed()
        );
        // Who reads waits for nobody.
        assert_eq!(server.found_ids("/nearby?lat=1&lng=1").await, [1]);
        held.let_go().await;
    };
    let (waited, ()) = tokio::join!(waiting, others);
    for answer in waited {
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    let told = server.get("/metrics").send().await.text();
    assert!(told.contains("nearby_writes_turned_away_total 1"), "{told}");
    assert!(told.contains("nearby_writes_under_way 0"), "{told}");
    let made = server.post("/centers", &center("c", 3.0, 3.0)).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
}
