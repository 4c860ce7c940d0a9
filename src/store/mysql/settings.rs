//! The table of settings in MySQL.

use async_trait::async_trait;
use sqlx::Row as _;

use super::MySqlDatabase;
use super::catalog::or_none;
use crate::domain::SettingKey;
use crate::store::StoreError;
use crate::store::settings::{SettingRow, SettingsTable};

const READ: &str = "SELECT value, description FROM settings WHERE `key` = ?";
const WRITE: &str = "\
    INSERT INTO settings (`key`, value, description) VALUES (?, ?, ?) AS new \
    ON DUPLICATE KEY UPDATE value = new.value, description = new.description, \
        updated_at = UTC_TIMESTAMP()";

#[async_trait]
impl SettingsTable for MySqlDatabase {
    async fn read_setting(&self, key: &SettingKey) -> Result<Option<SettingRow>, StoreError> {
        let reading = sqlx::query(READ).bind(key.as_str());
        let rows = or_none(reading.fetch_all(&self.pool).await)?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        Ok(Some(SettingRow {
            value: row.try_get_unchecked(0)?,
            description: row.try_get_unchecked(1)?,
        }))
    }

    async fn write_setting(
        &self,
        key: &SettingKey,
        value: &str,
        description: Option<&str>,
    ) -> Result<(), StoreError> {
        sqlx::query(WRITE)
            .bind(key.as_str())
            .bind(value)
            .bind(description)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
