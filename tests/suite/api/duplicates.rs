//! Centers that were entered twice.

use serde_json::json;

use super::server::{TestServer, center};
use crate::support::on_both_stores;

on_both_stores! {
    async fn a_center_like_another_nearby_is_refused_where_that_is_asked_for(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server
            .seed(&[
                center("Blue Dive Center", 10.0, 179.9999),
                center("Red Sea School", 10.0, -179.9999),
                center("BLUE DIVE", 10.0, -179.9999),
                json!({ "name": "Blue Dive" }),
            ])
            .await;
        let again = center("Blué Dive", 10.0, 179.9999);
        let refused = server.post("/centers?min_distance_m=30", &again).send().await;
        let problem = refused.problem(409, "center_exists");
        let neighbours = problem["neighbours"].as_array().unwrap();
        let found: Vec<i64> = neighbours.iter().map(|one| one["id"].as_i64().unwrap()).collect();
        assert_eq!(found, [ids[0], ids[2]]);
        assert_eq!(neighbours[0]["name"], "Blue Dive Center");
        assert_eq!(neighbours[0]["distance_m"], 0.0);
        let across = neighbours[1]["distance_m"].as_f64().unwrap();
        assert!((21.0..22.5).contains(&across), "{across}");
        assert_eq!(server.db.number("SELECT COUNT(*) FROM diving_centers").await, 4);

        for (path, body) in [
            // Far enough, another name, no position, and nobody asked.
            ("/centers?min_distance_m=30", center("Blue Dive", 10.001, 179.9999)),
            ("/centers?min_distance_m=30", center("Aqua School", 10.0, 179.9999)),
            ("/centers?min_distance_m=30", json!({ "name": "Blue Dive" })),
            ("/centers", again.clone()),
        ] {
            let created = server.post(path, &body).send().await;
            assert_eq!(created.status, 201, "{body}: {}", created.text());
        }
        // What was just created is in the way of the next.
        let twice = center("Solo", 50.0, 50.0);
        assert_eq!(server.post("/centers?min_distance_m=0", &twice).send().await.status, 201);
        let second = server.post("/centers?min_distance_m=0", &twice).send().await;
        second.problem(409, "center_exists");
        for bad in ["-1", "10000.1", "x", "inf"] {
            let path = format!("/centers?min_distance_m={bad}");
            let answer = server.post(&path, &twice).send().await;
            assert_eq!(answer.problem(400, "parameter_invalid")["parameter"], "min_distance_m");
        }
    }

    async fn not_more_than_ten_neighbours_are_named(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let crowd: Vec<_> = (0..12).map(|_| center("Blue Dive", 1.0, 1.0)).collect();
        server.seed(&crowd).await;
        let refused = server.post("/centers?min_distance_m=1", &crowd[0]).send().await;
        let problem = refused.problem(409, "center_exists");
        assert_eq!(problem["neighbours"].as_array().unwrap().len(), 10);
    }
}
