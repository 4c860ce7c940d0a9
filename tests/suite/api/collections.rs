//! `/collections`: tables of others beside the built-in ones.

use std::collections::BTreeMap;

use nearby::domain::TextField;
use nearby::store::{Collection, CollectionName, ColumnName, Field};
use serde_json::{Value, json};

use super::server::{TestServer, center};
use crate::support::{TestDatabase, on_both_stores};

/// `shops`, as it stands in the README.
pub fn shops() -> Collection {
    let columns = [
        (Field::Id, "shop_id"),
        (Field::Text(TextField::Name), "title"),
        (Field::Latitude, "lat"),
        (Field::Longitude, "lon"),
        (Field::Text(TextField::Country), "country_code"),
    ]
    .map(|(field, column)| (field, ColumnName::new(column).unwrap()));
    let name = CollectionName::new("shops").unwrap();
    let table = ColumnName::new("shops").unwrap();
    Collection::new(name, table, BTreeMap::from(columns)).unwrap()
}

/// Where shops are: on the antimeridian by both of its names, at the poles, at
/// 0/0, nowhere, beyond the globe.
const SHOPS: [(i64, &str, &str); 10] = [
    (1, "10", "180"),
    (2, "10", "-180"),
    (3, "10", "-179.99"),
    (4, "10", "179.98"),
    (5, "90", "0"),
    (6, "-90", "17"),
    (7, "0", "0"),
    (8, "NULL", "0"),
    (9, "NULL", "NULL"),
    (10, "91", "0"),
];

async fn with_shops(db: TestDatabase) -> TestServer {
    db.execute(
        "CREATE TABLE shops (shop_id INTEGER PRIMARY KEY, title VARCHAR(100) NOT NULL, \
         lat DOUBLE, lon DOUBLE, country_code CHAR(2))",
    )
    .await;
    for (id, lat, lon) in SHOPS {
        let country = if id % 2 == 0 { "GR" } else { "FR" };
        db.execute(&format!(
            "INSERT INTO shops VALUES ({id}, 'shop {id}', {lat}, {lon}, '{country}')"
        ))
        .await;
    }
    TestServer::start_declared(db, vec![shops()]).await
}

