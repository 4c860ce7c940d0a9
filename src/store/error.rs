//! Why a store could not do what it was asked.

use rusqlite::ffi::{
    SQLITE_BUSY, SQLITE_CONSTRAINT, SQLITE_CONSTRAINT_FOREIGNKEY, SQLITE_MISMATCH,
};
use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;
use thiserror::Error;

use crate::domain::CenterId;

/// Why the database did not do what it was asked. The text has the cause in it, so
/// that whoever logs it needs no chain; it is no `source` as well, which reports
/// would print a second time.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It is away, or has no connection to give: worth another try later.
    #[error("the database is unavailable: {0}")]
    Unavailable(DatabaseFailure),
    /// It refused a statement.
    #[error("the database refused a statement: {0}")]
    Refused(DatabaseFailure),
}

/// What a library that speaks to the database said.
#[derive(Debug, Error)]
#[error(transparent)]
pub enum DatabaseFailure {
    /// Of statements in general.
    Statement(sqlx::Error),
    /// Of SQLite, where it is asked without a pool between.
    Direct(rusqlite::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let passing = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => true,
            sqlx::Error::Database(refusal) => is_passing(refusal.as_ref()),
            _ => false,
        };
        Self::of(passing, DatabaseFailure::Statement(error))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error().map(|error| error.extended_code);
        let passing = code.is_some_and(is_passing_in_sqlite);
        Self::of(passing, DatabaseFailure::Direct(error))
    }
}

impl StoreError {
    fn of(passing: bool, failure: DatabaseFailure) -> Self {
        if passing {
            Self::Unavailable(failure)
        } else {
            Self::Refused(failure)
        }
    }

    /// Why the table does not take a row, in the database's words, where the row is at
    /// fault and others may well be taken.
    pub(super) fn refusal(&self) -> Option<String> {
        match self {
            Self::Refused(DatabaseFailure::Statement(sqlx::Error::Database(refusal))) => {
                let number = mysql_number(refusal.as_ref())?;
                refuses_a_row(number).then(|| without_row_number(refusal.message()).to_owned())
            }
            Self::Refused(DatabaseFailure::Direct(rusqlite::Error::SqliteFailure(code, said)))
                if matches!(
                    code.extended_code & 0xff,
                    SQLITE_CONSTRAINT | SQLITE_MISMATCH
                ) =>
            {
                Some(said.clone().unwrap_or_else(|| code.to_string()))
            }
            // Ours, before the database was asked.
            Self::Refused(DatabaseFailure::Statement(sqlx::Error::InvalidArgument(reason))) => {
                Some(reason.clone())
            }
            _ => None,
        }
    }

    /// Whether MySQL ended the transaction in favour of another.
    pub(super) fn is_deadlock(&self) -> bool {
        self.is_passing_with(DEADLOCK)
    }

    /// Whether MySQL ended the statement as it took longer than it was given.
    pub(super) fn is_out_of_time(&self) -> bool {
        self.is_passing_with(OUT_OF_TIME)
    }

    /// Whether others kept a transaction from what it needs: a deadlock, or a lock
    /// that was waited for too long.
    pub(super) fn is_held_by_others(&self) -> bool {
        let Self::Unavailable(failure) = self else {
            return false;
        };
        match failure {
            DatabaseFailure::Statement(sqlx::Error::Database(refusal)) => {
                match mysql_number(refusal.as_ref()) {
                    Some(number) => matches!(number, LOCK_WAITED_FOR | DEADLOCK),
                    None => refusal
                        .code()
                        .and_then(|code| code.parse().ok())
                        .is_some_and(is_busy),
                }
            }
            DatabaseFailure::Statement(_) => false,
            DatabaseFailure::Direct(error) => error
                .sqlite_error()
                .is_some_and(|error| is_busy(error.extended_code)),
        }
    }

    fn is_passing_with(&self, number: u16) -> bool {
        match self {
            Self::Unavailable(DatabaseFailure::Statement(sqlx::Error::Database(refusal))) => {
                mysql_number(refusal.as_ref()) == Some(number)
            }
            _ => false,
        }
    }
}

/// `ER_LOCK_WAIT_TIMEOUT`.
const LOCK_WAITED_FOR: u16 = 1205;
/// `ER_LOCK_DEADLOCK`.
const DEADLOCK: u16 = 1213;
/// `ER_QUERY_TIMEOUT`.
const OUT_OF_TIME: u16 = 3024;

fn mysql_number(refusal: &dyn DatabaseError) -> Option<u16> {
    let refusal = refusal.try_downcast_ref::<MySqlDatabaseError>()?;
    Some(refusal.number())
}

