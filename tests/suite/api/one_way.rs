//! `/nearby` and `/nearest` and the same under the collection's own name are one way:
//! what is answered, counted and logged is the same.

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::json;

use super::server::{Answer, TestServer, center};
use crate::support::TestDatabase;

async fn seeded() -> TestServer {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    let in_greece = json!({
        "name": "Ναυτίλος \"Blue\"", "latitude": 37.9, "longitude": 23.7,
        "country": "GR", "region": "Attica", "city": "Athens",
    });
    let mut centers = vec![in_greece];
    centers.extend((1..30).map(|n| center("one of many", 37.9, 23.7 + f64::from(n) / 1_000.0)));
    server.seed(&centers).await;
    server
}

/// Headers but those that differ from answer to answer.
fn lasting(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap().to_owned();
    let mut lasting: Vec<_> = headers
        .iter()
        .filter(|(name, _)| !["date", "server-timing", "x-request-id"].contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect();
    lasting.sort();
    lasting
}

async fn both(server: &TestServer, path: &str, accept: &str) -> [Answer; 2] {
    let under_its_name = format!("/collections/centers{path}");
    let send = |path: &str| server.get(path).header("accept", accept).send();
    [send(path).await, send(&under_its_name).await]
}

#[tokio::test]
async fn a_path_without_a_name_answers_what_the_collections_own_does() {
    let server = seeded().await;
    let next = server.found("/nearby?lat=37.9&lng=23.7&limit=3").await["next"].clone();
    let next = format!(
        "/nearby?lat=37.9&lng=23.7&limit=3&cursor={}",
        next.as_str().unwrap()
    );
    for path in [
        "/nearby?lat=37.9&lng=23.7",
        "/nearby?lat=37.9&lng=23.7&radius_km=1&limit=1000",
        "/nearby?lat=37.9&lng=23.7&country=GR&region=Attica&city=Athens",
        "/nearby?lat=37.9&lng=23.7&country=FR",
        "/nearby?lat=37.9&lng=23.7&format=geojson&exclude=1",
        "/nearby?lat=-37.9&lng=203.7&radius_m=0.5",
        &next,
        "/nearest?lat=90&lng=0&limit=5",
        "/nearest?lat=0&lng=-180&max_radius_m=1000",
        "/within?bbox=20,30,25,40&limit=2",
    ] {
        for accept in ["*/*", "application/geo+json"] {
            let [short, long] = both(&server, path, accept).await;
            assert_eq!(short.status, 200, "{path}: {}", short.text());
            assert_eq!(short.status, long.status, "{path}");
            assert_eq!(short.text(), long.text(), "{path}");
            assert_eq!(lasting(&short.headers), lasting(&long.headers), "{path}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_told_alike_on_both_paths() {
    let server = seeded().await;
    for (path, accept, status) in [
        ("/nearby", "*/*", 400),
        ("/nearby?lat=91&lng=0", "*/*", 400),
        ("/nearby?lat=0&lng=0&limit=1001", "*/*", 400),
        ("/nearest?lat=0&lng=0&radius_m=5", "*/*", 400),
        ("/nearest?lat=0&lng=0&cursor=nonsense", "*/*", 400),
        ("/nearest?lat=0&lng=0", "text/html", 406),
    ] {
        let [short, long] = both(&server, path, accept).await;
        assert_eq!(short.status, status, "{path}: {}", short.text());
        assert_eq!(lasting(&short.headers), lasting(&long.headers), "{path}");
        let told = |answer: &Answer| {
            let mut problem = answer.json();
            problem["request_id"].take();
            problem
        };
        assert_eq!(told(&short), told(&long), "{path}");
    }
    let head = server
        .request(Method::HEAD, "/nearby?lat=37.9&lng=23.7")
        .send()
        .await;
    assert_eq!(head.status, 200);
    let length: usize = head.header("content-length").parse().unwrap();
    let whole = server.get("/nearby?lat=37.9&lng=23.7").send().await;
    assert_eq!(length, whole.body.len());
}

#[tokio::test]
async fn a_search_is_counted_and_has_the_id_that_the_client_gave() {
    let server = seeded().await;
    for id in ["mine-1", "mine-2"] {
        let answer = server
            .get("/nearest?lat=0&lng=0")
            .header("x-request-id", id)
            .send()
            .await;
        assert_eq!(answer.header("x-request-id"), id);
    }
    let answer = server.get("/nearest?lat=0&lng=0").send().await;
    assert_eq!(answer.header("x-request-id").len(), 16);
    let metrics = server.get("/metrics").send().await.text();
    for line in [
        r#"nearby_http_requests_total{engine="memory",method="GET",route="/nearest",status="2xx"} 3"#,
        r#"nearby_http_request_duration_seconds_count{engine="memory",method="GET",route="/nearest",status="2xx"} 3"#,
        "nearby_search_results_count 3",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}
