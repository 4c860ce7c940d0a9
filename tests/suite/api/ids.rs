//! Ids as other applications number their rows: below 1, and beyond what JavaScript
//! keeps every digit of.

use reqwest::Method;
use serde_json::{Value, json};

use super::server::{TestServer, center};
use crate::cli::process::run_with_input;
use crate::support::{TestDatabase, on_both_stores};

/// In their order.
const IDS: [i64; 8] = [
    -i64::MAX,
    -7,
    0,
    1,
    9_007_199_254_740_991,
    9_007_199_254_740_992,
    1_790_000_000_000_000_123,
    i64::MAX,
];

/// As JSON has them.
fn as_json() -> Vec<Value> {
    let is_exact = |id: i64| id.unsigned_abs() <= 9_007_199_254_740_991;
    let ids = IDS.into_iter();
    ids.map(|id| {
        if is_exact(id) {
            json!(id)
        } else {
            json!(id.to_string())
        }
    })
    .collect()
}

/// A server over rows with all of [`IDS`] at one place.
async fn with_all(db: TestDatabase) -> TestServer {
    let location = db.location(Some((1.0, 2.0)));
    for (row, id) in (1..).zip(IDS) {
        // MySQL numbers a row that is inserted with 0.
        let made = 1_000 + row;
        db.insert(made, "1, 2", &location).await;
        db.execute(&format!(
            "UPDATE diving_centers SET id = {id}, name = 'Wreck {row}' WHERE id = {made}"
        ))
        .await;
    }
    TestServer::start(db).await
}

fn ids_in(list: &Value) -> Vec<Value> {
    let items = list.as_array().expect("a list");
    items.iter().map(|item| item["id"].clone()).collect()
}

/// All pages of a list, three rows each.
async fn paged(server: &TestServer, path: &str) -> Vec<Value> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.found(&format!("{path}limit=3{cursor}")).await;
        ids.extend(ids_in(&page["centers"]));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

