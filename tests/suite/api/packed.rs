//! Answers packed as clients take them.

use reqwest::Method;
use serde_json::json;

use super::server::{Answer, TestServer, center};
use crate::support::{TestDatabase, on_both_stores};

/// With more than a packet of centers around 1/1.
async fn seeded(server: &TestServer, count: u32) {
    let places: Vec<_> = (0..count)
        .map(|n| center("a diving center", 1.0, 1.0 + f64::from(n) / 100_000.0))
        .collect();
    server.seed(&places).await;
}

async fn taken(server: &TestServer, path: &str, accepted: &str) -> Answer {
    let answer = server.get(path).header("accept-encoding", accepted);
    answer.send().await
}

fn length(answer: &Answer) -> usize {
    answer.header("content-length").parse().expect("a number")
}

on_both_stores! {
    async fn answers_are_packed_as_the_client_takes_it(db: TestDatabase) {
        let server = TestServer::start(db).await;
        seeded(&server, 300).await;
        for path in [
            "/nearby?lat=1&lng=1&limit=50",
            "/nearest?lat=1&lng=1&limit=300&format=geojson",
            "/within?bbox=0,0,2,2&limit=300&count=true",
            "/within?bbox=0.98,0.98,1.02,1.02&zoom=14",
            "/tiles/centers/14/8237/8146.mvt",
            "/search?q=diving",
            "/centers?limit=300",
            "/api/v1/diving-centers/nearby?lat=1&lng=1",
            "/openapi.yaml",
        ] {
            let plain = server.get(path).send().await;
            assert!(!plain.headers.contains_key("content-encoding"), "{path}");
            assert!(plain.header("vary").contains("Accept-Encoding"), "{path}");
            let mut tags = vec![plain.header("etag").to_owned()];
            for (accepted, coding) in [("gzip, deflate, br, zstd", "br"), ("br;q=0.1, gzip", "gzip")] {
                let packed = taken(&server, path, accepted).await;
                assert_eq!(packed.header("content-encoding"), coding, "{path}");
                assert_eq!(packed.body, plain.body, "{path}");
                assert!(length(&packed) * 2 < plain.body.len(), "{path}: {coding}");
                assert_eq!(packed.header("vary"), plain.header("vary"), "{path}");
                assert_eq!(packed.header("content-type"), plain.header("content-type"), "{path}");
                let tag = packed.header("etag").to_owned();
                let again = server.get(path).header("accept-encoding", accepted).header("if-none-match", &tag);
                let again = again.send().await;
                assert_eq!((again.status, again.header("etag")), (304, tag.as_str()), "{path}");
                assert!(!again.headers.contains_key("content-encoding"), "{path}");
                let head = server.request(Method::HEAD, path).header("accept-encoding", accepted);
                let head = head.send().await;
                assert_eq!((length(&head), head.header("etag")), (length(&packed), tag.as_str()), "{path}");
                tags.push(tag);
            }
            tags.dedup();
            assert_eq!(tags.len(), 3, "{path}: {tags:?}");
            for accepted in ["identity", "gzip;q=0, br;q=0", "deflate", "identity, gzip;q=0.5"] {
                let answer = taken(&server, path, accepted).await;
                assert!(!answer.headers.contains_key("content-encoding"), "{path} {accepted}");
            }
        }
    }

    async fn small_answers_and_packed_ones_are_left_as_they_are(db: TestDatabase) {
        let server = TestServer::start(db).await;
        seeded(&server, 1).await;
        for path in ["/nearby?lat=1&lng=1", "/centers", "/healthz"] {
            let answer = taken(&server, path, "gzip, br").await;
            assert!(answer.body.len() < 1024, "{path}");
            assert!(!answer.headers.contains_key("content-encoding"), "{path}");
        }
        let page = taken(&server, "/widget.js", "gzip, br").await;
        assert_eq!(page.header("content-encoding"), "gzip");
        assert!(String::from_utf8_lossy(&page.body).contains("customElements"));
    }

    async fn batches_and_long_problems_are_packed_too(db: TestDatabase) {
        let server = TestServer::start(db).await;
        seeded(&server, 50).await;
        let queries = json!({ "queries": [{ "lat": 1, "lng": 1, "limit": 50 }] });
        let batch = server.post("/nearby/batch", &queries).header("accept-encoding", "gzip");
        let batch = batch.send().await;
        assert_eq!(batch.header("content-encoding"), "gzip");
        assert_eq!(batch.json()["results"][0]["count"], 50);
        let problem = taken(&server, "/nothing", "br").await;
        assert_eq!(problem.header("content-encoding"), "br");
        problem.problem(404, "path_unknown");
    }
}

#[tokio::test]
async fn larger_answers_are_packed_where_the_budget_has_room_for_both_forms() {
    for (budget, coding) in [(4_000_000, Some("br")), (180_000, None)] {
        let server = TestServer::start_with(TestDatabase::sqlite().await, |settings| {
            settings.buffer_budget = budget;
        })
        .await;
        for part in 0..4 {
            let places: Vec<_> = (0..200)
                .map(|n| center("a diving center", 1.0, f64::from(part * 200 + n) / 1_000.0))
                .collect();
            server.seed(&places).await;
        }
        // Twice: what the first one took has to be free again.
        for _ in 0..2 {
            let answer = taken(&server, "/nearby?lat=1&lng=0.5&limit=800", "br").await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert!(
                (90_000..180_000).contains(&answer.body.len()),
                "{}",
                answer.body.len()
            );
            let said = answer.headers.get("content-encoding");
            assert_eq!(said.map(|said| said.to_str().unwrap()), coding);
            assert_eq!(answer.json()["count"], 800);
        }
    }
}
