//! `/settings/{key}` and `/api/v1/settings/{key}`.

use reqwest::Method;
use serde_json::{Value, json};

use super::server::{Answer, TestServer};
use crate::support::on_both_stores;

async fn put(server: &TestServer, key: &str, body: &Value) -> Answer {
    let path = format!("/settings/{key}");
    let request = server.request(Method::PUT, &path).key();
    request.json(body).send().await
}

on_both_stores! {
    async fn a_setting_comes_back_as_the_json_it_was_written_as(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for value in [
            json!(false), json!("false"), Value::Null, json!(1.0), json!(9_007_199_254_740_993_i64),
            json!({ "b": [1, "é \u{1f93f}"], "a": {} }), json!(""),
        ] {
            let written = put(&server, "any.thing-1", &json!({ "value": value })).await;
            assert_eq!(written.status, 200, "{}", written.text());
            let expected = json!({ "key": "any.thing-1", "value": value, "description": null });
            assert_eq!(written.json(), expected);
            assert_eq!(server.found("/settings/any.thing-1").await, expected);
            assert_eq!(server.found("/api/v1/settings/any.thing-1").await, expected);
        }
        let described = json!({ "value": 1, "description": "why" });
        put(&server, "any.thing-1", &described).await;
        assert_eq!(server.found("/settings/any.thing-1").await["description"], "why");
    }

    async fn a_setting_that_nobody_set_is_not_found(db: TestDatabase) {
        let server = TestServer::start(db).await;
        put(&server, "here", &json!({ "value": 1 })).await;
        for key in ["x", "Here", "hére", "a%20b"] {
            let answer = server.get(&format!("/api/v1/settings/{key}")).send().await;
            assert_eq!(answer.status, 404);
        }
        let answer = server.get("/api/v1/settings/x").send().await;
        assert_eq!(answer.json(), json!({ "detail": "Setting 'x' not found" }));
        server.get("/settings/Here").send().await.problem(404, "setting_not_found");
        server.get("/settings/a%20b").send().await.problem(400, "parameter_invalid");
    }

    async fn a_setting_is_written_with_the_key_and_in_its_form_only(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let without = server.request(Method::PUT, "/settings/a").json(&json!({ "value": 1 }));
        without.send().await.problem(401, "unauthorized");
        for (body, code) in [
            (json!({}), "parameter_missing"),
            (json!({ "value": 1, "more": 2 }), "parameter_unknown"),
            (json!({ "value": 1, "description": 2 }), "parameter_invalid"),
            (json!({ "value": "x".repeat(65_534) }), "parameter_invalid"),
            (json!({ "value": 1, "description": "x".repeat(16_384) }), "parameter_invalid"),
        ] {
            put(&server, "a", &body).await.problem(400, code);
        }
        let longest = json!({ "value": "x".repeat(65_533), "description": "\u{1f93f}".repeat(16_383) });
        assert_eq!(put(&server, "a", &longest).await.status, 200);
    }
}
