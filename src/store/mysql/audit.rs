//! The audit log in MySQL.

use async_trait::async_trait;
use serde_json::json;
use sqlx::{MySqlConnection, Row as _};

use super::MySqlDatabase;
use super::query::query;
use super::upsert::lists;
use crate::store::StoreError;
use crate::store::audit::{Account, AuditRow, AuditTable, Change, NewEntry, is_not_noted};
use crate::store::refusal::is_unseen_table;
use crate::store::statement::Statement;

macro_rules! insert {
    () => {
        "INSERT INTO nearby_audit \
            (at_ms, who, action, collection, row_id, request_id, row_before, row_after, counts) "
    };
}

/// By itself: a table made of JSON for one row cost a fifth of the creates a second.
const INSERT: &str = concat!(insert!(), "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
/// Of an array of arrays, each in the order of the columns.
const INSERT_MANY: &str = concat!(
    insert!(),
    "SELECT at_ms, who, action, collection, row_id, request_id, row_before, row_after, counts \
     FROM JSON_TABLE(?, '$[*]' COLUMNS (at_ms BIGINT PATH '$[0]', who VARCHAR(100) PATH '$[1]', \
        action VARCHAR(20) PATH '$[2]', collection VARCHAR(100) PATH '$[3]', \
        row_id VARCHAR(100) PATH '$[4]', request_id VARCHAR(128) PATH '$[5]', \
        row_before LONGTEXT PATH '$[6]', row_after LONGTEXT PATH '$[7]', counts TEXT PATH '$[8]')) e"
);
const REMOVE: &str = "DELETE FROM nearby_audit WHERE at_ms < ? ORDER BY at_ms LIMIT ?";

#[async_trait]
impl AuditTable for MySqlDatabase {
    async fn read_audit(
        &self,
        statement: Statement<'static>,
    ) -> Result<Option<Vec<AuditRow>>, StoreError> {
        let rows = match query(statement).fetch_all(&self.pool).await {
            Err(error) if is_unseen_table(&error) => return Ok(None),
            rows => rows?,
        };
        let rows = rows.iter().map(|row| {
            Ok(AuditRow {
                id: row.try_get(0)?,
                at_ms: row.try_get(1)?,
                who: row.try_get(2)?,
                action: row.try_get(3)?,
                collection: row.try_get(4)?,
                row_id: row.try_get(5)?,
                request_id: row.try_get(6)?,
                before: row.try_get(7)?,
                after: row.try_get(8)?,
                counts: row.try_get(9)?,
            })
        });
        Ok(Some(rows.collect::<sqlx::Result<_>>()?))
    }

    async fn write_audit(&self, entry: NewEntry) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        transaction.write_entries(&[entry]).await?;
        Ok(transaction.commit().await?)
    }

    async fn remove_old_entries(&self, before_ms: i64, most: i64) -> Result<u64, StoreError> {
        let removing = sqlx::query(REMOVE).bind(before_ms).bind(most);
        match removing.execute(&self.pool).await {
            Ok(done) => Ok(done.rows_affected()),
            Err(error) if is_unseen_table(&error) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }
}

/// A transaction over a connection.
pub(super) trait NotesChanges {
    /// Notes what was changed, where that is to be noted.
    async fn note(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError>;

    /// Notes rows that went along with another one, where that is to be noted.
    async fn note_gone_along(
        &mut self,
        collection: &str,
        ids: String,
        count: u64,
    ) -> Result<(), StoreError>;

    /// Writes entries.
    async fn write_entries(&mut self, entries: &[NewEntry]) -> Result<(), StoreError>;
}

impl NotesChanges for MySqlConnection {
    async fn note(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        let Some(account) = Account::current() else {
            return Ok(());
        };
        let entries = changes.iter().filter_map(|&change| account.entry(change));
        self.write_entries(&entries.collect::<Vec<_>>()).await
    }

    async fn note_gone_along(
        &mut self,
        collection: &str,
        ids: String,
        count: u64,
    ) -> Result<(), StoreError> {
        let account = Account::current();
        let entry = account.and_then(|account| account.gone_along(collection, ids, count));
        self.write_entries(entry.as_slice()).await
    }

    async fn write_entries(&mut self, entries: &[NewEntry]) -> Result<(), StoreError> {
        match insert(self, entries).await {
            // Nothing else of the transaction is lost by it.
            Err(error) if is_unseen_table(&error) => {
                is_not_noted();
                Ok(())
            }
            written => Ok(written?),
        }
    }
}

async fn insert(connection: &mut MySqlConnection, entries: &[NewEntry]) -> sqlx::Result<()> {
    if let [entry] = entries {
        let inserting = sqlx::query(INSERT)
            .bind(entry.at_ms)
            .bind(&entry.who)
            .bind(entry.action)
            .bind(&entry.collection)
            .bind(&entry.row_id)
            .bind(&entry.request_id)
            .bind(&entry.before)
            .bind(&entry.after)
            .bind(&entry.counts);
        return inserting.execute(connection).await.map(drop);
    }
    for list in lists(entries.iter().map(as_json)) {
        let inserting = sqlx::query(INSERT_MANY).bind(list);
        inserting.execute(&mut *connection).await?;
    }
    Ok(())
}

fn as_json(entry: &NewEntry) -> String {
    let values = json!([
        entry.at_ms,
        entry.who,
        entry.action,
        entry.collection,
        entry.row_id,
        entry.request_id,
        entry.before,
        entry.after,
        entry.counts
    ]);
    values.to_string()
}
