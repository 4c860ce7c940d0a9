//! Adoptions that somebody left half done, or did by hand.

use super::neighbour::{Kind, actions, assert_sound, checksum, divemap, nearby, report};
use crate::support::TestDatabase;

const ROWS: u32 = 300;

async fn assert_mended(db: &TestDatabase, steps: &[&str]) {
    let before = checksum(db, ROWS).await;
    let found = report(db).await;
    assert_eq!(actions(&found), steps, "{found:#}");
    nearby(db, &["adopt", "--apply"]).await.assert(0, &[]);
    assert_sound(db).await;
    assert_eq!(checksum(db, ROWS).await, before);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn every_state_between_nothing_and_all_is_completed() {
    let add = "ALTER TABLE diving_centers ADD COLUMN location POINT NULL SRID 4326 COMMENT 'it''s \\\\ here'";
    let fill = "UPDATE diving_centers SET updated_at = updated_at, location = \
                ST_SRID(POINT(longitude, latitude), 4326) WHERE latitude IS NOT NULL";
    let all = [
        "set_default",
        "make_triggers",
        "backfill",
        "define_column",
        "add_index",
    ];
    for (left, steps) in [
        (
            vec![],
            &[
                "add_column",
                "set_default",
                "make_triggers",
                "backfill",
                "define_column",
                "add_index",
            ][..],
        ),
        (vec![add], &all[..]),
        (vec![add, fill], &all[..]),
        (
            vec![
                add,
                "ALTER TABLE diving_centers ALTER COLUMN location SET DEFAULT (ST_SRID(POINT(0,0),4326))",
                fill,
            ],
            &all[1..],
        ),
        (
            // Without a SRID, and all values of the right one.
            vec![
                "ALTER TABLE diving_centers ADD COLUMN location POINT NULL",
                fill,
            ],
            &all[..],
        ),
        (
            vec![
                "ALTER TABLE diving_centers ADD COLUMN location GEOMETRY NULL SRID 4326",
                fill,
            ],
            &all[..],
        ),
    ] {
        let db = divemap(Kind::Ignorant, ROWS).await;
        for statement in left {
            db.execute(statement).await;
        }
        assert_mended(&db, steps).await;
        // What the column says of itself stays.
        let kept = "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() \
                    AND COLUMN_NAME = 'location' AND COLUMN_COMMENT IN ('', 'made by nearby adopt', 'it''s \\\\ here')";
        assert_eq!(db.number(kept).await, 1);
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn whatever_an_adopted_table_loses_is_made_again() {
    let db = divemap(Kind::WithLocation, ROWS).await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    for (loss, steps) in [
        (
            "DROP TRIGGER diving_centers_location_insert",
            &["make_triggers"][..],
        ),
        (
            "DROP TRIGGER diving_centers_location_update; \
             CREATE TRIGGER diving_centers_location_update BEFORE UPDATE ON diving_centers \
             FOR EACH ROW SET NEW.city = NEW.city",
            &["make_triggers"],
        ),
        (
            // What a replacement that was killed leaves.
            "CREATE TRIGGER diving_centers_location_stand_in BEFORE INSERT ON diving_centers \
             FOR EACH ROW SET NEW.city = NEW.city",
            &["make_triggers"],
        ),
        (
            "DROP INDEX idx_diving_centers_location ON diving_centers",
            &["add_index"],
        ),
        (
            "ALTER TABLE diving_centers ALTER INDEX idx_diving_centers_location INVISIBLE",
            &["show_index"],
        ),
        (
            "DROP INDEX idx_diving_centers_location ON diving_centers; \
             ALTER TABLE diving_centers MODIFY location POINT NULL SRID 4326",
            &["set_default", "backfill", "define_column", "add_index"],
        ),
        (
            // The name is taken by something else.
            "DROP INDEX idx_diving_centers_location ON diving_centers; \
             CREATE INDEX idx_diving_centers_location ON diving_centers (city)",
            &["add_index"],
        ),
    ] {
        db.execute(loss).await;
        assert_mended(&db, steps).await;
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_generated_location_that_is_right_is_taken_as_it_is() {
    let db = divemap(Kind::Ignorant, ROWS).await;
    db.execute(
        "ALTER TABLE diving_centers ADD COLUMN location POINT GENERATED ALWAYS AS \
         (IF(latitude IS NULL OR longitude IS NULL, ST_SRID(POINT(0, 0), 4326), \
             ST_SRID(POINT(longitude, latitude), 4326))) STORED NOT NULL SRID 4326",
    )
    .await;
    assert_mended(&db, &["add_index"]).await;
}
