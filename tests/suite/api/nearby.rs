//! `/nearby`.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::server::{TestServer, center, ids_of};
use crate::support::on_both_stores;

on_both_stores! {
    /// 300 pairs: near, far, across the antimeridian, at poles and antipodes.
    async fn a_center_is_found_within_the_distance_that_was_told_of_it(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let mut random = StdRng::seed_from_u64(7);
        let mut centers = Vec::new();
        for _ in 0..100 {
            let (latitude, longitude) = (random.random_range(-90.0..90.0), random.random_range(-180.0..180.0));
            centers.push(center("anywhere", latitude, longitude));
        }
        server.seed(&centers).await;
        for _ in 0..300 {
            let at = &centers[random.random_range(0..centers.len())];
            let (latitude, longitude) = (at["latitude"].as_f64().unwrap(), at["longitude"].as_f64().unwrap());
            let (lat, lng) = match random.random_range(0..4) {
                0 => (latitude, longitude),
                1 => (-latitude, longitude + 180.0 + random.random_range(-0.1..0.1)),
                2 => ((latitude + random.random_range(-0.001..0.001)).clamp(-90.0, 90.0), longitude),
                _ => (random.random_range(-90.0..90.0), random.random_range(-180.0..180.0)),
            };
            let all = server.found(&format!("/nearest?lat={lat}&lng={lng}&limit=100")).await;
            let told = &all["centers"][random.random_range(0..100)];
            let path = format!("/nearby?lat={lat}&lng={lng}&limit=100&radius_m={}", told["distance_m"]);
            let found = server.found_ids(&path).await;
            assert!(found.contains(&told["id"].as_i64().unwrap()), "{path}: {told}");
        }
    }

    async fn centers_are_answered_nearest_first_with_their_distances(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[
            center("far", 0.0, 0.2),
            center("near", 0.0, 0.1),
            center("outside", 0.0, 3.0),
            json!({ "name": "nowhere" }),
        ]).await;
        let answer = server.found("/nearby?lat=0&lng=0").await;
        assert_eq!(ids_of(&answer), [ids[1], ids[0]]);
        assert_eq!(answer["count"], 2);
        assert_eq!(answer["radius_m"], 100_000.0);
        assert_eq!(answer["next"], Value::Null);
        let distance_m = answer["centers"][0]["distance_m"].as_f64().unwrap();
        // A tenth of a degree: pi R / 1800.
        assert!((distance_m - 11_119.508_0).abs() < 0.001, "{distance_m}");
    }

    async fn a_radius_comes_in_metres_or_kilometres(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[center("a", 0.0, 0.1), center("b", 0.0, 0.2)]).await;
        assert_eq!(server.found_ids("/nearby?lat=0&lng=0&radius_m=12000").await, ids[..1]);
        assert_eq!(server.found_ids("/nearby?lat=0&lng=0&radius_km=12").await, ids[..1]);
        assert_eq!(server.found_ids("/nearby?lat=0&lng=0&radius_km=23").await, ids);
        assert!(server.found_ids("/nearby?lat=0&lng=0&radius_m=0").await.is_empty());
        assert_eq!(server.found_ids("/nearby?lat=0&lng=0.1&radius_m=0").await, ids[..1]);
        assert_eq!(server.found_ids("/nearby?lat=0&lng=0&radius_m=20100000").await, ids);
    }

    async fn a_center_on_the_antimeridian_is_found_from_both_sides(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[center("east", 10.0, 180.0), center("west", 10.0, -180.0)]).await;
        for lng in ["179.99", "-179.99", "180", "-180", "180.01", "539.99", "-540.01"] {
            let path = format!("/nearby?lat=10&lng={lng}&radius_km=2");
            assert_eq!(server.found_ids(&path).await, ids, "{lng}");
        }
    }

    async fn a_wrapped_longitude_is_answered_as_it_was_understood(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let answer = server.found("/nearby?lat=10&lng=190").await;
        assert_eq!(answer["origin"], json!({ "lat": 10.0, "lng": -170.0 }));
    }

    async fn a_pole_is_near_from_every_longitude(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[center("pole", 90.0, 42.0), center("beside", 89.9, -120.0)]).await;
        for lng in [0, 90, 180, -90] {
            let path = format!("/nearby?lat=90&lng={lng}&radius_km=20");
            assert_eq!(server.found_ids(&path).await, ids, "{lng}");
        }
    }

    async fn filters_are_exact_and_repeat_as_alternatives(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let place = |country: &str, region: &str, city: &str| json!({
            "name": city, "latitude": 1, "longitude": 1,
            "country": country, "region": region, "city": city,
        });
        let ids = server.seed(&[
            place("GR", "Attica", "Athens"),
            place("GR", "Crete", "Chania"),
            place("Côte d'Ivoire", "Lagunes", "Abidjan"),
        ]).await;
        for (filter, expected) in [
            ("country=GR", vec![ids[0], ids[1]]),
            ("country=gr", vec![]),
            ("country=GR&country=C%C3%B4te+d'Ivoire", ids.clone()),
            ("country=GR&region=Crete", vec![ids[1]]),
            ("region=Crete&region=Lagunes", vec![ids[1], ids[2]]),
            ("city=Athens&country=GR", vec![ids[0]]),
            ("city=Athen%25", vec![]),
            ("city=Athens%00", vec![]),
        ] {
            let path = format!("/nearby?lat=1&lng=1&{filter}");
            assert_eq!(server.found_ids(&path).await, expected, "{filter}");
        }
    }

    async fn excluded_centers_are_left_out(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[center("a", 0.0, 0.0), center("b", 0.0, 0.0), center("c", 0.0, 0.0)]).await;
        let path = format!("/nearby?lat=0&lng=0&exclude={}&exclude={}", ids[0], ids[2]);
        assert_eq!(server.found_ids(&path).await, ids[1..2]);
    }

    async fn pages_joined_are_the_whole_even_while_rows_come_and_go(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let centers: Vec<Value> = (0..30)
            // Pairs on one spot, so that pages end between equal distances.
            .map(|n| center(&n.to_string(), 0.0, f64::from(n / 2) * 0.01))
            .collect();
        let ids = server.seed(&centers).await;
        let base = "/nearby?lat=0&lng=0&radius_km=100";
        let mut walked = Vec::new();
        let mut path = format!("{base}&limit=7");
        loop {
            let page = server.found(&path).await;
            walked.extend(ids_of(&page));
            let Some(next) = page["next"].as_str() else { break };
            path = format!("{base}&limit=7&cursor={next}");
            if walked.len() == 7 {
                // One behind the page's end, one before it, and a new one behind.
                for gone in [ids[3], ids[20]] {
                    let gone = format!("/centers/{gone}");
                    let answer = server.request(reqwest::Method::DELETE, &gone).key().send().await;
                    assert_eq!(answer.status, 204);
                }
                server.seed(&[center("late and near", 0.0, 0.0)]).await;
            }
        }
        let mut expected = ids.clone();
        expected.remove(20);
        assert_eq!(walked, expected);
    }

    async fn a_cursor_belongs_to_its_search(db: TestDatabase) {
        let server = TestServer::start(db).await;
        server.seed(&[center("a", 0.0, 0.0), center("b", 0.0, 0.1)]).await;
        let page = server.found("/nearby?lat=0&lng=0&limit=1").await;
        let next = page["next"].as_str().expect("another page follows");
        for other in [
            "/nearby?lat=0&lng=1",
            "/nearby?lat=0&lng=0&radius_km=50",
            "/nearby?lat=0&lng=0&country=GR",
            "/nearest?lat=0&lng=0",
        ] {
            let answer = server.get(&format!("{other}&cursor={next}")).send().await;
            let problem = answer.problem(400, "cursor_invalid");
            assert_eq!(problem["parameter"], "cursor");
        }
        // Page sizes may differ.
        let path = format!("/nearby?lat=0&lng=0&limit=9&cursor={next}");
        assert_eq!(server.found_ids(&path).await.len(), 1);
    }

    async fn geojson_is_asked_for_by_parameter_or_by_accept(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[center("\"quoted\" \\ \u{1f41f}", 37.9, 23.71)]).await;
        let path = "/nearby?lat=37.9&lng=23.7";
        let by_parameter = server.get(&format!("{path}&format=geojson")).send().await;
        let by_accept = server.get(path).header("accept", "application/geo+json").send().await;
        assert_eq!(by_parameter.body, by_accept.body);
        assert_eq!(by_accept.header("content-type"), "application/geo+json");
        let text = by_accept.text();
        let parsed: geojson::FeatureCollection = text.parse().expect("it is GeoJSON");
        assert_eq!(parsed.features.len(), 1);
        let feature = &by_accept.json()["features"][0];
        assert_eq!(feature["id"], ids[0]);
        assert_eq!(feature["geometry"]["coordinates"], json!([23.71, 37.9]));
        assert_eq!(feature["properties"], server.found(path).await["centers"][0]);
        // The parameter goes before the header.
        let json = server.get(&format!("{path}&format=json"))
            .header("accept", "application/geo+json").send().await;
        assert_eq!(json.header("content-type"), "application/json");
    }

    async fn an_answer_holds_up_to_a_thousand_centers(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let centers: Vec<Value> = (0..1_001).map(|n| center("x", 0.0, f64::from(n) * 1e-4)).collect();
        let ids = server.seed(&centers).await;
        let answer = server.found("/nearby?lat=0&lng=0&limit=1000").await;
        assert_eq!(ids_of(&answer), ids[..1_000]);
        assert!(answer["next"].is_string());
        assert_eq!(server.found_ids("/nearby?lat=0&lng=0").await.len(), 25);
    }
}
