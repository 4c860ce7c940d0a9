//! `/centers/batch`.

use serde_json::{Value, json};

use super::server::{TestServer, center, ids_of};
use crate::support::on_both_stores;

on_both_stores! {
    async fn a_batch_creates_and_replaces_in_its_order(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let old = server.seed(&[center("old", 1.0, 1.0)]).await[0];
        let mut replacement = center("new", 2.0, 2.0);
        replacement["id"] = json!(old);
        let answer = server.post("/centers/batch", &json!({ "centers": [
            center("first", 3.0, 3.0), replacement, { "name": "nowhere" },
        ] })).send().await;
        let written = answer.json();
        let names: Vec<&Value> = (0..3).map(|n| &written["centers"][n]["name"]).collect();
        assert_eq!(names, ["first", "new", "nowhere"]);
        let ids = ids_of(&written);
        assert_eq!(ids[1], old);
        assert_eq!(server.found_ids("/nearest?lat=2&lng=2").await, [old, ids[0]]);
    }

    async fn one_bad_center_refuses_the_batch_and_is_named_by_its_place(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let old = server.seed(&[center("old", 1.0, 1.0)]).await[0];
        for (bad, status, code, parameter) in [
            (json!({}), 400, "parameter_invalid", "centers[2].name"),
            (json!({ "name": "x", "latitude": 91, "longitude": 0 }), 400, "parameter_invalid", "centers[2].latitude"),
            (json!({ "name": "x", "latitude": 1 }), 400, "parameter_invalid", "centers[2].longitude"),
            (json!({ "name": "x", "phone": 1 }), 400, "parameter_invalid", "centers[2].phone"),
            (json!({ "name": "x", "fax": "1" }), 400, "parameter_unknown", "centers[2].fax"),
            (json!({ "name": "x", "view_count": 1 }), 400, "field_read_only", "centers[2].view_count"),
            (json!({ "name": "x", "id": i64::MIN }), 400, "parameter_invalid", "centers[2].id"),
            (json!({ "name": "x", "id": "x" }), 400, "parameter_invalid", "centers[2].id"),
            (json!({ "name": "x", "id": null }), 400, "parameter_invalid", "centers[2].id"),
            (json!({ "name": "x", "id": old }), 400, "parameter_repeated", "centers[2].id"),
            (json!({ "name": "x", "id": 4_711_471 }), 404, "center_not_found", "centers[2].id"),
        ] {
            let centers = json!([
                { "name": "replaced", "id": old }, center("created", 5.0, 5.0), bad,
            ]);
            let answer = server.post("/centers/batch", &json!({ "centers": centers })).send().await;
            let problem = answer.problem(status, code);
            assert_eq!(problem["parameter"], parameter, "{bad}: {problem}");
        }
        let list = server.found("/centers").await;
        assert_eq!(list["count"], 1);
        assert_eq!(list["centers"][0]["name"], "old");
        assert_eq!(server.found_ids("/nearest?lat=5&lng=5").await, [old]);
    }

    async fn a_batch_is_bounded_at_the_limit_and_one_past_it(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let write = async |count: usize| {
            let centers = vec![center("x", 0.0, 0.0); count];
            server.post("/centers/batch", &json!({ "centers": centers })).send().await
        };
        write(0).await.problem(400, "parameter_invalid");
        write(1_001).await.problem(400, "parameter_invalid");
        assert_eq!(write(1_000).await.json()["count"], 1_000);
    }
}
