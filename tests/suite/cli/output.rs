//! Commands whose output nobody reads, or finds no room.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use super::process::{Ended, nearby};
use super::served::Served;
use crate::support::{TestDatabase, on_both_stores};

/// Commands that write to standard output, with their exit codes.
const COMMANDS: &[(&[&str], i32)] = &[
    (&["--help"], 0),
    (&["--version"], 0),
    (&["help", "serve"], 0),
    (&["generate", "--count", "20000"], 0),
    (&["migrate", "up"], 0),
    (&["migrate", "status"], 0),
    (&["organizations", "seed"], 0),
    (&["organizations", "list"], 0),
    (&["backfill", "--dry-run"], 0),
    (&["backfill"], 0),
    (&["verify"], 0),
    (&["verify", "--format", "json"], 0),
    (&["export", "-"], 0),
    (&["export", "-", "--format", "geojson"], 0),
    (&["migrate", "stamp", "0"], 0),
    (&["migrate", "down", "0"], 0),
];

/// What MySQL has besides, of a table without triggers.
const ADOPT: &[(&[&str], i32)] = &[
    (&["adopt"], 1),
    (&["adopt", "--json"], 1),
    (&["adopt", "--sql"], 1),
    (&["adopt", "--apply"], 0),
];

fn with_database(db: &TestDatabase, args: &[&str]) -> Command {
    let mut command = nearby();
    command
        .args(args)
        .env("DATABASE_URL", db.url())
        .stdin(Stdio::null());
    command
}

fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe can be made");
    drop(reader);
    writer.into()
}

fn full_disk() -> Stdio {
    let full = File::options().write(true).open("/dev/full");
    full.expect("the system has it").into()
}

/// Runs it with such outputs, and asserts that it is as quiet as it should be.
fn assert_bears(mut command: Command, code: i32, prepare: impl Fn()) {
    let shown = format!("{command:?}");
    let mut ended = |stdout| -> Ended {
        prepare();
        command.stdout(stdout).stderr(Stdio::piped());
        command.output().expect("it runs").into()
    };
    let unread = ended(closed_pipe());
    assert_eq!(unread.code, Some(code), "{shown}: {}", unread.stderr);
    assert!(
        !unread.stderr.contains("panicked") && !unread.stderr.contains("error"),
        "{shown}: {}",
        unread.stderr
    );
    let no_room = ended(full_disk());
    assert_eq!(no_room.code, Some(2), "{shown}: {}", no_room.stderr);
    assert!(
        no_room
            .stderr
            .contains("error: cannot write to standard output: No space left on device"),
        "{shown}: {}",
        no_room.stderr
    );
}

on_both_stores! {
    async fn every_command_bears_a_reader_that_goes_away_and_a_full_disk(db: TestDatabase) {
        db.drop_guards().await;
        db.insert_drifted(1).await;
        let backfilled = with_database(&db, &["backfill"]).status().expect("it runs");
        assert!(backfilled.success());
        let adopt = if db.is_mysql() { ADOPT } else { &[] };
        for (args, code) in adopt.iter().chain(COMMANDS) {
            assert_bears(with_database(&db, args), *code, || {});
        }
    }
}

#[tokio::test]
async fn a_health_check_and_a_new_migration_bear_them_too() {
    let db = TestDatabase::sqlite().await;
    let served = Served::start(&["--database-url", db.url()]);
    let mut health = nearby();
    health.args(["health", "--url", &served.url("/readyz")]);
    assert_bears(health, 0, || {});

    let checkout = tempfile::tempdir().unwrap();
    let migrations = checkout.path().join("migrations");
    let mut new = nearby();
    new.args(["migrate", "new", "add_hours"])
        .current_dir(checkout.path());
    assert_bears(new, 0, || {
        fs::write(checkout.path().join("Cargo.toml"), "").unwrap();
        for store in ["mysql", "sqlite"] {
            fs::create_dir_all(migrations.join(store)).unwrap();
        }
    });
}

#[tokio::test]
async fn what_is_said_beside_the_output_may_be_lost() {
    let db = TestDatabase::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("centers.csv");
    fs::write(&file, "id,name,latitude,longitude\n7,A,1,2\n").unwrap();
    let file = file.to_str().unwrap();
    for stderr in [closed_pipe, full_disk] {
        for args in [
            &["import", file, "--log", "trace"][..],
            &["export", "-", "--log", "trace"],
            &["migrate", "status", "--log", "trace"],
        ] {
            let mut command = with_database(&db, args);
            let ended = command.stderr(stderr()).stdout(Stdio::null()).status();
            assert_eq!(ended.expect("it runs").code(), Some(0), "{args:?}");
        }
        let wrong = nearby().arg("--nonsense").stderr(stderr()).status();
        assert_eq!(wrong.expect("it runs").code(), Some(2));
    }
}
