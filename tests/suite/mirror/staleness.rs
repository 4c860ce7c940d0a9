//! An index that is behind: who is told, and what becomes of searches.

use std::time::Duration;

use nearby::catalog::{Freshness, WhenStale};

use super::connection::kill_followers;
use super::metric;
use crate::api::server::{TestServer, center};
use crate::cli::process::run;
use crate::support::{Gate, TestDatabase};

const RIGHTS: &str = "SELECT, INSERT, UPDATE, DELETE";
const HERE: &str = "/nearby?lat=1&lng=1&radius_m=100";

async fn stale_after_a_second(
    db: TestDatabase,
    url: &str,
    when_stale: Option<WhenStale>,
) -> TestServer {
    let server = TestServer::start_mirror_with(db, url, Vec::new(), |settings| {
        settings.watched.freshness = when_stale.map(|when_stale| Freshness {
            max_lag: Duration::from_secs(1),
            when_stale,
        });
    })
    .await;
    server.seed(&[center("before", 1.0, 1.0)]).await;
    server
        .soon("it is level", async || {
            metric(&server, "nearby_mirror_lag_seconds").await == 0.0
        })
        .await;
    let level = server.get(HERE).send().await;
    assert!(level.headers.get("x-nearby-lag").is_none());
    server
}

/// A user who may follow the log; and one whose right can be taken away.
async fn with_follower() -> (TestDatabase, String, String) {
    let db = TestDatabase::mysql().await;
    let url = db.user_with(RIGHTS).await;
    let user = url::Url::parse(&url).unwrap().username().to_owned();
    db.execute(&format!("GRANT REPLICATION SLAVE ON *.* TO `{user}`"))
        .await;
    (db, url, user)
}

async fn found_with_lag(server: &TestServer) -> (u64, Option<u32>) {
    let answer = server.get(HERE).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let lag = answer.headers.get("x-nearby-lag");
    let lag = lag.map(|lag| lag.to_str().unwrap().parse().unwrap());
    (answer.json()["count"].as_u64().unwrap(), lag)
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn an_index_that_is_behind_has_the_database_asked_until_it_is_level() {
    let (db, url, user) = with_follower().await;
    let server = stale_after_a_second(db, &url, Some(WhenStale::Sql)).await;
    server
        .db
        .execute(&format!("REVOKE REPLICATION SLAVE ON *.* FROM `{user}`"))
        .await;
    kill_followers(&server).await;
    server
        .db
        .execute(
            "INSERT INTO diving_centers (name, latitude, longitude) VALUES ('meanwhile', 1, 1)",
        )
        .await;
    server
        .soon("the database is asked", async || {
            found_with_lag(&server).await == (2, None)
        })
        .await;
    assert!(metric(&server, "nearby_mirror_lag_seconds").await > 1.0);
    let shown = server.found("/within?bbox=0,0,2,2&zoom=3").await;
    assert!(shown.to_string().contains("\"point_count\":2"), "{shown}");
    server
        .db
        .execute(&format!("GRANT REPLICATION SLAVE ON *.* TO `{user}`"))
        .await;
    server
        .soon("it is level again", async || {
            metric(&server, "nearby_mirror_lag_seconds").await == 0.0
        })
        .await;
    assert_eq!(found_with_lag(&server).await, (2, None));
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn while_the_database_is_away_answers_come_from_memory_and_say_how_far_it_is_behind() {
    for when_stale in [None, Some(WhenStale::Answer), Some(WhenStale::Sql)] {
        let db = TestDatabase::mysql().await;
        let gate = Gate::before(&db).await;
        let server = stale_after_a_second(db, gate.url(), when_stale).await;
        gate.shut();
        server
            .soon(
                "the lag is told",
                async || matches!(found_with_lag(&server).await, (1, Some(lag)) if lag >= 2),
            )
            .await;
        for path in [
            "/within?bbox=0,0,2,2",
            "/within?bbox=0,0,2,2&zoom=3",
            "/nearest?lat=1&lng=1&fields=id",
        ] {
            let answer = server.get(path).send().await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            assert!(answer.header("x-nearby-lag").parse::<u32>().unwrap() >= 2);
        }
        gate.open();
        server
            .soon("nothing is told any more", async || {
                found_with_lag(&server).await == (1, None)
            })
            .await;
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn where_that_is_wanted_stale_answers_are_refused() {
    let db = TestDatabase::mysql().await;
    let gate = Gate::before(&db).await;
    let server = stale_after_a_second(db, gate.url(), Some(WhenStale::Refuse)).await;
    gate.shut();
    server
        .soon("it is refused", async || {
            server.get(HERE).send().await.status == 503
        })
        .await;
    for path in [
        HERE,
        "/nearest?lat=1&lng=1",
        "/within?bbox=0,0,2,2",
        "/within?bbox=0,0,2,2&zoom=3",
        "/nearby?lat=1&lng=1&radius_m=100&facets=country",
        "/readyz",
    ] {
        let answer = server.get(path).send().await;
        answer.problem(503, "index_stale");
        assert_eq!(answer.header("retry-after"), "1", "{path}");
    }
    gate.open();
    server
        .soon("it is answered", async || {
            server.get(HERE).send().await.status == 200
        })
        .await;
}

#[test]
fn a_lag_that_is_none_is_refused_at_the_start() {
    for (flag, value) in [
        ("--max-lag", "0"),
        ("--max-lag", "1h"),
        ("--when-stale", "wait"),
    ] {
        let ended = run(&["serve", "--database-url", "sqlite:none.gpkg", flag, value]);
        ended.assert(2, &[flag, value]);
    }
}
