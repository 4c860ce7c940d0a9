//! The table of settings in an embedded file.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::SqliteDatabase;
use super::columns::Columns as _;
use crate::domain::{Setting, SettingKey};
use crate::store::StoreError;
use crate::store::audit::{Audited, Change};
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
        let reading = self.read(move |connection| match read(connection, &key) {
            Err(error) if is_missing_in_file(&error) => Ok(None),
            read => Ok(read?),
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
            let setting = || writing.look(|connection| read(connection, &key));
            let before = setting()?.map(Setting::from);
            writing.execute(WRITE, params![key.as_str(), value, description])?;
            let after = setting()?.map(Setting::from);
            let audited = |setting| Audited::Setting(&key, setting);
            writing.note(Change {
                before: before.as_ref().map(audited),
                after: after.as_ref().map(audited),
            })
        });
        writing.await
    }
}

fn read(connection: &Connection, key: &SettingKey) -> rusqlite::Result<Option<SettingRow>> {
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
}
