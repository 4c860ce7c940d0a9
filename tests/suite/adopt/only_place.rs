//! Rows whose location is all that says where they are, and tables that nobody adopted.

use std::time::Duration;

use nearby::store::Collection;

use super::dive_sites::{SITES, with_sites};
use super::neighbour::{Kind, actions, assert_told, divemap, nearby, nearby_on, stdout};
use crate::cli::served::Served;
use crate::support::TestDatabase;

const ROW: i64 = 9_001;

/// A table of ours and an adopted one.
async fn guarded() -> [TestDatabase; 2] {
    let adopted = divemap(Kind::WithLocation, 10).await;
    nearby(&adopted, &["adopt", "--apply"]).await.assert(0, &[]);
    [TestDatabase::mysql().await, adopted]
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn what_is_a_rows_only_place_stays_whoever_writes_the_row() {
    for db in guarded().await {
        let place = |longitude: i32, latitude: i32| {
            format!("ST_SRID(POINT({longitude}, {latitude}), 4326)")
        };
        db.execute(&format!(
            "INSERT INTO diving_centers (id, name, location) VALUES ({ROW}, 'a', {})",
            place(7, 8)
        ))
        .await;
        let is_at = async |expected: &str, after: &str| {
            let there = format!(
                "SELECT COUNT(*) FROM diving_centers WHERE id = {ROW} AND location = {expected}"
            );
            assert_eq!(
                db.number(&there).await,
                1,
                "not at {expected} after {after}"
            );
        };
        is_at(&place(7, 8), "INSERT").await;
        for (set, expected) in [
            ("name = 'b'".to_owned(), place(7, 8)),
            (format!("location = {}", place(9, 8)), place(9, 8)),
            ("latitude = 5".to_owned(), place(9, 8)),
            ("latitude = 95, longitude = 5".to_owned(), place(9, 8)),
            ("latitude = NULL, longitude = NULL".to_owned(), place(9, 8)),
            // From here on its coordinates say where it is.
            ("latitude = 1, longitude = 2".to_owned(), place(2, 1)),
            (format!("location = {}", place(9, 8)), place(2, 1)),
            // Taken away on purpose.
            ("latitude = NULL".to_owned(), place(0, 0)),
            ("latitude = 1".to_owned(), place(2, 1)),
            ("latitude = 95".to_owned(), place(0, 0)),
            ("latitude = NULL, longitude = NULL".to_owned(), place(0, 0)),
            (format!("location = {}", place(9, 8)), place(9, 8)),
            ("location = NULL".to_owned(), place(0, 0)),
        ] {
            db.execute(&format!("UPDATE diving_centers SET {set} WHERE id = {ROW}"))
                .await;
            is_at(&expected, &set).await;
        }
        db.execute("INSERT INTO diving_centers (name, location) VALUES ('none', NULL)")
            .await;
        let none = "SELECT COUNT(*) FROM diving_centers WHERE name = 'none' \
                    AND location = ST_SRID(POINT(0, 0), 4326)";
        assert_eq!(db.number(none).await, 1);
    }
}

/// As they were made until a row's only place was kept.
async fn with_earlier_triggers(db: &TestDatabase) {
    for event in ["insert", "update"] {
        let name = format!("diving_centers_location_{event}");
        db.execute(&format!("DROP TRIGGER {name}")).await;
        db.execute(&format!(
            "CREATE TRIGGER {name} BEFORE {event} ON `diving_centers` FOR EACH ROW \
             SET NEW.`location` = IF(NEW.`latitude` BETWEEN -90 AND 90 AND NEW.`longitude` \
             BETWEEN -180 AND 180, ST_SRID(POINT(IF(NEW.`longitude` = -180, 180, \
             NEW.`longitude`), NEW.`latitude`), 4326), ST_SRID(POINT(0, 0), 4326))"
        ))
        .await;
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn triggers_of_an_earlier_release_are_told_and_made_anew() {
    for (db, mending) in guarded()
        .await
        .into_iter()
        .zip([&["migrate", "up"][..], &["adopt", "--apply"]])
    {
        with_earlier_triggers(&db).await;
        let told = "diving_centers_location_insert and diving_centers_location_update is one of \
                    an earlier nearby";
        let verified = nearby(&db, &["verify"]).await;
        verified.assert(0, &[]);
        assert_told(&verified, &[told]);
        let looked = nearby(&db, &["adopt"]).await;
        looked.assert(1, &[]);
        assert_told(
            &looked,
            &["diving_centers_location_insert: to be made anew"],
        );
        nearby(&db, mending).await.assert(0, &[]);
        let verified = nearby(&db, &["verify"]).await;
        assert!(
            !stdout(&verified).contains("earlier"),
            "{}",
            stdout(&verified)
        );
        nearby(&db, &["adopt"]).await.assert(0, &[]);
    }
}

const SITES_IN_DRIFT: &str = "SELECT COUNT(*) FROM dive_sites WHERE latitude IS NOT NULL \
     AND location <> ST_SRID(POINT(longitude, latitude), 4326)";

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_that_was_not_adopted_is_not_written_beside_one_that_was() {
    let db = with_sites("location POINT NOT NULL SRID 4326").await;
    db.execute(
        "DROP TRIGGER diving_centers_location_update; \
         UPDATE diving_centers SET location = ST_SRID(POINT(3, 3), 4326) WHERE id = 2",
    )
    .await;
    let served = Served::start(&["--database-url", db.url(), "--verify-every", "1", "--mend"]);
    let in_drift = "SELECT COUNT(*) FROM diving_centers WHERE id = 2 \
                    AND location = ST_SRID(POINT(3, 3), 4326)";
    while db.number(in_drift).await > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Sites are looked at after centers, and once more.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(db.number(SITES_IN_DRIFT).await, 1);
    drop(served);

    let refused = nearby(&db, &[&["backfill"], &SITES[..]].concat()).await;
    refused.assert(2, &["not adopted", "`nearby adopt --collection dive-sites"]);
    let counted = nearby(&db, &[&["backfill", "--dry-run"], &SITES[..]].concat()).await;
    counted.assert(1, &[]);
    assert_eq!(db.number(SITES_IN_DRIFT).await, 1);

    nearby(&db, &[&["adopt", "--apply"], &SITES[..]].concat())
        .await
        .assert(0, &[]);
    assert_eq!(db.number(SITES_IN_DRIFT).await, 0);
    nearby(&db, &[&["backfill"], &SITES[..]].concat())
        .await
        .assert(0, &[]);
}

/// Neither column nor index is of adopting, and this user may not see the triggers.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn an_adopted_table_says_so_to_users_who_see_no_triggers() {
    let db = divemap(Kind::WithLocation, 20).await;
    db.execute(
        "ALTER TABLE diving_centers ADD SPATIAL INDEX theirs (location), \
         MODIFY location POINT NOT NULL SRID 4326 COMMENT 'where they dive'",
    )
    .await;
    let user = db.user_with("SELECT, INSERT, UPDATE").await;
    let backfill = || {
        let user = user.clone();
        tokio::task::spawn_blocking(move || nearby_on(&user, &["backfill"]))
    };
    backfill().await.unwrap().assert(2, &["not adopted"]);
    let report = super::neighbour::report(&db).await;
    assert_eq!(
        actions(&report),
        ["make_triggers", "backfill", "note_adoption"]
    );
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    nearby(&db, &["adopt"]).await.assert(0, &[]);
    backfill().await.unwrap().assert(0, &[]);
    let said = "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() \
                AND COLUMN_COMMENT = 'where they dive; adopted by nearby'";
    assert_eq!(db.number(said).await, 1);
    let centers = Collection::diving_centers();
    assert!(db.database().may_be_mended(&centers).await.unwrap());
}
