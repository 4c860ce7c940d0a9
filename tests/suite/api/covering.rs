//! `/covering`: the centers whose own radius reaches an origin.

use nearby::store::{Attribute, Collection, ColumnName};
use reqwest::Method;
use serde_json::{Value, json};

use super::server::TestServer;
use crate::support::{TestDatabase, on_both_stores};

fn reaching(collection: Collection) -> Collection {
    let column = ColumnName::new("reach").unwrap();
    let attribute = Attribute::service_radius(column);
    collection.with_attributes(vec![attribute]).unwrap()
}

/// One metre is 8.99e-6 degrees.
async fn with_shops(db: TestDatabase) -> TestServer {
    db.execute(
        "CREATE TABLE shops (shop_id INTEGER PRIMARY KEY, title VARCHAR(100) NOT NULL, \
         lat DOUBLE, lon DOUBLE, country_code CHAR(2), reach DOUBLE)",
    )
    .await;
    for row in [
        "(1, 'at the origin', 0, 0, 'GR', 0.001)",
        "(2, 'reaches', 0, 0.001, 'GR', 112)",
        "(3, 'falls short', 0, 0.001, 'GR', 111)",
        "(4, 'nothing', 0, 0, 'GR', 0)",
        "(5, 'less than nothing', 0, 0, 'GR', -5)",
        "(6, 'null', 0, 0, 'GR', NULL)",
        "(7, 'half the globe', 1, 179, 'FR', 20015115)",
        "(8, 'more than all', -80, -179, 'FR', 1e300)",
        "(9, 'nowhere', NULL, NULL, 'FR', 1e300)",
        "(10, 'far', 0, 60, 'FR', 6600000)",
        "(11, 'farther', 0, 60, 'FR', 6700000)",
    ] {
        db.execute(&format!("INSERT INTO shops VALUES {row}")).await;
    }
    let shops = reaching(super::collections::shops());
    let columns = db.database().columns(&shops).await.unwrap();
    TestServer::start_declared(db, vec![shops.read_from(&columns)]).await
}

/// The centers of a database, which get a radius.
async fn with_centers(db: &TestDatabase) -> Collection {
    db.execute("ALTER TABLE diving_centers ADD COLUMN reach DOUBLE")
        .await;
    let centers = reaching(Collection::diving_centers());
    let columns = db.database().columns(&centers).await.unwrap();
    centers.read_from(&columns)
}

/// Goes on until writes of others are found, which a database of one process never has.
async fn covers(server: &TestServer, ids: &[i64]) {
    server
        .soon("what covers the origin is found", async || {
            server.found_ids("/covering?lat=0&lng=0").await == ids
        })
        .await;
}

