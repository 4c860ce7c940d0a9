//! An index in memory that follows MySQL by its binary log: against the embedded file,
//! against asking MySQL, and how soon it holds what others write.
//!
//! ```text
//! NEARBY_TEST_MYSQL_URL=mysql://… cargo bench --bench mirror        1,000,000 centers
//! … cargo bench --bench mirror -- --count 20000 --rounds 1 --dml-seconds 10
//! ```
//!
//! Filling MySQL with a million centers takes some four minutes, which its spatial index does;
//! the database is kept for the next run.

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "the other benchmarks use more of it")]
mod common;
mod database;
mod dml;
#[path = "../data/program.rs"]
#[expect(dead_code, reason = "the benchmark of data uses more of it")]
mod program;
mod rows;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Measures a mirror.
#[derive(Debug, Parser)]
struct Args {
    /// How many centers
    #[arg(long, default_value_t = 1_000_000)]
    count: u64,
    /// A MySQL server, whose user may follow its binary log; a database is made there and kept
    #[arg(long, env = "NEARBY_TEST_MYSQL_URL")]
    mysql_url: String,
    /// How long each side of a round is driven, in seconds
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// How many rounds
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Connections at once
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// How long other clients write anything, in seconds
    #[arg(long, default_value_t = 300)]
    dml_seconds: u64,
    /// Only rows whose name contains this text
    #[arg(long, default_value = "")]
    only: String,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

impl Args {
    fn wants(&self, name: &str) -> bool {
        name.contains(&self.only)
    }

    fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

/// A file of the benchmarks, kept for the next run.
fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    eprintln!("{} centers: filling MySQL and a file", args.count);
    let database = database::filled(&args)?;
    let file = database::file(&args)?;
    println!("{} centers, {} rounds", args.count, args.rounds);
    common::report::head();
    rows::print(&args, &database, &file)
}
