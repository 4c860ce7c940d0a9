//! The table of settings in an embedded file.

use async_trait::async_trait;
use rusqlite::{OptionalExtension as _, params};

use super::SqliteDatabase;
use super::columns::Columns as _;
use crate::domain::SettingKey;
use crate::store::StoreError;
use crate::store::refusal::is_missing_in_file;
use crate::store::settings::{SettingRow, SettingsTable};

const READ: &str = "SELECT value, description FROM settings WHERE key = ?";
const WRITE: &str = "\
    INSERT INTO settings (key, value, description) VALUES (?, ?, ?) \
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, \
        description = excluded.description, \
        updated_at = strftime('%Y-%m-%dT%H:%M:%fZ','now')";

#[async_trait]
impl SettingsTable for SqliteDatabase {
    async fn read_setting(&self, key: &SettingKey) -> Result<Option<SettingRow>, StoreError> {
        let key = key.clone();
        let reading = self.read(move |connection| {
            let read = || {
                let mut read = connection.prepare_cached(READ)?;
                let row = read.query_row([key.as_str()], |row| {
                    let owned = |at| -> rusqlite::Result<Option<String>> {
                        Ok(row.text(at)?.map(std::borrow::Cow::into_owned))
                    };
                    Ok(SettingRow {
                        value: owned(0)?,
                        description: owned(1)?,
                    })
                });
                row.optional()
            };
            match read() {
                Err(error) if is_missing_in_file(&error) => Ok(None),
                read => Ok(read?),
            }
        });
        reading.await
    }

    async fn write_setting(
        &self,
        key: &SettingKey,
        value: &str,
        description: Option<&str>,
    ) -> Result<(), StoreError> {
        let (key, value) = (key.clone(), value.to_owned());
        let description = description.map(str::to_owned);
        let writing = self.write(move |writing| {
            let values = params![key.as_str(), value, description];
            Ok(writing.execute(WRITE, values).map(drop)?)
        });
        writing.await
    }
}