on_both_stores! {
    async fn rows_with_any_id_are_in_every_answer_in_the_order_of_their_ids(db: TestDatabase) {
        let server = with_all(db).await;
        let all = as_json();
        for path in ["/nearby?lat=1&lng=2&radius_m=1&", "/nearest?lat=1&lng=2&", "/centers?"] {
            assert_eq!(paged(&server, path).await, all, "{path}");
        }
        assert_eq!(ids_in(&server.found("/search?q=wreck&lat=1&lng=2").await["centers"]), all);
        let features = server.found("/nearby?lat=1&lng=2&radius_m=1&format=geojson").await;
        assert_eq!(ids_in(&features["features"]), all);
        let theirs = "/api/v1/diving-centers";
        let near = server.found(&format!("{theirs}/nearby?lat=1&lng=2&limit=50")).await;
        assert_eq!(ids_in(&near), all);
        let box_of = "north=2&south=0&east=3&west=1&page_size=25";
        assert_eq!(ids_in(&server.found(&format!("{theirs}/?{box_of}")).await["items"]), all);
        assert_eq!(ids_in(&server.found(&format!("{theirs}/?page_size=25&sort_by=created_at")).await["items"]), all);
        assert_eq!(server.found(&format!("{theirs}/count")).await["total"], IDS.len());
        for (id, expected) in IDS.into_iter().zip(&all) {
            assert_eq!(server.found(&format!("/centers/{id}")).await["id"], *expected);
            assert_eq!(server.found(&format!("/centers/{id}?format=geojson")).await["id"], *expected);
            assert_eq!(server.found(&format!("{theirs}/{id}")).await["id"], *expected);
        }
        let excluded = format!("/nearby?lat=1&lng=2&radius_m=1&exclude={}&exclude=0", IDS[6]);
        let left = [&all[..2], &all[3..6], &all[7..]].concat();
        assert_eq!(ids_in(&server.found(&excluded).await["centers"]), left);
        let query = json!({ "lat": 1, "lng": 2, "radius_m": 1, "exclude": [IDS[6].to_string(), 0] });
        let batch = server.post("/nearby/batch", &json!({ "queries": [query] })).send().await.json();
        assert_eq!(ids_in(&batch["results"][0]["centers"]), left);
    }

    async fn rows_with_any_id_are_written_joined_exported_and_deleted(db: TestDatabase) {
        let server = with_all(db).await;
        let organization = json!({ "name": "one", "acronym": "o" });
        let organization = server.post("/organizations", &organization).send().await.json()["id"].clone();
        for (id, expected) in IDS.into_iter().zip(as_json()) {
            let alone = std::slice::from_ref(&expected);
            let path = format!("/centers/{id}");
            let body = center("x", 5.0, 5.0);
            let replaced = server.request(Method::PUT, &path).key().json(&body).send().await.json();
            assert_eq!(replaced["id"], expected);
            let edit = json!({ "city": "Y" });
            let patched = server.request(Method::PATCH, &path).key().merge_patch(&edit).send().await;
            assert_eq!(patched.json()["city"], "Y");
            let mut whole = center("in a batch", 6.0, 6.0);
            whole["id"] = json!(id.to_string());
            let written = server.post("/centers/batch", &json!({ "centers": [whole] })).send().await.json();
            assert_eq!(ids_in(&written["centers"]), alone);
            assert_eq!(ids_in(&server.found("/nearby?lat=6&lng=6&radius_m=1").await["centers"]), alone);
            let join = json!({ "organization_id": organization });
            let joined = server.post(&format!("{path}/organizations"), &join).send().await;
            assert_eq!((joined.status, &joined.json()["diving_center_id"]), (201, &expected));
            let members = server.found("/nearby?lat=6&lng=6&radius_m=1&organization=o").await;
            assert_eq!(ids_in(&members["centers"]), alone);
            let exported = crate::cli::process::run(
                &["export", "-", "--format", "geojsonl", "--database-url", server.db.url()],
            );
            exported.assert(0, &[]);
            let exported = String::from_utf8(exported.stdout).unwrap();
            assert!(exported.contains(&format!("\"id\":{expected},")), "{exported}");
            assert_eq!(server.request(Method::DELETE, &path).key().send().await.status, 204);
            assert!(ids_in(&server.found("/nearby?lat=6&lng=6&radius_m=1").await["centers"]).is_empty());
        }
        assert_eq!(server.found("/centers").await["count"], 0);
    }

    async fn after_the_last_id_that_a_file_may_choose_every_further_row_is_found(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let import = |id: &str| {
            let row = format!("id,name,latitude,longitude\n{id},last,5,6\n");
            let args = ["import", "-", "--database-url", server.db.url()];
            crate::cli::process::run_with_input(&args, row.as_bytes())
        };
        for id in ["9000000000000001", "9007199254740991", "0", "-1"] {
            import(id).assert(1, &["id must be a whole number from 1 to 9000000000000000"]);
        }
        import("9000000000000000").assert(0, &["1 inserted"]);
        import("").assert(0, &["1 inserted"]);
        let created = server.post("/centers", &center("next", 5.0, 6.0)).send().await;
        assert_eq!((created.status, &created.json()["id"]), (201, &json!(9_000_000_000_000_002_i64)));
        let all = [9_000_000_000_000_000, 9_000_000_000_000_001, 9_000_000_000_000_002];
        server
            .eventually("all are found", async || {
                server.found_ids("/nearby?lat=5&lng=6&radius_m=1").await == all
            })
            .await;
        let path = "/centers/9000000000000000";
        assert_eq!(server.request(Method::DELETE, path).key().send().await.status, 204);
        import("").assert(0, &["1 inserted"]);
        let listed = server.found("/centers").await;
        assert_eq!(listed["centers"][2]["id"], 9_000_000_000_000_003_i64);
    }

    async fn rows_with_any_id_are_verified_and_backfilled(db: TestDatabase) {
        let server = with_all(db).await;
        let drifted = server.db.location(None);
        server.db.drop_guards().await;
        server.db.execute(&format!("UPDATE diving_centers SET location = {drifted}")).await;
        let url = ["--database-url", server.db.url()];
        let verified = crate::cli::process::run(&[&["verify"][..], &url].concat());
        let said = String::from_utf8_lossy(&verified.stdout).into_owned();
        assert_eq!(verified.code, Some(1));
        assert!(said.contains("ids -9223372036854775807, -7, 0, 1, "), "{said}");
        crate::cli::process::run(&[&["backfill", "--batch-size", "2"][..], &url].concat()).assert(0, &[]);
        let collection = nearby::store::Collection::diving_centers();
        let found = server.db.database().verify(&collection, |_| {}).await.unwrap();
        assert_eq!((found.rows, found.drift.count), (8, 0));
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_row_whose_number_nobody_would_see_is_refused_and_not_written() {
    let db = TestDatabase::mysql().await;
    for statement in [
        "ALTER TABLE diving_centers MODIFY id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT",
        "ALTER TABLE diving_centers AUTO_INCREMENT = 9223372036854775807",
    ] {
        db.execute(statement).await;
    }
    let server = TestServer::start(db).await;
    let made = server
        .post("/centers", &center("last", 1.0, 2.0))
        .send()
        .await;
    assert_eq!(made.json()["id"], "9223372036854775807");
    let told = "the table's next number is beyond 9223372036854775807";
    let refused = server.post("/centers", &center("a", 1.0, 2.0)).send().await;
    let batch = json!({ "centers": [center("a", 1.0, 2.0)] });
    let in_batch = server.post("/centers/batch", &batch).send().await;
    for (refused, parameter) in [(refused, "id"), (in_batch, "centers[0].id")] {
        let problem = refused.problem(422, "row_refused");
        assert!(
            problem["detail"].as_str().unwrap().contains(told),
            "{problem}"
        );
        assert_eq!(problem["parameter"], parameter);
    }
    let import = ["import", "-", "--database-url", server.db.url()];
    let ended = run_with_input(&import, b"name,lat,lng\na,1,2\nb,1,2\n");
    ended.assert(1, &["line 2: ", "diving_centers.id is at"]);
    assert_eq!(
        server
            .db
            .number("SELECT COUNT(*) FROM diving_centers")
            .await,
        1
    );
}
