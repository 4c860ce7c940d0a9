//! Adoptions that end before their end.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::neighbour::{
    Kind, Writer, assert_adopted, assert_sound, checksum, divemap, nearby, rows,
};
use crate::cli::process::{self, Ended};
use crate::support::TestDatabase;

fn start(url: &str) -> Child {
    process::nearby()
        .args(["adopt", "--apply", "--database-url", url])
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
        assert!(began.elapsed() < Duration::from_mins(5), "{}", ended.stderr);
    }
}

/// When a run is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// So long after its start.
    Early(Duration),
    /// So long after it has ended its first step, within the next one.
    Within(Duration),
}

/// Kills an adoption with SIGKILL; whether it had not ended by itself.
fn kill(url: &str, moment: Moment) -> bool {
    let mut child = start(url);
    let told = BufReader::new(child.stderr.take().expect("it is piped"));
    let longer = match moment {
        Moment::Early(longer) => longer,
        Moment::Within(longer) => {
            let lines = told.lines().map_while(Result::ok);
            let _ended = lines
                .take_while(|line| !line.starts_with("done in"))
                .count();
            longer
        }
    };
    std::thread::sleep(longer);
    let goes_on = child.try_wait().expect("it is ours").is_none();
    // Already at its end is as good.
    let _ = child.kill();
    child.wait().expect("it ends");
    goes_on
}

/// Killed in every step and between them, on one table: each run goes on from what
/// the one before left, and the writer is never refused.
async fn is_resumed_after_kills(kind: Kind) {
    let rows = rows(2_000);
    let db = divemap(kind, rows).await;
    let before = checksum(&db, rows).await;
    let writer = Writer::start(&db, kind);
    let (mut killed, mut runs) = (0, 0);
    // Six steps, each of which a run that is killed after its first one leaves behind.
    while runs < 14 {
        let longer = Duration::from_millis(rand::random_range(0..120));
        let moment = if runs % 2 == 0 {
            Moment::Early(longer * 4)
        } else {
            Moment::Within(longer)
        };
        let url = db.url().to_owned();
        let killing = tokio::task::spawn_blocking(move || kill(&url, moment));
        killed += u32::from(killing.await.expect("it does not panic"));
        runs += 1;
    }
    assert!(killed >= 5, "{killed} of {runs}");
    adopt_to_the_end(&db).await.assert(0, &[]);
    let written = writer.stop().await;
    assert_adopted(&db, rows, before, &written).await;
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

/// Sends a signal while the index is being built, the step that takes longest, and
/// gives how the run ended.
async fn signal_while_indexing(db: &TestDatabase, signal: &str) -> Ended {
    let child = start(db.url());
    let indexing = "SELECT COUNT(*) FROM performance_schema.threads \
                    WHERE PROCESSLIST_DB = DATABASE() \
                    AND PROCESSLIST_INFO LIKE 'ALTER TABLE%ADD SPATIAL INDEX%'";
    while db.number(indexing).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let id = child.id().to_string();
    let told = std::process::Command::new("kill")
        .args([signal, &id])
        .status();
    assert!(told.expect("kill is there").success());
    let began = Instant::now();
    let ended = Ended::from(child.wait_with_output().expect("it ends"));
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    ended
}

/// The server is told as well, and whatever it made of that is gone on from.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn an_adoption_that_is_told_to_stop_does_so_at_once_and_is_resumed() {
    let db = divemap(Kind::WithLocation, 20_000).await;
    let ended = signal_while_indexing(&db, "-TERM").await;
    ended.assert(1, &["stopped", "running this again goes on from here"]);
    adopt_to_the_end(&db).await.assert(0, &[]);
    assert_sound(&db).await;
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn an_adoption_that_is_killed_while_the_index_is_built_is_resumed() {
    let rows = 10_000;
    let db = divemap(Kind::WithLocation, rows).await;
    let before = checksum(&db, rows).await;
    let writer = Writer::start(&db, Kind::WithLocation);
    assert_eq!(signal_while_indexing(&db, "-KILL").await.code, None);
    adopt_to_the_end(&db).await.assert(0, &[]);
    let written = writer.stop().await;
    assert_adopted(&db, rows, before, &written).await;
}
