//! `/clusters/{id}`: what is in a cluster.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::server::{TestServer, center};
use crate::support::on_both_stores;

/// The clusters and centers of an answer: ids with counts, and ids.
fn parts(answer: &Value) -> (Vec<(u64, u64)>, Vec<i64>) {
    let features = answer["features"].as_array().expect("it has features");
    let (clusters, centers): (Vec<_>, Vec<_>) = features
        .iter()
        .partition(|feature| feature["properties"]["cluster"] == json!(true));
    let count = |feature: &Value| {
        let properties = &feature["properties"];
        assert_eq!(feature["id"], properties["cluster_id"]);
        let number = |name: &str| properties[name].as_u64().expect("a number");
        (number("cluster_id"), number("point_count"))
    };
    let id = |feature: &Value| feature["id"].as_i64().expect("an id");
    (
        clusters.into_iter().map(count).collect(),
        centers.into_iter().map(id).collect(),
    )
}

/// The first cell of zoom 0 that has anything, by its number.
async fn root(server: &TestServer) -> u64 {
    const FIRST: u64 = (1 << 52) + 1;
    for id in FIRST..FIRST + 36 {
        let answer = server.get(&format!("/clusters/{id}/children")).send().await;
        if answer.status == 200 {
            return id;
        }
        answer.problem(404, "cluster_not_found");
    }
    panic!("no cell has anything");
}

