//! `nearby health`: the health check of containers, without a second program.

use crate::output::{note, say};
use std::time::Duration;

use super::Outcome;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to ask
    #[arg(
        long,
        env = "NEARBY_HEALTH_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:8080/readyz"
    )]
    url: String,
}

pub(super) fn run(args: &Args) -> Outcome {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .into();
    match agent.get(&args.url).call() {
        Ok(answer) if answer.status().is_success() => {
            say!("{} answered {}", args.url, answer.status());
            Outcome::Done
        }
        Ok(answer) => {
            note!("{} answered {}", args.url, answer.status());
            Outcome::FoundWrong
        }
        Err(error) => {
            note!("{} did not answer: {error}", args.url);
            Outcome::FoundWrong
        }
    }
}
