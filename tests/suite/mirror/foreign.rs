//! What other applications write is found.

use std::time::{Duration, Instant};

use nearby::domain::FieldKind;
use nearby::store::{Attribute, ColumnName};
use sqlx::{AssertSqlSafe, Executor as _};

use super::{difference, held, metric, mirror, mirror_of, reloads, soon_the_same};
use crate::api::collections::shops;
use crate::api::server::TestServer;
use crate::support::{OwnServer, TestDatabase};

const INSERT: &str = "INSERT INTO diving_centers (id, name, latitude, longitude, country) VALUES";

/// How long until an id is found, or is not any more.
async fn until_found(server: &TestServer, id: i64, found: bool) -> Duration {
    let started = Instant::now();
    server
        .soon("it is found, or is not", async || {
            held(server, "").await.iter().any(|row| row.0 == id) == found
        })
        .await;
    started.elapsed()
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn rows_of_others_come_change_and_go_within_a_moment() {
    let server = mirror().await;
    let db = &server.db;
    db.execute(&format!("{INSERT} (7, 'new', 1, 2, 'GR')"))
        .await;
    let took = until_found(&server, 7, true).await;
    db.execute("UPDATE diving_centers SET name = 'other', longitude = 3 WHERE id = 7")
        .await;
    soon_the_same(&server).await;
    db.execute("UPDATE diving_centers SET id = -8 WHERE id = 7")
        .await;
    until_found(&server, 7, false).await;
    until_found(&server, -8, true).await;
    db.execute("UPDATE diving_centers SET latitude = NULL WHERE id = -8")
        .await;
    until_found(&server, -8, false).await;
    db.execute("UPDATE diving_centers SET latitude = 5 WHERE id = -8")
        .await;
    until_found(&server, -8, true).await;
    db.execute("DELETE FROM diving_centers").await;
    until_found(&server, -8, false).await;
    assert_eq!(difference(&server).await, None);
    assert!(took < Duration::from_secs(3), "it took {took:?}");
    assert_eq!(
        reloads(&server, "start").await,
        2.0,
        "one of each collection"
    );
    assert_eq!(reloads(&server, "schema").await, 0.0);
    assert!(metric(&server, "nearby_mirror_changes_total").await >= 7.0);
}

/// What is rolled back was never there, and a commit is found as a whole.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn what_is_not_committed_is_not_found() {
    let server = mirror().await;
    let mut theirs = server.db.mysql_pool().begin().await.unwrap();
    theirs
        .execute(AssertSqlSafe(format!(
            "{INSERT} (1, 'a', 1, 2, NULL), (2, 'b', 1, 2, NULL)"
        )))
        .await
        .unwrap();
    server
        .db
        .execute(&format!("{INSERT} (3, 'c', 1, 2, NULL)"))
        .await;
    until_found(&server, 3, true).await;
    assert_eq!(held(&server, "").await.len(), 1);
    theirs.rollback().await.unwrap();
    soon_the_same(&server).await;
}

/// By session, as a server would be set for all.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn short_row_images_and_compressed_transactions_are_understood() {
    let server = mirror().await;
    for setting in [
        "binlog_row_image = 'MINIMAL'",
        "binlog_row_image = 'NOBLOB'",
        "binlog_transaction_compression = ON",
        "binlog_row_value_options = 'PARTIAL_JSON'",
    ] {
        let mut theirs = server.db.mysql_pool().acquire().await.unwrap();
        for statement in [
            &*format!("SET SESSION {setting}"),
            "DELETE FROM diving_centers",
            &format!("{INSERT} (1, 'a', 1, 2, 'GR'), (2, 'b', 3, 4, NULL), (3, 'c', 5, 6, 'FR')"),
            "UPDATE diving_centers SET name = CONCAT(name, '!') WHERE id < 3",
            "UPDATE diving_centers SET id = 9 WHERE id = 3",
            "DELETE FROM diving_centers WHERE id = 2",
            "INSERT INTO center_ratings (diving_center_id, user_id, score) VALUES (1, 1, 5), (9, 1, 7)",
            "UPDATE center_ratings SET score = 9 WHERE diving_center_id = 1",
            "DELETE FROM center_ratings WHERE diving_center_id = 9",
        ] {
            let done = theirs.execute(AssertSqlSafe(statement.to_owned())).await;
            done.unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        soon_the_same(&server).await;
        assert_eq!(held(&server, "").await.len(), 2, "{setting}");
        theirs.execute("DELETE FROM center_ratings").await.unwrap();
        theirs.close_on_drop();
    }
    assert_eq!(reloads(&server, "undecodable").await, 0.0);
}

