//! Why a schema was not brought where it was asked to be.

use thiserror::Error;

use super::super::{DatabaseFailure, StoreError};
use super::SchemaState;
use super::adopted::Torn;

/// Why a schema was not brought where it was asked to be.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// It is in no state to go on from.
    #[error("{0}")]
    State(SchemaState),
    /// There is no such migration.
    #[error("there is no migration {version}; there are {known:?}")]
    UnknownVersion {
        /// What was asked for.
        version: i64,
        /// What there is.
        known: Vec<i64>,
    },
    /// It would make tables of which some are there.
    #[error(
        "migration {version} makes {there} and {missing}, but {there} is there already and was not made by \
         nearby: rename it, or make {missing} by hand as in migrations/mysql, then run this again"
    )]
    Torn {
        /// Which migration.
        version: i64,
        /// Tables of another application.
        there: String,
        /// Tables that are missing.
        missing: String,
    },
    /// A table of another application is not fit to be served.
    #[error(
        "another application made the table, and it cannot be served as it is: {what}; run \
         `nearby adopt` to see what is missing, and `nearby adopt --apply` to do it"
    )]
    NotAdopted {
        /// What is wrong with it.
        what: String,
    },
    /// A statement of a migration was refused.
    #[error(
        "migration {version} failed: {error}; `nearby migrate status` tells where that leaves the schema"
    )]
    Failed {
        /// Which migration.
        version: i64,
        /// What the database said.
        error: DatabaseFailure,
    },
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Torn> for MigrateError {
    fn from(torn: Torn) -> Self {
        Self::Torn {
            version: torn.version,
            there: torn.there.join(", "),
            missing: torn.missing.join(", "),
        }
    }
}

impl From<sqlx::Error> for MigrateError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<rusqlite::Error> for MigrateError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}
