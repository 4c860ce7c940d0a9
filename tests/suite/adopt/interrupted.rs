//! Adoptions that end before their end.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nearby::store::{Action, AdoptError, Collection, Indexing};
use tokio::sync::watch;

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

/// Whether the server builds an index: other writers wait.
async fn is_indexing(db: &TestDatabase) -> bool {
    let indexing = "SELECT COUNT(*) FROM performance_schema.threads \
                    WHERE PROCESSLIST_DB = DATABASE() \
                    AND PROCESSLIST_INFO LIKE 'ALTER TABLE `diving_centers` ADD SPATIAL INDEX%'";
    db.number(indexing).await > 0
}

/// Sends a signal while the index is being built, the step that takes longest, and
/// gives how the run ended.
async fn signal_while_indexing(db: &TestDatabase, signal: &str) -> Ended {
    let child = start(db.url());
    while !is_indexing(db).await {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let id = child.id().to_string();
    let told = std::process::Command::new("kill")
        .args([signal, &id])
        .status();
    assert!(told.expect("kill is there").success());
    let ending = tokio::task::spawn_blocking(|| child.wait_with_output());
    Ended::from(ending.await.expect("it does not panic").expect("it ends"))
}

/// The server is told as well. While it builds an index it does not listen: what is said
/// of the table is said once it is so.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn an_adoption_that_is_told_to_stop_says_so_when_nobody_waits_any_more() {
    let db = divemap(Kind::WithLocation, 1_500).await;
    let ended = signal_while_indexing(&db, "-TERM").await;
    assert!(
        !is_indexing(&db).await,
        "writers still wait: {}",
        ended.stderr
    );
    ended.assert(
        1,
        &[
            "told the server to end the statement",
            "the table is as usable as before",
            "running this again goes on from here",
        ],
    );
    adopt_to_the_end(&db).await.assert(0, &[]);
    assert_sound(&db).await;
}

/// Its patience has an end, and then it says what goes on.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_server_that_does_not_listen_is_named_with_what_it_still_does() {
    let db = divemap(Kind::WithLocation, 1_500).await;
    let collection = Collection::diving_centers();
    let plan = db
        .database()
        .inspect_adoption(&collection, Indexing::InPlace, |_| {})
        .await
        .unwrap();
    let adding = plan
        .steps
        .iter()
        .find(|step| step.action == Action::AddIndex);
    let statement = &adding.expect("it has no index").statements[0];
    // A server that ends it at once leaves nothing to say: the table is as before then.
    let mut tries = 0;
    let (session, still) = loop {
        let session = db.database().begin_adoption(&collection).await.unwrap();
        let mut session = session.with_end_wait(Duration::ZERO);
        let (tell, stop) = watch::channel(false);
        let telling = async {
            while !is_indexing(&db).await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            tell.send_replace(true);
        };
        let (carried, ()) = tokio::join!(session.carry_out(statement, &stop, |_| {}), telling);
        tries += 1;
        match carried.unwrap_err() {
            AdoptError::Stopped if tries < 20 => {}
            still => break (session, still),
        }
    };
    assert!(matches!(still, AdoptError::StillUnderWay { .. }), "{still}");
    assert!(is_indexing(&db).await);
    let said = still.to_string();
    assert!(
        said.contains("ADD SPATIAL INDEX") && said.contains("WAIT"),
        "{said}"
    );
    drop(session);
    adopt_to_the_end(&db).await.assert(0, &[]);
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
