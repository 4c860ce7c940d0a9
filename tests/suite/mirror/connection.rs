//! The connection that the log comes by: lost, shut, and back again.

use std::time::Duration;

use nearby::store::Collection;
use nearby::store::feed::{FeedError, Reason};
use sqlx::{AssertSqlSafe, Executor as _};

use super::{difference, held, metric, mirror, reloads, soon_the_same};
use crate::api::server::{TestServer, center};
use crate::support::{Gate, OwnServer, TestDatabase};

const INSERT: &str = "INSERT INTO diving_centers (name, latitude, longitude) VALUES";

/// Ends the connections of a server's followers; gives how many there were.
pub(super) async fn kill_followers(server: &TestServer) -> usize {
    let name = server.db.url().rsplit('/').next().unwrap();
    let pool = server.db.mysql_pool();
    let ids: Vec<u64> = sqlx::query_scalar(
        "SELECT PROCESSLIST_ID FROM performance_schema.threads \
         WHERE PROCESSLIST_DB = ? AND PROCESSLIST_COMMAND LIKE 'Binlog Dump%'",
    )
    .bind(name)
    .fetch_all(pool)
    .await
    .unwrap();
    for id in &ids {
        // Gone by itself is as good.
        let _ = pool.execute(AssertSqlSafe(format!("KILL {id}"))).await;
    }
    ids.len()
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_connection_that_is_killed_under_load_loses_nothing() {
    let server = mirror().await;
    let mut killed = 0;
    for n in 0..40 {
        let insert = format!("{INSERT} ('c{n}', {n}, 1), ('d{n}', {n}, 2)");
        server.db.execute(&insert).await;
        if n % 10 == 5 {
            killed += kill_followers(&server).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    soon_the_same(&server).await;
    assert_eq!(held(&server, "").await.len(), 80);
    assert!(killed > 0, "there was something to kill");
    assert_eq!(reloads(&server, "start").await, 2.0);
    for reason in ["other_history", "undecodable", "unreadable"] {
        assert_eq!(reloads(&server, reason).await, 0.0, "{reason}");
    }
}

/// Searches go on meanwhile, the lag is told, and what was written is found afterwards.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_database_that_is_away_for_a_while_is_followed_from_where_it_was_left() {
    let db = TestDatabase::mysql().await;
    let gate = Gate::before(&db).await;
    let server = TestServer::start_mirror(db, gate.url(), Vec::new()).await;
    server.seed(&[center("before", 1.0, 1.0)]).await;
    server
        .soon("it is level", async || {
            metric(&server, "nearby_mirror_lag_seconds").await == 0.0
        })
        .await;
    gate.shut();
    server
        .db
        .execute(&format!("{INSERT} ('meanwhile', 2, 2)"))
        .await;
    server
        .soon("it lags", async || {
            metric(&server, "nearby_mirror_lag_seconds").await > 0.5
        })
        .await;
    assert_eq!(held(&server, "").await.len(), 1);
    gate.open();
    soon_the_same(&server).await;
    assert_eq!(held(&server, "").await.len(), 2);
    assert_eq!(reloads(&server, "start").await, 2.0);
}

/// Removes all binary logs but the one that is written.
async fn purge_logs(server: &TestServer) {
    let pool = server.db.mysql_pool();
    pool.execute("FLUSH BINARY LOGS").await.unwrap();
    let status: (String, u64, String, String, String) = sqlx::query_as("SHOW BINARY LOG STATUS")
        .fetch_one(pool)
        .await
        .unwrap();
    let purge = format!("PURGE BINARY LOGS TO '{}'", status.0);
    pool.execute(AssertSqlSafe(purge)).await.unwrap();
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_log_that_was_removed_meanwhile_is_made_up_for_by_loading_anew() {
    let alone = OwnServer::start();
    let db = TestDatabase::mysql_on(alone.url()).await;
    let gate = Gate::before(&db).await;
    let server = TestServer::start_mirror(db, gate.url(), Vec::new()).await;
    server.seed(&[center("before", 1.0, 1.0)]).await;
    let feed = server.db.database().feed().unwrap();
    let before = feed.present().await.unwrap();
    gate.shut();
    server
        .db
        .execute(&format!("{INSERT} ('meanwhile', 2, 2)"))
        .await;
    // Whoever still reads an older one keeps it.
    let collections = [Collection::diving_centers()];
    loop {
        purge_logs(&server).await;
        match feed.open(&collections, &before).await {
            Err(FeedError::Ended(Reason::Purged, _)) => break,
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    gate.open();
    soon_the_same(&server).await;
    assert_eq!(held(&server, "").await.len(), 2);
    assert_eq!(reloads(&server, "purged").await, 2.0, "of each collection");
    // And it is followed from there.
    server
        .db
        .execute(&format!("{INSERT} ('after', 3, 3)"))
        .await;
    soon_the_same(&server).await;
    assert_eq!(difference(&server).await, None);
}

/// As one that was restored from a backup.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_server_that_lacks_what_was_read_is_not_followed_from_there() {
    let db = TestDatabase::mysql().await;
    let feed = db.database().feed().unwrap();
    let mut read = feed.present().await.unwrap();
    let elsewhere = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee:1-7".parse().unwrap();
    read.merge(&elsewhere);
    let opened = feed.open(&[Collection::diving_centers()], &read).await;
    let Err(FeedError::Ended(reason, said)) = opened else {
        panic!("it is not followed");
    };
    assert_eq!(reason, Reason::OtherHistory, "{said}");
}

/// Transactions that somebody gave a tag, and holes between numbers.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn sets_with_tags_and_holes_are_followed() {
    let server = mirror().await;
    let random: u64 = rand::random();
    let uuid = format!(
        "aaaaaaaa-bbbb-cccc-{:04x}-{:012x}",
        random & 0xffff,
        random >> 16
    );
    for (gtid, latitude) in [
        (format!("{uuid}:7"), 1),
        (format!("{uuid}:blue:3"), 2),
        (format!("{uuid}:1000003"), 3),
        ("AUTOMATIC:nearby".to_owned(), 4),
    ] {
        let mut theirs = server.db.mysql_pool().acquire().await.unwrap();
        for statement in [
            format!("SET SESSION gtid_next = '{gtid}'"),
            format!("{INSERT} ('{gtid}', {latitude}, 1)"),
        ] {
            let done = theirs.execute(AssertSqlSafe(statement)).await;
            done.unwrap_or_else(|error| panic!("{gtid}: {error}"));
        }
        theirs.close_on_drop();
        soon_the_same(&server).await;
        // Asked for again, from a set with all these.
        kill_followers(&server).await;
    }
    server.db.execute(&format!("{INSERT} ('last', 5, 5)")).await;
    soon_the_same(&server).await;
    assert_eq!(held(&server, "").await.len(), 5);
    assert_eq!(reloads(&server, "other_history").await, 0.0);
    assert_eq!(reloads(&server, "undecodable").await, 0.0);
}
