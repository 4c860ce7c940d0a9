//! `/api/v1/dive-sites/{id}/nearby`.

use serde_json::{Value, json};

use super::{TestServer, detail, ids};
use crate::api::server::center;
use crate::support::on_both_stores;

async fn create(server: &TestServer, site: &Value) -> i64 {
    let answer = server.post("/dive-sites", site).send().await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["id"].as_i64().expect("an id")
}

fn path(id: i64) -> String {
    format!("/api/v1/dive-sites/{id}/nearby")
}

on_both_stores! {
    async fn other_sites_are_a_bare_array_with_rounded_kilometres(db: TestDatabase) {
        let server = TestServer::start(db).await;
        // 0 is a coordinate.
        let here = create(&server, &center("here", 0.0, 0.0)).await;
        let far = create(&server, &center("far", 0.0, 0.89)).await;
        let near = json!({ "name": "ne\"ar", "latitude": 0.1, "longitude": 0, "country": "GR" });
        let near = create(&server, &near).await;
        create(&server, &center("beyond 100 km", 0.9, 0.0)).await;
        server.seed(&[center("no site", 0.0, 0.0)]).await;
        assert_eq!(server.found(&path(here)).await, json!([
            { "id": near, "name": "ne\"ar", "latitude": 0.1, "longitude": 0.0, "country": "GR",
              "region": null, "city": null, "distance_km": 11.12 },
            { "id": far, "name": "far", "latitude": 0.0, "longitude": 0.89, "country": null,
              "region": null, "city": null, "distance_km": 98.96 },
        ]));
        assert_eq!(ids(&server.found(&format!("{}?limit=1", path(here))).await), [near]);
    }

    async fn ten_are_answered_unless_more_are_asked_for(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let sites: Vec<Value> = (0..60).map(|n| center("s", 0.0, 180.0 - f64::from(n) / 1e3)).collect();
        let batch = json!({ "centers": sites });
        let made = server.post("/dive-sites/batch", &batch).send().await.json();
        let first = made["centers"][0]["id"].as_i64().unwrap();
        let found = ids(&server.found(&path(first)).await);
        assert_eq!(found, (first + 1..first + 11).collect::<Vec<_>>());
        assert_eq!(ids(&server.found(&format!("{}?limit=50", path(first))).await).len(), 50);
    }

    async fn what_is_not_shown_is_not_found_and_what_is_nowhere_has_nothing_near(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let (here, hidden) = (
            create(&server, &center("here", 0.0, 0.0)).await,
            create(&server, &center("hidden", 0.0, 0.0)).await,
        );
        let nowhere = create(&server, &json!({ "name": "nowhere" })).await;
        let gone = server.request(reqwest::Method::DELETE, &format!("/dive-sites/{hidden}")).key();
        assert_eq!(gone.send().await.status, 204);
        assert_eq!(server.found(&path(here)).await, json!([]));
        for missing in [hidden, 4_711, 0, -1] {
            let answer = server.get(&path(missing)).send().await;
            assert_eq!(detail(&answer, 404), "Dive site not found");
        }
        let answer = server.get(&path(nowhere)).send().await;
        assert_eq!(detail(&answer, 400), "Dive site does not have location coordinates");
    }
}
