//! The viewport of `/api/v1/diving-centers/`: what the map asks for on every pan.

use serde_json::json;

use super::{TestServer, found_ids};
use crate::api::server::center;
use crate::support::on_both_stores;

on_both_stores! {
    async fn a_viewport_holds_what_is_inside_wherever_the_map_has_scrolled(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let made = server.seed(&[
            center("a athens", 37.98, 23.73),
            center("b suva", -18.14, 178.44),
            center("c apia", -13.83, -171.77),
            center("d east", 0.0, 180.0),
            center("e west", 0.0, -180.0),
            center("f null island", 0.0, 0.0),
            center("g north pole", 90.0, 42.0),
            center("h south pole", -90.0, 0.0),
            json!({ "name": "i nowhere" }),
        ]).await;
        for (north, south, east, west, inside) in [
            (40.0, 30.0, 30.0, 20.0, vec![0]),
            // Edges are inside.
            (37.98, 30.0, 23.73, 20.0, vec![0]),
            (40.0, 37.98, 30.0, 23.73, vec![0]),
            (0.0, -1.0, 0.0, -1.0, vec![5]),
            (1.0, -1.0, 1.0, -1.0, vec![5]),
            // The antimeridian, in every way to count.
            (5.0, -20.0, -170.0, 170.0, vec![1, 2, 3, 4]),
            (5.0, -20.0, 190.0, 170.0, vec![1, 2, 3, 4]),
            (5.0, -20.0, -170.0, -190.0, vec![1, 2, 3, 4]),
            (5.0, -20.0, 910.0, 890.0, vec![1, 2, 3, 4]),
            (5.0, -5.0, 180.0, 179.0, vec![3, 4]),
            (5.0, -5.0, -179.0, -180.0, vec![3, 4]),
            (5.0, -5.0, 180.0, 180.0, vec![3, 4]),
            (5.0, -20.0, 179.0, 170.0, vec![1]),
            // Beyond the poles.
            (100.0, 80.0, 50.0, 40.0, vec![6]),
            (100.0, 80.0, 10.0, 0.0, vec![]),
            (-85.0, -120.0, 1.0, -1.0, vec![7]),
            (120.0, 91.0, 180.0, -180.0, vec![]),
            (-91.0, -120.0, 180.0, -180.0, vec![]),
            // Wide ones.
            (90.0, -90.0, 180.0, -180.0, vec![0, 1, 2, 3, 4, 5, 6, 7]),
            (120.0, -120.0, 600.0, -600.0, vec![0, 1, 2, 3, 4, 5, 6, 7]),
            (60.0, -60.0, 170.0, -170.0, vec![0, 5]),
            (60.0, -60.0, -10.0, 10.0, vec![0, 1, 2, 3, 4]),
            (60.0, -60.0, 200.0, 0.0, vec![0, 1, 2, 3, 4, 5]),
            (60.0, -60.0, 90.0, -90.0, vec![0, 5]),
        ] {
            let expected: Vec<i64> = inside.into_iter().map(|place: usize| made[place]).collect();
            let edges = format!("north={north}&south={south}&east={east}&west={west}");
            for query in [
                format!("/?page_size=1000&{edges}"),
                // Not answered by the index alone, and the same.
                format!("/?page_size=1000&sort_by=created_at&{edges}"),
                format!("/?page_size=1000&search=%20&detail_level=minimal&{edges}"),
            ] {
                let mut found = found_ids(&server, &query).await;
                if query.contains("created_at") {
                    found.sort_unstable();
                }
                assert_eq!(found, expected, "{query}");
            }
        }
        let partly = found_ids(&server, "/?north=1&south=0&east=1").await;
        assert_eq!(partly, made, "three edges are none");
    }

    async fn a_viewport_is_filtered_counted_and_paged(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let centers: Vec<_> = (0..1_003)
            .map(|n| center(&format!("c{n:04}"), 10.0, f64::from(n) * 0.001))
            .collect();
        let made = server.seed(&centers).await;
        let edges = "north=11&south=9&east=361&west=359";
        let path = format!("{}/?page_size=1000&{edges}", super::CENTERS);
        let answer = server.found(&path).await;
        assert_eq!(super::ids(&answer), made[..1_000]);
        assert_eq!((&answer["total"], &answer["has_next_page"]), (&json!(1_001), &json!(true)));
        assert_eq!(found_ids(&server, &format!("/?page_size=1000&page=2&{edges}")).await, made[1_000..1_001]);
        assert_eq!(found_ids(&server, &format!("/?name=C000&{edges}")).await, made[..10]);
    }

    async fn a_written_center_is_on_the_map_at_once(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let here = "/?north=1&south=-1&east=1&west=-1";
        let made = server.seed(&[center("a", 0.0, 0.0)]).await;
        assert_eq!(found_ids(&server, here).await, made);
        let path = format!("/centers/{}", made[0]);
        let moved = server.request(reqwest::Method::PATCH, &path).key();
        let moved = moved.merge_patch(&json!({ "longitude": 5 })).send().await;
        assert_eq!(moved.status, 200);
        assert!(found_ids(&server, here).await.is_empty());
    }
}
