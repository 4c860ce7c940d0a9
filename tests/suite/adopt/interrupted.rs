//! Adoptions that end before their end.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::neighbour::{Kind, Writer, assert_sound, checksum, divemap, nearby};
use crate::cli::process::{self, Ended};
use crate::support::TestDatabase;

const ROWS: u32 = 2_000;

fn start(db: &TestDatabase) -> Child {
    process::nearby()
        .args(["adopt", "--apply", "--database-url", db.url()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts")
}

/// Adopts, however often another adoption is still under way: the server goes on
/// with a statement whose client was killed.
async fn adopt_to_the_end(db: &TestDatabase) -> Ended {
    let began = Instant::now();
    loop {
        let ended = nearby(db, &["adopt", "--apply"]).await;
        if !ended.stderr.contains("another `nearby adopt --apply`") {
            return ended;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "{}", ended.stderr);
    }
}

/// Killed at moments from the first statement to the last, on one table: each
/// run goes on from what the one before left, and the writer is never refused.
async fn is_resumed_after_kills(kind: Kind) {
    let db = divemap(kind, ROWS).await;
    let before = checksum(&db, ROWS).await;
    let writer = Writer::start(&db, kind);
    for moment in [40, 90, 150, 250, 400, 700] {
        let mut child = start(&db);
        let moment = Duration::from_millis(moment + rand::random_range(0..80));
        tokio::time::sleep(moment).await;
        // Already at its end is as good.
        let _ = child.kill();
        child.wait().expect("it ends");
    }
    adopt_to_the_end(&db).await.assert(0, &[]);
    let written = writer.stop().await;
    assert!(
        written.inserted > 20,
        "the writer ran beside it: {written:?}"
    );
    assert_sound(
        &nearby(&db, &["adopt"]).await,
        &nearby(&db, &["verify"]).await,
    );
    assert_eq!(
        checksum(&db, ROWS).await,
        before,
        "another column was written"
    );
    written.assert_is_there(&db).await;
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn an_adoption_that_is_killed_again_and_again_is_resumed_beside_a_knowing_writer() {
    is_resumed_after_kills(Kind::WithLocation).await;
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn an_adoption_that_is_killed_again_and_again_is_resumed_beside_an_ignorant_writer() {
    is_resumed_after_kills(Kind::Positional).await;
}

/// The server is told as well, and whatever it made of that is gone on from.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn an_adoption_that_is_told_to_stop_does_so_at_once_and_is_resumed() {
    let db = divemap(Kind::WithLocation, 20_000).await;
    let child = start(&db);
    let indexing = "SELECT COUNT(*) FROM performance_schema.threads \
                    WHERE PROCESSLIST_DB = DATABASE() \
                    AND PROCESSLIST_INFO LIKE 'ALTER TABLE%ADD SPATIAL INDEX%'";
    while db.number(indexing).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let id = child.id().to_string();
    let told = std::process::Command::new("kill")
        .args(["-TERM", &id])
        .status();
    assert!(told.expect("kill is there").success());
    let began = Instant::now();
    let ended = Ended::from(child.wait_with_output().expect("it ends"));
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    ended.assert(1, &["stopped", "running this again goes on from here"]);
    adopt_to_the_end(&db).await.assert(0, &[]);
    assert_sound(
        &nearby(&db, &["adopt"]).await,
        &nearby(&db, &["verify"]).await,
    );
}
