//! `POST /centers` and `/centers/{id}`.

use reqwest::Method;
use serde_json::{Value, json};

use super::server::{Answer, TestServer, center};
use crate::support::on_both_stores;

async fn send(server: &TestServer, method: Method, id: i64, body: &Value) -> Answer {
    let path = format!("/centers/{id}");
    let request = server.request(method.clone(), &path).key();
    match method {
        Method::PATCH => request.merge_patch(body).send().await,
        Method::DELETE => request.send().await,
        _ => request.json(body).send().await,
    }
}

on_both_stores! {
    async fn a_created_center_is_read_and_found_at_once(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let body = json!({
            "name": "Blue \"Dive\" 🐟", "description": "two\nlines", "address": "1 Quay",
            "email": "a@example.com", "phone": "+30 1", "website": "https://example.com",
            "latitude": 37.983_810_01, "longitude": -180, "country": "GR", "region": "Attica",
            "city": "Athens", "logo_url": "https://example.com/l.png",
        });
        let created = server.post("/centers", &body).send().await;
        assert_eq!(created.status, 201);
        let center = created.json();
        for (field, value) in body.as_object().unwrap() {
            let (got, sent) = (&center[field], value);
            assert!(got == sent || got.as_f64() == sent.as_f64() && got.is_number(), "{field}: {got}");
        }
        let path = created.header("location").to_owned();
        assert_eq!(path, format!("/centers/{}", center["id"]));
        assert_eq!(server.found(&path).await, center);
        let found = server.found("/nearby?lat=37.9838&lng=180&radius_m=100").await;
        assert_eq!(found["centers"][0]["id"], center["id"]);
    }

    async fn a_center_moves_with_its_coordinates(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let id = server.seed(&[center("a", 1.0, 1.0)]).await[0];
        let replaced = send(&server, Method::PUT, id, &center("b", 2.0, 2.0)).await;
        assert_eq!(replaced.json()["name"], "b");
        assert_eq!(server.found_ids("/nearby?lat=2&lng=2&radius_m=1").await, [id]);
        let patched = send(&server, Method::PATCH, id, &json!({ "latitude": 3 })).await;
        assert_eq!(patched.json()["longitude"], 2.0);
        assert_eq!(server.found_ids("/nearby?lat=3&lng=2&radius_m=1").await, [id]);
        assert!(server.found_ids("/nearby?lat=2&lng=2&radius_m=1").await.is_empty());
        assert_eq!(send(&server, Method::DELETE, id, &Value::Null).await.status, 204);
        assert!(server.found_ids("/nearby?lat=3&lng=2&radius_m=1").await.is_empty());
        send(&server, Method::DELETE, id, &Value::Null).await.problem(404, "center_not_found");
        server.get(&format!("/centers/{id}")).send().await.problem(404, "center_not_found");
    }

    async fn put_takes_away_what_it_leaves_out_and_patch_what_is_null(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let full = json!({ "name": "a", "phone": "1", "city": "X", "latitude": 1, "longitude": 1 });
        let id = server.seed(std::slice::from_ref(&full)).await[0];
        let patched = send(&server, Method::PATCH, id, &json!({ "phone": null })).await.json();
        assert_eq!((&patched["phone"], &patched["city"]), (&Value::Null, &json!("X")));
        let nowhere = json!({ "latitude": null, "longitude": null });
        let patched = send(&server, Method::PATCH, id, &nowhere).await.json();
        assert_eq!(patched["latitude"], Value::Null);
        assert!(server.found_ids("/nearest?lat=1&lng=1").await.is_empty());
        send(&server, Method::PUT, id, &full).await;
        let replaced = send(&server, Method::PUT, id, &json!({ "name": "b" })).await.json();
        assert_eq!((&replaced["phone"], &replaced["latitude"]), (&Value::Null, &Value::Null));
        let empty = send(&server, Method::PATCH, id, &json!({})).await.json();
        assert_eq!(empty["name"], "b");
    }

    /// Half a position, and one that is none, as other applications leave them.
    async fn a_patch_that_names_no_coordinates_leaves_them_and_nulls_take_them_away(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let id = server.seed(&[center("a", 1.0, 1.0)]).await[0];
        for theirs in ["latitude = 95, longitude = 7", "latitude = 1, longitude = NULL"] {
            server.db.execute(&format!("UPDATE diving_centers SET {theirs}")).await;
            let patched = send(&server, Method::PATCH, id, &json!({ "city": "X" })).await;
            assert_eq!((patched.status, &patched.json()["latitude"]), (200, &Value::Null));
            let kept = theirs.replace(", ", " AND ").replace("= NULL", "IS NULL");
            let kept = format!("SELECT COUNT(*) FROM diving_centers WHERE city = 'X' AND {kept}");
            assert_eq!(server.db.number(&kept).await, 1, "{theirs}");
            let half = send(&server, Method::PATCH, id, &json!({ "latitude": 3 })).await;
            assert_eq!(half.problem(400, "parameter_invalid")["parameter"], "longitude");
            let nowhere = json!({ "latitude": null, "longitude": null });
            assert_eq!(send(&server, Method::PATCH, id, &nowhere).await.status, 200);
            let taken = "SELECT COUNT(*) FROM diving_centers WHERE COALESCE(latitude, longitude) IS NULL";
            assert_eq!(server.db.number(taken).await, 1);
        }
    }

    async fn a_refused_write_names_the_field_and_writes_nothing(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let id = server.seed(&[center("before", 1.0, 1.0)]).await[0];
        for (change, code, parameter) in [
            (json!({ "name": " " }), "parameter_invalid", "name"),
            (json!({ "name": null }), "parameter_invalid", "name"),
            (json!({ "name": 7 }), "parameter_invalid", "name"),
            (json!({ "name": "é".repeat(256) }), "parameter_invalid", "name"),
            (json!({ "name": "nul\u{0}" }), "parameter_invalid", "name"),
            (json!({ "phone": "1".repeat(51) }), "parameter_invalid", "phone"),
            (json!({ "latitude": 91 }), "parameter_invalid", "latitude"),
            (json!({ "longitude": 181 }), "parameter_invalid", "longitude"),
            (json!({ "longitude": -180.1 }), "parameter_invalid", "longitude"),
            (json!({ "latitude": "1" }), "parameter_invalid", "latitude"),
            (json!({ "latitude": null }), "parameter_invalid", "latitude"),
            (json!({ "id": 7 }), "field_read_only", "id"),
            (json!({ "created_at": "2020-01-01T00:00:00Z" }), "field_read_only", "created_at"),
            (json!({ "updated_at": null }), "field_read_only", "updated_at"),
            (json!({ "view_count": 1 }), "field_read_only", "view_count"),
            (json!({ "nmae": "x" }), "parameter_unknown", "nmae"),
        ] {
            let mut whole = center("after", 2.0, 2.0);
            whole.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            for answer in [
                server.post("/centers", &whole).send().await,
                send(&server, Method::PUT, id, &whole).await,
                send(&server, Method::PATCH, id, &change).await,
            ] {
                let problem = answer.problem(400, code);
                assert_eq!(problem["parameter"], parameter, "{change}: {problem}");
                assert!(problem["got"].is_string() && problem["allowed"].is_string(), "{problem}");
            }
        }
        let list = server.found("/centers").await;
        assert_eq!(list["count"], 1);
        assert_eq!(list["centers"][0]["name"], "before");

        // What is allowed is what can be written; an id names an item of a batch.
        let unknown = json!({ "name": "a", "nmae": "x" });
        let batch = json!({ "centers": [unknown] });
        for (path, body) in [("/centers", &unknown), ("/centers/batch", &batch)] {
            let problem = server.post(path, body).send().await.problem(400, "parameter_unknown");
            for text in [&problem["allowed"], &problem["detail"]] {
                let text = text.as_str().unwrap();
                assert!(text.contains("one of") && text.contains("`logo_url`"), "{text}");
                assert!(text.contains("`id` in a batch"), "{text}");
                for read_only in ["view_count", "created_at", "updated_at"] {
                    assert!(!text.contains(read_only), "{text}");
                }
            }
        }
        assert_eq!(server.found_ids("/nearest?lat=2&lng=2").await, [id]);
    }

    async fn writes_need_the_key(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let id = server.seed(&[center("before", 1.0, 1.0)]).await[0];
        let path = format!("/centers/{id}");
        let all = [None, Some("Basic eDp5"), Some("Bearer wrong"), Some("Bearer "),
            Some("Bearer correct horse battery stapl"), Some("Bearer correct horse battery staple2")];
        // Ten wrong keys are looked at, and then no more.
        let few = &all[..3];
        for (method, path, keys) in [
            (Method::POST, "/centers", &all[..]),
            (Method::POST, "/centers/batch", few),
            (Method::PUT, &path, few),
            (Method::PATCH, &path, few),
            (Method::DELETE, &path, few),
        ] {
            for key in keys {
                let mut request = server.request(method.clone(), path);
                if let Some(key) = key {
                    request = request.header("authorization", key);
                }
                request.send().await.problem(401, "unauthorized");
            }
        }
        assert_eq!(server.found(&path).await["name"], "before");
        let lower_case = format!("bearer {}", super::server::KEY);
        let answer = server.request(Method::DELETE, &path).header("authorization", &lower_case).send().await;
        assert_eq!(answer.status, 204);
    }

    async fn without_a_key_nobody_writes(db: TestDatabase) {
        let server = TestServer::start_with(db, |settings| settings.admin_key = None).await;
        let problem = server.post("/centers", &center("a", 1.0, 1.0)).send().await
            .problem(403, "writes_disabled");
        assert!(problem["detail"].as_str().unwrap().contains("NEARBY_ADMIN_KEY"));
        assert_eq!(server.found("/centers").await["count"], 0);
    }

    async fn an_id_is_a_whole_number_of_64_bits(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for id in ["x", "1.0", "%00", "%ff", "-9223372036854775808", "9223372036854775808"] {
            let problem = server.get(&format!("/centers/{id}")).send().await
                .problem(400, "parameter_invalid");
            assert_eq!(problem["parameter"], "id");
        }
        for id in ["0", "-1", "9007199254740992", "-9223372036854775807", "9223372036854775807"] {
            let missing = server.get(&format!("/centers/{id}")).send().await;
            assert_eq!(missing.problem(404, "center_not_found")["got"], id);
        }
        for method in [Method::PUT, Method::PATCH, Method::DELETE] {
            send(&server, method, 4_711, &json!({ "name": "a" })).await.problem(404, "center_not_found");
        }
    }

    async fn one_center_is_answered_as_geojson_too(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[center("a", 1.0, 2.0), json!({ "name": "nowhere" })]).await;
        let feature = |id: i64| format!("/centers/{id}?format=geojson");
        let here = server.found(&feature(ids[0])).await;
        assert_eq!(here["geometry"]["coordinates"], json!([2.0, 1.0]));
        assert_eq!(server.found(&feature(ids[1])).await["geometry"], Value::Null);
    }
}
