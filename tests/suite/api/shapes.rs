//! Answers that hold less or more than the plain one: `fields=`, `count=` and `facets=`.

use serde_json::{Value, json};

use super::collections::shops;
use super::server::{TestServer, center};
use crate::support::{TestDatabase, on_both_stores};

async fn seeded(db: TestDatabase) -> (TestServer, Vec<i64>) {
    let server = TestServer::start(db).await;
    let ids = server
        .seed(&[
            json!({ "name": "a \"b\",{", "latitude": 0, "longitude": 0, "country": "GR",
                    "phone": "1,\"id\":2", "description": "deep" }),
            json!({ "name": "c", "latitude": 0, "longitude": 0.1, "country": "GR", "city": "Athens" }),
            json!({ "name": "d", "latitude": 0, "longitude": 0.2 }),
            json!({ "name": "far", "latitude": 0, "longitude": 9, "country": "IT" }),
            json!({ "name": "nowhere", "country": "IT" }),
        ])
        .await;
    (server, ids)
}

/// Every country takes a view most of a second to read.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn counting_that_takes_mysql_too_long_is_given_up_and_the_centers_are_answered() {
    let db = TestDatabase::mysql().await;
    for sql in [
        "CREATE TABLE places (id INT PRIMARY KEY, name VARCHAR(20), lat DOUBLE, lon DOUBLE)",
        "INSERT INTO places VALUES (1, 'a', 0, 0), (2, 'b', 0, 0), (3, 'c', 0, 0)",
        "CREATE VIEW shops AS SELECT id AS shop_id, name AS title, lat, lon, \
         IF(SLEEP(0.9) = 0, 'GR', 'IT') AS country_code FROM places",
    ] {
        db.execute(sql).await;
    }
    let server = TestServer::start_declared(db, vec![shops()]).await;
    let path = "/collections/shops/nearby?lat=0&lng=0&radius_km=1&count=true";
    let answer = server.found(&format!("{path}&facets=country")).await;
    assert_eq!(answer["count"], 3);
    assert_eq!(
        (&answer["total"], &answer["facets"]),
        (&Value::Null, &Value::Null)
    );
    assert!(answer.as_object().unwrap().contains_key("total"));
    assert_eq!(server.found(path).await["total"], 3);
}

/// What was answered of the first center.
fn first(answer: &Value) -> &Value {
    match answer.get("features") {
        Some(features) => &features[0]["properties"],
        None => &answer["centers"][0],
    }
}

