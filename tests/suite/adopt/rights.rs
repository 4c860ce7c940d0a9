//! What users with fewer rights than an administrator can adopt.

use super::neighbour::{Kind, Writer, assert_told, divemap, nearby, nearby_on, stdout};
use crate::support::TestDatabase;

/// Runs `nearby` as a user on the runtime's blocking threads.
async fn as_user(url: &str, args: &'static [&'static str]) -> crate::cli::process::Ended {
    let url = url.to_owned();
    tokio::task::spawn_blocking(move || nearby_on(&url, args))
        .await
        .expect("the command ends")
}

/// Whoever inserts without a location goes on, also without a trigger that
/// would give one: the default does.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn without_triggers_the_table_is_adopted_and_what_keeps_it_right_is_named() {
    for (rights, what, advice) in [
        (
            "SELECT, INSERT, UPDATE, ALTER, CREATE",
            "cannot be seen by this user, who may not make the triggers",
            "GRANT TRIGGER",
        ),
        (
            "SELECT, INSERT, UPDATE, ALTER, CREATE, TRIGGER",
            "this user may not make the triggers",
            "SET PERSIST log_bin_trust_function_creators = 1",
        ),
    ] {
        let db = divemap(Kind::Ignorant, 1_000).await;
        let user = db.user_with(rights).await;
        let writer = Writer::start(&db, Kind::Ignorant);
        let applied = as_user(&user, &["adopt", "--apply"]).await;
        let written = writer.stop().await;
        applied.assert(0, &[]);
        let texts = [
            "diving_centers is adopted",
            what,
            "`nearby backfill`",
            advice,
        ];
        assert_told(&applied, &texts);
        written.assert_is_there(&db).await;
        // Somebody who knows nothing of the location writes on; backfill follows.
        db.execute("INSERT INTO diving_centers (name, latitude, longitude) VALUES ('late', 1, 2)")
            .await;
        let late = "SELECT COUNT(*) FROM diving_centers WHERE name = 'late' \
                    AND location = ST_SRID(POINT(2, 1), 4326)";
        assert_eq!(db.number(late).await, 0);
        as_user(&user, &["adopt", "--apply"]).await.assert(0, &[]);
        assert_eq!(db.number(late).await, 1);
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_right_that_is_lacking_is_named_before_anything_is_changed() {
    for (rights, texts) in [
        (
            "SELECT, INSERT, UPDATE",
            &[
                "lacks ALTER, CREATE",
                "GRANT ALTER, CREATE ON `",
                "`nearby adopt --sql`",
            ][..],
        ),
        ("SELECT, INSERT, ALTER, CREATE", &["lacks UPDATE"]),
        (
            "UPDATE",
            &["may not read diving_centers", "GRANT SELECT ON `"],
        ),
    ] {
        let db = divemap(Kind::Ignorant, 50).await;
        let user = db.user_with(rights).await;
        for args in [&["adopt"][..], &["adopt", "--apply"]] {
            let ended = as_user(&user, args).await;
            ended.assert(2, &[]);
            assert_told(&ended, texts);
        }
        let there = "SELECT COUNT(*) FROM information_schema.COLUMNS \
                     WHERE TABLE_SCHEMA = DATABASE() AND COLUMN_NAME = 'location'";
        assert_eq!(db.number(there).await, 0);
    }
}

/// For exactly whom the administrator is needed.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn the_printed_statements_hold_the_triggers_that_this_user_may_not_make() {
    let unseen = "-- warning: the triggers that keep locations right cannot be seen";
    for (rights, warning) in [
        ("SELECT", unseen),
        ("SELECT, INSERT, UPDATE, ALTER, CREATE", unseen),
        (
            "SELECT, INSERT, UPDATE, ALTER, CREATE, TRIGGER",
            "-- warning: this user may not make the triggers",
        ),
    ] {
        let db = divemap(Kind::Ignorant, 100).await;
        db.execute("UPDATE diving_centers SET latitude = 95 WHERE id = 7")
            .await;
        let user = db.user_with(rights).await;
        let printed = as_user(&user, &["adopt", "--sql"]).await;
        assert_told(
            &printed,
            &[
                "CREATE TRIGGER `diving_centers_location_insert`",
                "CREATE TRIGGER `diving_centers_location_update`",
                warning,
                "-- warning: 1 rows have coordinates that are no point on the globe",
            ],
        );
        for statement in stdout(&printed)
            .lines()
            .filter(|line| !line.starts_with("--"))
        {
            db.execute(statement.trim_end_matches(';')).await;
        }
        nearby(&db, &["adopt"]).await.assert(0, &[]);
        let report = super::neighbour::report(&db).await;
        assert_eq!(report["administrator_steps"], serde_json::json!([]));
    }
}

/// MySQL gives a row that is inserted without naming columns an empty geometry,
/// whatever the default: without a trigger, NOT NULL would ruin it.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn without_triggers_a_writer_who_names_no_columns_keeps_the_column_nullable() {
    let db = divemap(Kind::Positional, 1_000).await;
    let user = db.user_with("SELECT, INSERT, UPDATE, ALTER, CREATE").await;
    let writer = Writer::start(&db, Kind::Positional);
    let applied = as_user(&user, &["adopt", "--apply"]).await;
    applied.assert(
        2,
        &[
            "location is NULL in rows that others write",
            "GRANT TRIGGER",
        ],
    );
    let written = writer.stop().await;
    written.assert_is_there(&db).await;
    let nullable = "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() \
                    AND COLUMN_NAME = 'location' AND IS_NULLABLE = 'YES'";
    assert_eq!(db.number(nullable).await, 1);
    // With the triggers of an administrator it is done.
    let writer = Writer::start(&db, Kind::Positional);
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    writer.stop().await;
    nearby(&db, &["adopt"]).await.assert(0, &[]);
}

/// Where the administrator has adopted the table, its reader finds it so.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn whoever_may_only_read_can_still_look() {
    let db: TestDatabase = divemap(Kind::WithLocation, 50).await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    let user = db.user_with("SELECT").await;
    let found = as_user(&user, &["adopt"]).await;
    found.assert(0, &[]);
    assert_told(
        &found,
        &[
            "_location_insert: cannot be seen by this user",
            "GRANT TRIGGER ON",
        ],
    );
}
