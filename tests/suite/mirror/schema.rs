//! Tables that change their shape, or take each other's place.

use super::{held, mirror, mirror_of, reloads, soon_the_same};
use crate::api::collections::shops;
use crate::api::server::{TestServer, center};

async fn filled() -> TestServer {
    let server = mirror().await;
    let seed: Vec<_> = (0..20).map(|n| center("c", f64::from(n), 1.0)).collect();
    server.seed(&seed).await;
    server
}

/// What a foreign writer does afterwards is followed by its key: the columns are known.
async fn is_followed(server: &TestServer) {
    soon_the_same(server).await;
    let loads = reloads(server, "schema").await;
    server
        .db
        .execute(
            "INSERT INTO diving_centers (id, name, latitude, longitude, location) \
             VALUES (777, 'x', 7, 7, ST_SRID(POINT(7, 7), 4326)); UPDATE diving_centers SET name = 'y' WHERE id = 777",
        )
        .await;
    soon_the_same(server).await;
    assert!(held(server, "").await.iter().any(|row| row.0 == 777));
    assert_eq!(reloads(server, "schema").await, loads);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_whose_columns_change_is_loaded_anew_and_followed() {
    let server = filled().await;
    assert_eq!(reloads(&server, "schema").await, 0.0);
    server
        .db
        .execute(
            "ALTER TABLE diving_centers ADD COLUMN before_all INT FIRST; \
             INSERT INTO diving_centers (name, latitude, longitude) VALUES ('between', 3, 3); \
             ALTER TABLE diving_centers MODIFY id BIGINT AUTO_INCREMENT AFTER name; \
             UPDATE diving_centers SET name = 'again' WHERE name = 'between'",
        )
        .await;
    is_followed(&server).await;
    assert!(reloads(&server, "schema").await >= 1.0);
}

/// Expressions in indexes are hidden columns: the log has no word of them.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_key_that_was_added_after_indexes_of_expressions_is_found() {
    let db = crate::support::TestDatabase::mysql().await;
    db.execute(
        "CREATE TABLE shops (title VARCHAR(50), lat DOUBLE, lon DOUBLE, country_code CHAR(2), \
         INDEX sums ((lat + lon), title, (lat * lon))); \
         ALTER TABLE shops ADD COLUMN shop_id INT UNSIGNED PRIMARY KEY",
    )
    .await;
    let shops = shops();
    let columns = db.database().columns(&shops).await.unwrap();
    let server = mirror_of(db, vec![shops.read_from(&columns)]).await;
    server
        .db
        .execute("INSERT INTO shops VALUES ('a', 1, 1, 'GR', 4000000000), ('b', 2, 2, NULL, 2)")
        .await;
    let found = async || {
        server
            .found_ids("/collections/shops/nearest?lat=1&lng=1")
            .await
    };
    server
        .soon("both are there", async || {
            found().await == [4_000_000_000, 2]
        })
        .await;
    assert_eq!(reloads(&server, "schema").await, 0.0);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_that_is_emptied_is_empty() {
    let server = filled().await;
    server.db.execute("TRUNCATE diving_centers").await;
    is_followed(&server).await;
    assert_eq!(held(&server, "").await.len(), 1);
}

/// As gh-ost and pt-online-schema-change do.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_that_takes_the_others_place_is_followed() {
    let server = filled().await;
    server
        .db
        .execute(
            "CREATE TABLE _diving_centers_gho LIKE diving_centers; \
             ALTER TABLE _diving_centers_gho ADD COLUMN extra INT FIRST; \
             INSERT INTO _diving_centers_gho (id, name, latitude, longitude, location) \
             SELECT id, CONCAT(name, ' copied'), latitude, longitude, location FROM diving_centers; \
             RENAME TABLE diving_centers TO _diving_centers_del, _diving_centers_gho TO diving_centers; \
             UPDATE _diving_centers_del SET name = 'left behind'",
        )
        .await;
    is_followed(&server).await;
    assert!(
        held(&server, "")
            .await
            .iter()
            .all(|row| row.1 != "left behind")
    );
}

/// The old index answers, and the new table is found once it is there.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_that_is_dropped_and_made_again_is_followed() {
    let server = filled().await;
    server
        .db
        .execute(
            "CREATE TABLE kept LIKE diving_centers; \
             INSERT INTO kept SELECT * FROM diving_centers LIMIT 3; \
             DROP TABLE diving_centers",
        )
        .await;
    server
        .soon("it is not ready", async || {
            server.get("/readyz").send().await.status == 503
        })
        .await;
    assert_eq!(held(&server, "").await.len(), 20);
    server
        .db
        .execute("RENAME TABLE kept TO diving_centers")
        .await;
    is_followed(&server).await;
    assert_eq!(held(&server, "").await.len(), 4);
}

/// The tables of other databases on the server are none of ours.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn the_same_tables_of_another_database_are_passed_over() {
    let server = filled().await;
    let other = crate::support::TestDatabase::mysql().await;
    other
        .execute(
            "INSERT INTO diving_centers (id, name, latitude, longitude) VALUES (778, 'x', 7, 7); \
             ALTER TABLE diving_centers ADD COLUMN extra INT",
        )
        .await;
    drop(other);
    is_followed(&server).await;
    assert_eq!(reloads(&server, "schema").await, 0.0);
    assert!(held(&server, "").await.iter().all(|row| row.0 != 778));
}
