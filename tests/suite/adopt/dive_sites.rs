//! Dive sites that another application made: fewer columns than ours, and some of
//! its own.

use nearby::store::{Collection, MigrationState};
use serde_json::json;

use super::neighbour::{Kind, divemap, nearby, stdout};
use crate::cli::served::Served;
use crate::support::TestDatabase;

pub const SITES: [&str; 2] = ["--collection", "dive-sites"];

/// Divemap's table, without its index, with rows: one in drift, one pending, one
/// deleted, one without coordinates, one at 0/0.
pub async fn with_sites(location: &str) -> TestDatabase {
    let db = divemap(Kind::WithLocation, 100).await;
    db.execute(
        "CREATE TABLE dive_sites ( \
           id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(100) NOT NULL, \
           description TEXT, latitude DECIMAL(10,8), longitude DECIMAL(11,8), \
           access_instructions TEXT, max_depth DECIMAL(5,2), \
           country VARCHAR(100), region VARCHAR(100), \
           status ENUM('pending','approved','rejected') NOT NULL DEFAULT 'approved', \
           deleted_at DATETIME NULL, KEY (country)) ",
    )
    .await;
    if !location.is_empty() {
        db.execute(&format!("ALTER TABLE dive_sites ADD COLUMN {location}"))
            .await;
    }
    let points = |lng: &str, lat: &str| match location {
        "" => String::new(),
        "location VARCHAR(20)" => ", 'by boat'".to_owned(),
        _ => format!(", ST_SRID(POINT({lng}, {lat}), 4326)"),
    };
    db.execute(&format!(
        "INSERT INTO dive_sites VALUES \
         (1, 'right', NULL, 10, 20, NULL, NULL, 'GR', NULL, 'approved', NULL{}), \
         (2, 'in drift', NULL, 10, 20.001, NULL, 7, 'GR', NULL, 'approved', NULL{}), \
         (3, 'pending', NULL, 10, 20, NULL, NULL, 'GR', NULL, 'pending', NULL{}), \
         (4, 'deleted', NULL, 10, 20, NULL, NULL, 'GR', NULL, 'approved', '2020-01-02'{}), \
         (5, 'nowhere', NULL, NULL, NULL, NULL, NULL, 'GR', NULL, 'approved', NULL{}), \
         (6, 'at null', NULL, 0, 0, NULL, NULL, 'GR', NULL, 'approved', NULL{})",
        points("20", "10"),
        points("1", "1"),
        points("20", "10"),
        points("20", "10"),
        points("0", "0"),
        points("0", "0"),
    ))
    .await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    db
}

/// Everything about the table and its rows but where they are.
async fn checksum(db: &TestDatabase) -> i64 {
    db.number(
        "SELECT CAST(SUM(CRC32(CONCAT_WS('|', id, name, COALESCE(latitude, '-'), \
           COALESCE(longitude, '-'), COALESCE(max_depth, '-'), status, \
           COALESCE(deleted_at, '-')))) AS SIGNED) \
           + (SELECT COUNT(*) FROM information_schema.COLUMNS \
              WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'dive_sites') FROM dive_sites",
    )
    .await
}