on_both_stores! {
    async fn a_table_without_a_location_is_searched_by_its_coordinates(db: TestDatabase) {
        let server = with_shops(db).await;
        for (asked, ids) in [
            ("nearby?lat=10&lng=180&radius_m=1", &[1, 2][..]),
            ("nearby?lat=10&lng=-180&radius_km=3", &[1, 2, 3, 4]),
            ("nearby?lat=10&lng=179.994&radius_m=1600", &[1, 2, 4]),
            ("nearby?lat=10&lng=-179.994&radius_m=700", &[3, 1, 2]),
            ("nearby?lat=89.9&lng=100&radius_km=20", &[5]),
            ("nearby?lat=-89.9&lng=-100&radius_km=20", &[6]),
            ("nearby?lat=0&lng=0&radius_km=1", &[7]),
            ("nearby?lat=1&lng=0&radius_km=20020", &[7, 5, 6, 4, 3, 1, 2]),
            ("nearby?lat=10&lng=180&radius_m=1&country=GR", &[2]),
            ("nearby?lat=10&lng=180&radius_m=1&exclude=1", &[2]),
            ("nearest?lat=10&lng=180&limit=3", &[1, 2, 3]),
            ("nearest?lat=10&lng=180&max_radius_m=1", &[1, 2]),
            // All others are called nearly so.
            ("search?q=shop%201&limit=2", &[1, 10]),
            ("items?format=json", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
            ("items?format=json&country=FR&limit=2", &[1, 3]),
        ] {
            let path = format!("/collections/shops/{asked}");
            assert_eq!(server.found_ids(&path).await, ids, "{asked}");
        }
        let read = server.found("/collections/shops/items/2?format=json").await;
        assert_eq!((&read["name"], &read["country"]), (&json!("shop 2"), &json!("GR")));
        assert_eq!((&read["longitude"], &read["email"]), (&json!(-180.0), &Value::Null));
        let nowhere = server.found("/collections/shops/items/10?format=geojson").await;
        assert_eq!(nowhere["geometry"], Value::Null);
        let queries = json!({ "queries": [{ "lat": 0, "lng": 0 }, { "lat": 90, "lng": 7 }] });
        let batch = server.post("/collections/shops/nearby/batch", &queries).send().await.json();
        assert_eq!(batch["results"][1]["centers"][0]["id"], 5);
    }

    async fn collections_are_listed_and_apart(db: TestDatabase) {
        let server = with_shops(db).await;
        let centers = server.seed(&[center("c", 0.0, 0.0)]).await;
        assert_eq!(server.found_ids("/nearby?lat=0&lng=0").await, centers);
        assert_eq!(server.found_ids("/collections/centers/nearby?lat=0&lng=0").await, centers);
        let all = server.found("/collections").await;
        let names: Vec<_> = all["collections"].as_array().unwrap().iter()
            .map(|c| (c["name"].as_str().unwrap(), c["default"].as_bool().unwrap())).collect();
        assert_eq!(names, [("centers", true), ("dive-sites", false), ("shops", false)]);
        let shops = server.found("/collections/shops").await;
        assert_eq!(shops, all["collections"][2]);
        assert_eq!(shops["fields"], json!(["id", "latitude", "longitude", "name", "country"]));
        for path in ["", "/nearby?lat=0&lng=0", "/nearest?lat=0&lng=0", "/search?q=a", "/items", "/items/1"] {
            let answer = server.get(&format!("/collections/chops{path}")).send().await;
            let problem = answer.problem(404, "collection_not_found");
            assert_eq!(problem["allowed"], "centers, dive-sites, shops");
        }
        server.get("/collections/shops/items/77").send().await.problem(404, "center_not_found");
        // Nobody writes the tables of others.
        let post = server.post("/collections/shops/items", &center("x", 0.0, 0.0)).send().await;
        post.problem(405, "method_not_allowed");
        for wrong in ["nearby?lat=0&lng=0&city=x", "nearest?lat=0&lng=0&region=x", "items?region=x"] {
            let path = format!("/collections/shops/{wrong}");
            server.get(&path).send().await.problem(400, "parameter_unknown");
        }
        for (name, wrong) in [
            ("city", json!({ "lat": 0, "lng": 0, "city": ["x"] })),
            ("organization", json!({ "lat": 0, "lng": 0, "organization": ["PADI"] })),
            ("min_rating", json!({ "lat": 0, "lng": 0, "min_rating": 5 })),
        ] {
            let queries = json!({ "queries": [wrong] });
            let batch = server.post("/collections/shops/nearby/batch", &queries).send().await;
            let problem = batch.problem(400, "parameter_unknown");
            assert_eq!(problem["parameter"], format!("queries[0].{name}"));
        }
    }

    async fn what_is_known_of_diving_centers_alone_filters_nothing_else(db: TestDatabase) {
        let server = with_shops(db).await;
        let site = server.post("/dive-sites", &center("s", 0.0, 0.0)).send().await.json();
        let near_site = format!("/dive-sites/{}/nearby?", site["id"]);
        for (name, value) in [("organization", "PADI"), ("min_rating", "5")] {
            for path in [
                "/collections/shops/nearby?lat=0&lng=0&", "/collections/shops/nearest?lat=0&lng=0&",
                "/collections/shops/items?", "/collections/dive-sites/nearby?lat=0&lng=0&",
                "/dive-sites?", &near_site,
            ] {
                let answer = server.get(&format!("{path}{name}={value}")).send().await;
                let problem = answer.problem(400, "parameter_unknown");
                assert_eq!(problem["parameter"], name, "{path}");
            }
            let near = format!("/collections/centers/nearby?lat=0&lng=0&{name}={value}");
            assert_eq!(server.found_ids(&near).await, [0; 0]);
        }
    }

    /// Ids of one table mean nothing in another: pages would begin anywhere.
    async fn a_cursor_is_good_in_its_own_collection_only(db: TestDatabase) {
        let server = with_shops(db).await;
        let centers: Vec<Value> = (1..=4).map(|n| center("c", 0.0, f64::from(n))).collect();
        server.seed(&centers).await;
        for asked in ["nearby?lat=0&lng=0&radius_km=20020&limit=2", "nearest?lat=0&lng=0&limit=2", "items?limit=2"] {
            let next = async |path: &str| {
                let page = server.found(path).await;
                page["next"].as_str().expect("there are more").to_owned()
            };
            let of_shops = format!("/collections/shops/{asked}");
            let of_centers = format!("/collections/centers/{asked}");
            let (shop, one) = (next(&of_shops).await, next(&of_centers).await);
            assert!(shop.len() <= 28 && one.len() <= 28, "{shop} {one}");
            for (path, cursor) in [(&of_shops, &one), (&of_centers, &shop)] {
                let refused = server.get(&format!("{path}&cursor={cursor}")).send().await;
                let problem = refused.problem(400, "cursor_invalid");
                assert!(problem["detail"].as_str().unwrap().contains("collection"), "{problem}");
            }
            server.found(&format!("{of_shops}&cursor={shop}")).await;
            // The default collection has two paths and one name.
            let short = format!("/{}&cursor={one}", asked.replace("items", "centers"));
            server.found(&short).await;
        }
    }

    async fn metrics_tell_of_every_index(db: TestDatabase) {
        let server = with_shops(db).await;
        let text = server.get("/metrics").send().await.text();
        let shops = if server.db.is_mysql() { 0 } else { 7 };
        for (collection, count) in [("centers", 0), ("dive-sites", 0), ("shops", shops)] {
            let line = format!("nearby_index_centers{{collection=\"{collection}\"}} {count}\n");
            assert!(text.contains(&line), "{line} in {text}");
        }
    }
}

#[tokio::test]
async fn what_another_process_writes_to_a_table_is_found() {
    let server = with_shops(TestDatabase::sqlite().await).await;
    let insert = "INSERT INTO shops VALUES (11, 'new', 55, 55, NULL)";
    server.db.execute(insert).await;
    server
        .eventually("their shop is found", async || {
            let near = "/collections/shops/nearby?lat=55&lng=55";
            server.found_ids(near).await == [11]
        })
        .await;
}
