//! `nearby migrate`, `verify` and `backfill`.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use super::process::{Ended, nearby, run};
use crate::support::{TestDatabase, on_both_stores};

fn on(db: &TestDatabase, args: &[&str]) -> Ended {
    run(&[args, &["--database-url", db.url()]].concat())
}

fn stdout(ended: &Ended) -> &str {
    std::str::from_utf8(&ended.stdout).expect("output is UTF-8")
}

#[track_caller]
fn assert_says(ended: &Ended, code: i32, texts: &[&str]) {
    ended.assert(code, &[]);
    for text in texts {
        assert!(
            stdout(ended).contains(text),
            "no `{text}` in: {}",
            stdout(ended)
        );
    }
}

on_both_stores! {
    async fn a_schema_goes_up_and_down_from_the_command_line(db: TestDatabase) {
        assert_says(&on(&db, &["migrate", "status"]), 0, &["0001 applied", "up to date"]);
        assert_says(&on(&db, &["migrate", "up"]), 0, &["nothing to apply"]);
        assert_says(&on(&db, &["migrate", "down", "1"]), 0, &["undid 00"]);
        assert_says(&on(&db, &["migrate", "status"]), 1, &["pending", "`nearby migrate up`"]);
        assert_says(&on(&db, &["migrate", "stamp", "0"]), 0, &["stamped 0"]);
        on(&db, &["migrate", "up", "--to", "99"]).assert(2, &["there is no migration 99"]);
    }

    async fn rows_are_dropped_only_on_purpose(db: TestDatabase) {
        db.insert(1, "1, 2", &db.location(Some((1.0, 2.0)))).await;
        on(&db, &["migrate", "down"]).assert(2, &["the 1 rows of diving_centers", "--yes"]);
        assert_eq!(db.number("SELECT COUNT(*) FROM diving_centers").await, 1);
        assert_says(&on(&db, &["migrate", "down", "--yes"]), 0, &["undid"]);
    }

    async fn drift_is_found_then_mended_then_gone(db: TestDatabase) {
        assert_says(&on(&db, &["verify"]), 0, &["in drift"]);
        db.drop_guards().await;
        db.insert_drifted(30).await;
        db.insert(500, "NULL, 2", &db.location(None)).await;

        let found = on(&db, &["verify"]);
        assert_says(&found, 1, &["ids 1, 4, 7, 10, 13, 16, 19, 22, 25, 28, …", "`nearby backfill`"]);
        let json = on(&db, &["verify", "--format", "json"]);
        let report: Value = serde_json::from_str(stdout(&json)).expect("it is JSON");
        assert_eq!(json.code, Some(1));
        assert_eq!(report["sound"], false);
        assert_eq!((&report["rows"], &report["without_coordinates"]), (&31.into(), &1.into()));
        assert_eq!(report["drift"]["count"], 30);
        assert_eq!(report["drift"]["first_ids"][1], 4);
        assert_eq!(report["schema"][0]["severity"], "warning");

        assert_says(&on(&db, &["backfill", "--dry-run"]), 1, &["to write                       30"]);
        assert_says(
            &on(&db, &["backfill", "--batch-size", "7", "--pause-ms", "1"]),
            0,
            &["rows checked                   31", "written                        30"],
        );
        assert_says(&on(&db, &["backfill"]), 0, &["written                         0"]);
        assert_says(&on(&db, &["verify"]), 0, &["in drift                        0"]);
    }

    async fn a_backfill_that_is_interrupted_tells_how_to_go_on(db: TestDatabase) {
        db.drop_guards().await;
        db.insert_drifted(40).await;
        let child = nearby()
            .args(["backfill", "--batch-size", "10", "--pause-ms", "60000"])
            .args(["--database-url", db.url()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let written = if db.is_mysql() {
            "SELECT COUNT(*) FROM diving_centers WHERE location <> ST_SRID(POINT(0, 0), 4326)"
        } else {
            "SELECT COUNT(*) FROM diving_centers WHERE location IS NOT NULL"
        };
        // It sits in its first pause, with the signal handler in place.
        while db.number(written).await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let id = child.id().to_string();
        let told = std::process::Command::new("kill").args(["-TERM", &id]).status();
        assert!(told.expect("kill is there").success());
        let ended = Ended::from(child.wait_with_output().expect("it ends"));
        assert_says(&ended, 1, &["stopped before the end", "--after 28"]);
        assert_eq!(db.number(written).await, 10);
        assert_says(&on(&db, &["backfill", "--after", "28"]), 0, &["written                        30"]);
        assert_says(&on(&db, &["verify"]), 0, &[]);
    }
}

/// Nothing is asked of the process: it is gone between two instructions.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_backfill_that_is_killed_leaves_whole_chunks_and_can_be_run_again() {
    let db = TestDatabase::mysql().await;
    db.drop_guards().await;
    db.insert_drifted(2_000).await;
    let mut child = nearby()
        .args([
            "backfill",
            "--batch-size",
            "100",
            "--database-url",
            db.url(),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let written =
        "SELECT COUNT(*) FROM diving_centers WHERE location <> ST_SRID(POINT(0, 0), 4326)";
    while db.number(written).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    assert_says(
        &on(&db, &["backfill"]),
        0,
        &["rows checked                 2000"],
    );
    assert_says(
        &on(&db, &["backfill"]),
        0,
        &["written                         0"],
    );
    assert_says(&on(&db, &["verify"]), 0, &[]);
}

#[tokio::test]
#[cfg_attr(not(tool_tests), ignore = "needs ogrinfo: run scripts/test")]
async fn ogrinfo_reads_the_embedded_database_without_a_complaint() {
    let db = TestDatabase::sqlite().await;
    db.insert(1, "37.25, 23.5", "NULL").await;
    db.insert(2, "NULL, NULL", "NULL").await;
    assert_says(&on(&db, &["backfill"]), 0, &[]);
    let path = db.url().strip_prefix("sqlite:").expect("it is SQLite");
    let read = std::process::Command::new("ogrinfo")
        .args(["-al", path])
        .output();
    let read = Ended::from(read.expect("ogrinfo is there"));
    assert_eq!(read.stderr, "");
    assert_says(
        &read,
        0,
        &[
            "Layer name: diving_centers",
            "Feature Count: 2",
            "POINT (23.5 37.25)",
            "ID[\"EPSG\",4326]",
        ],
    );
}

#[test]
fn a_new_migration_is_written_only_into_a_checkout() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let ended = nearby()
        .args(["migrate", "new", "add_hours"])
        .current_dir(&folder)
        .output();
    Ended::from(ended.expect("the binary starts")).assert(2, &["in a checkout of nearby"]);
}
