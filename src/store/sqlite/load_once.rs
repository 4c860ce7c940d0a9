//! Rows that are loaded into a file once, and never again.

use rusqlite::{OptionalExtension as _, params};

use super::SqliteStore;
use super::write::{Writing, now};
use crate::domain::{CenterId, SettingKey};
use crate::store::{BatchItem, StoreError, Upserted};

/// How far rows were loaded. Of a file of before this was noted, that is the largest
/// id that it ever had.
const LOADED: &str = "SELECT coalesce( \
    (SELECT CAST(value AS INTEGER) FROM settings WHERE key = ?1), \
    (SELECT seq FROM sqlite_sequence WHERE name = ?2))";
const NOTE: &str = "INSERT INTO settings (key, value, description) \
    VALUES (?1, ?2, 'The last id of the bundled rows that were loaded: none is loaded again') \
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, \
        updated_at = strftime('%Y-%m-%dT%H:%M:%fZ','now')";

impl SqliteStore {
    pub(super) async fn loaded_up_to(&self, note: &SettingKey) -> Result<i64, StoreError> {
        let (note, table) = (note.clone(), self.collection.table.clone());
        let reading = self.database.read(move |connection| {
            let of = [note.as_str(), table.as_str()];
            let loaded: Option<i64> = connection.query_row(LOADED, of, |row| row.get(0))?;
            Ok(loaded.unwrap_or(0))
        });
        reading.await
    }

    pub(super) async fn load_once(
        &self,
        note: &SettingKey,
        items: Vec<BatchItem>,
    ) -> Result<Upserted, StoreError> {
        let (note, table) = (note.clone(), self.collection.table.clone());
        self.write(move |writing| {
            let loaded = writing.loaded_up_to(&note, table.as_str())?;
            let ids = items.iter().filter_map(|item| item.id.map(CenterId::get));
            let last = ids.max().unwrap_or(0);
            let mut upserted = Upserted {
                unchanged: items.len() as u64,
                ..Upserted::default()
            };
            if last > loaded {
                upserted.inserted = writing.insert_missing(&items, loaded)?;
                upserted.unchanged -= upserted.inserted;
                let values = params![note.as_str(), last.to_string()];
                writing.transaction.execute(NOTE, values)?;
            }
            Ok(upserted)
        })
        .await
    }
}

impl Writing<'_> {
    fn loaded_up_to(&self, note: &SettingKey, table: &str) -> rusqlite::Result<i64> {
        let loaded = self
            .transaction
            .query_row(LOADED, [note.as_str(), table], |row| row.get(0));
        Ok(loaded.optional()?.flatten().unwrap_or(0))
    }

    /// Inserts rows with ids beyond `after` that nobody has; gives how many.
    fn insert_missing(&self, items: &[BatchItem], after: i64) -> rusqlite::Result<u64> {
        let there = self.ids_there(items)?;
        let mut insert = self.prepare(&self.statements.insert)?;
        let now = now();
        let mut inserted = 0;
        for BatchItem { id, draft } in items {
            let is_missing = |id: CenterId| id.get() > after && !there.contains(&id);
            if id.is_some_and(is_missing) {
                self.bind_new(&mut insert, *id, draft, &now)?;
                insert.raw_execute()?;
                inserted += 1;
            }
        }
        Ok(inserted)
    }
}
