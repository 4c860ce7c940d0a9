//! Why a store could not do what it was asked.

use std::fmt::Write as _;

use rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY;
use sqlx::error::DatabaseError;
use thiserror::Error;

use super::collection::Collection;
use super::idempotency::{MAX_KEPT_BYTES, Recording};
use super::refusal::{self, DEADLOCK, Meaning, OUT_OF_TIME, Rule, is_busy};
use crate::domain::CenterId;

/// Why the database did not do what it was asked. The text has the cause in it, so
/// that whoever logs it needs no chain; it is no `source` as well, which reports
/// would print a second time.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It is away, or has no connection to give: worth another try later.
    #[error("the database is unavailable: {0}")]
    Unavailable(DatabaseFailure),
    /// The connection was lost while a transaction was committed: it may have been.
    #[error("nobody knows whether a transaction was committed: {failure}")]
    Unsettled {
        /// What happened.
        failure: DatabaseFailure,
        /// What comes of sending the same once more.
        sent_again: SentAgain,
    },
    /// Another request with the same `Idempotency-Key` was first: nothing was written.
    #[error("another request with the same Idempotency-Key is under way")]
    KeyUnderWay,
    /// The answer is larger than those that are kept under keys: nothing was written.
    #[error("the answer has {bytes} bytes, and at most {MAX_KEPT_BYTES} are kept under a key")]
    AnswerTooLarge {
        /// How large it is.
        bytes: usize,
    },
    /// Other writes were in the way for longer than anybody should wait.
    #[error("other writes were waited for too long")]
    Busy,
    /// Whoever asked for a write had gone before it began: it was not made.
    #[error("the client had gone before its write began")]
    GivenUp,
    /// Another process imports the same file: this batch is not written.
    #[error("another process imports this file")]
    Overtaken,
    /// It answers and takes no writes, as while a replica takes over.
    #[error("the database takes no writes now: {0}")]
    ReadOnly(DatabaseFailure),
    /// It does not let this user in, or not do this.
    #[error("the database does not allow it: {0}")]
    Denied(DatabaseFailure),
    /// A table or a column is gone.
    #[error("something is missing in the database: {0}")]
    Missing(DatabaseFailure),
    /// A table of nearby's own is not there, beside tables of another application:
    /// nothing was written.
    #[error("the database has no table {table}: {failure}")]
    NoTable {
        /// Which.
        table: &'static str,
        /// What the database said.
        failure: DatabaseFailure,
    },
    /// What was to be written breaks a rule of the table.
    #[error("the table refused a row: {0}")]
    Unfit(Unfit),
    /// It refused a statement.
    #[error("the database refused a statement: {0}")]
    Refused(DatabaseFailure),
}

/// What comes of sending a write once more that may have been made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentAgain {
    /// It may be made twice.
    MayDouble,
    /// It leaves the same rows.
    IsTheSame,
    /// It is answered as the first time, by its `Idempotency-Key`, or made now.
    IsAnsweredByItsKey,
}

/// What was to be written breaks a rule of the table.
#[derive(Debug, Error)]
#[error("{failure}")]
pub struct Unfit {
    /// The rule.
    pub rule: Rule,
    /// The columns that it is about, where the database says so; to whoever asked for a
    /// write, the names of the fields that stand there.
    pub columns: Vec<String>,
    /// What the table calls the rule, where the database says so.
    pub constraint: Option<Box<str>>,
    /// What the database said.
    pub failure: DatabaseFailure,
}

/// What a refusal of a row is about, by what the database says.
#[derive(Debug, Default)]
struct About {
    columns: Vec<String>,
    constraint: Option<Box<str>>,
}

impl About {
    fn of(message: &str) -> Self {
        Self {
            columns: refusal::columns_of(message)
                .into_iter()
                .map(str::to_owned)
                .collect(),
            constraint: refusal::constraint_of(message).map(Box::from),
        }
    }
}

impl Unfit {
    /// The same with the fields of a collection in place of its columns.
    #[must_use]
    fn told_of(mut self, collection: &Collection) -> Self {
        for column in &mut self.columns {
            if let Some(member) = collection.member_in(column) {
                *column = member.into();
            }
        }
        self
    }
}

