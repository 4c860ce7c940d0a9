//! Backfilling under other writers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nearby::backfill::{self, Progress, Settings};
use nearby::store::{BackfillFrom, Collection};
use sqlx::Executor;
use tokio::sync::watch;

use crate::support::{TestDatabase, connect, holds_once_in_three, on_both_stores};

fn settings() -> Settings {
    Settings {
        from: BackfillFrom::Coordinates,
        batch_size: 1_000,
        pause: Duration::ZERO,
        dry_run: false,
        after: None,
    }
}

async fn backfill(db: &TestDatabase, settings: &Settings) -> Progress {
    let (_never, stop) = watch::channel(false);
    let collection = Collection::diving_centers();
    backfill::run(db.database(), &collection, settings, stop, |_| {})
        .await
        .unwrap()
}

async fn to_mend(db: &TestDatabase) -> u64 {
    let collection = Collection::diving_centers();
    let found = db.database().verify(&collection, |_| {}).await.unwrap();
    found.drift.count
}

async fn location_only(db: &TestDatabase) -> Vec<i64> {
    let collection = Collection::diving_centers();
    let found = db.database().verify(&collection, |_| {}).await.unwrap();
    found.location_only.first_ids
}

on_both_stores! {
    async fn what_verify_finds_backfill_mends_once(db: TestDatabase) {
        db.drop_guards().await;
        db.insert_drifted(3_000).await;
        let somewhere = db.location(Some((1.0, 2.0)));
        db.insert(10_000, "1, 2", &somewhere).await;
        db.insert(10_001, "NULL, NULL", &somewhere).await;
        db.insert(10_002, "NULL, 5", &db.location(None)).await;
        db.insert(10_003, "95, 5", &somewhere).await;
        db.insert(10_004, "5, -180", &db.location(None)).await;
        assert_eq!(to_mend(&db).await, 3_001);

        let dry = backfill(&db, &Settings { dry_run: true, ..settings() }).await;
        assert_eq!((dry.checked, dry.written), (3_005, 3_001));
        assert_eq!(to_mend(&db).await, 3_001);

        let done = backfill(&db, &settings()).await;
        assert!(done.complete);
        assert_eq!((done.checked, done.written), (3_005, 3_001));
        assert_eq!((done.without_coordinates, done.out_of_range), (2, 1));
        assert_eq!(to_mend(&db).await, 0);
        // The only thing that says where these are.
        assert_eq!(location_only(&db).await, [10_001, 10_003]);

        let again = backfill(&db, &settings()).await;
        assert_eq!((again.checked, again.written), (3_005, 0));
    }

    async fn coordinates_are_taken_from_locations_and_never_taken_away(db: TestDatabase) {
        db.drop_guards().await;
        let at = |latitude, longitude| db.location(Some((latitude, longitude)));
        db.insert(1, "NULL, NULL", &at(37.983_810_01, -122.419_415_52)).await;
        db.insert(2, "5, NULL", &at(-1.5, 180.0)).await;
        db.insert(3, "95, 5", &at(1.0, 2.0)).await;
        db.insert(4, "1, 2", &at(3.0, 4.0)).await;
        // Nothing to take, and nothing to do.
        db.insert(5, "1, 2", &db.location(None)).await;
        db.insert(6, "NULL, NULL", &db.location(None)).await;
        db.insert(7, "12.5, -180", &at(12.5, 180.0)).await;
        db.execute("UPDATE diving_centers SET updated_at = '2001-02-03 04:05:06'").await;

        let taking = Settings { from: BackfillFrom::Location, ..settings() };
        let dry = backfill(&db, &Settings { dry_run: true, ..taking.clone() }).await;
        assert_eq!((dry.checked, dry.written), (7, 4));
        let done = backfill(&db, &taking).await;
        assert_eq!((done.checked, done.written, done.complete), (7, 4, true));
        for (id, latitude, longitude) in [
            (1, 37.983_810_01, -122.419_415_52), (2, -1.5, 180.0), (3, 1.0, 2.0), (4, 3.0, 4.0),
            (5, 1.0, 2.0), (7, 12.5, -180.0),
        ] {
            let there = format!(
                "SELECT COUNT(*) FROM diving_centers WHERE id = {id} AND latitude = {latitude} \
                 AND longitude = {longitude} AND updated_at = '2001-02-03 04:05:06'"
            );
            assert_eq!(db.number(&there).await, 1, "{id}");
        }
        assert_eq!(location_only(&db).await, [0_i64; 0]);
        assert_eq!(to_mend(&db).await, 1);
        assert_eq!(backfill(&db, &taking).await.written, 0);
        assert_eq!(backfill(&db, &settings()).await.written, 1);
        assert_eq!(to_mend(&db).await, 0);
    }

    async fn only_the_location_is_written(db: TestDatabase) {
        db.drop_guards().await;
        if db.is_mysql() {
            db.execute(
                "ALTER TABLE diving_centers MODIFY updated_at \
                 DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP",
            )
            .await;
        }
        db.insert_drifted(10).await;
        db.execute("UPDATE diving_centers SET updated_at = '2001-02-03 04:05:06'").await;
        assert_eq!(backfill(&db, &settings()).await.written, 10);
        let kept = "SELECT COUNT(*) FROM diving_centers WHERE updated_at = '2001-02-03 04:05:06'";
        assert_eq!(db.number(kept).await, 10);
    }

    async fn it_stops_after_a_chunk_and_goes_on_from_there(db: TestDatabase) {
        db.drop_guards().await;
        db.insert_drifted(1_000).await;
        let collection = Collection::diving_centers();
        // No chunk is smaller, however slow the server is.
        let small = Settings { batch_size: 10, ..settings() };
        let (tell, stop) = watch::channel(false);
        let stopped = backfill::run(db.database(), &collection, &small, stop, |progress| {
            if progress.checked == 300 {
                tell.send_replace(true);
            }
        })
        .await
        .unwrap();
        assert!(!stopped.complete);
        assert_eq!(stopped.written, 300);
        assert_eq!(to_mend(&db).await, 700);

        let rest = backfill(&db, &Settings { after: stopped.last_id, ..small }).await;
        assert_eq!((rest.checked, rest.written, rest.complete), (700, 700, true));
        assert_eq!(to_mend(&db).await, 0);
    }

    async fn a_pause_ends_when_it_is_told_to_stop(db: TestDatabase) {
        db.insert_drifted(20).await;
        let collection = Collection::diving_centers();
        let slow = Settings { pause: Duration::from_mins(10), batch_size: 10, ..settings() };
        let (tell, stop) = watch::channel(false);
        let begun = tokio::sync::Notify::new();
        let running = backfill::run(db.database(), &collection, &slow, stop, |_| begun.notify_one());
        let telling = async {
            begun.notified().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            tell.send_replace(true);
        };
        let both = async { tokio::join!(running, telling).0 };
        let stopped = tokio::time::timeout(Duration::from_secs(20), both).await;
        assert_eq!(stopped.expect("it does not sit the pause out").unwrap().checked, 10);
    }

    async fn rows_that_come_after_a_look_and_before_its_writing_are_written(db: TestDatabase) {
        db.drop_guards().await;
        db.insert_drifted(30).await;
        let collection = Collection::diving_centers();
        let mut backfill = db.database().backfill(&collection, BackfillFrom::Coordinates);
        let first = backfill.chunk(i64::MIN, 10, false).await.unwrap().unwrap();
        assert_eq!((first.survey.last_id, first.written), (Some(28), 10));
        // The ten after it were looked at by now.
        for id in [32, 33, 57] {
            db.insert(id, "1, 2", &db.location(None)).await;
        }
        let next = backfill.chunk(28, 10, false).await.unwrap().unwrap();
        assert_eq!((next.survey.last_id, next.written), (Some(58), 13));
        assert_eq!(to_mend(&db).await, 10);
    }

    /// Others move centers all the while and write both, as they should. A
    /// location made of coordinates that were read earlier would be left in drift.
    async fn concurrent_writers_lose_nothing(db: TestDatabase) {
        db.drop_guards().await;
        db.insert_drifted(2_000).await;
        let over = AtomicBool::new(false);
        let writing = async {
            let mut moves = 0_u32;
            while !over.load(Ordering::Relaxed) {
                let id = rand::random_range(0..2_000) * 3 + 1;
                let latitude = f64::from(moves % 80) + 0.5;
                let location = db.location(Some((latitude, 7.25)));
                let sql = format!(
                    "UPDATE diving_centers SET latitude = {latitude}, longitude = 7.25, \
                     location = {location} WHERE id = {id}"
                );
                db.execute(&sql).await;
                moves += 1;
                tokio::task::yield_now().await;
            }
            moves
        };
        let filling = async {
            let pause = Duration::from_millis(5);
            let done = backfill(&db, &Settings { batch_size: 50, pause, ..settings() }).await;
            over.store(true, Ordering::Relaxed);
            done
        };
        let (moves, done) = tokio::join!(writing, filling);
        assert!(moves > 20, "the writer ran beside it: {moves}");
        assert_eq!(done.checked, 2_000);
        assert_eq!(to_mend(&db).await, 0);
        let count = db
            .number("SELECT COUNT(*) FROM diving_centers WHERE longitude = 7.25")
            .await;
        assert!(count > 10);
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn rows_that_others_hold_are_waited_for() {
    let db = TestDatabase::mysql().await;
    db.drop_guards().await;
    db.insert_drifted(100).await;
    let mut holding = db.mysql_pool().begin().await.unwrap();
    holding
        .execute("UPDATE diving_centers SET latitude = 1.5 WHERE id = 4")
        .await
        .unwrap();
    let releasing = async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        holding.commit().await.unwrap();
    };
    let settings = settings();
    let (done, ()) = tokio::join!(backfill(&db, &settings), releasing);
    assert_eq!((done.written, done.complete), (100, true));
    assert!(done.retries >= 1, "{done:?}");
    assert_eq!(to_mend(&db).await, 0);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn others_insert_and_write_elsewhere_while_a_chunk_is_written() {
    holds_once_in_three(insert_and_write_beside_a_chunk).await;
}

async fn insert_and_write_beside_a_chunk() -> Result<(), String> {
    let db = TestDatabase::mysql().await;
    db.drop_guards().await;
    db.insert_drifted(300).await;
    let collection = Collection::diving_centers();
    // The chunk under way is held up by one row…
    let mut holding = db.mysql_pool().begin().await.unwrap();
    holding
        .execute("UPDATE diving_centers SET latitude = 1.5 WHERE id = 298")
        .await
        .unwrap();
    let mut backfill = db
        .database()
        .backfill(&collection, BackfillFrom::Coordinates);
    let filling = backfill.chunk(i64::MIN, 100, false);
    let others = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        // …and meanwhile there is no lock on the table or on gaps between ids.
        for sql in [
            "INSERT INTO diving_centers (id, name, location) VALUES (2, 'n', ST_SRID(POINT(0, 0), 4326))",
            "UPDATE diving_centers SET name = 'n' WHERE id = 500",
        ] {
            let done = tokio::time::timeout(Duration::from_millis(900), db.execute(sql)).await;
            if done.is_err() {
                return Err(format!("{sql} waits"));
            }
        }
        holding.commit().await.unwrap();
        Ok(())
    };
    let (chunk, others) = tokio::join!(filling, others);
    others?;
    // It waits for a second at most.
    let chunk = chunk.map_err(|error| error.to_string())?;
    assert_eq!(chunk.expect("there are rows").written, 100);
    Ok(())
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn many_rows_are_written_in_several_short_transactions() {
    let db = TestDatabase::mysql().await;
    db.drop_guards().await;
    db.insert_drifted(4_000).await;
    // Ids that mean something else to MySQL, as others may have.
    db.execute(
        "UPDATE diving_centers SET id = 0 WHERE id = 4; \
         UPDATE diving_centers SET id = -7 WHERE id = 7",
    )
    .await;
    let collection = Collection::diving_centers();
    let mut backfill = db
        .database()
        .backfill(&collection, BackfillFrom::Coordinates);
    let chunk = backfill.chunk(i64::MIN, 4_000, false).await.unwrap();
    let chunk = chunk.expect("there are rows");
    assert_eq!(chunk.written, 4_000);
    assert!(chunk.transaction * 3 < chunk.writing, "{chunk:?}");
    assert_eq!(to_mend(&db).await, 0);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_snapshot_is_held_only_where_an_index_merges_its_pages_early() {
    let db = TestDatabase::mysql().await;
    db.drop_guards().await;
    db.insert_drifted(30).await;
    let collection = Collection::diving_centers();
    let held = async || {
        // The server shows what it knew up to a tenth of a second ago.
        tokio::time::sleep(Duration::from_millis(300)).await;
        db.number(
            "SELECT COUNT(*) FROM information_schema.innodb_trx \
             JOIN information_schema.processlist ON id = trx_mysql_thread_id \
             WHERE db = DATABASE() AND trx_is_read_only = 1 AND trx_autocommit_non_locking = 0",
        )
        .await
    };
    let mut backfill = db
        .database()
        .backfill(&collection, BackfillFrom::Coordinates);
    let first = backfill.chunk(i64::MIN, 10, false).await.unwrap().unwrap();
    assert_eq!((first.written, held().await), (10, 0));
    drop(backfill);
    db.execute(
        "ALTER TABLE diving_centers DROP INDEX idx_diving_centers_location, \
         ADD SPATIAL INDEX as_mysql_does (location)",
    )
    .await;
    let mut backfill = db
        .database()
        .backfill(&collection, BackfillFrom::Coordinates);
    let next = backfill.chunk(28, 10, false).await.unwrap().unwrap();
    assert_eq!((next.written, held().await), (10, 1));
    backfill.rest().await.unwrap();
    assert_eq!(held().await, 0);
    drop(backfill);
    let guide = include_str!("../../docs/ADOPTING.md");
    let (_, statement) = guide.split_once("```sql\n").unwrap();
    let (statement, _) = statement.split_once("```").unwrap();
    db.execute(&statement.replace("the_index", "as_mysql_does"))
        .await;
    let mut backfill = db
        .database()
        .backfill(&collection, BackfillFrom::Coordinates);
    let last = backfill.chunk(58, 10, false).await.unwrap().unwrap();
    assert_eq!((last.written, held().await), (10, 0));
    assert_eq!(to_mend(&db).await, 0);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_row_that_it_takes_long_to_get_to_is_written_all_the_same() {
    let db = TestDatabase::mysql().await;
    db.drop_guards().await;
    db.execute("DROP INDEX idx_diving_centers_location ON diving_centers")
        .await;
    db.execute(
        "INSERT /*+ SET_VAR(cte_max_recursion_depth = 50000) */ \
         INTO diving_centers (id, name, location) \
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) \
         SELECT i, 'nowhere', ST_SRID(POINT(0, 0), 4326) FROM n",
    )
    .await;
    let somewhere = db.location(Some((1.0, 2.0)));
    for id in [60_000, 60_001] {
        db.insert(id, "5, 6", &somewhere).await;
    }
    let collection = Collection::diving_centers();
    let mut backfill = db
        .database()
        .backfill(&collection, BackfillFrom::Coordinates);
    let filling = backfill.chunk(i64::MIN, 100_000, false);
    let chunk = tokio::time::timeout(Duration::from_secs(20), filling).await;
    let chunk = chunk.expect("it ends").unwrap().expect("there are rows");
    assert_eq!((chunk.survey.rows, chunk.written), (50_002, 2));
    assert_eq!(to_mend(&db).await, 0);
}

/// What an UPDATE answers says nothing of the last row where a trigger fires: asked in
/// another way, no statement begins with the rows that those before it wrote.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn triggers_make_no_statement_go_over_rows_that_are_written_already() {
    holds_once_in_three(look_at_rows_with_triggers_and_without).await;
}

async fn look_at_rows_with_triggers_and_without() -> Result<(), String> {
    let db = TestDatabase::mysql().await;
    // A user of its own, by whom the server counts what statements look at.
    let url = db.user_with("SELECT, UPDATE").await;
    let examined = async |guarded: bool| {
        db.drop_guards().await;
        db.execute("TRUNCATE diving_centers").await;
        db.insert_drifted(2_000).await;
        if guarded {
            db.database().migrate_up(None).await.unwrap();
        }
        let alone = connect(&url).await;
        let collection = Collection::diving_centers();
        let mut backfill = alone.backfill(&collection, BackfillFrom::Coordinates);
        let chunk = backfill.chunk(i64::MIN, 2_000, false).await.unwrap();
        assert_eq!(chunk.expect("there are rows").written, 2_000);
        alone.close().await;
        assert_eq!(to_mend(&db).await, 0);
        let so_far = "SELECT CAST(SUM(SUM_ROWS_EXAMINED) AS SIGNED) \
                      FROM performance_schema.events_statements_summary_by_user_by_event_name \
                      WHERE USER = DATABASE()";
        db.number(so_far).await
    };
    let without = examined(false).await;
    let with = examined(true).await - without;
    // Triggers take time, so there are more statements; each looks at all rows to come.
    if with < 4 * without {
        Ok(())
    } else {
        Err(format!("{without} rows without triggers, {with} with them"))
    }
}
