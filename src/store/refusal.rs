//! What it means when a database refuses: the one place that knows MySQL's error
//! numbers and SQLite's result codes.
//!
//! Sources: the MySQL Error Message Reference and <https://www.sqlite.org/rescode.html>.

use rusqlite::ffi;
use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;

/// `ER_BAD_NULL_ERROR`; also a NULL that came in while a table was rebuilt.
pub(super) const NULL: u16 = 1048;
/// `ER_INVALID_USE_OF_NULL`.
pub(super) const NULL_VALUE: u16 = 1138;
/// `ER_TABLEACCESS_DENIED_ERROR`.
pub(super) const TABLE_ACCESS_DENIED: u16 = 1142;
/// `ER_COLUMNACCESS_DENIED_ERROR`.
pub(super) const COLUMN_ACCESS_DENIED: u16 = 1143;
/// `ER_NO_SUCH_TABLE`.
pub(super) const NO_SUCH_TABLE: u16 = 1146;
/// `ER_LOCK_WAIT_TIMEOUT`.
pub(super) const LOCK_WAITED_FOR: u16 = 1205;
/// `ER_LOCK_DEADLOCK`.
pub(super) const DEADLOCK: u16 = 1213;
/// `ER_SOURCE_FATAL_ERROR_READING_BINLOG`.
pub(super) const LOG_UNREADABLE: u16 = 1236;
/// `ER_QUERY_INTERRUPTED`.
pub(super) const INTERRUPTED: u16 = 1317;
/// `ER_BINLOG_CREATE_ROUTINE_NEED_SUPER`.
pub(super) const TRIGGER_NEEDS_SUPER: u16 = 1419;
/// `ER_ALTER_OPERATION_NOT_SUPPORTED`.
pub(super) const NO_SUCH_WAY: u16 = 1845;
/// `ER_ALTER_OPERATION_NOT_SUPPORTED_REASON`.
pub(super) const NO_SUCH_WAY_BECAUSE: u16 = 1846;
/// `ER_NO_SUCH_USER`.
pub(super) const NO_SUCH_ACCOUNT: u16 = 1449;
/// `ER_QUERY_TIMEOUT`.
pub(super) const OUT_OF_TIME: u16 = 3024;
/// `ER_LOCK_NOWAIT`.
pub(super) const LOCK_NOT_WAITED_FOR: u16 = 3572;

/// What a refusal means to whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It is away, overloaded, or others hold what is needed: worth another try.
    Away,
    /// It answers and takes no writes, as while a replica takes over.
    ReadOnly,
    /// It does not let this user in, or not do this.
    Denied,
    /// A table, a column, or the account of a trigger is gone.
    Missing,
    /// What was to be written breaks a rule of the table.
    Unfit(Rule),
    /// A statement of ours is wrong.
    Fault,
}

/// A rule that a table holds its rows to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Another row has this value.
    Unique,
    /// It refers to a row of another table that does not exist, or is referred to.
    ForeignKey,
    /// It is longer than the column.
    Length,
    /// The column takes no NULL.
    NotNull,
    /// The column has no default, and nearby does not write it.
    NoDefault,
    /// It is not a value of the column's type, of its ENUM or its character set.
    Value,
    /// The table computes it.
    Computed,
    /// A CHECK says no, or a trigger of another application does.
    Check,
    /// The table gives it a number that nobody would ever see.
    Number,
}

impl Rule {
    /// What a client is told.
    #[must_use]
    pub fn told(self) -> &'static str {
        match self {
            Self::Unique => "another row has this value, and the table takes it once",
            Self::ForeignKey => "the table allows only values that another table has",
            Self::Length => "it is longer than the table's column",
            Self::NotNull => "the table takes no row without it",
            Self::NoDefault => {
                "the table takes no row without it, it has no default, and nearby does not write it"
            }
            Self::Value => {
                "the table's column takes no such value: its type or character set has none"
            }
            Self::Computed => "the table computes it from others: leave it out",
            Self::Check => "a rule of the table, a CHECK or a trigger, refuses it",
            Self::Number => {
                "the table's next number is beyond 9223372036854775807, the greatest that nearby serves"
            }
        }
    }

    /// Whether it is what other rows hold that is in the way, not the value by itself.
    #[must_use]
    pub fn is_conflict(self) -> bool {
        matches!(self, Self::Unique | Self::ForeignKey)
    }
}

