//! `/api/v1/diving-centers/nearby`.

use serde_json::json;

use super::{CENTERS, TestServer, found_ids, ids};
use crate::api::server::center;
use crate::support::on_both_stores;

on_both_stores! {
    async fn centers_are_a_bare_array_nearest_first_with_rounded_kilometres(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let made = server.seed(&[
            center("far", 0.0, 0.2),
            json!({ "name": "ne\"ar", "latitude": 0, "longitude": 0.1,
                    "country": "GR", "region": "Attica", "city": "Athens" }),
            center("outside", 0.0, 3.0),
        ]).await;
        let answer = server.found(&format!("{CENTERS}/nearby?lat=0&lng=0")).await;
        // A degree of the equator is 111.195 km.
        assert_eq!(answer, json!([
            { "id": made[1], "name": "ne\"ar", "country": "GR", "region": "Attica", "city": "Athens",
              "distance_km": 11.12 },
            { "id": made[0], "name": "far", "country": null, "region": null, "city": null,
              "distance_km": 22.24 },
        ]));
        assert_eq!(server.found(&format!("{CENTERS}/nearby?lat=50&lng=50")).await, json!([]));
    }

    async fn rows_without_coordinates_are_never_near_zero_and_a_center_at_zero_is(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let made = server.seed(&[
            json!({ "name": "nowhere" }),
            center("null island", 0.0, 0.0),
            center("equator", 0.0, 0.1),
            center("greenwich", 0.1, 0.0),
        ]).await;
        server.db.execute("UPDATE diving_centers SET latitude = 0 WHERE name = 'nowhere'").await;
        let found = server.found(&format!("{CENTERS}/nearby?lat=0&lng=0&radius_km=1")).await;
        assert_eq!(ids(&found), made[1..2]);
        assert_eq!(found[0]["distance_km"], json!(0.0));
        let all = found_ids(&server, "/nearby?lat=0&lng=0&radius_km=500&limit=100").await;
        assert_eq!(all, made[1..], "ties by id");
    }

    async fn the_antimeridian_is_no_edge(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let made = server.seed(&[
            center("a", 10.0, 180.0), center("b", 10.0, -180.0),
            center("c", 10.0, 179.99), center("d", 10.0, -179.99),
        ]).await;
        for lng in ["180", "-180", "179.995", "-179.995"] {
            let mut found = found_ids(&server, &format!("/nearby?lat=10&lng={lng}&radius_km=3")).await;
            if !lng.contains('.') {
                assert_eq!(found, made, "{lng}: nearest first, ties by id");
            }
            found.sort_unstable();
            assert_eq!(found, made, "{lng}");
        }
    }

    async fn the_radius_is_inclusive_and_the_limit_cuts(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let centers: Vec<_> = (0..101).map(|n| center("x", 0.0, f64::from(n) * 0.001)).collect();
        let made = server.seed(&centers).await;
        assert_eq!(found_ids(&server, "/nearby?lat=0&lng=0").await, made[..25]);
        assert_eq!(found_ids(&server, "/nearby?lat=0&lng=0&limit=100").await, made[..100]);
        // 0.1 degrees are 11.1195 km.
        assert_eq!(found_ids(&server, "/nearby?lat=0&lng=0.1&limit=100&radius_km=1").await.len(), 9);
        let on_the_edge = 6_371_008.771_415_059 * 0.1_f64.to_radians() / 1_000.0;
        for (radius_km, reached) in [(on_the_edge + 1e-9, true), (on_the_edge - 1e-6, false)] {
            let path = format!("/nearby?lat=0&lng=0.2&limit=100&radius_km={radius_km}");
            assert_eq!(found_ids(&server, &path).await.contains(&made[100]), reached);
        }
    }
}