/// What a library that speaks to the database said.
#[derive(Debug, Error)]
#[error(transparent)]
pub enum DatabaseFailure {
    /// Of MySQL.
    MySql(sqlx::Error),
    /// Of an embedded file.
    Sqlite(rusqlite::Error),
    /// It gave what nobody can make sense of.
    Unreadable(Unreadable),
}

/// What a database gave that nobody can make sense of.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Unreadable(String);

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let meaning = refusal::meaning(&error);
        let message = error.as_database_error().map(DatabaseError::message);
        let about = message.map(About::of).unwrap_or_default();
        Self::of(meaning, about, DatabaseFailure::MySql(error))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let (meaning, about) = match &error {
            rusqlite::Error::SqliteFailure(code, message) => {
                let message = message.as_deref().unwrap_or_default();
                (
                    refusal::of_sqlite(code.extended_code, message),
                    About::of(message),
                )
            }
            _ => (Meaning::Fault, About::default()),
        };
        Self::of(meaning, about, DatabaseFailure::Sqlite(error))
    }
}

impl StoreError {
    /// That the database gave what nobody can make sense of.
    pub(super) fn unreadable(why: impl std::fmt::Display) -> Self {
        Self::Refused(DatabaseFailure::Unreadable(Unreadable(why.to_string())))
    }

    fn of(meaning: Meaning, about: About, failure: DatabaseFailure) -> Self {
        match meaning {
            Meaning::Away => Self::Unavailable(failure),
            Meaning::ReadOnly => Self::ReadOnly(failure),
            Meaning::Denied => Self::Denied(failure),
            Meaning::Missing => Self::Missing(failure),
            Meaning::Unfit(rule) => Self::Unfit(Unfit {
                rule,
                columns: about.columns,
                constraint: about.constraint,
                failure,
            }),
            Meaning::Fault => Self::Refused(failure),
        }
    }

    /// The same with the fields of a collection in place of its columns.
    pub(super) fn told_of(self, collection: &Collection) -> Self {
        match self {
            Self::Unfit(unfit) => Self::Unfit(unfit.told_of(collection)),
            error => error,
        }
    }

    /// Why the table does not take a row, in the database's words, where the row is at
    /// fault and others may well be taken.
    pub(super) fn refusal(&self) -> Option<String> {
        match self {
            Self::Unfit(unfit) => {
                let mut said = match &unfit.failure {
                    DatabaseFailure::MySql(sqlx::Error::Database(said)) => {
                        refusal::without_row_number(said.message()).to_owned()
                    }
                    DatabaseFailure::Sqlite(rusqlite::Error::SqliteFailure(_, Some(said))) => {
                        said.clone()
                    }
                    failure => failure.to_string(),
                };
                if refusal::columns_of(&said).is_empty() && !unfit.columns.is_empty() {
                    let columns = unfit.columns.join(", ");
                    write!(said, " (in {columns})").expect("a string takes all");
                }
                Some(said)
            }
            // Ours, before the database was asked.
            Self::Refused(DatabaseFailure::MySql(sqlx::Error::InvalidArgument(reason))) => {
                Some(reason.clone())
            }
            _ => None,
        }
    }

    /// What it means that a COMMIT failed: where the server did not say no by itself,
    /// it may have said yes. A write that is repeatable leaves the same rows when it is
    /// made once more.
    pub(super) fn of_commit(error: sqlx::Error, is_repeatable: bool) -> Self {
        match Self::from(error) {
            Self::Unavailable(failure @ DatabaseFailure::MySql(sqlx::Error::Io(_))) => {
                let sent_again = match Recording::current() {
                    Some(_) => SentAgain::IsAnsweredByItsKey,
                    None if is_repeatable => SentAgain::IsTheSame,
                    None => SentAgain::MayDouble,
                };
                Self::Unsettled {
                    failure,
                    sent_again,
                }
            }
            error => error,
        }
    }

    /// Whether MySQL ended the transaction in favour of another.
    pub(super) fn is_deadlock(&self) -> bool {
        self.mysql_number() == Some(DEADLOCK)
    }

    /// Whether MySQL ended the statement as it took longer than it was given.
    pub(super) fn is_out_of_time(&self) -> bool {
        self.mysql_number() == Some(OUT_OF_TIME)
    }

