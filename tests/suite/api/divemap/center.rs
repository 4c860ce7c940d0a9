//! `/api/v1/diving-centers/{id}`.

use serde_json::{Value, json};

use super::{CENTERS, TestServer, detail};
use crate::support::on_both_stores;

on_both_stores! {
    async fn a_center_has_every_key_nulls_included(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[
            json!({ "name": "bare" }),
            json!({ "name": "Blue", "latitude": 0, "longitude": 0, "logo_url": "https://a.example/l.png",
                    "email": "a@example.org", "country": "GR" }),
        ]).await;
        let bare = server.found(&format!("{CENTERS}/{}", ids[0])).await;
        for (key, value) in [
            ("id", json!(ids[0])), ("name", json!("bare")), ("description", Value::Null),
            ("address", Value::Null), ("email", Value::Null), ("phone", Value::Null),
            ("website", Value::Null), ("latitude", Value::Null), ("longitude", Value::Null),
            ("country", Value::Null), ("region", Value::Null), ("city", Value::Null),
            ("logo_url", Value::Null), ("logo_full_url", Value::Null),
            ("average_rating", Value::Null), ("total_ratings", json!(0)),
            ("comment_count", json!(0)), ("user_rating", Value::Null), ("view_count", Value::Null),
            ("ownership_status", json!("unclaimed")), ("owner_username", Value::Null), ("is_manager", json!(false)),
            ("follower_count", json!(0)), ("media", json!([])),
        ] {
            assert_eq!(bare.get(key), Some(&value), "{key}");
        }
        let blue = server.found(&format!("{CENTERS}/{}", ids[1])).await;
        // 0.0 is a coordinate.
        assert_eq!((&blue["latitude"], &blue["longitude"]), (&json!(0.0), &json!(0.0)));
        assert_eq!(blue["logo_full_url"], "https://a.example/l.png");
        let plain = server.found(&format!("/centers/{}", ids[1])).await;
        for key in ["email", "country", "created_at", "updated_at"] {
            assert_eq!(blue[key], plain[key], "{key}");
        }
    }

    async fn a_center_that_is_not_there_is_not_found(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for id in ["1", "0", "-1", "9007199254740992", "99999999999999999999999"] {
            let answer = server.get(&format!("{CENTERS}/{id}")).send().await;
            assert_eq!(detail(&answer, 404), "Diving center not found", "{id}");
        }
    }
}