async fn marks(db: &TestDatabase) -> i64 {
    db.number(
        "SELECT (SELECT COUNT(*) FROM information_schema.STATISTICS \
                 WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'dive_sites') \
         + 100 * (SELECT COUNT(*) FROM information_schema.TRIGGERS \
                  WHERE TRIGGER_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = 'dive_sites')",
    )
    .await
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn migrations_do_not_touch_them() {
    let db = with_sites("location POINT NOT NULL SRID 4326").await;
    let database = db.database();
    let before = (checksum(&db).await, marks(&db).await);
    let migrated = database.migrate_up(None).await.unwrap();
    assert!(migrated.guards.is_empty(), "{migrated:?}");
    assert!(
        database
            .is_adopted(&Collection::dive_sites())
            .await
            .unwrap()
    );
    let migrations = database.migrations().await.unwrap();
    let adopted = |version| {
        let mut states = migrations.iter().filter(|m| m.version == version);
        states.all(|m| m.state == MigrationState::Adopted)
    };
    assert!(adopted(1) && adopted(2), "{migrations:?}");
    assert!(database.ensure_schema(false).await.unwrap().is_none());
    assert_eq!((checksum(&db).await, marks(&db).await), before);
    let down = nearby(&db, &["migrate", "down", "99"]).await;
    down.assert(0, &[]);
    assert!(stdout(&down).contains("dive_sites was made by another application, and stays"));
    assert_eq!((checksum(&db).await, marks(&db).await), before);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn they_are_adopted_verified_and_backfilled_by_name() {
    for location in ["location POINT NOT NULL SRID 4326", ""] {
        let db = with_sites(location).await;
        db.database().migrate_up(None).await.unwrap();
        let before = checksum(&db).await;
        let looked = nearby(&db, &[&["adopt"], &SITES[..]].concat()).await;
        looked.assert(1, &[]);
        let report = stdout(&looked);
        let headline = "dive_sites has no spatial index: every search reads all 6 rows";
        assert_eq!(report.lines().next(), Some(headline));
        nearby(&db, &[&["adopt", "--apply"], &SITES[..]].concat())
            .await
            .assert(0, &[]);
        nearby(&db, &[&["verify"], &SITES[..]].concat())
            .await
            .assert(0, &[]);
        nearby(&db, &[&["backfill"], &SITES[..]].concat())
            .await
            .assert(0, &[]);
        let added = i64::from(location.is_empty());
        assert_eq!(checksum(&db).await, before + added);
        // Its application goes on as before.
        db.execute("INSERT INTO dive_sites (name, latitude, longitude) VALUES ('new', 10, 20)")
            .await;
        nearby(&db, &[&["verify"], &SITES[..]].concat())
            .await
            .assert(0, &[]);
    }
}

/// Not adopted, or with no location at all: found by coordinates, so drift, and
/// a location that is missing, do no harm.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn they_are_served_as_they_are() {
    for (location, found) in [
        ("", &[1, 2][..]),
        ("location VARCHAR(20)", &[1, 2]),
        // What is in drift is where its location is until it is adopted.
        ("location POINT NOT NULL SRID 4326", &[1]),
    ] {
        let db = with_sites(location).await;
        db.database().migrate_up(None).await.unwrap();
        let served = Served::start(&["--database-url", db.url()]);
        let near = "/collections/dive-sites/nearby?lat=10&lng=20&radius_km=1";
        assert_eq!(served.found_ids(near).await, found);
        assert_eq!(served.found_ids("/dive-sites").await, [1, 2, 5, 6]);
        let at_null = "/collections/dive-sites/nearby?lat=0&lng=0&radius_m=1";
        assert_eq!(served.found_ids(at_null).await, [6]);
        let (status, _) = served.get("/dive-sites/3/nearby").await;
        assert_eq!(status, 404);
        let (status, site) = served.get("/dive-sites/2").await;
        assert_eq!((status, &site["name"]), (200, &"in drift".into()));
        let (status, written) = served.post("/dive-sites", &json!({ "name": "ours" })).await;
        if found.len() == 1 {
            assert_eq!(status, 201, "{written}");
        } else {
            assert_eq!((status, &written["code"]), (403, &json!("writes_disabled")));
        }
        let (status, sites) = served.get("/api/v1/dive-sites/1/nearby").await;
        assert_eq!(
            (status, sites.as_array().unwrap().len()),
            (200, found.len() - 1)
        );
    }
}

/// A table of that name that is something else keeps nobody from the centers.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_that_is_none_is_not_served() {
    let db = divemap(Kind::WithLocation, 100).await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    db.execute("CREATE TABLE dive_sites (code CHAR(3) PRIMARY KEY)")
        .await;
    db.database().migrate_up(None).await.unwrap();
    let served = Served::start(&["--database-url", db.url()]);
    assert_eq!(served.get("/nearby?lat=0&lng=0").await.0, 200);
    let (status, problem) = served.get("/dive-sites").await;
    assert_eq!(
        (status, &problem["code"]),
        (404, &"collection_not_found".into())
    );
    let (status, refused) = served.get("/api/v1/dive-sites/1/nearby").await;
    assert_eq!(
        (status, &refused["detail"]),
        (404, &"Dive site not found".into())
    );
}
