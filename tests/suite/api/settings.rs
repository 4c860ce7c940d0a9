//! `/settings/{key}` and `/api/v1/settings/{key}`.

use reqwest::Method;
use serde_json::{Value, json};

use super::server::{Answer, TestServer, center};
use crate::cli::served::Served;
use crate::support::on_both_stores;

async fn put(server: &TestServer, key: &str, body: &Value) -> Answer {
    let path = format!("/settings/{key}");
    let request = server.request(Method::PUT, &path).key();
    request.json(body).send().await
}

async fn read(server: &TestServer, path: &str) -> Value {
    let answer = server.get(path).key().send().await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()
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
            assert_eq!(read(&server, "/settings/any.thing-1").await, expected);
            assert_eq!(read(&server, "/api/v1/settings/any.thing-1").await, expected);
        }
        let described = json!({ "value": 1, "description": "why" });
        put(&server, "any.thing-1", &described).await;
        assert_eq!(read(&server, "/settings/any.thing-1").await["description"], "why");
    }

    /// Other applications call them as they like.
    async fn a_setting_may_have_any_name_of_one_line(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for (key, name) in [
            ("Site%20title", "Site title"), ("%CF%84%CE%AF%CF%84%CE%BB%CE%BF%CF%82", "τίτλος"),
            ("a%2Fb", "a/b"), ("100%25", "100%"), ("a+b", "a+b"), ("'%60", "'`"),
        ] {
            let written = put(&server, key, &json!({ "value": name })).await;
            assert_eq!(written.status, 200, "{}", written.text());
            for path in ["/settings", "/api/v1/settings"] {
                let read = read(&server, &format!("{path}/{key}")).await;
                assert_eq!((&read["key"], &read["value"]), (&json!(name), &json!(name)));
            }
        }
    }

    async fn a_number_in_a_setting_keeps_all_its_digits(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let body = r#"{ "value": { "of": [123456789012345678901234567890.50, 1e-400] } }"#;
        let request = server.request(Method::PUT, "/settings/digits").key();
        let written = request.body("application/json", body).send().await;
        for answer in [written, server.get("/settings/digits").key().send().await] {
            assert!(answer.text().contains("[123456789012345678901234567890.50, 1e-400]"), "{}", answer.text());
        }
    }

    /// The other is a process of its own, on the same database.
    async fn a_setting_is_effective_at_once_and_soon_on_other_instances(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let id = server.seed(&[center("a", 1.0, 1.0)]).await[0];
        server.db.execute(&format!(
            "INSERT INTO center_ratings (diving_center_id, user_id, score) VALUES ({id}, 1, 6)"
        )).await;
        let other = Served::start(&["--database-url", server.db.url()]);
        let searches = ["/nearby?lat=1&lng=1", "/nearest?lat=1&lng=1", "/centers?limit=50"];
        server.eventually("both see the rating", async || {
            let ours = server.found(searches[0]).await;
            let theirs = other.get(searches[0]).await.1;
            [ours, theirs].iter().all(|found| found.to_string().contains("average_rating"))
        }).await;
        let key = "disable_diving_center_reviews";
        for hidden in [true, false, true] {
            let written = put(&server, key, &json!({ "value": hidden })).await;
            assert_eq!(written.status, 200);
            let (_, read) = other.get(&format!("/settings/{key}")).await;
            assert_eq!(read["value"], hidden);
            for path in searches {
                let found = server.found(path).await;
                assert_eq!(found.to_string().contains("average_rating"), !hidden, "{path}");
            }
            server.soon("the other sees the setting", async || {
                let found = other.get(searches[0]).await.1;
                found.to_string().contains("average_rating") != hidden
            }).await;
            for path in searches {
                let (_, found) = other.get(path).await;
                assert_eq!(found.to_string().contains("average_rating"), !hidden, "{path}");
                // A mark that nobody has reached, which is ignored while marks are hidden.
                let found = other.found_ids(&format!("{path}&min_rating=9")).await;
                assert_eq!(found.len(), usize::from(hidden), "{path}");
            }
            let (_, list) = other.get("/api/v1/diving-centers/?min_rating=9").await;
            assert_eq!(list["total"], i32::from(hidden));
        }
    }

    async fn a_setting_that_nobody_set_is_not_found(db: TestDatabase) {
        let server = TestServer::start(db).await;
        put(&server, "here", &json!({ "value": 1 })).await;
        for key in ["x", "Here", "hére", "a%0Ab"] {
            let answer = server.get(&format!("/api/v1/settings/{key}")).key().send().await;
            assert_eq!(answer.status, 404);
        }
        let answer = server.get("/api/v1/settings/x").key().send().await;
        assert_eq!(answer.json(), json!({ "detail": "Setting 'x' not found" }));
        server.get("/settings/Here").key().send().await.problem(404, "setting_not_found");
        server.get("/settings/a%0Ab").send().await.problem(400, "parameter_invalid");
    }

    async fn a_setting_that_nearby_knows_has_a_default(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let key = "disable_diving_center_reviews";
        for path in ["/settings", "/api/v1/settings"] {
            let found = server.found(&format!("{path}/{key}")).await;
            assert_eq!((&found["key"], &found["value"]), (&json!(key), &json!(false)));
        }
        // As beside another application.
        server.db.execute("DROP TABLE settings").await;
        assert_eq!(server.found(&format!("/settings/{key}")).await["value"], false);
        server.get("/settings/x").key().send().await.problem(404, "setting_not_found");
    }

    /// There may be a password among them.
    async fn a_setting_of_another_application_is_shown_to_nobody_without_the_key(db: TestDatabase) {
        let server = TestServer::start(db).await;
        put(&server, "smtp_password", &json!({ "value": "s3cret" })).await;
        for key in ["smtp_password", "not-there"] {
            for wrong in [None, Some("Bearer wrong"), Some("Basic s3cret")] {
                let ask = |path: &str| {
                    let request = server.get(&format!("{path}/{key}"));
                    match wrong {
                        Some(value) => request.header("authorization", value),
                        None => request,
                    }
                };
                let refused = ask("/settings").send().await;
                assert!(!refused.text().contains("s3cret"), "{}", refused.text());
                refused.problem(401, "unauthorized");
                let refused = ask("/api/v1/settings").send().await;
                assert_eq!(refused.status, 401);
                assert!(refused.json()["detail"].is_string() && !refused.text().contains("s3cret"));
            }
        }
        let server = TestServer::start_with(server.stop().await, |settings| settings.admin_key = None).await;
        server.get("/settings/smtp_password").key().send().await.problem(401, "unauthorized");
        assert_eq!(server.found("/settings/disable_diving_center_reviews").await["value"], false);
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
