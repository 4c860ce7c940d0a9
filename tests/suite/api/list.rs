//! `GET /centers`.

use serde_json::{Value, json};

use super::server::{TestServer, center, ids_of};
use crate::support::on_both_stores;

on_both_stores! {
    async fn pages_by_id_hold_every_center_once(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let mut centers: Vec<Value> = (0..11).map(|n| center("x", f64::from(n), 0.0)).collect();
        centers.push(json!({ "name": "nowhere" }));
        let ids = server.seed(&centers).await;
        let mut walked = Vec::new();
        let mut path = "/centers?limit=4".to_owned();
        loop {
            let page = server.found(&path).await;
            assert_eq!(page["count"], 4);
            walked.extend(ids_of(&page));
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/centers?limit=4&cursor={next}");
        }
        assert_eq!(walked, ids);
    }

    async fn a_list_is_filtered_and_its_cursor_belongs_to_the_filter(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[
            json!({ "name": "a", "country": "GR" }),
            json!({ "name": "b", "country": "IT", "city": "Roma" }),
            json!({ "name": "c", "country": "GR" }),
        ]).await;
        let page = server.found("/centers?country=GR&limit=1").await;
        assert_eq!(ids_of(&page), ids[..1]);
        let next = page["next"].as_str().unwrap();
        assert_eq!(server.found_ids(&format!("/centers?country=GR&cursor={next}")).await, ids[2..]);
        assert_eq!(server.found_ids("/centers?city=Roma&country=IT").await, ids[1..2]);
        for other in ["/centers?", "/centers?country=IT&", "/nearby?lat=0&lng=0&"] {
            server.get(&format!("{other}cursor={next}")).send().await.problem(400, "cursor_invalid");
        }
    }

    async fn a_list_is_answered_as_geojson_too(db: TestDatabase) {
        let server = TestServer::start(db).await;
        server.seed(&[center("a", 1.0, 2.0), json!({ "name": "nowhere" })]).await;
        let answer = server.get("/centers?format=geojson").send().await;
        assert_eq!(answer.header("content-type"), "application/geo+json");
        let parsed: geojson::FeatureCollection = answer.text().parse().expect("it is GeoJSON");
        assert_eq!(parsed.features.len(), 2);
        assert!(parsed.features[1].geometry.is_none());
    }
}
