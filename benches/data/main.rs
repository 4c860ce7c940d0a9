//! What moves many rows: starting, importing, backfilling, and the engine that
//! asks MySQL. Runs the program itself, as its users do.
//!
//! ```text
//! cargo bench --bench data                        1,000,000 rows in a file
//! NEARBY_TEST_MYSQL_URL=mysql://… cargo bench --bench data      and rows in MySQL
//! cargo bench --bench data -- --count 10000 --mysql-count 2000 --rounds 1
//! ```
//!
//! Each row is measured in rounds, both sides one after the other in each, after
//! it was made sure that both sides write the same.

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "the benchmark of loads uses more of it")]
mod common;
mod file;
mod mysql;
mod program;
mod sql_engine;

use std::path::PathBuf;

use clap::Parser;

/// Measures what moves many rows.
#[derive(Debug, Parser)]
struct Args {
    /// How many rows in a file
    #[arg(long, default_value_t = 1_000_000)]
    count: u64,
    /// How many rows in MySQL
    #[arg(long, default_value_t = 50_000)]
    mysql_count: u64,
    /// A MySQL server; a database is made and dropped there. Without one, its
    /// rows are left out
    #[arg(long, env = "NEARBY_TEST_MYSQL_URL")]
    mysql_url: Option<String>,
    /// How many rounds
    #[arg(long, default_value_t = 3)]
    rounds: usize,
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
}

/// A file of the benchmarks, kept for the next run.
fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    println!(
        "{} rows in a file, {} in MySQL, {} rounds",
        args.count, args.mysql_count, args.rounds
    );
    common::report::head();
    file::print(&args)?;
    if let Some(url) = &args.mysql_url {
        mysql::print(&args, url)?;
    } else {
        println!("rows in MySQL: left out, as --mysql-url is not given");
    }
    Ok(())
}
