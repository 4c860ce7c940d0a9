//! Migrations leave adopted tables alone.

use nearby::store::{Collection, MigrateError, MigrationState, SchemaState};

use reqwest::Method;
use serde_json::{Value, json};

use super::neighbour::{Kind, checksum, divemap, nearby, stdout};
use crate::api::server::KEY;
use crate::cli::served::Served;

const ROWS: u32 = 200;

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn an_adopted_table_is_served_and_neither_made_nor_dropped() {
    let db = divemap(Kind::WithLocation, ROWS).await;
    let database = db.database();
    let before = checksum(&db, ROWS).await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    assert!(
        database
            .is_adopted(&Collection::diving_centers())
            .await
            .unwrap()
    );

    let migrated = database.migrate_up(None).await.unwrap();
    assert!(!migrated.applied.contains(&1));
    let guarded: Vec<&String> = migrated.guards.iter().map(|(table, _)| table).collect();
    assert_eq!(guarded, ["dive_sites"]);
    let migrations = database.migrations().await.unwrap();
    assert_eq!(migrations[0].state, MigrationState::Adopted);
    assert_eq!(
        database.schema_state().await.unwrap(),
        SchemaState::UpToDate
    );
    assert!(database.ensure_schema(false).await.unwrap().is_none());
    nearby(&db, &["verify"]).await.assert(0, &[]);
    let status = nearby(&db, &["migrate", "status"]).await;
    status.assert(0, &[]);
    assert!(
        stdout(&status).contains("0001 adopted"),
        "{}",
        stdout(&status)
    );

    let down = nearby(&db, &["migrate", "down", "99"]).await;
    down.assert(0, &[]);
    assert!(stdout(&down).contains("made by another application, and stays"));
    assert_eq!(checksum(&db, ROWS).await, before);
}

/// Searches would miss every row whose location is NULL.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_that_is_not_adopted_yet_is_not_served() {
    let db = divemap(Kind::Ignorant, ROWS).await;
    let database = db.database();
    database.migrate_up(None).await.unwrap();
    for change in [
        "DO 0",
        "ALTER TABLE diving_centers ADD COLUMN location POINT NULL SRID 4326",
    ] {
        db.execute(change).await;
        let refused = database.ensure_schema(false).await.unwrap_err();
        assert!(
            matches!(refused, MigrateError::NotAdopted { .. }),
            "{refused}"
        );
        assert!(
            refused.to_string().contains("`nearby adopt --apply`"),
            "{refused}"
        );
    }
    // Slow is not wrong: whoever loses an index can still be served.
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    db.execute("DROP INDEX idx_diving_centers_location ON diving_centers")
        .await;
    assert!(database.ensure_schema(false).await.unwrap().is_none());
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_that_its_application_drops_is_made_by_the_next_migration() {
    let db = divemap(Kind::WithLocation, 10).await;
    db.database().migrate_up(None).await.unwrap();
    db.execute("DROP TABLE diving_centers").await;
    let migrated = db.database().migrate_up(None).await.unwrap();
    assert_eq!(migrated.applied, [1]);
    assert!(
        !db.database()
            .is_adopted(&Collection::diving_centers())
            .await
            .unwrap()
    );
}

