//! The audit log in an embedded file.

use async_trait::async_trait;
use rusqlite::{params, params_from_iter};

use super::SqliteDatabase;
use super::catalog::if_there;
use super::query::parts;
use super::transaction::WriteTransaction;
use crate::store::StoreError;
use crate::store::audit::{AuditRow, AuditTable, Change, NewEntry, is_not_noted};
use crate::store::refusal::is_missing_in_file;
use crate::store::statement::Statement;

const INSERT: &str = "\
    INSERT INTO nearby_audit \
        (at_ms, who, action, collection, row_id, request_id, row_before, row_after, counts) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
const ANY_OLD: &str = "SELECT EXISTS (SELECT 1 FROM nearby_audit WHERE at_ms < ?)";
const REMOVE: &str = "\
    DELETE FROM nearby_audit WHERE id IN ( \
        SELECT id FROM nearby_audit WHERE at_ms < ? ORDER BY at_ms LIMIT ?)";

#[async_trait]
impl AuditTable for SqliteDatabase {
    async fn read_audit(
        &self,
        statement: Statement<'static>,
    ) -> Result<Option<Vec<AuditRow>>, StoreError> {
        let (text, bound) = parts(statement);
        let reading = self.read(move |connection| {
            let read = || {
                let mut reading = connection.prepare(&text)?;
                let rows = reading.query_map(params_from_iter(bound), |row| {
                    Ok(AuditRow {
                        id: row.get(0)?,
                        at_ms: row.get(1)?,
                        who: row.get(2)?,
                        action: row.get(3)?,
                        collection: row.get(4)?,
                        row_id: row.get(5)?,
                        request_id: row.get(6)?,
                        before: row.get(7)?,
                        after: row.get(8)?,
                        counts: row.get(9)?,
                    })
                })?;
                rows.collect::<rusqlite::Result<Vec<_>>>()
            };
            Ok(if_there(read())?)
        });
        reading.await
    }

    async fn write_audit(&self, entry: NewEntry) -> Result<(), StoreError> {
        self.write(move |writing| writing.write_entry(&entry)).await
    }

    async fn remove_old_entries(&self, before_ms: i64, most: i64) -> Result<u64, StoreError> {
        // Who reads waits for nobody, and most of the time there is none.
        let looking = self.read(move |connection| {
            match connection.query_row(ANY_OLD, [before_ms], |row| row.get(0)) {
                Err(error) if is_missing_in_file(&error) => Ok(false),
                is_any => Ok(is_any?),
            }
        });
        if !looking.await? {
            return Ok(0);
        }
        let removing = self.writer.run(move |connection| {
            let removed = connection.execute(REMOVE, [before_ms, most])?;
            Ok(removed as u64)
        });
        removing.await
    }
}

impl WriteTransaction<'_> {
    /// Notes what was changed, where that is to be noted.
    pub(super) fn note(&self, change: Change<'_>) -> Result<(), StoreError> {
        let entry = self.account().and_then(|account| account.entry(change));
        entry.map_or(Ok(()), |entry| self.write_entry(&entry))
    }

    /// Notes rows that went along with another one, where that is to be noted.
    pub(super) fn note_gone_along(
        &self,
        collection: &str,
        ids: String,
        count: u64,
    ) -> Result<(), StoreError> {
        let account = self.account();
        let entry = account.and_then(|account| account.gone_along(collection, ids, count));
        entry.map_or(Ok(()), |entry| self.write_entry(&entry))
    }

    fn write_entry(&self, entry: &NewEntry) -> Result<(), StoreError> {
        let values = params![
            entry.at_ms,
            entry.who,
            entry.action,
            entry.collection,
            entry.row_id,
            entry.request_id,
            entry.before,
            entry.after,
            entry.counts
        ];
        match self.execute(INSERT, values) {
            Err(error) if is_missing_in_file(&error) => {
                is_not_noted();
                Ok(())
            }
            written => Ok(written.map(drop)?),
        }
    }
}
