//! Rows that another application keeps from being written.

use nearby::store::Database;
use sqlx::{AssertSqlSafe, Executor as _, MySql, Sqlite, Transaction};

use super::TestDatabase;
use super::database::connect;

/// What keeps a row, and in an embedded file all rows, from being written.
pub struct Held {
    transaction: Theirs,
    _elsewhere: Database,
}

enum Theirs {
    MySql(Transaction<'static, MySql>),
    Sqlite(Transaction<'static, Sqlite>),
}

impl Held {
    /// Lets them be written.
    pub async fn let_go(self) {
        let ended = match self.transaction {
            Theirs::MySql(transaction) => transaction.rollback().await,
            Theirs::Sqlite(transaction) => transaction.rollback().await,
        };
        ended.expect("it can be ended");
    }
}

/// Keeps a center from being written, as another process would.
pub async fn hold_center(db: &TestDatabase, id: i64) -> Held {
    let elsewhere = connect(db.url()).await;
    let transaction = match &elsewhere {
        Database::MySql(pool) => {
            let mut theirs = pool.begin().await.expect("a transaction begins");
            let locking = format!("SELECT * FROM diving_centers WHERE id = {id} FOR UPDATE");
            let locked = theirs.execute(AssertSqlSafe(locking)).await;
            locked.expect("the row can be locked");
            Theirs::MySql(theirs)
        }
        Database::Sqlite(pools) => {
            let theirs = pools.writer.begin_with("BEGIN IMMEDIATE").await;
            Theirs::Sqlite(theirs.expect("a transaction begins"))
        }
    };
    Held {
        transaction,
        _elsewhere: elsewhere,
    }
}