/// Neither a migration nor a table of ours: whoever adopts one table serves it.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn an_adopted_table_is_served_without_anything_of_ours_beside_it() {
    let db = divemap(Kind::WithLocation, ROWS).await;
    // A column that nobody needs, and its application never had.
    db.execute("ALTER TABLE diving_centers DROP COLUMN logo_url, DROP COLUMN created_at")
        .await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    for command in [&["verify"][..], &["backfill"], &["export", "-"]] {
        nearby(&db, command).await.assert(0, &[]);
    }
    let status = nearby(&db, &["migrate", "status"]).await;
    status.assert(0, &[]);
    assert!(
        stdout(&status).contains("no migration is missing"),
        "{}",
        stdout(&status)
    );

    let served = Served::start(&["--database-url", db.url()]);
    for path in [
        "/readyz",
        "/nearby?lat=0&lng=0&radius_km=5000&organization=PADI&min_rating=8",
        "/nearby?lat=0&lng=0&radius_km=5000&min_rating=8&count=true",
        "/nearest?lat=0&lng=0&min_rating=8",
        "/centers?min_rating=8",
        "/api/v1/diving-centers/?sort_by=rating",
        "/api/v1/diving-centers/?min_rating=8",
        "/api/v1/diving-centers/?search=center&sort_by=rating",
        "/api/v1/diving-centers/count?min_rating=8",
        "/nearby?lat=0&lng=0&radius_km=5000",
        "/nearest?lat=0&lng=0",
        "/centers?limit=5",
        "/centers/1",
        "/centers/1/organizations",
        "/organizations",
        "/search?q=center",
        "/collections",
        "/api/v1/diving-centers/",
        "/api/v1/diving-centers/1",
        "/api/v1/diving-centers/1/organizations",
    ] {
        let (status, body) = served.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
    }
    let (status, body) = served.get("/settings/disable_diving_center_reviews").await;
    assert!([200, 404].contains(&status), "{body}");
    let center = json!({"name": "ours", "latitude": 1, "longitude": 2});
    let (status, created) = served.post("/centers", &center).await;
    assert_eq!(status, 201, "{created}");
    // A key could not be kept, and is not ignored.
    let keyed = reqwest::Client::new().post(served.url("/centers"));
    let keyed = keyed.bearer_auth(KEY).header("idempotency-key", "k");
    let refused = keyed.json(&center).send().await.unwrap();
    assert_eq!(refused.status().as_u16(), 501);
    let problem: Value = refused.json().await.unwrap();
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("`nearby migrate up`"), "{detail}");
    writes_need_a_table_of_ours(&served).await;
    let tables = "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()";
    assert_eq!(
        db.number(tables).await,
        2,
        "users and diving_centers, as before"
    );
    // With a table for it, it is taken.
    nearby(&db, &["migrate", "up"]).await.assert(0, &[]);
    let keyed = reqwest::Client::new().post(served.url("/centers"));
    let keyed = keyed.bearer_auth(KEY).header("idempotency-key", "k");
    let made = keyed.json(&center).send().await.unwrap();
    assert_eq!(made.status().as_u16(), 201);
    let set = request(&served, Method::PUT, "/settings/a").json(&json!({"value": 1}));
    assert_eq!(set.send().await.unwrap().status().as_u16(), 200);
}

/// To whoever has no right on a database but on one of its tables, MySQL says of a missing
/// table that it may not be read.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_user_with_rights_on_the_adopted_table_alone_serves_it() {
    let db = divemap(Kind::WithLocation, ROWS).await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    let url = db.user_with("USAGE").await;
    let user = url::Url::parse(&url).unwrap().username().to_owned();
    db.execute(&format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON diving_centers TO `{user}`"
    ))
    .await;
    let served = Served::start(&["--database-url", &url]);
    for path in [
        "/readyz",
        "/nearby?lat=0&lng=0&radius_km=5000",
        "/nearby?lat=0&lng=0&radius_km=5000&min_rating=8",
        "/centers/1/organizations",
        "/organizations",
        "/api/v1/diving-centers/?sort_by=rating",
    ] {
        let (status, body) = served.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
    }
    let setting = "/settings/disable_diving_center_reviews";
    let (status, body) = served.get(setting).await;
    assert!([200, 404].contains(&status), "{body}");
    let deleted = request(&served, Method::DELETE, "/centers/10").send().await;
    assert_eq!(deleted.unwrap().status().as_u16(), 204);
}

fn request(served: &Served, method: Method, path: &str) -> reqwest::RequestBuilder {
    let request = reqwest::Client::new().request(method, served.url(path));
    request.bearer_auth(KEY)
}

async fn writes_need_a_table_of_ours(served: &Served) {
    let organization = json!({"name": "Deep", "acronym": "DP"});
    for (method, path, body, table) in [
        (Method::PUT, "/settings/a", json!({"value": 1}), "settings"),
        (
            Method::POST,
            "/organizations",
            organization.clone(),
            "diving_organizations",
        ),
        (
            Method::PUT,
            "/organizations/1",
            organization,
            "diving_organizations",
        ),
        (
            Method::DELETE,
            "/organizations/1",
            Value::Null,
            "diving_organizations",
        ),
        (
            Method::PUT,
            "/centers/1/organizations/1",
            json!({"is_primary": true}),
            "diving_center_organizations",
        ),
        (
            Method::DELETE,
            "/centers/1/organizations/1",
            Value::Null,
            "diving_center_organizations",
        ),
    ] {
        let answer = request(served, method.clone(), path)
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), 501, "{method} {path}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["code"], "table_missing");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("no table {table},")), "{detail}");
        assert!(detail.contains("`nearby migrate up`"), "{detail}");
    }
}