    /// Whether others kept a transaction from what it needs: a deadlock, or a lock
    /// that was waited for too long.
    pub(super) fn is_held_by_others(&self) -> bool {
        match self {
            Self::Unavailable(DatabaseFailure::Sqlite(error)) => error
                .sqlite_error()
                .is_some_and(|error| is_busy(error.extended_code)),
            Self::Unavailable(DatabaseFailure::MySql(error)) => refusal::is_held(error),
            _ => false,
        }
    }

    /// What ails a database that is unavailable, where it says so itself; for a client.
    #[must_use]
    pub fn ailment(&self) -> Option<&'static str> {
        if let Self::Unavailable(DatabaseFailure::Sqlite(error)) = self {
            let code = error.sqlite_error().map(|error| error.extended_code);
            return code.and_then(refusal::ailment_of_file);
        }
        self.mysql_number().and_then(refusal::ailment)
    }

    fn mysql_number(&self) -> Option<u16> {
        match self {
            Self::Unavailable(DatabaseFailure::MySql(error)) => refusal::number(error),
            _ => None,
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

impl<E> From<rusqlite::Error> for UpdateError<E> {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Why a center or an organization was not deleted.
#[derive(Debug, Error)]
pub enum DeleteError {
    /// Rows of another application's tables refer to it.
    #[error("rows of other tables refer to it: {}", .tables.join(", "))]
    InUse {
        /// The tables, as far as this user may see them.
        tables: Vec<String>,
        /// Whether their foreign keys let these rows go along.
        may_go_along: bool,
    },
    /// It is not as whoever deletes it has it.
    #[error("the row has changed")]
    Refused,
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DeleteError {
    /// The database itself found a row that refers to it; MySQL says of which table.
    fn in_use(table: Option<&str>) -> Self {
        Self::InUse {
            tables: table.map(str::to_owned).into_iter().collect(),
            may_go_along: false,
        }
    }
}

impl From<sqlx::Error> for DeleteError {
    fn from(error: sqlx::Error) -> Self {
        let refusal = error.as_database_error();
        match refusal.filter(|refusal| refusal.is_foreign_key_violation()) {
            Some(refusal) => Self::in_use(refusal::referring_table(refusal.message())),
            None => Self::Store(error.into()),
        }
    }
}

impl From<rusqlite::Error> for DeleteError {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error().map(|error| error.extended_code);
        if code == Some(SQLITE_CONSTRAINT_FOREIGNKEY) {
            Self::in_use(None)
        } else {
            Self::Store(error.into())
        }
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
    /// An item breaks a rule of the table.
    #[error("item {index}: {unfit}")]
    Unfit {
        /// The place of the item, from 0.
        index: usize,
        /// The rule.
        unfit: Unfit,
    },
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BatchError {
    /// That an item could not be written, which the item may be at fault for.
    pub(super) fn at(index: usize, error: impl Into<StoreError>) -> Self {
        match error.into() {
            StoreError::Unfit(unfit) => Self::Unfit { index, unfit },
            error => Self::Store(error),
        }
    }

    /// The same with the fields of a collection in place of its columns.
    pub(super) fn told_of(self, collection: &Collection) -> Self {
        match self {
            Self::Unfit { index, unfit } => Self::Unfit {
                index,
                unfit: unfit.told_of(collection),
            },
            error => error,
        }
    }
}

impl From<sqlx::Error> for BatchError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<rusqlite::Error> for BatchError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_pool_and_a_lost_connection_are_worth_another_try() {
        for error in [
            sqlx::Error::PoolTimedOut,
            sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into()),
        ] {
            assert!(matches!(error.into(), StoreError::Unavailable(_)));
        }
        assert!(matches!(
            sqlx::Error::RowNotFound.into(),
            StoreError::Refused(_)
        ));
    }

    #[test]
    fn a_cause_is_told_once() {
        let error = StoreError::from(sqlx::Error::PoolTimedOut);
        let cause = sqlx::Error::PoolTimedOut.to_string();
        let told = format!("{:#}", anyhow::Error::new(error));
        assert_eq!(told.matches(&cause).count(), 1, "{told}");
    }
}
