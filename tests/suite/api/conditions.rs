//! `filter=`: conditions in CQL2 Text.

use serde_json::json;

use super::server::{TestServer, ids_of};
use crate::support::on_both_stores;

/// Centers by their names, all at one place.
async fn seeded(db: crate::support::TestDatabase) -> (TestServer, Vec<i64>) {
    let server = TestServer::start(db).await;
    let center = |name: &str, country: Option<&str>, city: Option<&str>| json!({ "name": name, "latitude": 0, "longitude": 0, "country": country, "city": city });
    let ids = server
        .seed(&[
            center("Blue Hole", Some("EG"), Some("Dahab")),
            center("Blue Dive", Some("GR"), None),
            center("O'Brien's", Some("gr"), Some("Athens")),
            center("100% Fun", None, Some("athens")),
        ])
        .await;
    (server, ids)
}

/// Conditions and the places of the centers, in their order, for which they hold.
const CONDITIONS: [(&str, &[usize]); 18] = [
    ("TRUE", &[0, 1, 2, 3]),
    ("FALSE", &[]),
    ("country = 'GR'", &[1]),
    ("'GR' = country", &[1]),
    ("country <> 'GR'", &[0, 2]),
    ("NOT country = 'GR'", &[0, 2]),
    ("country > 'EG'", &[1, 2]),
    ("country IN ('GR', 'EG')", &[0, 1]),
    ("country NOT IN ('GR', 'EG')", &[2]),
    ("country IS NULL", &[3]),
    ("country IS NOT NULL AND city IS NOT NULL", &[0, 2]),
    ("country BETWEEN 'EG' AND 'GR'", &[0, 1]),
    ("name LIKE 'Blue%25'", &[0, 1]),
    ("name LIKE 'blue%25'", &[]),
    ("name LIKE '100\\%25%25'", &[3]),
    ("name = 'O''Brien''s'", &[2]),
    (
        "city = 'Athens' OR (country = 'GR' AND NOT name LIKE '%25Hole')",
        &[1, 2],
    ),
    ("\"city\" = 'Athens' or \"city\" = 'athens'", &[2, 3]),
];

on_both_stores! {
    async fn a_condition_keeps_the_same_centers_in_searches_and_in_lists(db: TestDatabase) {
        let (server, ids) = seeded(db).await;
        for (condition, places) in CONDITIONS {
            let expected: Vec<i64> = places.iter().map(|&place| ids[place]).collect();
            for path in [
                "/nearby?lat=0&lng=0",
                "/nearest?lat=0&lng=0",
                "/collections/centers/nearby?lat=0&lng=0",
                "/centers?limit=9",
                "/collections/centers/items?format=json&limit=9",
            ] {
                let path = format!("{path}&filter={condition}&filter-lang=cql2-text");
                assert_eq!(server.found_ids(&path).await, expected, "{path}");
            }
            let condition = condition.replace("%25", "%");
            let query = json!({ "lat": 0, "lng": 0, "filter": condition, "filter-lang": "cql2-text" });
            let body = json!({ "queries": [query] });
            let answer = server.post("/nearby/batch", &body).send().await;
            assert_eq!(ids_of(&answer.json()["results"][0]), expected, "{condition}");
        }
    }

    async fn a_condition_holds_beside_other_filters_and_from_page_to_page(db: TestDatabase) {
        let (server, ids) = seeded(db).await;
        let path = "/nearby?lat=0&lng=0&limit=1&country=GR&country=EG&filter=name LIKE 'Blue%25'";
        let first = server.found(path).await;
        assert_eq!(ids_of(&first), ids[..1]);
        let next = first["next"].as_str().unwrap();
        let second = server.found(&format!("{path}&cursor={next}")).await;
        assert_eq!((ids_of(&second), &second["next"]), (ids[1..2].to_vec(), &json!(null)));
        let other = format!("/nearby?lat=0&lng=0&filter=name LIKE 'B%25'&cursor={next}");
        server.get(&other).send().await.problem(400, "cursor_invalid");
        let list = "/centers?limit=1&filter=name LIKE 'Blue%25'";
        let next = server.found(list).await["next"].clone();
        let second = format!("{list}&cursor={}", next.as_str().unwrap());
        assert_eq!(server.found_ids(&second).await, ids[1..2]);
    }

    async fn a_condition_that_cannot_be_asked_is_told_what_and_where(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for (condition, place, part) in [
            ("colour = 'red'", "at character 1:", "no property `colour`"),
            ("country = 'GR' AND name = 1", "at character 27:", "`name` is a text"),
            ("S_INTERSECTS(geometry, POINT(0 0))", "at character 24:", "POLYGON or MULTIPOLYGON"),
            ("country = 'GR' AND", "at character 19:", "a property or a value"),
        ] {
            for path in ["/nearby?lat=0&lng=0", "/nearest?lat=0&lng=0", "/centers?limit=1"] {
                let path = format!("{path}&filter={condition}");
                let problem = server.get(&path).send().await.problem(400, "parameter_invalid");
                assert_eq!(problem["parameter"], "filter", "{path}");
                let detail = problem["detail"].as_str().unwrap();
                assert!(detail.contains(place) && detail.contains(part), "{detail}");
                assert!(problem["allowed"].as_str().unwrap().contains("country (text)"), "{problem}");
            }
            let body = json!({ "queries": [{ "lat": 0, "lng": 0, "filter": condition }] });
            let answer = server.post("/nearby/batch", &body).send().await;
            let problem = answer.problem(400, "parameter_invalid");
            assert_eq!(problem["parameter"], "queries[0].filter");
        }
        let json = "/nearby?lat=0&lng=0&filter=TRUE&filter-lang=cql2-json";
        let problem = server.get(json).send().await.problem(400, "parameter_invalid");
        assert_eq!((&problem["parameter"], &problem["allowed"]), (&json!("filter-lang"), &json!("cql2-text")));
        // Dive sites have no city.
        let city = "/dive-sites?filter=city IS NULL";
        server.get(city).send().await.problem(400, "parameter_invalid");
    }
}
