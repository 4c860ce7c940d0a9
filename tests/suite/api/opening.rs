//! `open=`: what is open at a moment.

use nearby::store::{Attribute, Collection, ColumnName};
use reqwest::Method;
use serde_json::json;

use super::server::TestServer;
use crate::support::{TestDatabase, on_both_stores};

fn column(name: &str) -> ColumnName {
    ColumnName::new(name).unwrap()
}

fn opening(collection: Collection) -> Collection {
    let attributes = vec![
        Attribute::opening_hours(column("hours")),
        Attribute::time_zone(column("zone")),
    ];
    collection.with_attributes(attributes).unwrap()
}

async fn with_shops(db: TestDatabase) -> TestServer {
    db.execute(
        "CREATE TABLE shops (shop_id INTEGER PRIMARY KEY, title VARCHAR(100) NOT NULL, \
         lat DOUBLE, lon DOUBLE, country_code CHAR(2), hours VARCHAR(255), zone VARCHAR(64))",
    )
    .await;
    for row in [
        "(1, 'office', 0, 0.001, 'GR', 'Mo-Fr 09:00-17:30; Dec 24-26 off', 'Europe/Athens')",
        "(2, 'office there', 0, 0.002, 'US', 'Mo-Fr 09:00-17:30; Dec 24-26 off', 'America/New_York')",
        "(3, 'bar', 0, 0.003, 'GR', 'Th-Sa 22:00-04:00', 'Europe/Athens')",
        "(4, 'always', 0, 0.004, 'GR', '24/7', 'Europe/Athens')",
        "(5, 'words', 0, 0.005, 'GR', 'whenever we like', 'Europe/Athens')",
        "(6, 'no zone', 0, 0.006, 'GR', '24/7', NULL)",
        "(7, 'odd zone', 0, 0.007, 'GR', '24/7', 'Europe/Atlantis')",
        "(8, 'no hours', 0, 0.008, 'GR', NULL, 'Europe/Athens')",
        "(9, 'perhaps', 0, 0.009, 'GR', '24/7 unknown', 'Europe/Athens')",
        "(10, 'never', 0, 0.010, 'GR', 'off', 'Europe/Athens')",
        "(11, 'nowhere', NULL, NULL, 'GR', '24/7', 'Europe/Athens')",
    ] {
        db.execute(&format!("INSERT INTO shops VALUES {row}")).await;
    }
    let shops = opening(super::collections::shops());
    let columns = db.database().columns(&shops).await.unwrap();
    TestServer::start_declared(db, vec![shops.read_from(&columns)]).await
}

/// Centers that are all in one zone.
async fn with_centers(db: &TestDatabase) -> Collection {
    db.execute("ALTER TABLE diving_centers ADD COLUMN hours VARCHAR(255)")
        .await;
    let hours = Attribute::opening_hours(column("hours"));
    let centers = Collection::diving_centers().with_attributes(vec![hours]);
    let centers = centers
        .unwrap()
        .in_time_zone(nearby::domain::time_zone("Europe/Athens"));
    let columns = db.database().columns(&centers).await.unwrap();
    centers.read_from(&columns)
}

