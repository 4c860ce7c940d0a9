//! `nearby generate`

use std::io;

use anyhow::Context as _;

use super::Outcome;
use crate::transfer::{generate, write_generated};

#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write world-like test centers as CSV to standard output\n\n\
        Each stands near one of 171,075 real places (GeoNames, CC BY 4.0), moved by a normally \
        distributed step of 0.05 degrees. The same seed gives the same centers everywhere, and \
        fewer of them are the beginning of more."
)]
pub(super) struct Args {
    /// How many
    #[arg(long, value_name = "N")]
    count: u64,
    /// Where the random numbers begin
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    match write_generated(generate(args.count, args.seed), io::stdout().lock()) {
        // Whoever read has had enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Outcome::Done),
        written => {
            written.context("cannot write to standard output")?;
            Ok(Outcome::Done)
        }
    }
}
