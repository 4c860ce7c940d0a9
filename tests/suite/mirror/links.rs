//! What other tables say of centers: ratings, organizations, settings.

use serde_json::json;

use super::{held, mirror, reloads, soon_the_same};
use crate::api::server::{TestServer, center};

async fn with_links() -> (TestServer, Vec<i64>) {
    let server = mirror().await;
    let ids = server
        .seed(&[center("a", 1.0, 1.0), center("b", 2.0, 2.0)])
        .await;
    (server, ids)
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn ratings_of_others_come_change_and_go() {
    let (server, ids) = with_links().await;
    let db = &server.db;
    let path = "/nearest?lat=1&lng=1&min_rating=7";
    for (statement, found) in [
        (
            "INSERT INTO center_ratings (diving_center_id, user_id, score) VALUES ({a}, 1, 8), ({b}, 1, 3)",
            vec![ids[0]],
        ),
        (
            "UPDATE center_ratings SET score = 9 WHERE diving_center_id = {b}",
            ids.clone(),
        ),
        (
            "UPDATE center_ratings SET diving_center_id = {b}, user_id = 2 WHERE diving_center_id = {a}",
            vec![ids[1]],
        ),
        ("DELETE FROM center_ratings", vec![]),
    ] {
        let statement = statement
            .replace("{a}", &ids[0].to_string())
            .replace("{b}", &ids[1].to_string());
        db.execute(&statement).await;
        server
            .soon(&statement, async || server.found_ids(path).await == found)
            .await;
        soon_the_same(&server).await;
    }
    assert_eq!(reloads(&server, "schema").await, 0.0);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn organizations_of_others_come_change_and_go() {
    let (server, ids) = with_links().await;
    let db = &server.db;
    db.execute("INSERT INTO diving_organizations (id, name, acronym) VALUES (1, 'One', 'O1'), (2, 'Two', 'O2')")
        .await;
    db.execute(&format!(
        "INSERT INTO diving_center_organizations (diving_center_id, diving_organization_id) \
         VALUES ({0}, 1), ({0}, 2), ({1}, 2)",
        ids[0], ids[1]
    ))
    .await;
    let members = async |name: &str| {
        let path = format!("/nearest?lat=1&lng=1&organization={name}");
        server.found_ids(&path).await
    };
    server
        .soon("the first is of the first", async || {
            members("o1").await == [ids[0]]
        })
        .await;
    server
        .soon("both are of the second", async || {
            members("two").await == ids
        })
        .await;
    db.execute("UPDATE diving_organizations SET name = 'Three' WHERE id = 2")
        .await;
    server
        .soon("it has another name", async || {
            members("three").await == ids
        })
        .await;
    assert_eq!(members("two").await, [0_i64; 0]);
    // What goes with it is in the log since MySQL 9.6, and no answer has it before.
    db.execute("DELETE FROM diving_organizations WHERE id = 2")
        .await;
    server
        .soon("nobody is of it", async || {
            members("three").await.is_empty()
        })
        .await;
    soon_the_same(&server).await;
    assert_eq!(reloads(&server, "schema").await, 0.0);
}

/// Another center that takes the number of one that is gone.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_center_that_comes_back_has_what_other_tables_kept_of_it() {
    let (server, ids) = with_links().await;
    let db = &server.db;
    db.execute(&format!(
        "INSERT INTO center_ratings (diving_center_id, user_id, score) VALUES ({}, 1, 8)",
        ids[0]
    ))
    .await;
    soon_the_same(&server).await;
    db.execute(&format!("DELETE FROM diving_centers WHERE id = {}", ids[0]))
        .await;
    soon_the_same(&server).await;
    db.execute(&format!(
        "INSERT INTO diving_centers (id, name, latitude, longitude) VALUES ({}, 'c', 3, 3)",
        ids[0]
    ))
    .await;
    soon_the_same(&server).await;
    assert_eq!(held(&server, "&min_rating=8").await.len(), 1);
}

/// Nothing is asked from time to time.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_setting_of_others_is_followed() {
    let (server, ids) = with_links().await;
    let db = &server.db;
    db.execute(&format!(
        "INSERT INTO center_ratings (diving_center_id, user_id, score) VALUES ({}, 1, 8)",
        ids[0]
    ))
    .await;
    let shown = async || {
        let answer = server.found("/nearest?lat=1&lng=1").await;
        answer.to_string().contains("average_rating")
    };
    server.soon("ratings are seen", &shown).await;
    db.execute(
        "INSERT INTO settings (`key`, value) VALUES ('disable_diving_center_reviews', 'true')",
    )
    .await;
    server
        .soon("they are hidden", async || !shown().await)
        .await;
    db.execute("DELETE FROM settings").await;
    server.soon("they are seen again", &shown).await;
    let path = "/settings/disable_diving_center_reviews";
    let hiding = server.request(reqwest::Method::PUT, path).key();
    let hiding = hiding.json(&json!({ "value": true })).send().await;
    assert_eq!(hiding.status, 200);
    assert!(!shown().await, "the next answer goes by it");
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn names_of_others_are_followed() {
    let (server, ids) = with_links().await;
    let found = async |name: &str| server.found_ids(&format!("/search?q={name}")).await;
    assert_eq!(found("a").await, [ids[0]]);
    server
        .db
        .execute("UPDATE diving_centers SET name = 'Zanzibar' WHERE name = 'b'")
        .await;
    server
        .soon("it is found by its new name", async || {
            found("zanz").await == [ids[1]]
        })
        .await;
    server
        .db
        .execute("INSERT INTO diving_centers (name) VALUES ('Nowhere')")
        .await;
    server
        .soon("one without a place is found", async || {
            found("nowh").await.len() == 1
        })
        .await;
    server.db.execute("DELETE FROM diving_centers").await;
    server
        .soon("none is found", async || found("zanz").await.is_empty())
        .await;
}
