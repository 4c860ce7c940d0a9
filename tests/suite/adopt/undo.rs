//! The way back: what adopting made goes, and nothing else.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use super::neighbour::{
    Kind, Writer, actions, assert_told, checksum, divemap, nearby, nearby_on, stdout,
};
use crate::cli::process;
use crate::cli::served::Served;
use crate::support::TestDatabase;

const ROWS: u32 = 300;

/// The table as its application made it: a number for all that the server says of it.
pub(super) async fn shape(db: &TestDatabase) -> i64 {
    db.number(
        "SELECT CAST(SUM(CRC32(what)) AS SIGNED) FROM ( \
           SELECT CONCAT_WS('|', COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, EXTRA, COLUMN_COMMENT, \
                            COALESCE(COLUMN_DEFAULT, '-'), COALESCE(SRS_ID, '-')) AS what \
             FROM information_schema.COLUMNS \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'diving_centers' \
           UNION ALL SELECT CONCAT_WS('|', INDEX_NAME, COLUMN_NAME, INDEX_COMMENT) \
             FROM information_schema.STATISTICS \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'diving_centers' \
           UNION ALL SELECT TRIGGER_NAME FROM information_schema.TRIGGERS \
             WHERE TRIGGER_SCHEMA = DATABASE() \
           UNION ALL SELECT TABLE_NAME FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA = DATABASE()) AS everything",
    )
    .await
}

