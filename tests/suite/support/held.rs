//! Rows that another application keeps from being written.

use sqlx::{AssertSqlSafe, Executor as _, MySql, Transaction};

use super::TestDatabase;

/// What keeps a row, and in an embedded file all rows, from being written.
pub struct Held(Theirs);

enum Theirs {
    MySql(Transaction<'static, MySql>),
    Sqlite(rusqlite::Connection),
}

impl Held {
    /// Lets them be written.
    pub async fn let_go(self) {
        match self.0 {
            Theirs::MySql(transaction) => transaction.rollback().await.expect("it can be ended"),
            Theirs::Sqlite(connection) => drop(connection),
        }
    }
}

/// Keeps a center from being written, as another process would.
pub async fn hold_center(db: &TestDatabase, id: i64) -> Held {
    if db.is_mysql() {
        let mut theirs = db.mysql_pool().begin().await.expect("a transaction begins");
        let locking = format!("SELECT * FROM diving_centers WHERE id = {id} FOR UPDATE");
        let locked = theirs.execute(AssertSqlSafe(locking)).await;
        locked.expect("the row can be locked");
        return Held(Theirs::MySql(theirs));
    }
    let theirs = db.sqlite_connection();
    let begun = theirs.execute_batch("BEGIN IMMEDIATE");
    begun.expect("a transaction begins");
    Held(Theirs::Sqlite(theirs))
}
