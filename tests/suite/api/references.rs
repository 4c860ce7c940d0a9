//! Deleting what rows of other applications' tables refer to.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Executor as _;

use super::server::{Answer, TestServer, center};
use crate::support::{TestDatabase, on_both_stores};

async fn delete(server: &TestServer, path: &str) -> Answer {
    server.request(Method::DELETE, path).key().send().await
}

/// Tables of a neighbour, each with a row that refers to one of ours, and how many
/// there are in all.
async fn refer(server: &TestServer, ours: &str, id: &Value) {
    let kind = if server.db.is_mysql() {
        "BIGINT"
    } else {
        "INTEGER"
    };
    for (table, rule) in [
        ("comments", "ON DELETE CASCADE"),
        ("gear", "ON DELETE SET NULL"),
        ("bills", ""),
    ] {
        let sql = format!(
            "CREATE TABLE {ours}_{table} (ours {kind}, FOREIGN KEY (ours) REFERENCES {ours} (id) {rule}); \
             INSERT INTO {ours}_{table} VALUES ({id})"
        );
        server.db.execute(&sql).await;
    }
}

async fn referring(server: &TestServer, ours: &str) -> i64 {
    let counts = ["comments", "gear", "bills"]
        .map(|table| format!("(SELECT COUNT(ours) FROM {ours}_{table})"))
        .join(" + ");
    server.db.number(&format!("SELECT {counts}")).await
}

on_both_stores! {
    async fn what_others_refer_to_is_kept_with_their_rows_unless_these_are_to_go_along(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let id = json!(server.seed(&[center("a", 1.0, 1.0)]).await[0]);
        let organization = json!({ "name": "one", "acronym": "o" });
        let organization = server.post("/organizations", &organization).send().await.json()["id"].clone();
        let join = json!({ "organization_id": organization });
        let joined = server.post(&format!("/centers/{id}/organizations"), &join).send().await.json();
        for (ours, id, path) in [
            ("diving_centers", &id, format!("/centers/{id}")),
            ("diving_organizations", &organization, format!("/organizations/{organization}")),
        ] {
            refer(&server, ours, id).await;
            let tables = format!("{ours}_bills, {ours}_comments, {ours}_gear");
            let problem = delete(&server, &path).await.problem(409, "in_use");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(&tables) && !detail.contains("cascade"), "{detail}");
            delete(&server, &format!("{path}?cascade=yes")).await.problem(400, "parameter_invalid");
            // What must not go keeps what would, too.
            let problem = delete(&server, &format!("{path}?cascade=true")).await.problem(409, "in_use");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(&format!("of {ours}_bills refer")), "{detail}");
            assert_eq!(referring(&server, ours).await, 3);
            server.db.execute(&format!("DELETE FROM {ours}_bills")).await;
            let problem = delete(&server, &format!("{path}?cascade=false")).await.problem(409, "in_use");
            assert!(problem["detail"].as_str().unwrap().contains("?cascade=true"), "{problem}");
            assert_eq!(referring(&server, ours).await, 2);
        }
        // What goes with a center may be referred to as well.
        let kind = if server.db.is_mysql() { "BIGINT" } else { "INTEGER" };
        server.db.execute(&format!(
            "DELETE FROM diving_centers_comments; DELETE FROM diving_centers_gear; \
             CREATE TABLE certificates (membership {kind}, FOREIGN KEY (membership) \
               REFERENCES diving_center_organizations (id) ON DELETE CASCADE); \
             INSERT INTO certificates VALUES ({})", joined["id"]
        )).await;
        let certificates = "SELECT COUNT(*) FROM certificates";
        for path in [format!("/centers/{id}"), format!("/organizations/{organization}")] {
            let problem = delete(&server, &path).await.problem(409, "in_use");
            assert!(problem["detail"].as_str().unwrap().contains("certificates"), "{problem}");
        }
        assert_eq!(server.db.number(certificates).await, 1);
        assert_eq!(server.found_ids("/nearby?lat=1&lng=1&organization=o").await, [id.as_i64().unwrap()]);
        assert_eq!(delete(&server, &format!("/centers/{id}?cascade=true")).await.status, 204);
        assert_eq!(delete(&server, &format!("/organizations/{organization}?cascade=true")).await.status, 204);
        assert_eq!(server.db.number(certificates).await, 0);
        assert_eq!(referring(&server, "diving_organizations").await, 0);
        assert!(server.found_ids("/nearby?lat=1&lng=1").await.is_empty());
    }

    async fn a_row_that_refers_to_another_of_its_table_keeps_that_and_not_itself(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[center("a", 1.0, 1.0), center("b", 1.0, 1.0)]).await;
        let column = "ALTER TABLE diving_centers ADD COLUMN parent_id BIGINT";
        let column = if server.db.is_mysql() {
            format!("{column}, ADD FOREIGN KEY (parent_id) REFERENCES diving_centers (id)")
        } else {
            format!("{column} REFERENCES diving_centers (id)")
        };
        server.db.execute(&column).await;
        // MySQL 9 itself keeps a row that refers to itself.
        let which = if server.db.is_mysql() { ids[1] } else { ids[0] };
        let refer = format!("UPDATE diving_centers SET parent_id = {} WHERE id >= {which}", ids[0]);
        server.db.execute(&refer).await;
        let problem = delete(&server, &format!("/centers/{}", ids[0])).await.problem(409, "in_use");
        assert!(problem["detail"].as_str().unwrap().contains("diving_centers"), "{problem}");
        for id in [ids[1], ids[0]] {
            assert_eq!(delete(&server, &format!("/centers/{id}")).await.status, 204);
        }
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_row_that_comes_to_refer_to_a_center_meanwhile_keeps_it() {
    let server = TestServer::start(TestDatabase::mysql().await).await;
    let id = server.seed(&[center("a", 1.0, 1.0)]).await[0];
    server
        .db
        .execute(
            "CREATE TABLE comments (ours BIGINT, FOREIGN KEY (ours) REFERENCES diving_centers (id) \
             ON DELETE CASCADE)",
        )
        .await;
    let mut theirs = server.db.mysql_pool().begin().await.unwrap();
    let insert = format!("INSERT INTO comments VALUES ({id})");
    theirs.execute(sqlx::AssertSqlSafe(insert)).await.unwrap();
    let path = format!("/centers/{id}");
    let deleting = delete(&server, &path);
    let committing = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        theirs.commit().await.unwrap();
    };
    let (answer, ()) = tokio::join!(deleting, committing);
    answer.problem(409, "in_use");
    assert_eq!(server.db.number("SELECT COUNT(*) FROM comments").await, 1);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_row_that_keeps_one_that_would_go_along_is_told_with_its_table() {
    let server = TestServer::start(TestDatabase::mysql().await).await;
    let id = server.seed(&[center("a", 1.0, 1.0)]).await[0];
    server
        .db
        .execute(&format!(
            "CREATE TABLE comments (id BIGINT PRIMARY KEY, ours BIGINT, \
                 FOREIGN KEY (ours) REFERENCES diving_centers (id) ON DELETE CASCADE); \
             CREATE TABLE replies (comment BIGINT, FOREIGN KEY (comment) REFERENCES comments (id)); \
             INSERT INTO comments VALUES (1, {id}); INSERT INTO replies VALUES (1)"
        ))
        .await;
    let problem = delete(&server, &format!("/centers/{id}?cascade=true")).await;
    let problem = problem.problem(409, "in_use");
    let detail = problem["detail"].as_str().expect("it has one");
    assert!(detail.contains("of replies refer"), "{problem}");
    assert_eq!(server.db.number("SELECT COUNT(*) FROM comments").await, 1);
}