async fn undo_report(db: &TestDatabase) -> Value {
    let ended = nearby(db, &["adopt", "--undo", "--json"]).await;
    serde_json::from_str(stdout(&ended)).unwrap_or_else(|_| panic!("no JSON: {}", ended.stderr))
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_is_afterwards_what_it_was_and_undoing_twice_does_nothing() {
    for kind in [Kind::Ignorant, Kind::Positional] {
        let db = divemap(kind, ROWS).await;
        let before = (shape(&db).await, checksum(&db, ROWS).await);
        nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
        let adopted = shape(&db).await;
        let looked = nearby(&db, &["adopt", "--undo"]).await;
        looked.assert(1, &[]);
        assert_told(
            &looked,
            &[
                "drop the spatial index",
                "drop the triggers",
                "drop the column",
            ],
        );
        assert_eq!(
            actions(&undo_report(&db).await),
            ["drop_index", "drop_triggers", "drop_column"]
        );
        assert_eq!(shape(&db).await, adopted, "looking changes nothing");

        let writer = Writer::start(&db, kind);
        tokio::time::sleep(Duration::from_millis(100)).await;
        nearby(&db, &["adopt", "--undo", "--apply"])
            .await
            .assert(0, &[]);
        writer.stop().await.assert_is_there(&db).await;
        assert_eq!((shape(&db).await, checksum(&db, ROWS).await), before);
        let again = nearby(&db, &["adopt", "--undo", "--apply"]).await;
        again.assert(0, &[]);
        assert_told(&again, &["nothing of adopting is left to undo"]);
        assert_eq!((shape(&db).await, checksum(&db, ROWS).await), before);
        // And there again.
        nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
        assert_eq!(shape(&db).await, adopted);
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_location_that_was_there_before_stays_with_all_that_it_holds() {
    let db = divemap(Kind::WithLocation, ROWS).await;
    let before = shape(&db).await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    let undone = nearby(&db, &["adopt", "--undo", "--apply"]).await;
    undone.assert(0, &[]);
    assert_told(
        &undone,
        &[
            "stays: the column location",
            "nothing says that adopting made it",
        ],
    );
    assert_eq!(shape(&db).await, before);

    // With an index of its own, of which adopting only took note.
    db.execute(
        "ALTER TABLE diving_centers ADD SPATIAL INDEX theirs (location), \
         MODIFY location POINT NOT NULL SRID 4326 COMMENT 'where they dive'",
    )
    .await;
    let before = shape(&db).await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    let undone = nearby(&db, &["adopt", "--undo", "--apply"]).await;
    undone.assert(0, &[]);
    assert_told(&undone, &["stays: the index theirs"]);
    assert_eq!(shape(&db).await, before);
    let held = "SELECT COUNT(*) FROM diving_centers WHERE location <> ST_SRID(POINT(0, 0), 4326)";
    assert_eq!(db.number(held).await, i64::from(ROWS - ROWS / 4));
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn what_is_not_of_adopting_or_needed_by_others_stays() {
    let db = divemap(Kind::Ignorant, ROWS).await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    db.execute(
        "DROP TRIGGER diving_centers_location_insert; \
         CREATE TRIGGER diving_centers_location_insert BEFORE INSERT ON diving_centers \
         FOR EACH ROW SET NEW.city = NEW.city",
    )
    .await;
    db.execute(
        "CREATE TRIGGER theirs BEFORE INSERT ON diving_centers \
         FOR EACH ROW SET NEW.address = ST_AsText(NEW.Location)",
    )
    .await;
    let undone = nearby(&db, &["adopt", "--undo", "--apply"]).await;
    undone.assert(0, &[]);
    assert_told(
        &undone,
        &[
            "stays: the trigger diving_centers_location_insert: it has a name of ours",
            "stays: the column location, which adopting made: the trigger theirs may need it",
        ],
    );
    db.execute("INSERT INTO diving_centers (name, latitude, longitude) VALUES ('new', 1, 1)")
        .await;
    db.execute("DROP TRIGGER theirs").await;
    nearby(&db, &["adopt", "--undo", "--apply"])
        .await
        .assert(0, &[]);
    let left = "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() \
                AND COLUMN_NAME = 'location'";
    assert_eq!(db.number(left).await, 0);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_location_that_alone_says_where_a_row_is_is_not_dropped() {
    let db = divemap(Kind::Ignorant, ROWS).await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    db.execute("UPDATE diving_centers SET location = ST_SRID(POINT(7, 8), 4326) WHERE id = 4")
        .await;
    let refused = nearby(&db, &["adopt", "--undo", "--apply"]).await;
    refused.assert(2, &[]);
    assert_told(
        &refused,
        &["1 rows of diving_centers have nothing but their location"],
    );
    nearby(&db, &["backfill", "--from", "location"])
        .await
        .assert(0, &[]);
    nearby(&db, &["adopt", "--undo", "--apply"])
        .await
        .assert(0, &[]);
    let taken = "SELECT COUNT(*) FROM diving_centers WHERE latitude = 8 AND longitude = 7";
    assert_eq!(db.number(taken).await, 1);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_of_nearby_itself_or_none_is_refused() {
    let db = TestDatabase::mysql().await;
    let refused = nearby(&db, &["adopt", "--undo", "--apply"]).await;
    refused.assert(2, &[]);
    assert_told(
        &refused,
        &["is a table of nearby itself", "`nearby migrate down`"],
    );
    let empty = TestDatabase::mysql_empty().await;
    let refused = nearby(&empty, &["adopt", "--undo"]).await;
    refused.assert(2, &[]);
    assert_told(&refused, &["there is no table diving_centers"]);
    let file = TestDatabase::sqlite().await;
    nearby(&file, &["adopt", "--undo"])
        .await
        .assert(2, &["adopting is for MySQL"]);
}

/// Killed after each of its steps, and run again.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn an_undoing_that_is_killed_half_way_is_gone_on_with() {
    for steps in 1..=2 {
        let db = divemap(Kind::Positional, ROWS).await;
        let before = shape(&db).await;
        nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
        let url = db.url().to_owned();
        let killing = tokio::task::spawn_blocking(move || kill_after(&url, steps));
        killing.await.expect("it does not panic");
        let writer = Writer::start(&db, Kind::Positional);
        tokio::time::sleep(Duration::from_millis(100)).await;
        // The server may still be at the statement of the one that was killed.
        loop {
            let ended = nearby(&db, &["adopt", "--undo", "--apply"]).await;
            if !ended.stderr.contains("another `nearby adopt --apply`") {
                ended.assert(0, &[]);
                break;
            }
        }
        writer.stop().await.assert_is_there(&db).await;
        assert_eq!(shape(&db).await, before);
    }
}

fn kill_after(url: &str, steps: usize) {
    use std::io::BufRead as _;
    let mut child = process::nearby()
        .args(["adopt", "--undo", "--apply", "--database-url", url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let told = std::io::BufReader::new(child.stderr.take().expect("it is piped"));
    let lines = told.lines().map_while(Result::ok);
    let ended = lines.filter(|line| line.starts_with("done in"));
    assert_eq!(ended.take(steps).count(), steps);
    // Already at its end is as good.
    let _ = child.kill();
    child.wait().expect("it ends");
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn the_printed_statements_undo_it_for_users_who_may_not() {
    let db = divemap(Kind::Ignorant, ROWS).await;
    let before = shape(&db).await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    let user = db.user_with("SELECT, INSERT, UPDATE").await;
    let printing =
        tokio::task::spawn_blocking(move || nearby_on(&user, &["adopt", "--undo", "--sql"]));
    let printed = printing.await.expect("it ends");
    printed.assert(2, &[]);
    assert_told(
        &printed,
        &[
            "lacks ALTER, CREATE, TRIGGER",
            "`nearby adopt --undo --sql`",
        ],
    );
    for statement in stdout(&printed)
        .lines()
        .filter(|line| !line.starts_with("--"))
    {
        db.execute(statement.trim_end_matches(';')).await;
    }
    assert_eq!(shape(&db).await, before);
}

/// A client that sends several statements at once leaves a `;` at the end of a trigger.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn triggers_of_statements_that_were_sent_all_at_once_are_known() {
    let db = divemap(Kind::Ignorant, ROWS).await;
    let before = shape(&db).await;
    let printed = nearby(&db, &["adopt", "--sql"]).await;
    db.execute(stdout(&printed)).await;
    let kept = "SELECT COUNT(*) FROM information_schema.TRIGGERS \
                WHERE TRIGGER_SCHEMA = DATABASE() AND ACTION_STATEMENT LIKE '%;'";
    assert_eq!(db.number(kept).await, 2);
    nearby(&db, &["adopt"]).await.assert(0, &[]);
    nearby(&db, &["verify"]).await.assert(0, &[]);
    nearby(&db, &["adopt", "--undo", "--apply"])
        .await
        .assert(0, &[]);
    assert_eq!(shape(&db).await, before);
}

/// Its searches fail with what is wrong, its table's application is not held up, and
/// adopting again brings it back.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_server_that_runs_says_what_is_gone_and_goes_on_once_it_is_back() {
    let db = divemap(Kind::Ignorant, ROWS).await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    let served = Served::start(&["--database-url", db.url()]);
    let near = "/nearby?lat=0&lng=0&radius_km=20000";
    assert_eq!(served.get(near).await.0, 200);
    let writer = Writer::start(&db, Kind::Ignorant);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let undone = nearby(&db, &["adopt", "--undo", "--apply"]).await;
    undone.assert(0, &[]);
    assert_told(
        &undone,
        &["answers no searches of it once the location is gone"],
    );
    let (status, problem) = served.get(near).await;
    assert_eq!(status, 503, "{problem}");
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    let (status, found) = served.get(near).await;
    assert_eq!(status, 200, "{found}");
    writer.stop().await.assert_is_there(&db).await;
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn what_an_application_builds_on_the_location_is_told_before_anything_is_dropped() {
    let db = divemap(Kind::Ignorant, ROWS).await;
    nearby(&db, &["adopt", "--apply"]).await.assert(0, &[]);
    db.execute(
        "ALTER TABLE diving_centers \
           ADD COLUMN lat2 DOUBLE AS (ST_Latitude(location)) VIRTUAL, \
           ADD INDEX by_latitude ((ST_Latitude(location))), \
           ADD CONSTRAINT not_the_pole CHECK (ST_Latitude(location) < 89.9)",
    )
    .await;
    let before = shape(&db).await;
    let undone = nearby(&db, &["adopt", "--undo", "--apply"]).await;
    undone.assert(2, &[]);
    assert_told(
        &undone,
        &[
            "the generated column lat2",
            "the index by_latitude",
            "the CHECK not_the_pole",
        ],
    );
    assert_eq!(shape(&db).await, before);
    db.execute(
        "ALTER TABLE diving_centers DROP CHECK not_the_pole, DROP INDEX by_latitude, DROP COLUMN lat2",
    )
    .await;
    nearby(&db, &["adopt", "--undo", "--apply"])
        .await
        .assert(0, &[]);
}
