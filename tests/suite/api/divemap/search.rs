//! `/api/v1/diving-centers/search`.

use serde_json::json;

use super::{CENTERS, TestServer, found_ids};
use crate::api::server::center;
use crate::support::on_both_stores;

on_both_stores! {
    async fn names_are_a_bare_array_with_distances_only_from_an_origin(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let made = server.seed(&[
            center("Deep Blue", 0.0, 0.0),
            json!({ "name": "Blue B", "latitude": 0, "longitude": 0.1, "country": "GR", "city": "Athens" }),
            center("Blue A", 0.0, 0.2),
            json!({ "name": "Blue nowhere" }),
        ]).await;
        let plain = server.found(&format!("{CENTERS}/search?q=blue&limit=2")).await;
        assert_eq!(plain, json!([
            { "id": made[2], "name": "Blue A", "country": null, "region": null, "city": null },
            { "id": made[1], "name": "Blue B", "country": "GR", "region": null, "city": "Athens" },
        ]));
        let from = server.found(&format!("{CENTERS}/search?q=%20BLUE&lat=0&lng=0")).await;
        assert_eq!(from, json!([
            { "id": made[1], "name": "Blue B", "country": "GR", "region": null, "city": "Athens", "distance_km": 11.12 },
            { "id": made[2], "name": "Blue A", "country": null, "region": null, "city": null, "distance_km": 22.24 },
            { "id": made[3], "name": "Blue nowhere", "country": null, "region": null, "city": null, "distance_km": null },
            { "id": made[0], "name": "Deep Blue", "country": null, "region": null, "city": null, "distance_km": 0.0 },
        ]));
    }

    async fn one_coordinate_alone_is_ignored_and_a_blank_text_finds_nothing(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let made = server.seed(&[center("b", 0.0, 0.0), center("a b", 50.0, 50.0)]).await;
        for alone in ["lat=0", "lng=0"] {
            let answer = server.found(&format!("{CENTERS}/search?q=b&{alone}")).await;
            assert_eq!(super::ids(&answer), made);
            assert!(answer[0].get("distance_km").is_none());
        }
        assert!(found_ids(&server, "/search?q=%20").await.is_empty());
        assert!(found_ids(&server, "/search?q=%25").await.is_empty());
    }
}
