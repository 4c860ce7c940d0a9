//! The `nearby` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    nearby::cli::main()
}
