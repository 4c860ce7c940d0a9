//! The table of settings in MySQL.

use async_trait::async_trait;
use sqlx::mysql::MySqlRow;
use sqlx::{MySqlConnection, Row as _};

use super::MySqlDatabase;
use super::audit::NotesChanges as _;
use super::catalog::or_none;
use super::retry::Retries;
use super::write::commit;
use crate::domain::{Setting, SettingKey};
use crate::store::StoreError;
use crate::store::audit::{Account, Audited, Change};
use crate::store::settings::{SettingRow, SettingsTable};

const READ: &str = "SELECT value, description FROM settings WHERE `key` = ?";
const READ_TO_UPDATE: &str = "SELECT value, description FROM settings WHERE `key` = ? FOR UPDATE";
const WRITE: &str = "\
    INSERT INTO settings (`key`, value, description) VALUES (?, ?, ?) AS new \
    ON DUPLICATE KEY UPDATE value = new.value, description = new.description, \
        updated_at = UTC_TIMESTAMP()";

#[async_trait]
impl SettingsTable for MySqlDatabase {
    async fn read_setting(&self, key: &SettingKey) -> Result<Option<SettingRow>, StoreError> {
        let reading = sqlx::query(READ).bind(key.as_str());
        let rows = or_none(reading.fetch_all(&self.pool).await)?;
        Ok(rows.first().map(setting_row).transpose()?)
    }

    async fn write_setting(
        &self,
        key: &SettingKey,
        value: &str,
        description: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut retries = Retries::default();
        loop {
            match self.try_write_setting(key, value, description).await {
                Err(error) if retries.again(&error).await => {}
                done => return done,
            }
        }
    }
}

impl MySqlDatabase {
    async fn try_write_setting(
        &self,
        key: &SettingKey,
        value: &str,
        description: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let before = setting_to_note(&mut transaction, key).await?;
        sqlx::query(WRITE)
            .bind(key.as_str())
            .bind(value)
            .bind(description)
            .execute(&mut *transaction)
            .await?;
        let after = setting_to_note(&mut transaction, key).await?;
        let audited = |setting| Audited::Setting(key, setting);
        let change = Change {
            before: before.as_ref().map(audited),
            after: after.as_ref().map(audited),
        };
        transaction.note(&[change]).await?;
        commit(transaction, true).await
    }
}

/// What is set, where changes are to be noted; nobody else writes it from here on.
async fn setting_to_note(
    connection: &mut MySqlConnection,
    key: &SettingKey,
) -> Result<Option<Setting>, StoreError> {
    if Account::current().is_none() {
        return Ok(None);
    }
    let reading = sqlx::query(READ_TO_UPDATE).bind(key.as_str());
    let row = reading.fetch_optional(connection).await?;
    let row = row.as_ref().map(setting_row).transpose()?;
    Ok(row.map(Setting::from))
}

fn setting_row(row: &MySqlRow) -> sqlx::Result<SettingRow> {
    Ok(SettingRow {
        value: row.try_get_unchecked(0)?,
        description: row.try_get_unchecked(1)?,
    })
}
