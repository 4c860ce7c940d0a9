//! Why a store could not do what it was asked.

use thiserror::Error;

use crate::domain::CenterId;

/// Why the database did not do what it was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It is away, or has no connection to give: worth another try later.
    #[error("the database is unavailable: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// It refused a statement.
    #[error("the database refused a statement: {0}")]
    Refused(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            _ => Self::Refused(error),
        }
    }
}

/// Why a center was not edited.
#[derive(Debug, Error)]
pub enum UpdateError<E> {
    /// The edit itself was refused.
    #[error("{0}")]
    Edit(E),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<E> From<sqlx::Error> for UpdateError<E> {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Why a batch was not written.
#[derive(Debug, Error)]
pub enum BatchError {
    /// An item replaces a center that does not exist.
    #[error("item {index} replaces center {id}, which does not exist")]
    NotFound {
        /// The place of the item, from 0.
        index: usize,
        /// The id it names.
        id: CenterId,
    },
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for BatchError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
