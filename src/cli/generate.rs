//! `nearby generate`

use super::Outcome;
use crate::output;
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

pub(super) fn run(args: &Args) -> Outcome {
    // Whoever read may have had enough, as `head` does.
    output::keep(write_generated(
        generate(args.count, args.seed),
        output::writer(),
    ));
    Outcome::Done
}
