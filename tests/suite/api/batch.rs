//! `/nearby/batch`.

use serde_json::{Value, json};

use super::server::{TestServer, center};
use crate::support::on_both_stores;

on_both_stores! {
    async fn every_query_is_answered_in_its_place_as_a_single_one(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let centers: Vec<Value> = (0..50).map(|n| center("x", 0.0, f64::from(n))).collect();
        server.seed(&centers).await;
        let queries: Vec<Value> = (0..50)
            .map(|n| json!({ "lat": 0, "lng": (n * 37) % 50, "radius_km": 200, "limit": 1 + n % 3 }))
            .collect();
        let answer = server.post("/nearby/batch", &json!({ "queries": queries })).send().await;
        let results = answer.json()["results"].clone();
        assert_eq!(results.as_array().unwrap().len(), queries.len());
        for (query, result) in queries.iter().zip(results.as_array().unwrap()) {
            let path = format!("/nearby?lat=0&lng={}&radius_km=200&limit={}", query["lng"], query["limit"]);
            assert_eq!(*result, server.found(&path).await);
        }
    }

    async fn filters_exclusions_and_cursors_work_in_a_batch_too(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[
            json!({ "name": "a", "latitude": 0, "longitude": 0, "country": "GR" }),
            json!({ "name": "b", "latitude": 0, "longitude": 0, "country": "IT" }),
        ]).await;
        let next = server.found("/nearby?lat=0&lng=0&limit=1").await["next"].clone();
        let answer = server.post("/nearby/batch", &json!({ "queries": [
            { "lat": 0, "lng": 0, "country": ["IT"] },
            { "lat": 0, "lng": 0, "exclude": [ids[1]] },
            { "lat": 0, "lng": 0, "cursor": next },
        ] })).send().await;
        let first = |n: usize| answer.json()["results"][n]["centers"][0]["id"].clone();
        assert_eq!([first(0), first(1), first(2)], [json!(ids[1]), json!(ids[0]), json!(ids[1])]);
    }

    async fn one_bad_query_refuses_the_batch_and_is_named_by_its_place(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let good = json!({ "lat": 0, "lng": 0 });
        server.seed(&[center("a", 0.0, 0.0), center("b", 0.0, 0.0)]).await;
        let foreign = server.found("/nearby?lat=0&lng=0&limit=1&radius_m=7").await["next"].clone();
        for (bad, code, parameter) in [
            (json!({ "lat": 91, "lng": 0 }), "parameter_invalid", "queries[17].lat"),
            (json!({ "lng": 0 }), "parameter_missing", "queries[17]"),
            (json!({ "lat": "0", "lng": 0 }), "parameter_invalid", "queries[17].lat"),
            (json!({ "lat": 0, "lng": 0, "lon": 0 }), "parameter_unknown", "queries[17].lon"),
            (json!({ "lat": 0, "lng": 0, "limit": 0 }), "parameter_invalid", "queries[17].limit"),
            (json!({ "lat": 0, "lng": 0, "limit": 1001 }), "parameter_invalid", "queries[17].limit"),
            (json!({ "lat": 0, "lng": 0, "radius_m": 1, "radius_km": 1 }), "parameter_conflict", "queries[17].radius_km"),
            (json!({ "lat": 0, "lng": 0, "country": [""] }), "parameter_invalid", "queries[17].country"),
            (json!({ "lat": 0, "lng": 0, "exclude": [i64::MIN] }), "parameter_invalid", "queries[17].exclude"),
            (json!({ "lat": 0, "lng": 0, "exclude": ["x"] }), "parameter_invalid", "queries[17].exclude[0]"),
            (json!({ "lat": 0, "lng": 0, "cursor": "x" }), "cursor_invalid", "queries[17].cursor"),
            (json!({ "lat": 0, "lng": 0, "cursor": foreign }), "cursor_invalid", "queries[17].cursor"),
            (json!(7), "parameter_invalid", "queries[17]"),
        ] {
            let mut queries = vec![good.clone(); 20];
            queries[17] = bad.clone();
            let answer = server.post("/nearby/batch", &json!({ "queries": queries })).send().await;
            let problem = answer.problem(400, code);
            assert_eq!(problem["parameter"], parameter, "{bad}: {problem}");
        }
    }

    async fn a_batch_is_bounded_at_the_limit_and_one_past_it(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ask = async |count: usize, limit: usize| {
            let query = json!({ "lat": 0, "lng": 0, "limit": limit });
            server.post("/nearby/batch", &json!({ "queries": vec![query; count] })).send().await
        };
        assert_eq!(ask(1_000, 100).await.status, 200);
        ask(1_001, 1).await.problem(400, "parameter_invalid");
        ask(0, 1).await.problem(400, "parameter_invalid");
        assert_eq!(ask(100, 1_000).await.status, 200);
        ask(101, 1_000).await.problem(400, "parameter_invalid");
    }
}
