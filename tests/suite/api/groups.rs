//! `group_by=`: the nearest center of each value of a field.

use nearby::domain::FieldKind;
use nearby::store::{Attribute, Collection, ColumnName};
use serde_json::{Value, json};

use super::server::{TestServer, center};
use crate::support::{TestDatabase, on_both_stores};

fn shops() -> Collection {
    let column = |name: &str| ColumnName::new(name).unwrap();
    let attributes = [
        ("brand", FieldKind::Text),
        ("stars", FieldKind::Number),
        ("is_open", FieldKind::Boolean),
        ("since", FieldKind::Date),
    ];
    let attributes =
        attributes.map(|(name, kind)| Attribute::new(column(name), kind, column(name)));
    super::collections::shops()
        .with_attributes(attributes.into())
        .unwrap()
}

/// The farther from 0/0, the greater the id.
async fn with_shops(db: TestDatabase) -> TestServer {
    db.execute(
        "CREATE TABLE shops (shop_id INTEGER PRIMARY KEY, title VARCHAR(100) NOT NULL, \
         lat DOUBLE, lon DOUBLE, country_code CHAR(2), brand VARCHAR(50), stars DECIMAL(4, 2), \
         is_open BOOLEAN, since DATE)",
    )
    .await;
    for row in [
        "(1, 'a', 0, 0.001, 'GR', 'north', 4, TRUE, '2020-01-01')",
        "(2, 'b', 0, 0.002, 'GR', 'North', 0, TRUE, '2020-01-01')",
        "(3, 'c', 0, 0.003, 'GR', 'north', -0.0, FALSE, '2020-01-02')",
        "(4, 'd', 0, 0.004, 'FR', NULL, NULL, NULL, NULL)",
        "(5, 'e', 0, 0.005, 'FR', NULL, 4.00, NULL, NULL)",
        "(6, 'f', 0, 0.006, 'FR', 'south', 4.5, FALSE, '2020-01-01')",
        "(7, 'g', 0, 30, 'IT', 'south', 5, TRUE, '2021-01-01')",
        "(8, 'h', 0, 30, 'IT', 'west', 5, TRUE, '2021-01-01')",
        "(9, 'nowhere', NULL, NULL, 'PT', 'east', 1, TRUE, '2022-01-01')",
    ] {
        db.execute(&format!("INSERT INTO shops VALUES {row}")).await;
    }
    let columns = db.database().columns(&shops()).await.unwrap();
    TestServer::start_declared(db, vec![shops().read_from(&columns)]).await
}

on_both_stores! {
    async fn the_nearest_of_each_value_is_answered_and_all_that_have_none(db: TestDatabase) {
        let server = with_shops(db).await;
        for (asked, ids) in [
            ("nearest?group_by=country", &[1, 4, 7][..]),
            ("nearest?group_by=brand", &[1, 2, 4, 5, 6, 8]),
            ("nearest?group_by=stars", &[1, 2, 4, 6, 7]),
            ("nearest?group_by=is_open", &[1, 3, 4, 5]),
            ("nearest?group_by=since", &[1, 3, 4, 5, 7]),
            ("nearby?group_by=country", &[1, 4]),
            ("nearby?group_by=brand&limit=3", &[1, 2, 4]),
            // Filters, exclusions and the ring come before groups, the limit behind them.
            ("nearest?group_by=country&brand=south", &[6, 7]),
            ("nearest?group_by=country&exclude=1&exclude=4", &[2, 5, 7]),
            ("nearest?group_by=country&min_radius_m=300&limit=2", &[3, 4]),
            ("nearest?group_by=country&filter=stars > 4", &[6, 7]),
            ("nearest?group_by=brand&polygon=POLYGON((0.0015 -1,31 -1,31 1,0.0015 1,0.0015 -1))", &[2, 3, 4, 5, 6, 8]),
        ] {
            let path = format!("/collections/shops/{asked}&lat=0&lng=0");
            assert_eq!(server.found_ids(&path).await, ids, "{asked}");
            assert_eq!(server.found(&path).await["next"], Value::Null, "{asked}");
        }
        let found = server.found("/collections/shops/nearest?lat=0&lng=0&group_by=country&fields=name").await;
        assert_eq!(found["centers"][1], json!({ "name": "d", "distance_m": 444.780_319 }));
    }

    async fn more_of_one_value_than_a_page_holds_do_not_hide_the_others(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let of = |country: &str, longitude: f64| {
            json!({ "name": country, "latitude": 0, "longitude": longitude, "country": country })
        };
        let mut centers: Vec<Value> = (0..600).map(|n| of("GR", f64::from(n) / 1_000.0)).collect();
        centers.extend([of("IT", 20.0), of("FR", 30.0), of("ES", 30.0)]);
        let ids = server.seed(&centers).await;
        let nearest = [ids[0], ids[600], ids[601], ids[602]];
        let asked = "/nearest?lat=0&lng=0&group_by=country";
        assert_eq!(server.found_ids(asked).await, nearest);
        assert_eq!(server.found_ids(&format!("{asked}&limit=2")).await, nearest[..2]);
        assert_eq!(server.found_ids(&format!("{asked}&limit=1000")).await, nearest);
        let all = "/nearby?lat=0&lng=0&radius_km=20020&group_by=city&limit=1000";
        assert_eq!(server.found_ids(all).await.len(), 603);
    }

    async fn batches_and_the_surroundings_of_sites_are_grouped_too(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let of = |country: &str| json!({ "name": "x", "latitude": 0, "longitude": 0, "country": country });
        let ids = server.seed(&[of("GR"), of("GR"), of("IT")]).await;
        let batch = json!({ "queries": [{ "lat": 0, "lng": 0, "group_by": "country" }] });
        let batch = server.post("/nearby/batch", &batch).send().await.json();
        let found = batch["results"][0]["centers"].as_array().unwrap();
        let found: Vec<&Value> = found.iter().map(|center| &center["id"]).collect();
        assert_eq!(found, [&json!(ids[0]), &json!(ids[2])]);
        let site = server.post("/dive-sites", &center("s", 0.0, 0.0)).send().await.json();
        let path = format!("/dive-sites/{}/centers?group_by=country", site["id"]);
        assert_eq!(server.found_ids(&path).await, [ids[0], ids[2]]);
    }

    async fn what_cannot_be_grouped_is_refused_by_name(db: TestDatabase) {
        let server = with_shops(db).await;
        let path = "/collections/shops/nearby?lat=0&lng=0";
        for wrong in ["name", "city", "Brand", "distance_m"] {
            let answer = server.get(&format!("{path}&group_by={wrong}")).send().await;
            let problem = answer.problem(400, "parameter_invalid");
            assert_eq!(problem["parameter"], "group_by");
            assert_eq!(problem["allowed"], "one of these: country, brand, stars, is_open, since");
        }
        for (name, value) in [("cursor", "x"), ("count", "true"), ("facets", "brand")] {
            let path = format!("{path}&group_by=brand&{name}={value}");
            let problem = server.get(&path).send().await.problem(400, "parameter_conflict");
            assert_eq!(problem["parameter"], name);
        }
        let within = "/within?bbox=0,0,1,1&group_by=country";
        server.get(within).send().await.problem(400, "parameter_unknown");
        let query = json!({ "lat": 0, "lng": 0, "group_by": "brand", "cursor": "x" });
        let batch = json!({ "queries": [query] });
        let refused = server.post("/collections/shops/nearby/batch", &batch).send().await;
        assert_eq!(refused.problem(400, "parameter_conflict")["parameter"], "queries[0].cursor");
    }
}
