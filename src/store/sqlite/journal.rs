//! Journals of imports in an embedded file.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::SqliteStore;
use super::write::Writing;
use crate::store::journal::JOURNAL_KEPT_DAYS;
use crate::store::{ImportId, Journal, JournalNote, Known, RefusedItem, StoreError};

const FORGET_OLD: &str = "DELETE FROM import_journal \
    WHERE updated_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || ?1 || ' days')";
/// That of the import itself comes first.
const LOOK_UP: &str = "SELECT import_key, records, line, \
        strftime('%Y-%m-%d %H:%M:%S UTC', updated_at), \
        max((julianday('now') - julianday(updated_at)) * 86400.0, 0.0) \
    FROM import_journal WHERE import_key = ?1 OR table_name = ?2 AND file = ?3 \
    ORDER BY import_key = ?1 DESC, updated_at DESC LIMIT 1";
const BEGIN: &str = "INSERT INTO import_journal \
    (import_key, table_name, file, records, line, updated_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) ON CONFLICT DO NOTHING";
const GO_ON: &str = "UPDATE import_journal \
    SET records = ?1, line = ?2, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') \
    WHERE import_key = ?3 AND records = ?4";
const REFUSED: &str = "SELECT record, reason FROM import_refusals WHERE import_key = ?";
const REFUSE: &str = "INSERT INTO import_refusals (import_key, record, reason) VALUES (?, ?, ?)";
const FORGET: &str =
    "DELETE FROM import_journal WHERE import_key = ? OR table_name = ? AND file = ?";

impl SqliteStore {
    pub(super) async fn look_up_import(&self, import: &Arc<ImportId>) -> Result<Known, StoreError> {
        let (import, table) = (Arc::clone(import), self.collection.table.clone());
        let looking = move |connection: &mut Connection| {
            connection.execute(FORGET_OLD, [JOURNAL_KEPT_DAYS])?;
            Ok(look_up(connection, &import, table.as_str())?)
        };
        self.database.writer.run(looking).await
    }

    pub(super) async fn known_import(&self, import: &Arc<ImportId>) -> Result<Known, StoreError> {
        let (import, table) = (Arc::clone(import), self.collection.table.clone());
        let looking = self
            .database
            .read(move |connection| Ok(look_up(connection, &import, table.as_str())?));
        looking.await
    }

    pub(super) async fn forget_import(&self, import: &Arc<ImportId>) -> Result<(), StoreError> {
        let (import, table) = (Arc::clone(import), self.collection.table.clone());
        let forgetting = move |connection: &mut Connection| {
            let which = params![import.key, table.as_str(), import.file];
            Ok(connection.execute(FORGET, which).map(drop)?)
        };
        self.database.writer.run(forgetting).await
    }
}

fn look_up(connection: &Connection, import: &ImportId, table: &str) -> rusqlite::Result<Known> {
    let which = params![import.key, table, import.file];
    let found = connection.query_row(LOOK_UP, which, |row| {
        let journal = Journal {
            records: row.get::<_, i64>(1)?.unsigned_abs(),
            line: row.get::<_, i64>(2)?.unsigned_abs(),
            noted_at: row.get(3)?,
            age: Duration::try_from_secs_f64(row.get(4)?).unwrap_or_default(),
            refused: HashMap::new(),
        };
        Ok((row.get::<_, String>(0)?, journal))
    });
    let Some((key, mut journal)) = found.optional()? else {
        return Ok(Known::Nothing);
    };
    let mut refused = connection.prepare(REFUSED)?;
    let refused = refused.query_map([&key], |row| {
        Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?))
    })?;
    journal.refused = refused.collect::<Result<_, _>>()?;
    Ok(Known::of(import, &key, journal))
}

impl Writing<'_> {
    /// Notes a batch in its transaction, unless another process imports the same file.
    pub(super) fn note_batch(
        &self,
        table: &str,
        note: &JournalNote,
        refused: &[RefusedItem],
    ) -> Result<(), StoreError> {
        let JournalNote { import, .. } = note;
        let (records, line) = (note.records.cast_signed(), note.line.cast_signed());
        let noted = match note.before {
            None => {
                let values = params![import.key, table, import.file, records, line];
                self.transaction.execute(BEGIN, values)?
            }
            Some(before) => {
                let values = params![records, line, import.key, before.cast_signed()];
                self.transaction.execute(GO_ON, values)?
            }
        };
        if noted == 0 {
            return Err(StoreError::Overtaken);
        }
        for RefusedItem { index, reason } in refused {
            let record = note.record_of[*index].cast_signed();
            self.transaction
                .execute(REFUSE, params![import.key, record, reason])?;
        }
        Ok(())
    }
}
