//! Why a database could not be opened.

use std::fmt;

use thiserror::Error;

/// Why a database could not be opened. No text holds a password.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// It did not answer.
    #[error(
        "{database} did not answer in {tries} {}: {last}. Is it running, and are host and port right?",
        if *.tries == 1 { "try" } else { "tries" }
    )]
    NoAnswer {
        /// Which database, without its password.
        database: String,
        /// How often it was tried.
        tries: u32,
        /// What the last try met.
        last: String,
    },
    /// It answered with what waiting cannot mend.
    #[error("cannot use {database}: {reason}; {advice}")]
    Unusable {
        /// Which database, without its password.
        database: String,
        /// What is wrong.
        reason: String,
        /// What to do.
        advice: String,
    },
}

/// What one try to open a database met.
#[derive(Debug)]
pub(in crate::store) enum Failure {
    /// May be over at the next try.
    Passing(String),
    /// Stays until somebody acts.
    Lasting {
        /// What is wrong.
        reason: String,
        /// What to do.
        advice: String,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passing(reason) => f.write_str(reason),
            Self::Lasting { reason, advice } => write!(f, "{reason}; {advice}"),
        }
    }
}

impl Failure {
    pub(in crate::store) fn lasting(reason: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Lasting {
            reason: reason.into(),
            advice: advice.into(),
        }
    }
}
