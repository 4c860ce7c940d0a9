//! A disk that is full, in a mount namespace of its own.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use super::clients::{Whereabouts, readers, writers};
use super::is_in_step;
use crate::cli::process::nearby;
use crate::cli::served::Served;
use crate::support::TestDatabase;

/// A disk of its own for a service, of this many MiB.
const DISK_MIB: u32 = 8;

/// Serves a file on a small disk, which only the service and [`on_its_disk`] see.
fn serve_on_a_small_disk(folder: &Path) -> Served {
    let mut starter = Command::new("unshare");
    let mount = format!("mount -t tmpfs -o size={DISK_MIB}m small \"$0\" && exec \"$@\"");
    starter.args(["--mount", "--propagation", "private", "sh", "-c", &mount]);
    starter.arg(folder);
    let url = format!("sqlite:{}", folder.join("a.gpkg").display());
    Served::start_under(starter, &["serve", "--database-url", &url, "--migrate"])
}

/// Runs a program where the disk of a service is seen.
fn on_its_disk(served: &Served, args: &[&str]) -> Output {
    let pid = served.pid().to_string();
    let mut command = Command::new("nsenter");
    command.args(["--mount", "--target", &pid]).args(args);
    for (name, value) in nearby().get_envs() {
        if value.is_none() {
            command.env_remove(name);
        }
    }
    command.output().expect("nsenter runs")
}

#[track_caller]
fn done(output: &Output) {
    assert!(output.status.success(), "{}", said(output));
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Writes are refused while the disk is full, and only then; what was acknowledged stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(tool_tests),
    ignore = "needs unshare, nsenter and sqlite3, and root: run scripts/test"
)]
async fn a_full_disk_refuses_writes_and_takes_nothing_away() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let here = folder.path();
    let filler = here.join("filler").display().to_string();
    let served = serve_on_a_small_disk(here);
    let service = Whereabouts::at(served.url(""));
    let reading = readers(
        &service,
        2,
        "/nearby?lat=1&lng=1",
        Duration::from_millis(20),
    );
    let writing = writers(&service, 8, 200);
    for round in 0..2 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        // It ends when nothing more fits.
        let filling = [
            "dd",
            "if=/dev/zero",
            &format!("of={filler}{round}"),
            "bs=4k",
        ];
        let dd = on_its_disk(&served, &filling);
        assert!(said(&dd).contains("No space left"), "{}", said(&dd));
        tokio::time::sleep(Duration::from_secs(2)).await;
        done(&on_its_disk(&served, &["rm", &format!("{filler}{round}")]));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (reads, ledger) = (reading.stop().await, writing.stop().await);
    assert_eq!(reads.failed, Vec::<String>::new());
    assert!(ledger.refused > 0, "the disk was never full");
    assert_eq!(ledger.unsettled, 0);

    let kept = tempfile::tempdir().expect("a folder can be made");
    let copy = kept.path().join("a.gpkg");
    let file = here.join("a.gpkg").display().to_string();
    let backup = format!(".backup '{}'", copy.display());
    done(&on_its_disk(&served, &["sqlite3", &file, &backup]));
    served.stop();
    let db = TestDatabase::sqlite_in(kept, "a.gpkg").await;
    ledger.holds(&db, "embedded file on a full disk").await;
    is_in_step(&db).await;
}

/// Commands say so, leave nothing half-written, and succeed when there is room again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(tool_tests),
    ignore = "needs unshare, nsenter and sqlite3, and root: run scripts/test"
)]
async fn a_full_disk_stops_imports_and_exports_which_succeed_when_run_again() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let here = folder.path();
    let served = serve_on_a_small_disk(here);
    let url = format!("sqlite:{}", here.join("a.gpkg").display());
    let filler = here.join("filler").display().to_string();
    let source = tempfile::tempdir().expect("a folder can be made");
    let rows = nearby()
        .args(["generate", "--count", "20000"])
        .output()
        .expect("it runs");
    let csv = source.path().join("g.csv");
    std::fs::write(&csv, &rows.stdout).expect("it can be written");
    let csv = csv.display().to_string();
    let program = env!("CARGO_BIN_EXE_nearby");
    let out = here.join("out.geojson").display().to_string();
    let import = [program, "import", &csv, "--database-url", &url];
    let export = [program, "export", &out, "--database-url", &url];

    done(&on_its_disk(
        &served,
        &[
            "dd",
            "if=/dev/zero",
            &format!("of={filler}"),
            "bs=1M",
            "count=6",
        ],
    ));
    let full = on_its_disk(&served, &import);
    assert_eq!(full.status.code(), Some(2), "{}", said(&full));
    assert!(said(&full).contains("full"), "{}", said(&full));
    done(&on_its_disk(&served, &["rm", &filler]));
    let again = on_its_disk(&served, &import);
    done(&again);
    let count = on_its_disk(
        &served,
        &[
            "sqlite3",
            &here.join("a.gpkg").display().to_string(),
            "SELECT COUNT(*) FROM diving_centers",
        ],
    );
    assert_eq!(String::from_utf8_lossy(&count.stdout).trim(), "20000");

    let full = on_its_disk(&served, &export);
    assert_eq!(full.status.code(), Some(2), "{}", said(&full));
    assert!(said(&full).contains("No space left"), "{}", said(&full));
    let left = on_its_disk(&served, &["ls", &here.display().to_string()]);
    let left = String::from_utf8_lossy(&left.stdout).into_owned();
    assert!(!left.contains("out.geojson"), "{left}");
    served.stop();
}