/// The number of MySQL's refusal.
pub(super) fn mysql_number(refusal: &dyn DatabaseError) -> Option<u16> {
    let refusal = refusal.try_downcast_ref::<MySqlDatabaseError>()?;
    Some(refusal.number())
}

/// The number with which MySQL refused, where that is what happened.
pub(super) fn number(error: &sqlx::Error) -> Option<u16> {
    mysql_number(error.as_database_error()?)
}

/// Whether others held what a statement of MySQL needed.
pub(super) fn is_held(error: &sqlx::Error) -> bool {
    matches!(number(error), Some(LOCK_WAITED_FOR | DEADLOCK))
}

/// What an error of sqlx, which speaks to MySQL, means.
pub(super) fn meaning(error: &sqlx::Error) -> Meaning {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Meaning::Away,
        sqlx::Error::Database(refusal) => {
            mysql_number(refusal.as_ref()).map_or(Meaning::Fault, of_mysql)
        }
        _ => Meaning::Fault,
    }
}

/// Whether the server gives up the connection with this refusal.
fn ends_connection(number: u16) -> bool {
    // It was shut down, killed or idle for too long; 2006 and 2013 come from proxies. The
    // last are of the network.
    matches!(
        number,
        1053 | 1077 | 1927 | 2006 | 2013 | 3169 | 4031 | 1158..=1161
    )
}

/// Whether the connection of a statement broke, so that another one may well do.
pub(super) fn is_connection_lost(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(_)) || number(error).is_some_and(ends_connection)
}

/// Whether a server refuses with this all that would write: an option of its own, a
/// transaction that only reads, or that it is in read-only mode.
fn is_of_reader(number: u16) -> bool {
    matches!(number, 1290 | 1792 | 1836)
}

/// Whether a server takes no writes, so that another one may well do.
pub(super) fn takes_no_writes(error: &sqlx::Error) -> bool {
    number(error).is_some_and(is_of_reader)
}

/// What ails a server that is away, where it says so itself.
pub(super) fn ailment(number: u16) -> Option<&'static str> {
    Some(match number {
        1040 | 1203 | 1226 => "The database takes no more connections now; try again in a moment.",
        1461 => {
            "The database takes no more prepared statements now; try again in a moment, or \
             its operator raises max_prepared_stmt_count."
        }
        1021 | 1114 => "The database has no room left on its disk; its operator makes some.",
        1037 | 1038 | 1041 => "The database has no memory left; try again in a moment.",
        3032 => "The database is in offline mode; try again when its operator ends that.",
        _ => return None,
    })
}

/// What ails an embedded file, where SQLite or the system says so.
pub(super) fn ailment_of_file(code: i32) -> Option<&'static str> {
    Some(match code {
        ffi::SQLITE_READONLY_DBMOVED => {
            "The database's file was replaced or deleted while it was open: nothing is read from it or \
             written any more. Its operator starts nearby again, which opens the file that is there."
        }
        _ => match code & 0xff {
            ffi::SQLITE_FULL => {
                "The disk of the database has no room left; its operator makes some."
            }
            ffi::SQLITE_IOERR => {
                "The disk of the database fails; its operator finds how in the log."
            }
            _ => return None,
        },
    })
}