on_both_stores! {
    async fn what_is_open_then_is_found(db: TestDatabase) {
        let server = with_shops(db).await;
        for (asked, ids) in [
            // A Tuesday. Local times are those of each row, whose zone does not matter then.
            ("2026-12-01T09:00", &[1, 2, 4, 6, 7][..]),
            ("2026-12-01T08:59", &[4, 6, 7]),
            ("2026-12-01T17:29:59", &[1, 2, 4, 6, 7]),
            ("2026-12-01T17:30", &[4, 6, 7]),
            // Moments of the world: 17:00 in Athens, 10:00 in New York.
            ("2026-12-01T15:00Z", &[1, 2, 4]),
            ("2026-12-01T17:00:00%2B02:00", &[1, 2, 4]),
            ("2026-12-01T16:00Z", &[2, 4]),
            ("2026-12-01T07:00Z", &[1, 4]),
            ("2026-07-01T06:00Z", &[1, 4]),
            // Past midnight, and the days that are off.
            ("2026-12-06T03:59", &[3, 4, 6, 7]),
            ("2026-12-06T04:00", &[4, 6, 7]),
            ("2026-12-24T12:00", &[4, 6, 7]),
            ("2026-12-24T22:00", &[3, 4, 6, 7]),
            ("now&country=FR", &[]),
        ] {
            for path in ["nearest?lat=0&lng=0", "nearby?lat=0&lng=0", "within?bbox=-1,-1,1,1"] {
                let path = format!("/collections/shops/{path}&open={asked}");
                assert_eq!(server.found_ids(&path).await, ids, "{path}");
            }
            let list = format!("/collections/shops/items?format=json&open={asked}");
            let mut listed = ids.to_vec();
            // It has hours, and stands nowhere.
            listed.extend((!ids.is_empty()).then_some(11));
            assert_eq!(server.found_ids(&list).await, listed, "{asked}");
        }
        let now = server.found_ids("/collections/shops/nearest?lat=0&lng=0&open=now").await;
        assert!(now.contains(&4) && now.iter().all(|id| [1, 2, 3, 4].contains(id)), "{now:?}");
    }

    async fn it_comes_before_the_limit_the_pages_the_counts_and_the_groups(db: TestDatabase) {
        let server = with_shops(db).await;
        let asked = "/collections/shops/nearest?lat=0&lng=0&open=2026-12-01T12:00";
        let found = server.found(&format!("{asked}&limit=2&count=true&facets=country")).await;
        assert_eq!(found["total"], 5);
        assert_eq!(found["facets"]["country"]["values"][1], json!({ "value": "US", "count": 1 }));
        let next = found["next"].as_str().unwrap();
        assert_eq!(server.found_ids(&format!("{asked}&cursor={next}")).await, [4, 6, 7]);
        assert_eq!(server.found_ids(&format!("{asked}&group_by=country")).await, [1, 2]);
        assert_eq!(server.found_ids(&format!("{asked}&filter=country = 'GR'&limit=2")).await, [1, 4]);
        // The next page of what is open now may be asked for a moment later.
        let now = "/collections/shops/nearest?lat=0&lng=0.004&open=now&limit=1";
        let first = server.found(now).await;
        assert_eq!(first["centers"][0]["id"], 4);
        if let Some(next) = first["next"].as_str() {
            server.found(&format!("{now}&cursor={next}")).await;
        }
        let query = json!({ "lat": 0, "lng": 0, "open": "2026-12-01T16:00Z" });
        let batch = server.post("/collections/shops/nearby/batch", &json!({ "queries": [query] }));
        assert_eq!(batch.send().await.json()["results"][0]["count"], 2);
    }

    async fn hours_that_are_written_count_at_once(db: TestDatabase) {
        let centers = with_centers(&db).await;
        let server = TestServer::start_declared(db, vec![centers]).await;
        let body = json!({ "name": "a", "latitude": 0, "longitude": 0, "opening_hours": "Mo 09:00-12:00" });
        let id = server.post("/centers", &body).send().await.json()["id"].as_i64().unwrap();
        let path = format!("/centers/{id}");
        let asked = "/nearest?lat=0&lng=0&open=";
        // Monday, 10:00 in Athens.
        let moments = ["2026-11-30T10:00", "2026-11-30T08:00Z", "2026-11-30T10:00Z"];
        for (hours, open) in [
            (json!("Mo 09:00-12:00"), [true, true, false]),
            (json!("Tu 09:00-12:00"), [false, false, false]),
            (json!("Mo-Su"), [true, true, true]),
            (json!("if it pleases"), [false, false, false]),
            (json!("Mo 11:00-13:00"), [false, false, true]),
            (json!(null), [false, false, false]),
        ] {
            let change = json!({ "opening_hours": hours });
            let patched = server.request(Method::PATCH, &path).key().merge_patch(&change).send().await;
            assert_eq!(patched.status, 200);
            for (moment, is_open) in moments.iter().zip(open) {
                let found = server.found_ids(&format!("{asked}{moment}")).await;
                assert_eq!(!found.is_empty(), is_open, "{hours} {moment}");
            }
        }
        let metrics = server.get("/metrics").send().await.text();
        let line = metrics.lines().find(|line| line.starts_with("nearby_opening_times_unreadable "));
        let counted: f64 = line.unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        assert!(counted >= 1.0);
    }

    async fn what_is_no_moment_and_what_has_no_hours_is_refused(db: TestDatabase) {
        let server = with_shops(db).await;
        for wrong in ["later", "2026-02-30T10:00", "2026-12-24", "18:00", "2026-12-24T18:00+02:00"] {
            let path = format!("/collections/shops/nearby?lat=0&lng=0&open={wrong}");
            let problem = server.get(&path).send().await.problem(400, "parameter_invalid");
            assert_eq!(problem["parameter"], "open");
        }
        let without = server.get("/nearby?lat=0&lng=0&open=now").send().await;
        let problem = without.problem(400, "parameter_unknown");
        assert!(problem["detail"].as_str().unwrap().contains("opening_hours"), "{problem}");
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_mirror_follows_the_hours_that_others_write() {
    let db = TestDatabase::mysql().await;
    let centers = with_centers(&db).await;
    db.execute(
        "INSERT INTO diving_centers (id, name, latitude, longitude, hours) \
         VALUES (7, 'a', 0, 1, 'Mo-Su 09:00-17:00'), (8, 'b', 0, 1, 'Mo-Su 09:00-17:00')",
    )
    .await;
    let url = db.url().to_owned();
    let server = TestServer::start_mirror(db, &url, vec![centers]).await;
    let asked = "/nearest?lat=0&lng=0&open=2026-12-01T12:00";
    assert_eq!(server.found_ids(asked).await, [7, 8]);
    for (hours, ids) in [
        ("'off'", &[8][..]),
        ("NULL", &[8]),
        ("'Tu 12:00-13:00'", &[7, 8]),
        ("'?'", &[8]),
    ] {
        let update = format!("UPDATE diving_centers SET hours = {hours} WHERE id = 7");
        server.db.execute(&update).await;
        server
            .soon("their hours count", async || {
                server.found_ids(asked).await == ids
            })
            .await;
    }
}