/// Whether the same statement may well succeed later.
fn is_passing(refusal: &dyn DatabaseError) -> bool {
    if let Some(number) = mysql_number(refusal) {
        return is_passing_in_mysql(number);
    }
    let code = refusal.code().and_then(|code| code.parse().ok());
    code.is_some_and(is_passing_in_sqlite)
}

/// By <https://www.sqlite.org/rescode.html>; the lower byte is the primary code:
/// busy, locked, interrupted, input or output failed, disk full, cannot open.
fn is_passing_in_sqlite(code: i32) -> bool {
    matches!(code & 0xff, 5 | 6 | 9 | 10 | 13 | 14)
}

/// `SQLITE_BUSY` and its kin.
fn is_busy(code: i32) -> bool {
    code & 0xff == SQLITE_BUSY
}

/// Whether MySQL refuses what stands in a row, by the MySQL Error Message Reference.
fn refuses_a_row(number: u16) -> bool {
    /// NULL where something must be, or no value for a column without a default.
    const MISSING: [u16; 2] = [1048, 1364];
    const TAKEN_KEY: [u16; 3] = [1062, 1169, 1586];
    /// Too long, out of range, no member of an ENUM, or no text in the column's
    /// character set.
    const VALUE: [u16; 8] = [1264, 1265, 1292, 1366, 1367, 1406, 3140, 3854];
    const FOREIGN_KEY: [u16; 2] = [1216, 1452];
    /// A CHECK, the partitions, or what a view shows.
    const CHECK: [u16; 4] = [1369, 1526, 3819, 4025];
    /// A trigger of another application says so.
    const SIGNAL: [u16; 1] = [1644];
    MISSING
        .iter()
        .chain(&TAKEN_KEY)
        .chain(&VALUE)
        .chain(&FOREIGN_KEY)
        .chain(&CHECK)
        .chain(&SIGNAL)
        .any(|&refusing| refusing == number)
}

/// MySQL counts the rows of its statement, which nobody else knows.
fn without_row_number(message: &str) -> &str {
    match message.rsplit_once(" at row ") {
        Some((what, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => what,
        _ => message,
    }
}

/// Whether a statement names a table that does not exist.
pub(super) fn is_missing_table(error: &sqlx::Error) -> bool {
    /// `ER_NO_SUCH_TABLE`.
    const NO_SUCH_TABLE: u16 = 1146;
    error.as_database_error().is_some_and(|refusal| {
        mysql_number(refusal) == Some(NO_SUCH_TABLE)
            // SQLite has no code for it.
            || refusal.message().starts_with("no such table")
    })
}

/// By the MySQL Error Message Reference.
fn is_passing_in_mysql(number: u16) -> bool {
    const TOO_MANY_CONNECTIONS: [u16; 3] = [1040, 1203, 1226];
    /// Shut down, killed, or timed out; 2006 and 2013 come from proxies.
    const CUT_OFF: [u16; 9] = [1053, 1077, 1317, 1927, 2006, 2013, OUT_OF_TIME, 3169, 4031];
    const NETWORK: [u16; 4] = [1158, 1159, 1160, 1161];
    const LOCKS: [u16; 3] = [LOCK_WAITED_FOR, DEADLOCK, 3572];
    /// As while a replica takes over.
    const READ_ONLY: [u16; 3] = [1290, 1792, 1836];
    /// Memory or disk.
    const OUT_OF_ROOM: [u16; 5] = [1021, 1037, 1038, 1041, 1114];
    TOO_MANY_CONNECTIONS
        .iter()
        .chain(&CUT_OFF)
        .chain(&NETWORK)
        .chain(&LOCKS)
        .chain(&READ_ONLY)
        .chain(&OUT_OF_ROOM)
        .any(|&passing| passing == number)
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
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DeleteError {
    /// The database itself found a row that refers to it.
    fn in_use() -> Self {
        Self::InUse {
            tables: Vec::new(),
            may_go_along: false,
        }
    }
}

impl From<sqlx::Error> for DeleteError {
    fn from(error: sqlx::Error) -> Self {
        let refusal = error.as_database_error();
        if refusal.is_some_and(DatabaseError::is_foreign_key_violation) {
            Self::in_use()
        } else {
            Self::Store(error.into())
        }
    }
}

impl From<rusqlite::Error> for DeleteError {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error().map(|error| error.extended_code);
        if code == Some(SQLITE_CONSTRAINT_FOREIGNKEY) {
            Self::in_use()
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
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
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

    #[test]
    fn trouble_of_the_server_passes_and_trouble_with_data_does_not() {
        for passing in [1040, 1053, 1205, 1213, 2006, 2013, 3024] {
            assert!(is_passing_in_mysql(passing), "{passing}");
        }
        // Duplicate key, unknown column, data too long, out of range, bad point.
        for lasting in [1062, 1054, 1406, 1264, 3731] {
            assert!(!is_passing_in_mysql(lasting), "{lasting}");
        }
    }
}
