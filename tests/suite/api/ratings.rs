//! Ratings in answers and as a filter, and the setting that hides them.

use reqwest::Method;
use serde_json::{Value, json};

use super::server::{TestServer, center};
use crate::support::{TestDatabase, on_both_stores};

const SEARCHES: [&str; 3] = [
    "/nearby?lat=1&lng=1",
    "/nearest?lat=1&lng=1",
    "/centers?limit=50",
];

/// A server with three centers, of which the first has the marks 8, 9, 9 and the
/// second 6.
async fn rated(db: TestDatabase) -> (TestServer, Vec<i64>) {
    let server = TestServer::start(db).await;
    let ids = server
        .seed(&[
            center("a", 1.0, 1.0),
            center("b", 1.0, 1.001),
            center("c", 1.0, 1.002),
        ])
        .await;
    let marks = [(0, 1, 8), (0, 2, 9), (0, 3, 9), (1, 1, 6)];
    let marks = marks.map(|(center, user, score)| format!("({}, {user}, {score})", ids[center]));
    let sql = format!(
        "INSERT INTO center_ratings (diving_center_id, user_id, score) VALUES {}",
        marks.join(", ")
    );
    server.db.execute(&sql).await;
    server
        .eventually("ratings are seen", async || {
            let found = server.found("/nearby?lat=1&lng=1&min_rating=6").await;
            found["count"] == 2 && found.to_string().contains("average_rating")
        })
        .await;
    (server, ids)
}

async fn hide(server: &TestServer, value: Value) {
    let path = "/settings/disable_diving_center_reviews";
    let request = server.request(Method::PUT, path).key();
    let written = request.json(&json!({ "value": value })).send().await;
    assert_eq!(written.status, 200);
}

fn ratings_of(answer: &Value) -> Vec<(Value, Value)> {
    let rating = |center: &Value| {
        let of = |key| center.get(key).cloned().unwrap_or_default();
        (of("average_rating"), of("rating_count"))
    };
    let centers = answer["centers"].as_array().unwrap();
    centers.iter().map(rating).collect()
}

