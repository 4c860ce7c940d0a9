//! Rows about the embedded file.

use std::fs;
use std::path::Path;

use anyhow::ensure;
use nearby::transfer::generate;

use super::common::client::{Connection, get};
use super::common::report::{Bound, figure};
use super::common::world::{SEED, summary};
use super::program::{Service, generated_csv, run};
use super::{Args, scratch};

const MEGABYTE: f64 = 1e6;

/// Measures and prints them.
pub fn print(args: &Args) -> anyhow::Result<()> {
    let path = scratch(&format!("data-{}.gpkg", args.count));
    let url = format!("sqlite:{}", path.display());
    if args.wants("import into a file") || !path.exists() {
        import(args, &path, &url)?;
    }
    if args.wants("start to ready") {
        start(args, &url)?;
    }
    Ok(())
}

/// Row 10.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn import(args: &Args, path: &Path, url: &str) -> anyhow::Result<()> {
    let csv = generated_csv(args.count)?;
    let csv = csv.to_string_lossy();
    let (mut rows_per_second, mut peak) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        remove_database(path);
        let imported = run(&["import", &csv, "--database-url", url])?;
        ensure!(
            imported
                .output
                .contains(&format!("{} inserted", args.count)),
            "not every row was imported: {}",
            imported.output
        );
        rows_per_second.push(args.count as f64 / imported.seconds);
        peak.push(imported.peak_bytes / MEGABYTE);
    }
    figure(
        "import into a file",
        &rows_per_second,
        "rows/s",
        Bound::AtLeast(150_000.0),
    );
    figure(
        "import into a file, most memory",
        &peak,
        "MB",
        Bound::AtMost(100.0),
    );
    Ok(())
}

fn remove_database(path: &Path) {
    for ending in ["", "-wal", "-shm"] {
        // What is not there need not be removed.
        let _ = fs::remove_file(format!("{}{ending}", path.display()));
    }
}

/// Rows 7 and 6.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn start(args: &Args, url: &str) -> anyhow::Result<()> {
    let count = args.count as f64;
    let raw = raw_text_bytes(args.count) / count;
    let (mut seconds, mut per_center) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        let service = Service::start(url, &[])?;
        seconds.push(service.ready_after.as_secs_f64());
        let mut connection = Connection::open(service.address)?;
        let answer = connection.exchange(&get("/nearest?lat=0&lng=0&limit=1"))?;
        ensure!(
            answer.windows(9).any(|window| window == b"\"count\":1"),
            "a service that is ready finds a center"
        );
        per_center.push(service.resident_bytes()? / count - raw);
    }
    figure(
        "start to ready",
        &seconds,
        "s",
        Bound::AtMost(2.0 * (count / 1e6).max(0.5)),
    );
    figure(
        &format!("resident, a center, beyond {raw:.0} of text"),
        &per_center,
        "bytes",
        Bound::AtMost(200.0),
    );
    Ok(())
}

/// The texts of all centers, as UTF-8.
fn raw_text_bytes(count: u64) -> f64 {
    generate(count, SEED)
        .map(|center| {
            let summary = summary(&center);
            let texts = [summary.country, summary.region, summary.city];
            let texts = texts.into_iter().flatten().map(str::len).sum::<usize>();
            #[expect(clippy::cast_precision_loss, reason = "texts are short")]
            let bytes = (summary.name.len() + texts) as f64;
            bytes
        })
        .sum()
}
