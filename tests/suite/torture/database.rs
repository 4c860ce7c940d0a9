//! MySQL is frozen, killed, stopped and started again, and the wire to it is cut, slow and
//! silent, while clients read and write.

use std::time::{Duration, Instant};

use rand::RngExt as _;

use super::clients::{Whereabouts, readers, writers};
use super::{command, is_in_step, lasts};
use crate::cli::served::Served;
use crate::support::{OwnServer, TestDatabase, Trouble, Wire};

/// What happens to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    Frozen,
    Killed,
    Stopped,
    Cut,
    CutShort,
    Slow,
    Silent,
}

const FAULTS: [Fault; 7] = [
    Fault::Frozen,
    Fault::Killed,
    Fault::Stopped,
    Fault::Cut,
    Fault::CutShort,
    Fault::Slow,
    Fault::Silent,
];

async fn befall(fault: Fault, server: &mut OwnServer, wire: &Wire) {
    let a_while = Duration::from_millis(rand::rng().random_range(500..2_500));
    match fault {
        Fault::Frozen => {
            server.freeze();
            tokio::time::sleep(a_while).await;
            server.thaw();
        }
        Fault::Killed => {
            server.kill();
            tokio::task::block_in_place(|| server.start_again());
        }
        Fault::Stopped => {
            tokio::task::block_in_place(|| server.stop());
            tokio::time::sleep(a_while).await;
            tokio::task::block_in_place(|| server.start_again());
        }
        Fault::Cut => wire.cut(),
        Fault::CutShort => {
            // In the middle of an answer.
            wire.is(Trouble::EndsAfter(rand::rng().random_range(1..400)));
            tokio::time::sleep(a_while).await;
            wire.is(Trouble::None);
        }
        Fault::Slow => {
            wire.is(Trouble::Slow(Duration::from_millis(200)));
            tokio::time::sleep(a_while).await;
            wire.is(Trouble::None);
        }
        Fault::Silent => {
            wire.is(Trouble::Silent);
            tokio::time::sleep(a_while).await;
            wire.is(Trouble::None);
        }
    }
    wire.leads_to(server.url());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn nothing_is_lost_and_searches_go_on_whatever_happens_to_mysql() {
    let mut mysql = OwnServer::start();
    let db = TestDatabase::mysql_on(mysql.url()).await.kept();
    let wire = Wire::before(&db).await;
    let mut served = tokio::task::block_in_place(|| {
        Served::start(&[
            "--database-url",
            wire.url(),
            "--engine",
            "memory",
            "--request-timeout",
            "3",
        ])
    });
    let service = Whereabouts::at(served.url(""));
    let reading = readers(
        &service,
        4,
        "/nearby?lat=1&lng=1",
        Duration::from_millis(20),
    );
    let writing = writers(&service, 8, 80);
    let begun = Instant::now();
    let lasts = lasts(Duration::from_secs(20));
    let mut befell = Vec::new();
    // Each at least once.
    while begun.elapsed() < lasts || befell.len() < FAULTS.len() {
        let fault = match FAULTS.get(befell.len()) {
            Some(fault) => *fault,
            None => FAULTS[rand::rng().random_range(0..FAULTS.len())],
        };
        befall(fault, &mut mysql, &wire).await;
        befell.push(fault);
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    // What hangs has time to end.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let (reads, ledger) = (reading.stop().await, writing.stop().await);
    for fault in FAULTS {
        let times = befell.iter().filter(|befell| **befell == fault).count();
        println!("{fault:?}: {times} times");
    }
    println!(
        "{} searches answered, {} not",
        reads.took.len(),
        reads.failed.len()
    );
    let url = db.url().rsplit_once('/').expect("it names a database").1;
    let db = TestDatabase::mysql_at(&format!("{}/{url}", mysql.url())).await;
    ledger.holds(&db, "MySQL in trouble").await;
    is_in_step(&db).await;
    assert_eq!(reads.failed, Vec::<String>::new());
    let mirror = served.url("");
    let verify = ["verify", "--database-url", db.url(), "--mirror", &mirror];
    // A connection that went silent is given up before.
    let ends = Instant::now() + Duration::from_secs(40);
    let mut verified = command(&verify).await;
    while verified.code != Some(0) && Instant::now() < ends {
        verified = command(&verify).await;
    }
    assert_eq!(
        verified.code,
        Some(0),
        "{}\n{}",
        verified.stderr,
        served.log()
    );
}