pub(super) fn of_mysql(number: u16) -> Meaning {
    match number {
        // Too many connections: of all, of this user, within an hour.
        1040 | 1203 | 1226
        // Killed or timed out.
        | INTERRUPTED | OUT_OF_TIME
        // Offline mode.
        | 3032
        | LOCK_WAITED_FOR | DEADLOCK | LOCK_NOT_WAITED_FOR
        // A group lets nobody write while its members change, or undid what was to be committed.
        | 3100 | 3101 | 3781..=3783 | 3796..=3799
        // Memory, disk, prepared statements.
        | 1021 | 1037 | 1038 | 1041 | 1114 | 1461 => Meaning::Away,
        _ if ends_connection(number) => Meaning::Away,
        _ if is_of_reader(number) => Meaning::ReadOnly,
        // Of the database, the login, the host, the statement; a locked account, an
        // expired password.
        1044 | 1045 | 1129 | 1130 | TABLE_ACCESS_DENIED | COLUMN_ACCESS_DENIED | 1227 | 1370
        | 1698 | 1820 | 1862 | 3118 => Meaning::Denied,
        // Database, column, table; the last two where a view or a trigger needs them.
        1049 | 1054 | NO_SUCH_TABLE | 1356 | NO_SUCH_ACCOUNT => Meaning::Missing,
        1022 | 1062 | 1169 | 1586 => Meaning::Unfit(Rule::Unique),
        1216 | 1217 | 1451 | 1452 => Meaning::Unfit(Rule::ForeignKey),
        1406 => Meaning::Unfit(Rule::Length),
        NULL | 1263 => Meaning::Unfit(Rule::NotNull),
        1364 => Meaning::Unfit(Rule::NoDefault),
        3105 => Meaning::Unfit(Rule::Computed),
        // The last two are of what is computed from it: a division by 0, a functional index.
        1264 | 1265 | 1292 | 1366 | 1367 | 1416 | 3037 | 3140 | 3854 | 3988 | 1365 | 3751 => Meaning::Unfit(Rule::Value),
        // Triggers that say no, or that are wrong: what they read is not there, is several rows
        // or the table itself.
        1172 | 1305 | 1369 | 1442 | 1526 | 1643 | 1644 | 3819 | 4025 => Meaning::Unfit(Rule::Check),
        _ => Meaning::Fault,
    }
}

/// What to do where MySQL refuses a login for good.
pub(super) fn advice_at_login(number: u16) -> &'static str {
    match number {
        1045 | 1698 => {
            "check user and password in the database URL. Over a socket with ssl-mode=disabled a right \
             password is refused, too (caching_sha2_password): leave ssl-mode out, or connect over TCP"
        }
        1044 => "grant the user its rights on this database, or check the database's name",
        1049 => "create it with CREATE DATABASE, or check its name in the database URL",
        1129 | 1130 => "let the server accept this user from this host",
        1820 | 1862 => "the password has expired: give the user a new one",
        3118 => "the account is locked: ALTER USER … ACCOUNT UNLOCK",
        _ => "see the MySQL manual for this error",
    }
}

/// The lower byte is the primary code.
pub(super) fn of_sqlite(code: i32, message: &str) -> Meaning {
    match code {
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_ROWID => Meaning::Unfit(Rule::Unique),
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Meaning::Unfit(Rule::ForeignKey),
        ffi::SQLITE_CONSTRAINT_NOTNULL => Meaning::Unfit(Rule::NotNull),
        ffi::SQLITE_CONSTRAINT_DATATYPE => Meaning::Unfit(Rule::Value),
        ffi::SQLITE_CONSTRAINT_CHECK | ffi::SQLITE_CONSTRAINT_TRIGGER => {
            Meaning::Unfit(Rule::Check)
        }
        ffi::SQLITE_READONLY_DBMOVED => Meaning::Away,
        // It has no code for what is not there.
        _ if message.starts_with("no such table")
            || message.starts_with("no such column")
            || message.contains(" has no column named ") =>
        {
            Meaning::Missing
        }
        _ => match code & 0xff {
            ffi::SQLITE_CONSTRAINT => Meaning::Unfit(Rule::Check),
            ffi::SQLITE_MISMATCH => Meaning::Unfit(Rule::Value),
            ffi::SQLITE_READONLY => Meaning::ReadOnly,
            ffi::SQLITE_BUSY
            | ffi::SQLITE_LOCKED
            | ffi::SQLITE_INTERRUPT
            | ffi::SQLITE_IOERR
            | ffi::SQLITE_FULL
            | ffi::SQLITE_CANTOPEN => Meaning::Away,
            _ => Meaning::Fault,
        },
    }
}

