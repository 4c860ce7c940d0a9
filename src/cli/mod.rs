//! The commands: one file each, with its arguments and what it does.
//!
//! Exit codes: 0 done, 1 found something wrong (drift, rejected rows), 2 could
//! not run.

mod adopt;
mod attributes;
mod audit;
mod backfill;
mod choice;
mod collections;
mod database;
mod demo;
mod environment;
mod export;
mod findings;
mod generate;
mod health;
mod import;
mod keys;
mod machine;
mod manual;
mod migrate;
mod open_files;
mod organizations;
mod secret;
mod serve;
mod server;
mod signals;
mod systemd;
mod verify;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::output::{self, note};
use crate::telemetry;

/// Which centers are close to this point? An exact nearby-search service.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    log: telemetry::LogArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer searches over HTTP
    Serve(serve::Args),
    /// Load the bundled places into an embedded database and serve them
    Demo(demo::Args),
    /// Bring the database schema up or down, and tell where it stands
    Migrate(migrate::Args),
    /// Write centers from a file (CSV, GeoJSON, GeoPackage, GPX or KML) into the database
    Import(import::Args),
    /// Write the centers of the database to a file for maps or spreadsheets
    Export(export::Args),
    /// See what a table of another application needs to be served, and do it
    Adopt(adopt::Args),
    /// Write locations from latitudes and longitudes, or the other way
    Backfill(backfill::Args),
    /// Check that every location says what latitude and longitude say
    Verify(verify::Args),
    /// Add columns to the tables that nearby makes, which are shown and filtered
    Attributes(attributes::Args),
    /// Seed and list the organizations that train divers
    Organizations(organizations::Args),
    /// Make, list and revoke the keys that clients show
    Keys(keys::Args),
    /// Tell who changed what, when, and what it was before and after
    Audit(audit::Args),
    /// Write world-like test centers as CSV to standard output
    Generate(generate::Args),
    /// Ask a running server whether it is ready
    Health(health::Args),
    /// Print what a shell needs to complete the commands of this program
    Completions(manual::CompletionsArgs),
    /// Write a page of the manual for each command
    Man(manual::ManArgs),
}

/// What a command found, as its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Everything was done, nothing was wrong.
    Done,
    /// It ran and found something wrong, and has said what.
    FoundWrong,
    /// It looked, and has said why it cannot do more.
    CannotBeDone,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::FoundWrong => Self::from(1),
            Outcome::CannotBeDone => Self::from(COULD_NOT_RUN),
        }
    }
}

/// The exit code of a command that could not run.
const COULD_NOT_RUN: u8 = 2;

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let ended = match arguments() {
        Ok(cli) => {
            telemetry::init(&cli.log);
            match begin(cli.command) {
                Ok(outcome) => outcome.into(),
                Err(error) => could_not_run(&format!("{error:#}")),
            }
        }
        Err(help) => said_by_clap(&help),
    };
    match output::finish() {
        Ok(()) => ended,
        Err(error) => could_not_run(&format!("cannot write to standard output: {error}")),
    }
}

fn arguments() -> Result<Cli, clap::Error> {
    let matches = environment::leniently(Cli::command()).try_get_matches()?;
    Cli::from_arg_matches(&matches)
}

fn could_not_run(why: &str) -> ExitCode {
    note!("error: {why}");
    ExitCode::from(COULD_NOT_RUN)
}

/// Help and version, which were asked for, and what is wrong with the arguments.
fn said_by_clap(error: &clap::Error) -> ExitCode {
    let written = error.print();
    if error.use_stderr() {
        return ExitCode::from(COULD_NOT_RUN);
    }
    output::keep(written);
    ExitCode::SUCCESS
}

fn begin(command: Command) -> anyhow::Result<Outcome> {
    signals::listen(match command {
        // A service that is told to stop does what it is told.
        Command::Serve(_) | Command::Demo(_) => 0,
        _ => COULD_NOT_RUN,
    })
    .context("cannot listen to signals")?;
    run(command)
}

#[tokio::main]
async fn run(command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Serve(args) => serve::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Migrate(args) => migrate::run(args).await,
        Command::Import(args) => import::run(args).await,
        Command::Export(args) => export::run(args).await,
        Command::Adopt(args) => adopt::run(args).await,
        Command::Backfill(args) => backfill::run(args).await,
        Command::Verify(args) => verify::run(args).await,
        Command::Attributes(args) => attributes::run(args).await,
        Command::Organizations(args) => organizations::run(args).await,
        Command::Keys(args) => keys::run(args).await,
        Command::Audit(args) => audit::run(args).await,
        Command::Generate(args) => Ok(generate::run(&args)),
        Command::Health(args) => Ok(health::run(&args)),
        Command::Completions(args) => Ok(manual::complete(&args)),
        Command::Man(args) => manual::write_pages(&args),
    }
}
