//! What problems repeat of what was sent: a little, however much that was.

use reqwest::Method;
use serde_json::json;

use super::server::TestServer;
use crate::support::on_both_stores;

/// The longest run of `x`, which is what is sent here.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != 'x').map(str::len).max().unwrap_or(0)
}

on_both_stores! {
    async fn a_problem_repeats_100_characters_of_what_was_sent_and_no_more(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let large = "x".repeat(3_000_000);
        let long = "x".repeat(20_000);
        let mut all = Vec::new();
        for body in [
            json!({ &large: 1 }), json!({ "name": 1, &large: 1 }), json!({ "name": { &large: 1 } }),
            json!({ "name": "a", "latitude": &large }), json!({ "name": &large }),
            json!({ "centers": [{ "name": "a", &large: 1 }] }), json!([&large]), json!(&large),
        ] {
            for path in ["/centers", "/centers/batch"] {
                all.push(server.request(Method::POST, path).key().json(&body).send().await);
            }
        }
        for body in [
            json!({ "queries": [{ "lat": 0, "lng": 0, &large: 1 }] }),
            json!({ "queries": [{ "lat": 0, "lng": 0, "filter": &long }] }),
            json!({ "queries": [{ "lat": 0, "lng": 0, "filter": format!("{long} = 1") }] }),
            json!({ "queries": [{ "lat": 0, "lng": 0, "polygon": &long }] }),
        ] {
            all.push(server.request(Method::POST, "/nearby/batch").json(&body).send().await);
        }
        for path in [
            format!("/nearby?lat={long}&lng=0"), format!("/nearby?{long}=1"), format!("/{long}"),
            format!("/nearby?lat=0&lng=0&filter={long}%20%3D%201"), format!("/centers/{long}"),
            format!("/nearby?lat=0&lng=0&filter={long}(1)"),
            format!("/nearby?lat=0&lng=0&polygon={long}"), format!("/collections/{long}"),
            format!("/settings/{long}"), format!("/api/v1/settings/{long}"),
            format!("/api/v1/diving-centers/nearby?lat={long}&lng=0"),
            format!("/api/v1/diving-centers/{long}"),
        ] {
            all.push(server.get(&path).key().send().await);
        }
        for (name, value) in [("accept", &long), ("content-type", &long), ("idempotency-key", &long)] {
            all.push(server.request(Method::POST, "/centers").key().header(name, value).send().await);
        }
        for answer in all {
            let text = answer.text();
            assert!(answer.status >= 400, "{}", answer.status);
            assert!(longest_run(&text) <= 100, "{} in a run", longest_run(&text));
            assert!(text.len() < 8_192, "{} bytes", text.len());
        }
    }
}
