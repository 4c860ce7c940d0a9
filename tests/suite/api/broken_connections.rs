//! Connections to MySQL that break while the service uses them, and a server that
//! refuses for a while.

use std::time::Duration;

use serde_json::json;
use sqlx::Executor as _;

use super::server::center;
use crate::cli::served::Served;
use crate::support::{Meddler, Meddling, TestDatabase};

/// One of every kind of read.
const READS: [&str; 11] = [
    "/nearby?lat=1&lng=1&radius_km=10",
    "/nearest?lat=1&lng=1",
    "/search?q=center",
    "/centers",
    "/centers/1",
    "/centers/1/organizations",
    "/dive-sites",
    "/organizations",
    "/settings/disable_diving_center_reviews",
    "/api/v1/diving-centers/",
    "/readyz",
];

/// A service behind a proxy, with the center 1.
async fn served_behind(meddler: &Meddler, db: &TestDatabase) -> Served {
    let url = meddler.url().to_owned();
    // Without a test of each connection, a broken one is met by the statement itself.
    let served = Served::start(&["--database-url", &url, "--no-connection-test"]);
    db.insert(1, "1.0, 1.0", &db.location(Some((1.0, 1.0))))
        .await;
    served
}

async fn status_of(served: &Served, path: &str) -> (u16, Option<String>, String) {
    let answer = reqwest::get(served.url(path)).await.expect("it answers");
    let retry_after = answer.headers().get("retry-after");
    let retry_after = retry_after.map(|value| value.to_str().unwrap().to_owned());
    let status = answer.status().as_u16();
    (status, retry_after, answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_read_whose_connection_breaks_is_answered_over_another() {
    let db = TestDatabase::mysql().await;
    let meddler = Meddler::before(&db).await;
    let served = served_behind(&meddler, &db).await;
    for path in READS {
        // The second time the statement is prepared, and cut off when it is executed.
        for time in ["first", "second"] {
            meddler.meddle(Meddling::CutOff, "", 1);
            let (status, _, body) = status_of(&served, path).await;
            assert_eq!(status, 200, "{path}, the {time} time: {body}");
            assert_eq!(meddler.left(), 0, "{path} asks the database");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_read_whose_second_connection_breaks_too_is_answered_that_the_database_is_away() {
    let db = TestDatabase::mysql().await;
    let meddler = Meddler::before(&db).await;
    let served = served_behind(&meddler, &db).await;
    for path in READS {
        meddler.meddle(Meddling::CutOff, "", usize::MAX);
        let (status, retry_after, body) = status_of(&served, path).await;
        assert_eq!(status, 503, "{path}: {body}");
        assert!(retry_after.is_some(), "{path}");
    }
    meddler.meddle(
        Meddling::CutOff,
        "diving_organizations o WHERE o.id > ?",
        10,
    );
    let (status, _, body) = status_of(&served, "/organizations").await;
    assert_eq!(status, 503, "{body}");
    assert_eq!(meddler.left(), 8, "it is asked twice, no more");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_write_whose_connection_breaks_is_not_made_again() {
    let db = TestDatabase::mysql().await;
    let meddler = Meddler::before(&db).await;
    let served = served_behind(&meddler, &db).await;
    meddler.meddle(Meddling::CutOff, "INSERT INTO `diving_centers`", 1);
    let (status, body) = served.post("/centers", &center("c", 2.0, 2.0)).await;
    assert_eq!(status, 503, "{body}");
    assert_eq!(meddler.left(), 0);
    assert_eq!(db.number("SELECT COUNT(*) FROM diving_centers").await, 1);
}

/// All connections that the pool holds are broken then.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_read_after_the_server_ended_every_connection_is_answered() {
    let db = TestDatabase::mysql().await;
    let url = db.user_with("SELECT").await;
    let user = url::Url::parse(&url).unwrap().username().to_owned();
    let served = Served::start(&["--database-url", &url, "--no-connection-test"]);
    for _ in 0..3 {
        let path = "/nearby?lat=1&lng=1";
        let many = futures_util::future::join_all((0..8).map(|_| served.get(path))).await;
        assert!(many.iter().all(|(status, _)| *status == 200), "{many:?}");
        let ids = format!("SELECT ID FROM performance_schema.processlist WHERE USER = '{user}'");
        let ids: Vec<u64> = sqlx::query_scalar(sqlx::AssertSqlSafe(ids))
            .fetch_all(db.mysql_pool())
            .await
            .unwrap();
        assert!(ids.len() > 1, "several connections are open");
        for id in ids {
            // It may have gone by itself.
            let _ = db.try_execute(&format!("KILL {id}")).await;
        }
        let (status, body) = served.get(path).await;
        assert_eq!(status, 200, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_read_whose_connection_is_killed_under_way_is_answered() {
    let db = TestDatabase::mysql().await;
    let url = db.user_with("SELECT").await;
    let user = url::Url::parse(&url).unwrap().username().to_owned();
    let served = Served::start(&["--database-url", &url]);
    db.insert(1, "1.0, 1.0", &db.location(Some((1.0, 1.0))))
        .await;
    let mut locking = db.mysql_pool().acquire().await.unwrap();
    locking
        .execute("LOCK TABLES diving_centers WRITE")
        .await
        .unwrap();
    let killed_and_unlocked = async {
        let waiting = format!(
            "SELECT CAST(COALESCE(MAX(ID), 0) AS SIGNED) FROM performance_schema.processlist \
             WHERE USER = '{user}' AND STATE LIKE 'Waiting for table%'"
        );
        let under_way = loop {
            match db.number(&waiting).await {
                0 => tokio::time::sleep(Duration::from_millis(10)).await,
                id => break id,
            }
        };
        db.execute(&format!("KILL {under_way}")).await;
        locking.execute("UNLOCK TABLES").await.unwrap();
    };
    let ((status, body), ()) = tokio::join!(served.get("/centers/1"), killed_and_unlocked);
    assert_eq!((status, &body["id"]), (200, &json!(1)), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_server_that_refuses_for_a_while_is_told_with_what_ails_it_and_when_to_come_again() {
    let db = TestDatabase::mysql().await;
    let meddler = Meddler::before(&db).await;
    let served = served_behind(&meddler, &db).await;
    for (number, ailment) in [
        (3032, "offline mode"),
        (1461, "no more prepared statements"),
        (1040, "no more connections"),
        (1114, "no room left"),
    ] {
        for path in READS {
            meddler.meddle(Meddling::Refuse(number), "", usize::MAX);
            let (status, retry_after, body) = status_of(&served, path).await;
            assert_eq!(status, 503, "{number} at {path}: {body}");
            assert!(retry_after.is_some(), "{number} at {path}");
            assert!(body.contains(ailment), "{number} at {path}: {body}");
        }
        let (status, body) = served.post("/centers", &center("c", 2.0, 2.0)).await;
        assert_eq!(status, 503, "{body}");
        assert!(body.to_string().contains(ailment), "{body}");
        meddler.meddle(Meddling::Refuse(number), "", 0);
        let (status, _, body) = status_of(&served, "/centers/1").await;
        assert_eq!(status, 200, "after {number}: {body}");
    }
}