/// Whether a statement names a table that does not exist.
pub(super) fn is_missing_table(error: &sqlx::Error) -> bool {
    number(error) == Some(NO_SUCH_TABLE)
}

/// Whether a statement of SQLite names a table that does not exist. It has no code for
/// that.
pub(super) fn is_missing_in_file(error: &rusqlite::Error) -> bool {
    let rusqlite::Error::SqliteFailure(_, Some(message)) = error else {
        return false;
    };
    message.starts_with("no such table")
}

/// Whether a statement names a table that does not exist, or that this user may not see.
pub(super) fn is_unseen_table(error: &sqlx::Error) -> bool {
    is_missing_table(error) || number(error) == Some(TABLE_ACCESS_DENIED)
}

/// Whether another transaction has a row that a statement was not to wait for.
pub(super) fn is_not_waited_for(error: &sqlx::Error) -> bool {
    number(error) == Some(LOCK_NOT_WAITED_FOR)
}

/// `SQLITE_BUSY` and its kin.
pub(super) fn is_busy(code: i32) -> bool {
    code & 0xff == ffi::SQLITE_BUSY
}

/// What MySQL says without the number of the row in its statement, which nobody else
/// knows.
pub(super) fn without_row_number(message: &str) -> &str {
    match message.rsplit_once(" at row ") {
        Some((what, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => what,
        _ => message,
    }
}

/// The columns that a refusal is about, by what it says; none where it says none.
pub(super) fn columns_of(message: &str) -> Vec<&str> {
    let between = |before: &str, after: &str| {
        let (_, rest) = message.split_once(before)?;
        Some(rest.split_once(after)?.0)
    };
    // MySQL: `… for column 'name' at row 1`, `Column 'name' cannot be null`, `Field
    // 'name' doesn't have …`, `FOREIGN KEY (`name`, `city`)`. SQLite: `… failed: t.name, t.city`.
    let columns = between("for column '", "'")
        .or_else(|| between("for generated column '", "'"))
        .or_else(|| between("Column '", "'"))
        .or_else(|| between("Field '", "'"))
        .or_else(|| between("FOREIGN KEY (`", "`)"))
        .or_else(|| {
            let (rule, columns) = message.split_once(" constraint failed: ")?;
            matches!(rule, "UNIQUE" | "NOT NULL").then_some(columns)
        });
    let columns = columns.into_iter().flat_map(|columns| columns.split(", "));
    columns
        // An index over an expression has no column.
        .filter(|column| !column.starts_with("index '"))
        .map(|column| column.trim_matches('`'))
        // Some are named with their table.
        .map(|column| column.rsplit_once('.').map_or(column, |(_, column)| column))
        .collect()
}

/// What the table calls the rule that a row breaks, by what the database says; `None` where
/// it does not say.
pub(super) fn constraint_of(message: &str) -> Option<&str> {
    let between = |before: &str, after: &str| {
        let (_, rest) = message.split_once(before)?;
        Some(rest.split_once(after)?.0)
    };
    // MySQL: `Duplicate entry '…' for key 'table.name'`, `Check constraint 'name' is
    // violated.`, `CONSTRAINT `name` FOREIGN KEY`. SQLite names a CHECK or says it.
    if message.starts_with("Duplicate entry ") {
        let (_, key) = message.rsplit_once(" for key '")?;
        let key = key.strip_suffix('\'')?;
        return Some(key.split_once('.').map_or(key, |(_, name)| name));
    }
    between("Check constraint '", "' is violated")
        .or_else(|| between("CONSTRAINT `", "` FOREIGN KEY"))
        .or_else(|| message.strip_prefix("CHECK constraint failed: "))
}

/// The table whose row refers to what was to be deleted, by what MySQL says; `None` where the
/// user may not see it.
pub(super) fn referring_table(message: &str) -> Option<&str> {
    // `… a foreign key constraint fails (`database`.`table`, CONSTRAINT …)`
    let (_, constraint) = message.split_once(" fails (`")?;
    let (_, table) = constraint.split_once("`.`")?;
    Some(table.split_once('`')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_of_the_server_passes_and_trouble_with_data_does_not() {
        for passing in [1040, 1053, 1205, 1213, 1461, 2006, 2013, 3024, 3032] {
            assert_eq!(of_mysql(passing), Meaning::Away, "{passing}");
        }
        for denied in [1044, 1045, 1142, 1227, 3118] {
            assert_eq!(of_mysql(denied), Meaning::Denied, "{denied}");
        }
        for (unfit, rule) in [
            (1062, Rule::Unique),
            (1452, Rule::ForeignKey),
            (1406, Rule::Length),
            (1364, Rule::NoDefault),
            (1366, Rule::Value),
            (3819, Rule::Check),
        ] {
            assert_eq!(of_mysql(unfit), Meaning::Unfit(rule), "{unfit}");
        }
        // A point that is none, a statement that is none.
        for fault in [3731, 1064] {
            assert_eq!(of_mysql(fault), Meaning::Fault, "{fault}");
        }
    }

    #[test]
    fn the_columns_are_read_from_what_the_database_says() {
        for (message, columns) in [
            ("Data too long for column 'name' at row 1", &["name"][..]),
            (
                "Incorrect string value: '\\xF0\\x9F' for column 'city' at row 2",
                &["city"][..],
            ),
            (
                "Invalid JSON text: \"Invalid value.\" at position 0 in value for column \
                 'diving_centers.gear'.",
                &["gear"][..],
            ),
            ("Column 'email' cannot be null", &["email"][..]),
            (
                "The value specified for generated column 'city' in table 'diving_centers' is not \
                 allowed.",
                &["city"][..],
            ),
            ("Field 'owner' doesn't have a default value", &["owner"][..]),
            (
                "Cannot add or update a child row: a foreign key constraint fails (`d`.`t`, \
                 CONSTRAINT `c` FOREIGN KEY (`country`) REFERENCES `countries` (`code`))",
                &["country"][..],
            ),
            ("Duplicate entry 'x' for key 't.k'", &[]),
            (
                "UNIQUE constraint failed: diving_centers.name",
                &["name"][..],
            ),
            (
                "UNIQUE constraint failed: t.name, t.city",
                &["name", "city"],
            ),
            ("CHECK constraint failed: length(name) > 3", &[]),
        ] {
            assert_eq!(columns_of(message), columns, "{message}");
        }
    }

    #[test]
    fn the_rule_is_called_as_the_table_calls_it() {
        for (message, constraint) in [
            (
                "Duplicate entry 'x' for key 't.one_website'",
                Some("one_website"),
            ),
            ("Duplicate entry 'a for key 'b.c'' for key 't.k'", Some("k")),
            (
                "Check constraint 'not_nowhere' is violated.",
                Some("not_nowhere"),
            ),
            (
                "Cannot add or update a child row: a foreign key constraint fails (`d`.`t`, \
                 CONSTRAINT `c` FOREIGN KEY (`country`) REFERENCES `countries` (`code`))",
                Some("c"),
            ),
            ("CHECK constraint failed: deep_enough", Some("deep_enough")),
            ("Column 'email' cannot be null", None),
        ] {
            assert_eq!(constraint_of(message), constraint, "{message}");
        }
    }
}
