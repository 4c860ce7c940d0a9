//! Writes of the instance itself, beside those of others.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor as _};

use super::{difference, mirror, soon_the_same};
use crate::api::server::center;

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn what_was_written_is_found_by_the_next_search() {
    let server = mirror().await;
    for n in 0..30 {
        let latitude = 1.0 + f64::from(n) / 10.0;
        let id = server.seed(&[center("one", latitude, 1.0)]).await[0];
        let here = format!("/nearby?lat={latitude}&lng=1&radius_m=10");
        assert_eq!(server.found_ids(&here).await, [id]);
        let path = format!("/centers/{id}");
        let patched = server.request(Method::PATCH, &path).key();
        let patched = patched.merge_patch(&json!({"longitude": 2})).send().await;
        assert_eq!(patched.status, 200);
        assert_eq!(server.found_ids(&here).await, [0_i64; 0]);
        let there = format!("/nearby?lat={latitude}&lng=2&radius_m=10");
        assert_eq!(server.found_ids(&there).await, [id]);
        let deleted = server.request(Method::DELETE, &path).key().send().await;
        assert_eq!(deleted.status, 204);
        assert_eq!(server.found_ids(&there).await, [0_i64; 0]);
    }
    assert_eq!(difference(&server).await, None);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn organizations_that_are_written_are_found_by_the_next_search() {
    let server = mirror().await;
    let id = server.seed(&[center("one", 1.0, 1.0)]).await[0];
    let organization = json!({"name": "Padding", "acronym": "PAD"});
    let created = server.post("/organizations", &organization).send().await;
    let organization = created.json()["id"].as_i64().unwrap();
    let path = format!("/centers/{id}/organizations");
    let joined = server
        .post(&path, &json!({"organization_id": organization}))
        .send()
        .await;
    assert_eq!(joined.status, 201, "{}", joined.text());
    let members = "/nearest?lat=1&lng=1&organization=pad";
    assert_eq!(server.found_ids(members).await, [id]);
    let path = format!("/centers/{id}/organizations/{organization}");
    let parted = server.request(Method::DELETE, &path).key().send().await;
    assert_eq!(parted.status, 204);
    assert_eq!(server.found_ids(members).await, [0_i64; 0]);
}

/// Each writes the same rows, and in the end the index has what the table has.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn many_writers_of_the_same_rows_leave_the_index_at_what_the_table_has() {
    let server = mirror().await;
    let seed: Vec<_> = (0..20).map(|n| center("c", f64::from(n), 1.0)).collect();
    let ids = server.seed(&seed).await;
    let ours = (0..4).map(|writer| {
        let (server, ids) = (&server, &ids);
        async move {
            for n in 0..40_u8 {
                let id = ids[(usize::from(n) * 7 + writer * 3) % ids.len()];
                let name = format!("w{writer} n{n}");
                let longitude = f64::from(n);
                let path = format!("/centers/{id}");
                let put = server.request(Method::PUT, &path).key();
                let put = put.json(&center(&name, 5.0, longitude)).send().await;
                assert_eq!(put.status, 200, "{}", put.text());
            }
        }
    });
    let theirs = (0..3).map(|writer| {
        let (server, ids) = (&server, &ids);
        async move {
            for n in 0..60 {
                let id = ids[(n * 3 + writer * 5) % ids.len()];
                let name = format!("x{writer} n{n}");
                server
                    .db
                    .execute(&format!(
                        "UPDATE diving_centers SET name = '{name}', latitude = {n} WHERE id = {id}"
                    ))
                    .await;
            }
        }
    });
    tokio::join!(join_all(ours), join_all(theirs));
    soon_the_same(&server).await;
    // And stays so.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(difference(&server).await, None);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_row_that_another_application_holds_keeps_no_other_write_waiting() {
    let server = mirror().await;
    let held = server.seed(&[center("held", 1.0, 1.0)]).await[0];
    let mut theirs = server.db.mysql_pool().begin().await.unwrap();
    let locking = format!("SELECT * FROM diving_centers WHERE id = {held} FOR UPDATE");
    theirs.execute(AssertSqlSafe(locking)).await.unwrap();
    let path = format!("/centers/{held}");
    let put = server.request(Method::PUT, &path).key();
    let waiting = put.json(&center("ours", 2.0, 2.0)).send();
    let others = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let started = Instant::now();
        for n in 0..5 {
            let created = server.post("/centers", &center(&format!("new {n}"), 3.0, 3.0));
            assert_eq!(created.send().await.status, 201);
        }
        let found = server.found_ids("/nearby?lat=3&lng=3&radius_m=1").await;
        assert_eq!(found.len(), 5);
        let took = started.elapsed();
        theirs.commit().await.unwrap();
        took
    };
    let (written, took) = tokio::join!(waiting, others);
    assert_eq!(written.status, 200, "{}", written.text());
    assert!(took < Duration::from_secs(5), "they took {took:?}");
    assert_eq!(difference(&server).await, None);
}

/// They count before the index is loaded: whoever asks for a distance waits for it.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn neighbours_that_are_still_to_be_loaded_are_in_the_way() {
    let server = mirror().await;
    let mut theirs = server.db.mysql_pool().acquire().await.unwrap();
    // Without a word of its rows.
    let setting = "SET SESSION binlog_format = 'STATEMENT'";
    theirs.execute(setting).await.unwrap();
    for n in 0..10 {
        let latitude = f64::from(n);
        let insert = format!(
            "INSERT INTO diving_centers (name, latitude, longitude) VALUES ('Blue Hole', {latitude}, 1)"
        );
        theirs.execute(AssertSqlSafe(insert)).await.unwrap();
        let body = center("Blue hole", latitude, 1.0);
        let created = server.post("/centers?min_distance_m=100", &body);
        let created = created.send().await;
        assert_eq!(created.status, 409, "{}", created.text());
    }
    theirs.close_on_drop();
}

/// Each instance looks among its own centers, and another one has just written: it waits
/// for what was committed before, here the last of many rows.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn neighbours_that_others_have_just_written_are_in_the_way() {
    let server = mirror().await;
    for n in 0..3 {
        let latitude = f64::from(n);
        let insert = format!(
            "INSERT INTO diving_centers (name, latitude, longitude) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) \
             SELECT IF(i = 900, 'Blue Hole', 'far'), IF(i = 900, {latitude}, 80), 1 FROM n"
        );
        server.db.execute(&insert).await;
        let body = center("Blue hole", latitude, 1.0);
        let created = server.post("/centers?min_distance_m=100", &body);
        let created = created.send().await;
        assert_eq!(created.status, 409, "{}", created.text());
    }
}
