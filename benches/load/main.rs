//! Load over real HTTP: the service beside a bare actix handler that returns a
//! fixed body of the same size, in the same process and run.
//!
//! ```text
//! cargo bench --bench load                        1,000,000 centers
//! cargo bench --bench load -- --count 10000 --seconds 1 --rounds 1
//! ```
//!
//! Answers are compared with brute force before anything is timed. Each row is
//! measured in rounds, both sides one after the other in each; the ratio is the
//! median of the rounds' ratios, with its smallest and largest.

mod ceiling;
#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "the benchmark of data uses more of it")]
mod common;
mod rows;
mod service;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Measures the service under load.
#[derive(Debug, Parser)]
struct Args {
    /// How many centers
    #[arg(long, default_value_t = 1_000_000)]
    count: u64,
    /// How long each side of a round is driven, in seconds
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// How many rounds
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Connections at once
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Only rows whose name contains this text
    #[arg(long, default_value = "")]
    only: String,
    /// Threads that answer, on both sides [default: one a core]
    #[arg(long)]
    workers: Option<usize>,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

impl Args {
    fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    fn workers(&self) -> usize {
        self.workers
            .or_else(|| Some(std::thread::available_parallelism().ok()?.get()))
            .unwrap_or(1)
    }

    /// The file with the centers, kept for the next run.
    fn database(&self) -> PathBuf {
        let target = env!("CARGO_TARGET_TMPDIR");
        PathBuf::from(target).join(format!("load-{}.gpkg", self.count))
    }
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    eprintln!("{} centers: filling and loading", args.count);
    let services = service::start(&args.database(), args.count, args.workers())?;
    let bench = rows::Bench::new(&args, services);
    bench.check_answers()?;
    bench.print_rows()
}
