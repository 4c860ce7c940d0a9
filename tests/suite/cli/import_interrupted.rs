//! Imports that are stopped, and how much memory they take.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::process::{nearby, run};
use crate::support::{TestDatabase, on_both_stores};

fn generated(count: u32) -> Vec<u8> {
    run(&["generate", "--count", &count.to_string(), "--seed", "3"]).stdout
}

fn start_import_of_stdin(db: &TestDatabase) -> Child {
    nearby()
        .args([
            "import",
            "-",
            "--batch-size",
            "100",
            "--database-url",
            db.url(),
        ])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

async fn wait_for_rows(db: &TestDatabase, count: u64) {
    let started = Instant::now();
    while db.store().count().await.unwrap() < count {
        assert!(started.elapsed() < Duration::from_mins(1), "no rows arrive");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

on_both_stores! {
    async fn a_stopped_import_leaves_whole_batches_and_says_how_to_go_on(db: TestDatabase) {
        let file = generated(450);
        let mut child = start_import_of_stdin(&db);
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&file).unwrap();
        // The input stays open: four batches are whole, the fifth waits for more.
        wait_for_rows(&db, 400).await;
        signal(&child, "-INT");
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("400 rows written") && stderr.contains("up to line 401"), "{stderr}");
        assert!(stderr.contains("run the same command again"), "{stderr}");
        assert_eq!(db.store().count().await.unwrap(), 400);
    }

    async fn a_killed_import_leaves_whole_batches_and_a_second_run_completes_it(db: TestDatabase) {
        let file = generated(450);
        let mut child = start_import_of_stdin(&db);
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&file).unwrap();
        wait_for_rows(&db, 100).await;
        signal(&child, "-KILL");
        child.wait().unwrap();
        let left = db.store().count().await.unwrap();
        assert_eq!(left % 100, 0, "{left}");

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, &file).unwrap();
        let ended = run(&["import", path.to_str().unwrap(), "--database-url", db.url()]);
        ended.assert(0, &[&format!("{} inserted, 0 updated, {left} unchanged", 450 - left)]);
        assert_eq!(db.store().count().await.unwrap(), 450);
    }
}

/// The most memory that an import of so many generated rows took until it had
/// written them all, in kB: its input stays open, so it can be asked.
async fn peak_kb(rows: u32) -> u64 {
    let db = TestDatabase::sqlite().await;
    let mut child = start_import_of_stdin(&db);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&generated(rows)).unwrap();
    wait_for_rows(&db, u64::from(rows)).await;
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.expect("Linux tells the peak").trim();
    peak.trim_end_matches("kB").trim().parse().unwrap()
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
async fn ten_times_the_rows_take_no_more_memory() {
    let small = peak_kb(3_000).await;
    let large = peak_kb(30_000).await;
    assert!(
        large < small + 16 * 1024,
        "{small} kB for 3,000 rows, {large} kB for 30,000"
    );
}