on_both_stores! {
    async fn a_cluster_falls_apart_into_its_children_down_to_its_leaves(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let centers: Vec<Value> = (0..30_u8)
            .map(|number| center("a", 37.9 + f64::from(number % 6) * 0.01, 23.7 + f64::from(number) * 0.01))
            .collect();
        let ids = server.seed(&centers).await;
        let root = root(&server).await;
        let mut waiting = vec![(root, 30_u64)];
        let mut alone = BTreeSet::new();
        while let Some((id, count)) = waiting.pop() {
            let children = server.found(&format!("/clusters/{id}/children")).await;
            let (clusters, centers) = parts(&children);
            let of_clusters: u64 = clusters.iter().map(|(_, count)| count).sum();
            assert_eq!(of_clusters + centers.len() as u64, count);
            let leaves = server.found(&format!("/clusters/{id}/leaves?limit=1000")).await;
            assert_eq!(leaves["count"].as_u64(), Some(count));
            waiting.extend(clusters);
            for id in centers {
                assert!(alone.insert(id), "{id} is in one place");
            }
        }
        assert_eq!(alone, ids.iter().copied().collect());
    }

    async fn a_viewport_with_a_zoom_shows_clusters_and_centers_that_stand_in_it(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[
            center("a", 37.97, 23.72),
            center("b", 37.99, 23.74),
            center("c", 37.98, 24.5),
            center("west", 10.0, 180.0),
            center("east", 10.0, -179.0),
        ]).await;
        for path in ["/within", "/collections/centers/within"] {
            let shown = server.found(&format!("{path}?bbox=20,30,30,40&zoom=5")).await;
            let (clusters, centers) = parts(&shown);
            assert_eq!((clusters.len(), centers), (1, vec![ids[2]]), "{shown}");
            assert_eq!(clusters[0].1, 2);
        }
        // Clusters count where they are shown, centers to the last decimal.
        let edge = "/within?bbox=24.5,37,25,37.98&zoom=5";
        assert_eq!(parts(&server.found(edge).await).1, [ids[2]]);
        let beside = "/within?bbox=24.50000001,37,25,37.98&zoom=5";
        assert_eq!(parts(&server.found(beside).await), (vec![], vec![]));
        let across = server.found("/within?bbox=179,0,-178,20&zoom=9").await;
        assert_eq!(parts(&across).1, ids[3..]);
        // From the zoom on that shows every center by itself.
        let near = server.found("/within?bbox=23,37,24,38&zoom=10").await;
        assert_eq!(parts(&near).1.len() + 2 * parts(&near).0.len(), 2);
        let alone = server.found("/within?bbox=23.7,37.9,23.8,38&zoom=14").await;
        assert_eq!(parts(&alone), (vec![], ids[..2].to_vec()));
        let greek = "/within?bbox=20,30,30,40&zoom=5&country=GR";
        assert_eq!(parts(&server.found(greek).await), (vec![], vec![]));
    }

    async fn only_what_is_in_a_polygon_is_in_clusters(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[
            center("a", 37.97, 23.72),
            center("b", 37.99, 23.74),
            center("c", 37.98, 23.73),
            center("beside the triangle", 37.99, 23.73),
        ]).await;
        let triangle = "polygon=POLYGON((23.72 37.97,23.74 37.97,23.74 37.99,23.72 37.97))";
        let shown = server.found(&format!("/within?{triangle}&zoom=5")).await;
        let (clusters, centers) = parts(&shown);
        assert_eq!((clusters.len(), centers), (1, vec![]), "{shown}");
        let (cluster, count) = clusters[0];
        assert_eq!(count, 3);
        for (filter, expected) in [("", &ids[..]), (triangle, &ids[..3])] {
            let leaves = format!("/clusters/{cluster}/leaves?{filter}");
            assert_eq!(parts(&server.found(&leaves).await).1, expected);
        }
        let others = "filter=NOT S_WITHIN(geometry, POLYGON((23.72 37.97,23.74 37.97,23.74 37.99,23.72 37.97)))";
        let shown = server.found(&format!("/within?bbox=20,30,30,40&zoom=5&{others}")).await;
        assert_eq!(parts(&shown), (vec![], vec![ids[3]]));
    }

    async fn a_viewport_with_a_zoom_that_is_none_is_refused(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for (query, code, parameter) in [
            ("bbox=1,2,3&zoom=5", "parameter_invalid", "bbox"),
            ("bbox=1,4,3,2&zoom=5", "parameter_invalid", "bbox"),
            ("zoom=5", "parameter_missing", "bbox"),
            ("bbox=1,2,3,4&zoom=23", "parameter_invalid", "zoom"),
            ("bbox=1,2,3,4&zoom=99", "parameter_invalid", "zoom"),
            ("bbox=1,2,3,4&zoom=-1", "parameter_invalid", "zoom"),
            ("bbox=1,2,3,4&zoom=x", "parameter_invalid", "zoom"),
            ("bbox=1,2,3,4&zoom=", "parameter_invalid", "zoom"),
            ("bbox=1,2,3,4&zoom=5&zoom=6", "parameter_repeated", "zoom"),
            ("bbox=1,2,3,4&zoom=5&limit=3", "parameter_unknown", "limit"),
        ] {
            let answer = server.get(&format!("/within?{query}")).send().await;
            assert_eq!(answer.problem(400, code)["parameter"], parameter, "{query}");
        }
        // 96 cells around the world are shown, 192 are too many.
        assert_eq!(server.found("/within?bbox=-180,-90,180,90&zoom=4").await["features"], json!([]));
        let wide = server.get("/within?bbox=-180,-90,180,90&zoom=5").send().await;
        let problem = wide.problem(400, "parameter_invalid");
        assert_eq!(problem["allowed"], "at most 4 for a bbox of this size");
    }

    async fn leaves_come_by_id_in_pages(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let centers: Vec<Value> = (0..7).map(|number| {
            json!({ "name": "a", "latitude": 10, "longitude": 10, "country": if number == 3 { "FR" } else { "GR" } })
        }).collect();
        let mut ids = server.seed(&centers).await;
        let root = root(&server).await;
        ids.remove(3);
        let path = format!("/clusters/{root}/leaves?country=GR&limit=4");
        let first = server.found(&path).await;
        assert_eq!(parts(&first).1, ids[..4]);
        let cursor = first["next"].as_str().expect("there are more");
        let second = server.found(&format!("{path}&cursor={cursor}")).await;
        assert_eq!((parts(&second).1, &second["next"]), (ids[4..].to_vec(), &Value::Null));
        let others = format!("/clusters/{root}/leaves?country=FR&cursor={cursor}");
        server.get(&others).send().await.problem(400, "cursor_invalid");
        let none = format!("/clusters/{root}/leaves?country=IT");
        server.get(&none).send().await.problem(404, "cluster_not_found");
        let in_collection = format!("/collections/centers/clusters/{root}/leaves?country=GR&limit=4");
        assert_eq!(server.found(&in_collection).await, first);
    }

    async fn centers_on_one_spot_stay_together_to_the_end(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[center("a", 1.0, 1.0), center("b", 1.0, 1.0)]).await;
        let mut id = root(&server).await;
        for zoom in 1..=22 {
            let (clusters, centers) = parts(&server.found(&format!("/clusters/{id}/children")).await);
            assert_eq!((clusters.len(), centers.len()), (1, 0), "{zoom}");
            assert_eq!(clusters[0].1, 2);
            id = clusters[0].0;
        }
        // There is no deeper zoom.
        assert_eq!(parts(&server.found(&format!("/clusters/{id}/children")).await).0[0].0, id);
        assert_eq!(parts(&server.found(&format!("/clusters/{id}/leaves")).await).1, ids);
    }

    async fn what_is_no_cluster_is_refused(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for id in ["0", "7", "x", "-1", "4503599627370496", "9007199254740991", "1.5"] {
            for kind in ["children", "leaves"] {
                let answer = server.get(&format!("/clusters/{id}/{kind}")).send().await;
                assert_eq!(answer.problem(400, "parameter_invalid")["parameter"], "id");
            }
        }
        let empty = "/clusters/4503599627370497";
        server.get(&format!("{empty}/children")).send().await.problem(404, "cluster_not_found");
        server.get(&format!("{empty}/leaves?limit=0")).send().await.problem(400, "parameter_invalid");
        server.get(&format!("{empty}/leaves?cursor=x")).send().await.problem(400, "cursor_invalid");
        server.get(&format!("{empty}/children?limit=1")).send().await.problem(400, "parameter_unknown");
    }
}
