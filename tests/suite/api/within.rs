//! `/within`, and rings.

use serde_json::{Value, json};

use super::server::{TestServer, center, ids_of};
use crate::support::on_both_stores;

/// One on each edge and corner of 10,-20,30,40, one inside and one outside of each.
fn around_a_box() -> Vec<Value> {
    [
        (-20.0, 10.0),
        (40.0, 30.0),
        (0.0, 10.0),
        (0.0, 30.0),
        (-20.0, 20.0),
        (40.0, 20.0),
        (0.0, 20.0),
        (-20.000_000_01, 20.0),
        (40.000_000_01, 20.0),
        (0.0, 9.999_999_99),
        (0.0, 30.000_000_01),
        (0.0, -160.0),
    ]
    .map(|(latitude, longitude)| center("x", latitude, longitude))
    .into()
}

on_both_stores! {
    async fn a_box_holds_its_edges_and_corners_and_is_answered_by_id(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&around_a_box()).await;
        let answer = server.found("/within?bbox=10,-20,30,40").await;
        assert_eq!(ids_of(&answer), ids[..7]);
        assert_eq!(answer["bbox"], json!([10.0, -20.0, 30.0, 40.0]));
        assert_eq!(answer["centers"][0].get("distance_m"), None);
        assert_eq!(server.found_ids("/collections/centers/within?bbox=10,-20,30,40").await, ids[..7]);
        let feature = server.get("/within?bbox=10,-20,30,40&format=geojson&limit=1").send().await.json();
        assert_eq!(feature["features"][0]["geometry"]["coordinates"], json!([10.0, -20.0]));
    }

    async fn a_box_may_cross_the_antimeridian_reach_beyond_poles_and_be_the_world(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[
            center("east", 0.0, 179.0),
            center("line", 0.0, 180.0),
            center("line", 0.0, -180.0),
            center("west", 0.0, -179.0),
            center("pole", 90.0, 5.0),
            center("origin", 0.0, 0.0),
            json!({ "name": "nowhere" }),
        ]).await;
        for crossing in ["179,-1,-179,1", "179,-1,181,1", "-181,-1,-179,1", "539,-1,541,1"] {
            let found = server.found_ids(&format!("/within?bbox={crossing}")).await;
            assert_eq!(found, ids[..4], "{crossing}");
        }
        for world in ["-180,-90,180,90", "-1000,-100,1000,100", "0,-90,360,90"] {
            let found = server.found_ids(&format!("/within?bbox={world}")).await;
            assert_eq!(found, ids[..6], "{world}");
        }
        assert_eq!(server.found_ids("/within?bbox=5,89,5,200").await, ids[4..5]);
        assert_eq!(server.found_ids("/within?bbox=0,0,0,0").await, ids[5..6]);
        assert_eq!(server.found_ids("/within?bbox=-179.5,-1,179.5,1").await, [ids[0], ids[3], ids[5]]);
    }

    async fn a_box_takes_filters_members_counts_and_cursors(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let centers: Vec<Value> = (0..20)
            .map(|n| json!({
                "name": format!("n{n}"), "latitude": n, "longitude": n,
                "country": if n % 2 == 0 { "GR" } else { "IT" }, "phone": "1",
            }))
            .collect();
        let ids = server.seed(&centers).await;
        let path = "/within?bbox=0,0,17,17&country=GR&limit=4";
        let counted = format!("{path}&count=true&facets=country&fields=name,phone");
        let answer = server.get(&counted).send().await.json();
        assert_eq!(answer["total"], 9);
        assert_eq!(answer["facets"]["country"]["values"], json!([{ "value": "GR", "count": 9 }]));
        assert_eq!(answer["centers"][0], json!({ "name": "n0", "phone": "1" }));
        let mut walked = Vec::new();
        let mut next = path.to_owned();
        loop {
            let page = server.found(&next).await;
            walked.extend(ids_of(&page));
            let Some(cursor) = page["next"].as_str() else { break };
            let other = format!("/within?bbox=0,0,16,17&country=GR&limit=4&cursor={cursor}");
            server.get(&other).send().await.problem(400, "cursor_invalid");
            next = format!("{path}&cursor={cursor}");
        }
        let greek: Vec<i64> = ids.iter().copied().step_by(2).take(9).collect();
        assert_eq!(walked, greek);
        let filtered = format!("/within?bbox=0,0,17,17&filter=name LIKE 'n1%25'&exclude={}", ids[1]);
        assert_eq!(server.found_ids(&filtered).await, ids[10..18]);
    }

    async fn a_ring_leaves_out_what_is_nearer(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[center("a", 0.0, 0.0), center("b", 0.0, 1.0), center("c", 0.0, 2.0)]).await;
        let told = server.found("/nearest?lat=0&lng=0").await;
        let to_b = told["centers"][1]["distance_m"].as_f64().unwrap();
        for (path, found) in [
            (format!("/nearby?lat=0&lng=0&radius_km=150&min_radius_m={to_b}"), &ids[1..2]),
            (format!("/nearest?lat=0&lng=0&min_radius_m={to_b}"), &ids[1..]),
            (format!("/nearest?lat=0&lng=0&min_radius_m={}", to_b + 0.001), &ids[2..]),
            ("/nearby?lat=0&lng=0&radius_mi=69.5&min_radius_m=0".to_owned(), &ids[..2]),
            ("/nearby?lat=0&lng=0&radius_mi=69&min_radius_m=1".to_owned(), &[]),
        ] {
            assert_eq!(server.found_ids(&path).await, found, "{path}");
        }
        let answer = server.found("/nearby?lat=0&lng=0&radius_km=150&min_radius_m=5&count=true").await;
        assert_eq!((&answer["min_radius_m"], &answer["total"]), (&json!(5.0), &json!(1)));
        let query = json!({ "lat": 0, "lng": 0, "radius_mi": 200, "min_radius_m": to_b });
        let batch = server.post("/nearby/batch", &json!({ "queries": [query] })).send().await.json();
        assert_eq!(ids_of(&batch["results"][0]), ids[1..]);
    }

    async fn a_polygon_keeps_what_is_in_it_with_its_edges_and_without_its_holes(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[
            center("corner", 0.0, 0.0),
            center("edge", 0.0, 5.0),
            center("inside", 2.0, 5.0),
            center("edge of the hole", 4.0, 5.0),
            center("hole", 5.0, 5.0),
            center("outside", 5.0, 10.000_000_01),
        ]).await;
        let wkt = "POLYGON((0 0,10 0,10 10,0 10,0 0),(4 4,6 4,6 6,4 6,4 4))";
        let geojson = json!({
            "type": "Polygon",
            "coordinates": [[[0,0],[10,0],[10,10],[0,10],[0,0]], [[4,4],[6,4],[6,6],[4,6],[4,4]]],
        });
        for polygon in [wkt.to_owned(), geojson.to_string()] {
            let nearest = server.found_ids(&format!("/nearest?lat=0&lng=0&polygon={polygon}")).await;
            assert_eq!(nearest, ids[..4], "{polygon}");
            let nearby = format!("/nearby?lat=0&lng=0&radius_km=800&min_radius_m=1&polygon={polygon}");
            assert_eq!(server.found_ids(&nearby).await, ids[1..4]);
            let within = server.found(&format!("/within?polygon={polygon}&count=true&limit=2")).await;
            assert_eq!((ids_of(&within), &within["total"]), (ids[..2].to_vec(), &json!(4)));
            let both = format!("/within?bbox=0,1,20,20&polygon={polygon}&facets=country");
            let both = server.found(&both).await;
            assert_eq!(ids_of(&both), ids[2..4]);
            assert_eq!(both["facets"]["country"]["values"], json!([{ "value": null, "count": 2 }]));
        }
        for member in [geojson, json!(wkt)] {
            let query = json!({ "lat": 0, "lng": 0, "radius_km": 2000, "polygon": member });
            let batch = server.post("/nearby/batch", &json!({ "queries": [query] })).send().await.json();
            assert_eq!(ids_of(&batch["results"][0]), ids[..4]);
        }
    }

    async fn conditions_and_lists_take_polygons_too(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let mut centers: Vec<Value> = (0..60)
            .map(|n| center("x", f64::from(n % 10), f64::from(n / 10) + 177.5))
            .collect();
        for center in &mut centers {
            if center["longitude"].as_f64().unwrap() > 180.0 {
                center["longitude"] = json!(center["longitude"].as_f64().unwrap() - 360.0);
            }
        }
        centers.push(json!({ "name": "nowhere", "country": "GR" }));
        let ids = server.seed(&centers).await;
        // It crosses the antimeridian; what is on or below its slope is inside.
        let triangle = "POLYGON((178 -1,183 -1,178 4,178 -1))";
        let inside: Vec<i64> = ids[..60].iter().copied().enumerate()
            .filter(|(n, _)| {
                let (latitude, longitude) = (n % 10, n / 10);
                longitude >= 1 && 2 * latitude + 2 * longitude <= 9
            })
            .map(|(_, id)| id)
            .collect();
        assert!(inside.len() > 5);
        for function in ["S_INTERSECTS", "s_within"] {
            let filter = format!("filter={function}(geometry, {triangle})");
            assert_eq!(server.found_ids(&format!("/within?{filter}")).await, inside);
            assert_eq!(server.found_ids(&format!("/centers?limit=1000&{filter}")).await, inside);
        }
        let either = format!("filter=country = 'GR' OR S_WITHIN(geometry, {triangle})");
        let listed = server.found_ids(&format!("/centers?limit=1000&{either}")).await;
        assert_eq!(listed, [inside.clone(), vec![ids[60]]].concat());
        let others = format!("filter=NOT S_WITHIN(geometry, {triangle})");
        let listed = server.found_ids(&format!("/centers?limit=1000&{others}")).await;
        assert_eq!(listed.len(), 60 - inside.len());
        // Pages go on where the one before ended.
        let mut walked = Vec::new();
        let mut path = format!("/centers?limit=2&filter=S_WITHIN(geometry, {triangle})");
        let first = path.clone();
        loop {
            let page = server.found(&path).await;
            walked.extend(ids_of(&page));
            let Some(cursor) = page["next"].as_str() else { break };
            path = format!("{first}&cursor={cursor}");
        }
        assert_eq!(walked, inside);
    }
}