on_both_stores! {
    async fn searches_answer_the_members_that_were_asked_for_and_the_distance(db: TestDatabase) {
        let (server, ids) = seeded(db).await;
        for path in ["/nearby", "/nearest", "/collections/centers/nearby"] {
            for format in ["json", "geojson"] {
                let path = format!("{path}?lat=0&lng=0&limit=2&format={format}");
                for (fields, expected) in [
                    ("id,name", json!({ "id": ids[0], "name": "a \"b\",{", "distance_m": 0.0 })),
                    ("country,city", json!({ "country": "GR", "city": null, "distance_m": 0.0 })),
                    ("distance_m", json!({ "distance_m": 0.0 })),
                    ("phone,id,website", json!({ "id": ids[0], "phone": "1,\"id\":2", "website": null, "distance_m": 0.0 })),
                    ("description", json!({ "description": "deep", "distance_m": 0.0 })),
                ] {
                    let answer = server.found(&format!("{path}&fields={fields}")).await;
                    assert_eq!(*first(&answer), expected, "{path}&fields={fields}");
                    assert_eq!(answer["count"], 2);
                }
                let plain = server.found(&path).await;
                let some = server.found(&format!("{path}&fields=id")).await;
                assert_eq!(plain["next"], some["next"]);
                if format == "geojson" {
                    assert_eq!(plain["features"][1]["geometry"], some["features"][1]["geometry"]);
                    assert_eq!(plain["features"][1]["id"], some["features"][1]["id"]);
                }
            }
        }
    }

    async fn lists_and_single_centers_answer_the_members_that_were_asked_for(db: TestDatabase) {
        let (server, ids) = seeded(db).await;
        let expected = json!({ "id": ids[0], "name": "a \"b\",{", "phone": "1,\"id\":2" });
        let one = format!("/centers/{}?fields=name,id,phone", ids[0]);
        assert_eq!(server.found(&one).await, expected);
        let feature = server.found(&format!("{one}&format=geojson")).await;
        assert_eq!(feature["properties"], expected);
        assert_eq!((&feature["type"], &feature["id"]), (&json!("Feature"), &json!(ids[0])));
        assert_eq!(feature["geometry"]["coordinates"], json!([0.0, 0.0]));
        for path in ["/centers", "/collections/centers/items"] {
            let path = format!("{path}?limit=3&fields=name,id,phone");
            for format in ["json", "geojson"] {
                let answer = server.found(&format!("{path}&format={format}")).await;
                assert_eq!(*first(&answer), expected);
                assert_eq!(answer["count"], 3);
                assert!(answer["next"].is_string());
            }
        }
    }

    async fn queries_of_a_batch_choose_their_members(db: TestDatabase) {
        let (server, ids) = seeded(db).await;
        let query = |fields: Value| json!({ "lat": 0, "lng": 0, "limit": 1, "fields": fields });
        let body = json!({ "queries": [query(json!(["id"])), query(Value::Null), query(json!(["phone"]))] });
        let answer = server.post("/nearby/batch", &body).send().await.json();
        let of = |place: usize| &answer["results"][place]["centers"][0];
        assert_eq!(*of(0), json!({ "id": ids[0], "distance_m": 0.0 }));
        assert_eq!(of(1)["name"], "a \"b\",{");
        assert_eq!(*of(2), json!({ "phone": "1,\"id\":2", "distance_m": 0.0 }));
        let bad = json!({ "queries": [query(json!(["colour"]))] });
        let problem = server.post("/nearby/batch", &bad).send().await.problem(400, "parameter_invalid");
        assert_eq!(problem["parameter"], "queries[0].fields");
    }

    async fn queries_of_a_batch_count_as_single_ones_do(db: TestDatabase) {
        let (server, _) = seeded(db).await;
        let body = json!({ "queries": [
            { "lat": 0, "lng": 0, "radius_km": 100, "limit": 1, "count": true },
            { "lat": 0, "lng": 0, "radius_km": 100, "facets": ["country", "city"], "fields": ["name"] },
            { "lat": 0, "lng": 0, "radius_km": 100, "count": false, "facets": [] },
        ] });
        let results = server.post("/nearby/batch", &body).send().await.json()["results"].clone();
        let single = async |more: &str| server.found(&format!("/nearby?lat=0&lng=0&radius_km=100&{more}")).await;
        assert_eq!(results[0], single("limit=1&count=true").await);
        assert!(results[0]["total"].as_u64().unwrap() > 1);
        assert_eq!(results[1], single("facets=country,city&fields=name").await);
        assert_eq!(results[2], single("").await);
        for (member, value, code) in [
            ("facets", json!(["name"]), "parameter_invalid"),
            ("facets", json!(["country", "country"]), "parameter_invalid"),
            ("count", json!("yes"), "parameter_invalid"),
        ] {
            let body = json!({ "queries": [{ "lat": 0, "lng": 0, "radius_km": 1, member: value }] });
            server.post("/nearby/batch", &body).send().await.problem(400, code);
        }
        for (member, value) in [("count", json!(true)), ("facets", json!(["country"]))] {
            let query = json!({ "lat": 0, "lng": 0, "radius_km": 1, "group_by": "city", member: value });
            let body = json!({ "queries": [query] });
            server.post("/nearby/batch", &body).send().await.problem(400, "parameter_conflict");
        }
    }

    async fn members_that_are_not_there_are_refused_with_those_that_are(db: TestDatabase) {
        let (server, ids) = seeded(db).await;
        for path in [
            "/nearby?lat=0&lng=0&fields=colour".to_owned(),
            "/nearby?lat=0&lng=0&fields=id,id".to_owned(),
            "/nearby?lat=0&lng=0&fields=id,".to_owned(),
            "/centers?fields=distance_m".to_owned(),
            format!("/centers/{}?fields=location", ids[0]),
        ] {
            let problem = server.get(&path).send().await.problem(400, "parameter_invalid");
            assert_eq!(problem["parameter"], "fields", "{path}");
            assert!(problem["allowed"].as_str().unwrap().contains("phone"), "{path}: {problem}");
        }
    }

    async fn count_tells_how_many_there_are_whatever_the_limit_and_the_page(db: TestDatabase) {
        let (server, ids) = seeded(db).await;
        for (query, total) in [
            ("/nearby?lat=0&lng=0&limit=1", 3),
            ("/nearby?lat=0&lng=0&limit=1&format=geojson", 3),
            ("/nearby?lat=0&lng=0&radius_m=0", 1),
            ("/nearby?lat=0&lng=0&country=GR", 2),
            ("/nearby?lat=0&lng=0&filter=country IS NULL", 1),
            ("/nearby?lat=50&lng=50", 0),
            ("/nearest?lat=0&lng=0&limit=1", 4),
            ("/nearest?lat=0&lng=0&max_radius_m=20000", 2),
            ("/collections/centers/nearby?lat=0&lng=0", 3),
        ] {
            let answer = server.found(&format!("{query}&count=true")).await;
            assert_eq!(answer["total"], total, "{query}");
            let plain = server.found(&format!("{query}&count=false")).await;
            assert_eq!(plain.get("total"), None);
        }
        let excluding = format!("/nearby?lat=0&lng=0&exclude={}&count=true", ids[0]);
        assert_eq!(server.found(&excluding).await["total"], 2);
        let first = server.found("/nearby?lat=0&lng=0&limit=2&count=true").await;
        let next = first["next"].as_str().unwrap();
        let second = server.found(&format!("/nearby?lat=0&lng=0&count=true&cursor={next}")).await;
        assert_eq!((&second["count"], &second["total"]), (&json!(1), &json!(3)));
    }

    async fn facets_tell_how_often_each_value_is_there(db: TestDatabase) {
        let (server, _) = seeded(db).await;
        let value = |value: Value, count: u64| json!({ "value": value, "count": count });
        let country = json!({ "values": [value(json!("GR"), 2), value(Value::Null, 1)], "other": 0 });
        let city = json!({ "values": [value(Value::Null, 2), value(json!("Athens"), 1)], "other": 0 });
        for format in ["json", "geojson"] {
            let path = format!("/nearby?lat=0&lng=0&limit=1&format={format}&facets=city,country");
            let answer = server.found(&path).await;
            assert_eq!(answer["facets"], json!({ "country": country, "city": city }));
            assert_eq!((&answer["count"], answer.get("total")), (&json!(1), None));
            let both = server.found(&format!("{path}&count=true&fields=id")).await;
            assert_eq!((&both["facets"], &both["total"]), (&answer["facets"], &json!(3)));
        }
        let none = server.found("/nearby?lat=50&lng=50&facets=city").await;
        assert_eq!(none["facets"]["city"], json!({ "values": [], "other": 0 }));
    }

    async fn a_hundred_values_are_told_and_the_others_counted_together(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let centers: Vec<Value> = (0..103).map(|number| {
            let mut center = center("x", 0.0, 0.0);
            center["city"] = json!(format!("city {number:03}"));
            center
        }).collect();
        server.seed(&centers).await;
        let answer = server.found("/nearby?lat=0&lng=0&limit=1&facets=city").await;
        let city = &answer["facets"]["city"];
        assert_eq!(city["values"].as_array().unwrap().len(), 100);
        assert_eq!(city["values"][99], json!({ "value": "city 099", "count": 1 }));
        assert_eq!(city["other"], 3);
    }

    /// Two that a collation takes for the same.
    async fn values_are_counted_byte_for_byte(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let centers: Vec<Value> = ["Athens", "athens", "Athéns", "Athens"].map(|city| {
            json!({ "name": "x", "latitude": 0, "longitude": 0, "city": city })
        }).to_vec();
        server.seed(&centers).await;
        let answer = server.found("/nearby?lat=0&lng=0&facets=city").await;
        let value = |value: &str, count: u64| json!({ "value": value, "count": count });
        let expected = json!([value("Athens", 2), value("Athéns", 1), value("athens", 1)]);
        assert_eq!(answer["facets"]["city"]["values"], expected);
    }

    async fn counts_that_cannot_be_made_are_refused(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for (query, parameter) in [
            ("count=yes", "count"),
            ("count=1", "count"),
            ("facets=colour", "facets"),
            ("facets=name", "facets"),
            ("facets=country,country", "facets"),
            ("facets=country,", "facets"),
        ] {
            for path in ["nearby", "nearest"] {
                let path = format!("/{path}?lat=0&lng=0&{query}");
                let problem = server.get(&path).send().await.problem(400, "parameter_invalid");
                assert_eq!(problem["parameter"], parameter, "{path}");
            }
        }
        server.get("/centers?count=true").send().await.problem(400, "parameter_unknown");
    }
}
