//! Journals of imports in MySQL.

use std::sync::Arc;
use std::time::Duration;

use sqlx::MySqlConnection;

use super::MySqlStore;
use crate::store::journal::JOURNAL_KEPT_DAYS;
use crate::store::{ImportId, Journal, JournalNote, Known, RefusedItem, StoreError};

const FORGET_OLD: &str =
    "DELETE FROM import_journal WHERE updated_at < UTC_TIMESTAMP(3) - INTERVAL ? DAY";
/// That of the import itself comes first.
const LOOK_UP: &str = "SELECT import_key, records, line, \
        DATE_FORMAT(updated_at, '%Y-%m-%d %H:%i:%s UTC'), \
        GREATEST(TIMESTAMPDIFF(MICROSECOND, updated_at, UTC_TIMESTAMP(3)) DIV 1000, 0) \
    FROM import_journal WHERE import_key = ? OR table_name = ? AND file = ? \
    ORDER BY import_key = ? DESC, updated_at DESC LIMIT 1";
const BEGIN: &str = "INSERT IGNORE INTO import_journal \
    (import_key, table_name, file, records, line, updated_at) \
    VALUES (?, ?, ?, ?, ?, UTC_TIMESTAMP(3))";
const GO_ON: &str = "UPDATE import_journal \
    SET records = ?, line = ?, updated_at = UTC_TIMESTAMP(3) \
    WHERE import_key = ? AND records = ?";
const REFUSED: &str = "SELECT record, reason FROM import_refusals WHERE import_key = ?";
const REFUSE: &str = "INSERT INTO import_refusals (import_key, record, reason) VALUES (?, ?, ?)";
const FORGET: &str =
    "DELETE FROM import_journal WHERE import_key = ? OR table_name = ? AND file = ?";

impl MySqlStore {
    pub(in crate::store) async fn look_up_import(
        &self,
        import: &Arc<ImportId>,
    ) -> Result<Known, StoreError> {
        sqlx::query(FORGET_OLD)
            .bind(JOURNAL_KEPT_DAYS)
            .execute(&self.pool)
            .await?;
        self.known_import(import).await
    }

    pub(in crate::store) async fn known_import(
        &self,
        import: &Arc<ImportId>,
    ) -> Result<Known, StoreError> {
        let found: Option<(String, i64, i64, String, i64)> = sqlx::query_as(LOOK_UP)
            .bind(&import.key)
            .bind(self.collection.table.as_str())
            .bind(&import.file)
            .bind(&import.key)
            .fetch_optional(&self.pool)
            .await?;
        let Some((key, records, line, noted_at, age_ms)) = found else {
            return Ok(Known::Nothing);
        };
        let refused: Vec<(i64, String)> = sqlx::query_as(REFUSED)
            .bind(&key)
            .fetch_all(&self.pool)
            .await?;
        let numbered = |(record, reason): (i64, String)| (record.unsigned_abs(), reason);
        let journal = Journal {
            records: records.unsigned_abs(),
            line: line.unsigned_abs(),
            noted_at,
            age: Duration::from_millis(age_ms.unsigned_abs()),
            refused: refused.into_iter().map(numbered).collect(),
        };
        Ok(Known::of(import, &key, journal))
    }

    pub(in crate::store) async fn forget_import(
        &self,
        import: &Arc<ImportId>,
    ) -> Result<(), StoreError> {
        sqlx::query(FORGET)
            .bind(&import.key)
            .bind(self.collection.table.as_str())
            .bind(&import.file)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Notes a batch in its transaction, unless another process imports the same file.
    pub(super) async fn note_batch(
        &self,
        transaction: &mut MySqlConnection,
        note: &JournalNote,
        refused: &[RefusedItem],
    ) -> Result<(), StoreError> {
        let JournalNote { import, .. } = note;
        let (records, line) = (note.records.cast_signed(), note.line.cast_signed());
        let noted = match note.before {
            None => {
                sqlx::query(BEGIN)
                    .bind(&import.key)
                    .bind(self.collection.table.as_str())
                    .bind(&import.file)
                    .bind(records)
                    .bind(line)
                    .execute(&mut *transaction)
                    .await?
            }
            Some(before) => {
                sqlx::query(GO_ON)
                    .bind(records)
                    .bind(line)
                    .bind(&import.key)
                    .bind(before.cast_signed())
                    .execute(&mut *transaction)
                    .await?
            }
        };
        if noted.rows_affected() == 0 {
            return Err(StoreError::Overtaken);
        }
        for RefusedItem { index, reason } in refused {
            sqlx::query(REFUSE)
                .bind(&import.key)
                .bind(note.record_of[*index].cast_signed())
                .bind(reason)
                .execute(&mut *transaction)
                .await?;
        }
        Ok(())
    }
}
