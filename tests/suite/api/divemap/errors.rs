//! Errors in FastAPI's form. FastAPI itself is the oracle: `fixtures/oracle.py`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{CENTERS, TestServer, detail};
use crate::support::on_both_stores;

#[derive(Deserialize)]
struct Told {
    path: String,
    status: u16,
    body: Option<Value>,
}

/// What FastAPI says, with no more than 100 characters of what it was sent: it repeats all.
fn cut(mut body: Value) -> Value {
    let faults = body["detail"].as_array_mut();
    for fault in faults.into_iter().flatten() {
        if let Some(input) = fault["input"].as_str()
            && let Some((end, _)) = input.char_indices().nth(100)
        {
            fault["input"] = format!("{}…", &input[..end]).into();
        }
    }
    body
}

on_both_stores! {
    async fn parameters_are_taken_and_refused_as_fastapi_does(db: TestDatabase) {
        let told: Vec<Told> =
            serde_json::from_str(include_str!("../../fixtures/fastapi.json")).unwrap();
        let server = TestServer::start(db).await;
        let mut wrong = Vec::new();
        for Told { path, status, body } in &told {
            let answer = server.get(path).send().await;
            let body = body.clone().map(cut);
            let same = body.as_ref().is_none_or(|body| answer.json() == *body);
            if answer.status != *status || !same {
                wrong.push(format!("{path}: {}\n  FastAPI: {status} {body:?}", answer.text()));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// What no list of cases thinks of: every value in the place of every parameter.
    async fn no_value_of_any_parameter_is_a_fault_of_ours_or_a_matter_of_keys(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let site = server.post("/dive-sites", &json!({ "name": "s", "latitude": 0, "longitude": 0 }));
        let site = site.send().await.json()["id"].clone();
        server.seed(&[json!({ "name": "c", "latitude": 0, "longitude": 0 })]).await;
        let centers = ["lat", "lng", "radius_km", "limit"];
        let list = ["search", "name", "country", "region", "city", "min_rating", "max_rating", "sort_by",
                    "sort_order", "page", "page_size", "north", "south", "east", "west", "detail_level"];
        let sites = format!("/api/v1/dive-sites/{site}/nearby?");
        for (base, parameters) in [
            (format!("{CENTERS}/nearby?lat=0&lng=0&"), &centers[..]),
            (format!("{CENTERS}/search?q=c&"), &["q", "lat", "lng", "limit"]),
            (format!("{CENTERS}/?north=1&south=-1&east=1&west=-1&"), &list),
            (format!("{CENTERS}/count?"), &list),
            (sites, &["limit"]),
        ] {
            for parameter in parameters {
                for value in [
                    "", "0", "-0", "-1", "1e308", "-1e400", "NaN", "inf", "-Infinity", "180.0000001", "0x10",
                    "1_000", "٣", "%00", "%FF", "%", "%25", "%0A", "null", "true", "99999999999999999999",
                    "9223372036854775807", "-9223372036854775808", "2147483648", "'%20OR%201=1--", "%F0%9F%A4%BF",
                    "a&x=1", "1&limit=2&limit=3", "[]", "{}",
                ] {
                    let path = format!("{base}{parameter}={value}");
                    let status = server.get(&path).send().await.status;
                    assert!([200, 400, 422].contains(&status), "{path}: {status}");
                }
            }
        }
        for id in ["0", "-1", "x", "1.5", "%00", "%FF", "%2F", "9223372036854775808", "%F0%9F%A4%BF", "'"] {
            for path in [
                format!("{CENTERS}/{id}"), format!("{CENTERS}/{id}/organizations"),
                format!("/api/v1/dive-sites/{id}/nearby"), format!("/api/v1/settings/{id}"),
            ] {
                let status = server.get(&path).key().send().await.status;
                assert!([400, 404, 422].contains(&status), "{path}: {status}");
            }
        }
    }

    async fn a_key_that_nobody_asked_for_is_no_reason_to_refuse(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for path in ["/nearby?lat=0&lng=0", "/", "/count"] {
            let answer = server.get(&format!("{CENTERS}{path}"))
                .header("authorization", "Bearer of.some.token").send().await;
            assert_eq!(answer.status, 200);
        }
    }

    async fn paths_and_methods_that_are_not_there_are_told_in_its_form(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let unknown = server.get("/api/v1/nothing").send().await;
        assert_eq!(detail(&unknown, 404), "Not Found");
        let posted = server.request(reqwest::Method::POST, &format!("{CENTERS}/count"));
        let posted = posted.send().await;
        assert_eq!(detail(&posted, 405), "Method Not Allowed");
        assert_eq!(posted.header("allow"), "GET, HEAD, OPTIONS");
        // Elsewhere nothing changes.
        server.get("/api/nothing").send().await.problem(404, "path_unknown");
    }
}

#[tokio::test]
async fn a_database_that_is_away_is_told_in_its_form() {
    let db = crate::support::TestDatabase::sqlite().await;
    let server = TestServer::start(db).await;
    server.db.database().close().await;
    let answer = server.get(&format!("{CENTERS}/7")).send().await;
    let detail = detail(&answer, 503);
    assert_eq!(
        detail,
        json!("The database does not answer; try again in a moment.")
    );
    assert!(!answer.header("retry-after").is_empty());
}

#[tokio::test]
async fn web_pages_of_other_origins_may_ask_and_read_errors() {
    let db = crate::support::TestDatabase::sqlite().await;
    let cors = "https://divemap.example".parse().unwrap();
    let server = TestServer::start_with(db, |settings| settings.cors = cors).await;
    for (path, status) in [("/?page_size=1000", 200), ("/?page=0", 422), ("/7", 404)] {
        let answer = server
            .get(&format!("{CENTERS}{path}"))
            .header("origin", "https://divemap.example")
            .send()
            .await;
        assert_eq!(answer.status, status);
        assert_eq!(
            answer.header("access-control-allow-origin"),
            "https://divemap.example"
        );
    }
}
