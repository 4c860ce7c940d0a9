//! A transaction that writes, and keeps the answer to what it makes.
//!
//! Transactions take the file's write lock at once: one that read before it
//! wrote could otherwise be refused halfway, when another process wrote between.

use rusqlite::{
    CachedStatement, Connection, Params, Row, Transaction, TransactionBehavior, params,
};

use super::SqliteDatabase;
use super::foreign_changes::version_seen_by;
use super::idempotency::{KEEP, TAKE};
use crate::store::audit::Account;
use crate::store::idempotency::{Made, Recording, or_under_way};
use crate::store::references::{Reference, References, Referring};
use crate::store::sql::Sql;
use crate::store::{FileVersion, StoreError};

/// A transaction, what is kept under the key of the write, if it has one, and on whose account
/// its changes are noted.
pub(super) struct WriteTransaction<'a> {
    transaction: Transaction<'a>,
    recording: Option<Recording>,
    account: Option<Account>,
}

impl SqliteDatabase {
    /// Runs `work` in a transaction, which is committed unless it fails.
    pub(super) async fn write<T, E>(
        &self,
        work: impl FnOnce(&WriteTransaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + From<StoreError> + Send + 'static,
    {
        let (recording, account) = (Recording::current(), Account::current());
        let writing = self.writer.run(move |connection| {
            let transaction = WriteTransaction {
                transaction: connection
                    .transaction_with_behavior(TransactionBehavior::Immediate)?,
                recording,
                account,
            };
            transaction.take_key()?;
            let done = work(&transaction)?;
            // What keeps no answer has made nothing: its key stays free.
            if !transaction.keeps_nothing() {
                transaction.transaction.commit()?;
            }
            Ok(done)
        });
        writing.await
    }
}

impl WriteTransaction<'_> {
    /// The version of the file at which the transaction began.
    pub(super) fn version(&self) -> rusqlite::Result<FileVersion> {
        version_seen_by(&self.transaction)
    }

    /// How many rows were written over this connection so far.
    pub(super) fn total_changes(&self) -> u64 {
        self.transaction.total_changes()
    }

    /// The id of the row that was inserted last.
    pub(super) fn last_id(&self) -> i64 {
        self.transaction.last_insert_rowid()
    }

    /// Gives how many rows were written.
    pub(super) fn execute(&self, sql: &str, values: impl Params) -> rusqlite::Result<usize> {
        self.transaction.prepare_cached(sql)?.execute(values)
    }

    /// Runs statements that bind nothing.
    pub(super) fn execute_all(&self, sql: &str) -> rusqlite::Result<()> {
        self.transaction.execute_batch(sql)
    }

    pub(super) fn query_row<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.transaction.query_row(sql, values, read)
    }

    /// What is found over the connection.
    pub(super) fn look<T>(
        &self,
        find: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        find(&self.transaction)
    }

    pub(super) fn prepare(&self, statement: &Sql) -> rusqlite::Result<CachedStatement<'_>> {
        self.statement(&statement.text().0)
    }

    pub(super) fn statement(&self, sql: &str) -> rusqlite::Result<CachedStatement<'_>> {
        self.transaction.prepare_cached(sql)
    }

    /// The first column of every row of a statement.
    pub(super) fn texts(&self, sql: &str, values: impl Params) -> rusqlite::Result<Vec<String>> {
        super::catalog::all(&self.transaction, sql, values)
    }

    /// Those foreign keys by which rows keep a row from being deleted.
    pub(super) fn that_keep<'r>(
        &self,
        references: &'r References,
        referring: Referring,
        id: i64,
    ) -> rusqlite::Result<Vec<&'r Reference>> {
        let mut used = Vec::new();
        for reference in references.that_keep(referring) {
            if self.query_row(&reference.is_used, [id], |row| row.get(0))? {
                used.push(reference);
            }
        }
        Ok(used)
    }

    /// On whose account changes are noted; `None` where they are not.
    pub(super) fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// Takes the key of the write, if it has one.
    fn take_key(&self) -> Result<(), StoreError> {
        let Some(recording) = &self.recording else {
            return Ok(());
        };
        self.execute(TAKE, params![recording.key(), recording.request()])
            .map(drop)
            .map_err(or_under_way)
    }

    /// Keeps the answer to what was made, if the write has a key.
    pub(super) fn keep_answer(&self, made: Made<'_>) -> Result<(), StoreError> {
        let Some(recording) = &self.recording else {
            return Ok(());
        };
        let answer = recording.answer_to(made)?;
        let key = recording.key();
        let values = params![answer.status, answer.location, answer.body, key];
        self.execute(KEEP, values)?;
        recording.is_kept(answer);
        Ok(())
    }

    fn keeps_nothing(&self) -> bool {
        self.recording.as_ref().is_some_and(Recording::is_empty)
    }
}