on_both_stores! {
    async fn centers_are_found_that_reach_the_origin(db: TestDatabase) {
        let server = with_shops(db).await;
        for (asked, ids) in [
            ("lat=0&lng=0", &[1, 2, 11, 8, 7][..]),
            ("lat=0&lng=0&limit=2", &[1, 2]),
            ("lat=0&lng=0&country=FR", &[11, 8, 7]),
            ("lat=0&lng=0&filter=name <> 'reaches'&limit=2", &[1, 11]),
            ("lat=0&lng=0&exclude=1&exclude=11", &[2, 8, 7]),
            ("lat=0&lng=0&group_by=country", &[1, 11]),
            ("lat=0&lng=0&polygon=POLYGON((59 -1,61 -1,61 1,59 1,59 -1))", &[11]),
            ("lat=0&lng=0&service_radius_m=..200", &[1, 2]),
            ("lat=0&lng=60", &[10, 11, 8, 7]),
            ("lat=0&lng=0.0000001", &[2, 11, 8, 7]),
            ("lat=-1&lng=-1", &[8, 7]),
        ] {
            let path = format!("/collections/shops/covering?{asked}");
            assert_eq!(server.found_ids(&path).await, ids, "{asked}");
        }
        let path = "/collections/shops/covering?lat=0&lng=0&limit=2&count=true&facets=country";
        let found = server.found(path).await;
        assert_eq!((&found["total"], &found["radius_m"]), (&json!(5), &Value::Null));
        let countries = json!([{ "value": "FR", "count": 3 }, { "value": "GR", "count": 2 }]);
        assert_eq!(found["facets"]["country"]["values"], countries);
        assert_eq!(found["centers"][1]["service_radius_m"], 112.0);
        assert_eq!(found["centers"][1]["distance_m"], 111.195_08);
        let next = found["next"].as_str().unwrap();
        let second = format!("/collections/shops/covering?lat=0&lng=0&cursor={next}");
        assert_eq!(server.found_ids(&second).await, [11, 8, 7]);
        let other = second.replace("covering", "nearest");
        server.get(&other).send().await.problem(400, "cursor_invalid");
        let fields = "/collections/shops/covering?lat=0&lng=0&limit=1&fields=name&format=geojson";
        let feature = server.found(fields).await["features"][0].clone();
        assert_eq!(feature["properties"], json!({ "name": "at the origin", "distance_m": 0.0 }));
    }

    async fn a_radius_that_is_written_counts_at_once(db: TestDatabase) {
        let centers = with_centers(&db).await;
        let server = TestServer::start_declared(db, vec![centers]).await;
        let covering = "/covering?lat=0&lng=0";
        let body = json!({ "name": "a", "latitude": 0, "longitude": 1 });
        let id = server.post("/centers", &body).send().await.json()["id"].as_i64().unwrap();
        let path = format!("/centers/{id}");
        for (change, ids) in [
            (json!({ "service_radius_m": 111_000 }), &[][..]),
            (json!({ "service_radius_m": 112_000 }), &[id]),
            (json!({ "longitude": 1.1, "latitude": 0 }), &[]),
            (json!({ "service_radius_m": 1e9 }), &[id]),
            (json!({ "latitude": null, "longitude": null }), &[]),
            (json!({ "latitude": 90, "longitude": 0 }), &[id]),
            (json!({ "service_radius_m": null }), &[]),
        ] {
            let patched = server.request(Method::PATCH, &path).key().merge_patch(&change).send().await;
            assert_eq!(patched.status, 200);
            assert_eq!(server.found_ids(covering).await, ids, "{change}");
        }
        // A told distance is reached by what it was told of.
        let told = server.found("/nearest?lat=12.3&lng=45.6").await["centers"][0]["distance_m"].clone();
        let change = json!({ "service_radius_m": told });
        server.request(Method::PATCH, &path).key().merge_patch(&change).send().await;
        assert_eq!(server.found_ids("/covering?lat=12.3&lng=45.6").await, [id]);
    }

    async fn what_others_write_counts(db: TestDatabase) {
        let centers = with_centers(&db).await;
        db.execute("INSERT INTO diving_centers (id, name, latitude, longitude) VALUES (7, 'a', 0, 1)").await;
        let server = TestServer::start_declared(db, vec![centers]).await;
        covers(&server, &[]).await;
        server.db.execute("UPDATE diving_centers SET reach = 200000 WHERE id = 7").await;
        covers(&server, &[7]).await;
        server.db.execute("UPDATE diving_centers SET reach = 0 WHERE id = 7").await;
        covers(&server, &[]).await;
    }

    async fn a_collection_that_has_no_radius_says_how_to_get_one(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let answer = server.get("/covering?lat=0&lng=0").send().await;
        let problem = answer.problem(404, "service_radius_missing");
        assert!(problem["detail"].as_str().unwrap().contains("service_radius_m"), "{problem}");
        let with_radius = server.get("/covering?lat=0&lng=0&radius_m=5").send().await;
        with_radius.problem(400, "parameter_unknown");
        let unknown = server.get("/collections/chops/covering?lat=0&lng=0").send().await;
        unknown.problem(404, "collection_not_found");
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_mirror_follows_the_radii_that_others_write() {
    let db = TestDatabase::mysql().await;
    let centers = with_centers(&db).await;
    db.execute("INSERT INTO diving_centers (id, name, latitude, longitude) VALUES (7, 'a', 0, 1)")
        .await;
    let url = db.url().to_owned();
    let server = TestServer::start_mirror(db, &url, vec![centers]).await;
    covers(&server, &[]).await;
    for (reach, ids) in [
        ("200000", &[7][..]),
        ("-1", &[]),
        ("1e12", &[7]),
        ("NULL", &[]),
    ] {
        let update = format!("UPDATE diving_centers SET reach = {reach} WHERE id = 7");
        server.db.execute(&update).await;
        covers(&server, ids).await;
    }
}
