//! `/nearest`.

use serde_json::{Value, json};

use super::server::{TestServer, center, ids_of};
use crate::support::on_both_stores;

on_both_stores! {
    async fn the_nearest_are_found_however_far(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[center("antipode", -40.0, -170.0), center("pole", -90.0, 0.0)]).await;
        let answer = server.found("/nearest?lat=40&lng=10").await;
        assert_eq!(ids_of(&answer), [ids[1], ids[0]]);
        assert_eq!(answer["radius_m"], Value::Null);
        assert_eq!(server.found_ids("/nearest?lat=40&lng=10&limit=1").await, ids[1..]);
    }

    async fn a_largest_radius_leaves_out_what_is_farther(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[center("near", 0.0, 0.1), center("far", 0.0, 50.0)]).await;
        let answer = server.found("/nearest?lat=0&lng=0&max_radius_m=20000").await;
        assert_eq!(ids_of(&answer), ids[..1]);
        assert_eq!(answer["radius_m"], 20_000.0);
    }

    async fn filters_and_exclusions_reach_around_the_globe(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[
            json!({ "name": "a", "latitude": 0, "longitude": 1, "country": "GR" }),
            json!({ "name": "b", "latitude": 0, "longitude": 170, "country": "FJ" }),
            json!({ "name": "c", "latitude": 0, "longitude": -170, "country": "FJ" }),
        ]).await;
        assert_eq!(server.found_ids("/nearest?lat=0&lng=0&country=FJ").await, ids[1..]);
        let path = format!("/nearest?lat=0&lng=0&country=FJ&exclude={}", ids[1]);
        assert_eq!(server.found_ids(&path).await, ids[2..]);
    }

    async fn cursors_walk_around_the_globe(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let centers: Vec<Value> = (0..20).map(|n| center("x", f64::from(n), f64::from(n) * 8.0)).collect();
        let ids = server.seed(&centers).await;
        let mut walked = Vec::new();
        let mut path = "/nearest?lat=0&lng=0&limit=6".to_owned();
        loop {
            let page = server.found(&path).await;
            walked.extend(ids_of(&page));
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/nearest?lat=0&lng=0&limit=6&cursor={next}");
        }
        assert_eq!(walked, ids);
    }
}
