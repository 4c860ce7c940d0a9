//! Commands that are killed at any time, and run again; two of them at once.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rand::RngExt as _;
use tempfile::TempDir;

use super::{command, is_in_step, lasts};
use crate::cli::process::nearby;
use crate::support::{TestDatabase, on_both_stores};

/// How many centers a file has.
const CENTERS: i64 = 3_000;

fn start(args: &[&str]) -> Child {
    let mut command = nearby();
    command.args(args).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the binary starts")
}

/// Kills a command at any time, again and again, until it came to its end before or was
/// killed often enough; then it runs to its end.
async fn kill_and_finish(args: &[&str], kills: u32, longest: Duration) -> u32 {
    for killed in 0..kills {
        let mut child = start(args);
        let lives = rand::rng().random_range(Duration::ZERO..longest);
        tokio::time::sleep(lives).await;
        if let Some(status) = child.try_wait().expect("it can be asked") {
            assert!(status.success(), "{status}");
            return killed;
        }
        child.kill().expect("it is killed, or has ended");
        // It may have come to its end in between.
        if child.wait().expect("it ends").success() {
            return killed;
        }
    }
    command(args).await.assert(0, &[]);
    kills
}

/// How many centers there are.
async fn count(db: &TestDatabase) -> i64 {
    db.number("SELECT COUNT(*) FROM diving_centers").await
}

/// A file of centers, with ids or without, and its folder.
async fn generated(seed: u32, with_ids: bool) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("g.csv");
    let (count, seed) = (CENTERS.to_string(), seed.to_string());
    let generated = command(&["generate", "--count", &count, "--seed", &seed]).await;
    generated.assert(0, &[]);
    let mut rows = String::from_utf8(generated.stdout).expect("it is UTF-8");
    if !with_ids {
        let lines = rows
            .lines()
            .map(|line| line.split_once(',').expect("an id comes first").1);
        rows = lines.collect::<Vec<_>>().join("\n");
    }
    std::fs::write(&file, rows).expect("it can be written");
    let file = file.to_str().expect("it is a text").to_owned();
    (folder, file)
}

on_both_stores! {
    async fn an_import_without_ids_that_is_killed_again_and_again_writes_each_row_once(db: TestDatabase) {
        let ends = Instant::now() + lasts(Duration::from_secs(4));
        let (mut runs, mut killed) = (0, 0);
        while Instant::now() < ends || runs == 0 {
            let (_folder, file) = generated(runs, false).await;
            // Another file has another content, and is no continuation.
            db.execute("DELETE FROM diving_centers").await;
            let import = ["import", &file, "--batch-size", "200", "--database-url", db.url()];
            killed += kill_and_finish(&import, 5, Duration::from_millis(400)).await;
            assert_eq!(count(&db).await, CENTERS);
            is_in_step(&db).await;
            runs += 1;
        }
        println!("{runs} imports, killed {killed} times: every row once");
    }

    async fn two_imports_of_one_file_at_once_write_each_row_once(db: TestDatabase) {
        let (_folder, file) = generated(0, true).await;
        let import = ["import", &file, "--batch-size", "100", "--database-url", db.url()];
        let both = tokio::join!(command(&import), command(&import));
        for ended in [both.0, both.1] {
            ended.assert(0, &[]);
        }
        assert_eq!(count(&db).await, CENTERS);
        is_in_step(&db).await;
    }
}

/// A schema that was never made, on either store.
async fn empty(on_mysql: bool) -> TestDatabase {
    if on_mysql {
        TestDatabase::mysql_empty().await
    } else {
        TestDatabase::sqlite_empty().await
    }
}

async fn migrate_killed(on_mysql: bool) {
    let ends = Instant::now() + lasts(Duration::from_secs(4));
    let (mut runs, mut killed) = (0, 0);
    while Instant::now() < ends || runs == 0 {
        let db = empty(on_mysql).await;
        let migrate = ["migrate", "up", "--database-url", db.url()];
        killed += kill_and_finish(&migrate, 4, Duration::from_millis(700)).await;
        let status = command(&["migrate", "status", "--database-url", db.url()]).await;
        status.assert(0, &[]);
        is_in_step(&db).await;
        runs += 1;
    }
    println!("{runs} schemas made, `migrate up` killed {killed} times: none is left half-made");
}

async fn migrated_by_two(on_mysql: bool) {
    let db = empty(on_mysql).await;
    let migrate = ["migrate", "up", "--database-url", db.url()];
    let both = tokio::join!(command(&migrate), command(&migrate));
    for ended in [both.0, both.1] {
        ended.assert(0, &[]);
    }
    command(&["migrate", "status", "--database-url", db.url()])
        .await
        .assert(0, &[]);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_migration_of_mysql_that_is_killed_is_finished_by_the_next() {
    migrate_killed(true).await;
}

#[tokio::test]
async fn a_migration_of_a_file_that_is_killed_is_finished_by_the_next() {
    migrate_killed(false).await;
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn two_migrations_of_mysql_at_once_make_one_schema() {
    migrated_by_two(true).await;
}

#[tokio::test]
async fn two_migrations_of_a_file_at_once_make_one_schema() {
    migrated_by_two(false).await;
}

/// Rows that a statement left without locations are given them, each once.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_backfill_that_is_killed_is_finished_by_the_next() {
    let db = TestDatabase::mysql().await;
    db.execute(
        "SET SESSION cte_max_recursion_depth = 5000; \
         INSERT INTO diving_centers (name, latitude, longitude) \
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 3000) \
         SELECT CONCAT('n', n), n MOD 90, n MOD 180 FROM n",
    )
    .await;
    let triggers = ["insert", "update"].map(|event| format!("diving_centers_location_{event}"));
    let ends = Instant::now() + lasts(Duration::from_secs(4));
    let (mut runs, mut killed) = (0, 0);
    while Instant::now() < ends || runs == 0 {
        for trigger in &triggers {
            db.execute(&format!("DROP TRIGGER IF EXISTS {trigger}"))
                .await;
        }
        db.execute("UPDATE diving_centers SET location = ST_SRID(POINT(7, 7), 4326)")
            .await;
        let backfill = ["backfill", "--batch-size", "50", "--database-url", db.url()];
        killed += kill_and_finish(&backfill, 4, Duration::from_millis(800)).await;
        command(&["migrate", "up", "--database-url", db.url()])
            .await
            .assert(0, &[]);
        is_in_step(&db).await;
        runs += 1;
    }
    println!("{runs} backfills, killed {killed} times: every location in step");
}
