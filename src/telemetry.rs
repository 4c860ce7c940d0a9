//! Logs: structured lines on standard error.

use std::io::IsTerminal as _;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged and how.
#[derive(Debug, clap::Args)]
pub struct LogArgs {
    /// How log lines look
    #[arg(
        long,
        env = "NEARBY_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text",
        global = true
    )]
    log_format: LogFormat,
    /// What is logged: a level, or levels by target as in `info,sqlx::query=debug`
    #[arg(
        long,
        env = "NEARBY_LOG",
        value_name = "FILTER",
        default_value = crate::app::LOG_FILTER,
        global = true
    )]
    log: EnvFilter,
}

/// Sends log lines to standard error, so that standard output stays data. Times
/// are UTC.
pub fn init(args: &LogArgs) {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(args.log.clone())
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        // It would panic where standard error takes no more.
        .log_internal_errors(false);
    match args.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
}