on_both_stores! {
    async fn rated_centers_say_so_until_the_setting_hides_it(db: TestDatabase) {
        let (server, ids) = rated(db).await;
        let average = json!(26.0 / 3.0);
        let shown = [(average.clone(), json!(3)), (json!(6.0), json!(1)), (Value::Null, Value::Null)];
        let one = format!("/centers/{}", ids[0]);
        for hidden in [false, true, false] {
            hide(&server, json!(hidden)).await;
            for path in SEARCHES {
                let found = server.found(path).await;
                if hidden {
                    assert!(!found.to_string().contains("rating"), "{path}: {found}");
                } else {
                    assert_eq!(ratings_of(&found), shown, "{path}");
                }
            }
            let features = server.found("/nearby?lat=1&lng=1&format=geojson").await;
            let properties = &features["features"][0]["properties"];
            assert_eq!(properties["rating_count"], if hidden { Value::Null } else { json!(3) });
            let body = json!({ "queries": [{ "lat": 1, "lng": 1 }, { "lat": 1, "lng": 1, "min_rating": 7 }] });
            let batch = server.post("/nearby/batch", &body).send().await.json();
            assert_eq!(batch.to_string().contains("average_rating"), !hidden);
            let counts = [&batch["results"][0]["count"], &batch["results"][1]["count"]];
            assert_eq!(counts, [&json!(3), &json!(if hidden { 3 } else { 1 })]);
            let whole = server.found(&one).await;
            assert_eq!(whole["average_rating"], if hidden { Value::Null } else { average.clone() });
        }
    }

    async fn whatever_divemap_takes_for_true_hides_ratings(db: TestDatabase) {
        let (server, _) = rated(db).await;
        for (value, hides) in [
            (json!("true"), true), (json!(""), false), (json!("false"), true), (json!(false), false),
            (json!(1), true), (json!(0), false), (json!(-0.5), true), (json!(0.0), false),
            (json!([0]), true), (json!([]), false), (json!({"on": false}), true), (json!({}), false),
            (json!(true), true), (Value::Null, false),
        ] {
            hide(&server, value.clone()).await;
            let found = server.found(SEARCHES[0]).await;
            assert_eq!(!found.to_string().contains("average_rating"), hides, "{value}");
        }
    }

    async fn what_another_program_sets_is_seen_within_seconds(db: TestDatabase) {
        let (server, _) = rated(db).await;
        hide(&server, json!(true)).await;
        for (value, shown) in [("false", true), ("\"true\"", false), ("\"\"", true), ("true", false)] {
            let sql = format!(
                "UPDATE settings SET value = '{value}' WHERE `key` = 'disable_diving_center_reviews'"
            );
            server.db.execute(&sql).await;
            server
                .soon("the setting is seen", async || {
                    let found = server.found(SEARCHES[0]).await;
                    found.to_string().contains("average_rating") == shown
                })
                .await;
        }
    }

    async fn a_least_rating_counts_at_the_mark_and_is_ignored_while_ratings_are_hidden(db: TestDatabase) {
        let (server, ids) = rated(db).await;
        let found = async |least: &str| {
            let mut found = Vec::new();
            for path in SEARCHES {
                found.push(server.found_ids(&format!("{path}&min_rating={least}")).await);
            }
            assert!(found.iter().all(|one| *one == found[0]), "{least}: {found:?}");
            found.swap_remove(0)
        };
        assert_eq!(found("6").await, ids[..2]);
        assert_eq!(found("6.000001").await, ids[..1]);
        assert_eq!(found("0").await, ids[..2]);
        assert_eq!(found("8.666666666666666").await, ids[..1]);
        assert_eq!(found("8.66666666666667").await, [0; 0]);

        let first = server.found("/nearby?lat=1&lng=1&limit=1&min_rating=6").await;
        let cursor = first["next"].as_str().unwrap().to_owned();
        let rest = format!("/nearby?lat=1&lng=1&min_rating=6&cursor={cursor}");
        assert_eq!(server.found_ids(&rest).await, ids[1..2]);
        hide(&server, json!(true)).await;
        assert_eq!(found("9").await, ids);
        // A page goes on although the setting changed.
        assert_eq!(server.found_ids(&rest).await, ids[1..]);
        let other = format!("/nearby?lat=1&lng=1&min_rating=7&cursor={cursor}");
        server.get(&other).send().await.problem(400, "cursor_invalid");
        for path in SEARCHES {
            for bad in ["-1", "10.1", "x", "NaN"] {
                let answer = server.get(&format!("{path}&min_rating={bad}")).send().await;
                assert_eq!(answer.problem(400, "parameter_invalid")["parameter"], "min_rating");
            }
        }
    }

    async fn divemaps_list_knows_ratings_until_they_are_hidden(db: TestDatabase) {
        let (server, ids) = rated(db).await;
        let list = async |query: &str| {
            let found = server.found(&format!("/api/v1/diving-centers/?{query}")).await;
            let items = found["items"].as_array().unwrap();
            let listed: Vec<i64> = items.iter().map(|item| item["id"].as_i64().unwrap()).collect();
            assert_eq!(found["total"], listed.len());
            listed
        };
        assert_eq!(list("min_rating=6").await, ids[..2]);
        assert_eq!(list("max_rating=8").await, ids[1..2]);
        assert_eq!(list("min_rating=9").await, [0; 0]);
        assert_eq!(list("sort_by=average_rating").await, [ids[2], ids[1], ids[0]]);
        assert_eq!(list("sort_by=rating&sort_order=desc").await, ids);
        let for_admins = server.get("/api/v1/diving-centers/?sort_by=comment_count");
        assert_eq!(for_admins.send().await.status, 403);
        let count = server.found("/api/v1/diving-centers/count?min_rating=7").await;
        assert_eq!(count["total"], 1);
        let all = server.found("/api/v1/diving-centers/?detail_level=basic").await;
        assert_eq!(all["items"][0]["average_rating"], json!(26.0 / 3.0));
        assert_eq!(all["items"][0]["total_ratings"], 3);
        assert_eq!(all["items"][2].get("average_rating"), None);
        let minimal = server.found("/api/v1/diving-centers/?detail_level=minimal").await;
        assert_eq!(minimal["items"][0].get("average_rating"), None);
        let whole = server.found(&format!("/api/v1/diving-centers/{}", ids[1])).await;
        assert_eq!((&whole["average_rating"], &whole["total_ratings"]), (&json!(6.0), &json!(1)));

        hide(&server, json!(true)).await;
        assert_eq!(list("min_rating=6").await, ids);
        let count = server.found("/api/v1/diving-centers/count?min_rating=7").await;
        assert_eq!(count["total"], 3);
        let all = server.found("/api/v1/diving-centers/").await;
        assert_eq!(all["items"][0].get("average_rating"), None);
        assert_eq!(all["items"][0]["total_ratings"], 0);
        for sort_by in ["average_rating", "rating", "comment_count"] {
            let path = format!("/api/v1/diving-centers/?sort_by={sort_by}");
            let refused = server.get(&path).send().await;
            assert_eq!(refused.status, 400);
            assert_eq!(
                refused.json()["detail"],
                "Invalid sort_by field. Must be one of: city, country, created_at, name, region, updated_at, view_count"
            );
        }
    }

    async fn ratings_go_with_their_center(db: TestDatabase) {
        let (server, ids) = rated(db).await;
        let path = format!("/centers/{}", ids[0]);
        assert_eq!(server.request(Method::DELETE, &path).key().send().await.status, 204);
        assert_eq!(server.found_ids("/nearby?lat=1&lng=1&min_rating=0").await, ids[1..2]);
        assert_eq!(server.db.number("SELECT COUNT(*) FROM center_ratings").await, 1);
    }
}