/// The rows are in the log when it is prepared, and seen when it is committed. Whoever has
/// not seen it being prepared has to load anew, so nobody else looks.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_transaction_of_xa_is_found_once_it_is_committed() {
    let alone = OwnServer::start();
    let server = mirror_of(TestDatabase::mysql_on(alone.url()).await, Vec::new()).await;
    let name = server.db.url().rsplit('/').next().unwrap();
    let mut theirs = server.db.mysql_pool().acquire().await.unwrap();
    for statement in [
        format!("XA START '{name}'"),
        format!("{INSERT} (1, 'a', 1, 2, NULL)"),
        format!("XA END '{name}'"),
        format!("XA PREPARE '{name}'"),
    ] {
        theirs.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    server
        .db
        .execute(&format!("{INSERT} (3, 'c', 1, 2, NULL)"))
        .await;
    until_found(&server, 3, true).await;
    assert_eq!(held(&server, "").await.len(), 1);
    let commit = format!("XA COMMIT '{name}'");
    theirs.execute(AssertSqlSafe(commit)).await.unwrap();
    until_found(&server, 1, true).await;
    assert_eq!(reloads(&server, "schema").await, 0.0);
}

/// A statement in place of its rows, as a session may still have it.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_statement_that_is_logged_as_such_is_followed_by_loading_anew() {
    let server = mirror().await;
    let mut theirs = server.db.mysql_pool().acquire().await.unwrap();
    theirs
        .execute("SET SESSION binlog_format = 'STATEMENT'")
        .await
        .unwrap();
    theirs
        .execute(AssertSqlSafe(format!("{INSERT} (1, 'a', 1, 2, NULL)")))
        .await
        .unwrap();
    theirs.close_on_drop();
    soon_the_same(&server).await;
    assert_eq!(held(&server, "").await.len(), 1);
    assert_eq!(reloads(&server, "schema").await, 1.0);
}

/// A table of another application, with a key without a sign and an attribute.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_declared_table_is_followed_by_its_own_key() {
    let db = TestDatabase::mysql().await;
    db.execute(
        "CREATE TABLE shops (title VARCHAR(50), shop_id INT UNSIGNED PRIMARY KEY, lat DOUBLE, \
         lon DOUBLE, country_code CHAR(2), stars VARCHAR(9))",
    )
    .await;
    let column = |name| ColumnName::new(name).unwrap();
    let stars = Attribute::new(column("stars"), FieldKind::Number, column("stars"));
    let shops = shops().with_attributes(vec![stars]).unwrap();
    let columns = db.database().columns(&shops).await.unwrap();
    let shops = shops.read_from(&columns);
    let server = mirror_of(db, vec![shops]).await;
    let stars = async |filter: &str| {
        let path = format!("/collections/shops/nearest?lat=1&lng=1{filter}");
        server.found(&path).await["centers"].clone()
    };
    server
        .db
        .execute("INSERT INTO shops VALUES ('a', 4000000000, 1, 1, 'GR', '4.5'), ('b', 2, 2, 2, NULL, NULL)")
        .await;
    server
        .soon("both are there", async || {
            stars("").await.as_array().unwrap().len() == 2
        })
        .await;
    server
        .db
        .execute("UPDATE shops SET stars = '3', title = 'c' WHERE shop_id = 4000000000")
        .await;
    server
        .soon("the stars are others", async || {
            let found = stars("&stars=..3.5").await;
            found[0]["id"] == 4_000_000_000_i64 && found[0]["name"] == "c"
        })
        .await;
}
