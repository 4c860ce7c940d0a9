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

on_both_stores! {
    async fn parameters_are_taken_and_refused_as_fastapi_does(db: TestDatabase) {
        let told: Vec<Told> =
            serde_json::from_str(include_str!("../../fixtures/fastapi.json")).unwrap();
        let server = TestServer::start(db).await;
        let mut wrong = Vec::new();
        for Told { path, status, body } in &told {
            let answer = server.get(path).send().await;
            let same = body.as_ref().is_none_or(|body| answer.json() == *body);
            if answer.status != *status || !same {
                wrong.push(format!("{path}: {}\n  FastAPI: {status} {body:?}", answer.text()));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
