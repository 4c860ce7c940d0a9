//! Settings, in a table that both stores have alike.

use serde_json::Value;
use sqlx::Row as _;

use super::error::is_missing_table;
use super::{Database, DatabaseFailure, StoreError};
use crate::domain::{Setting, SettingKey};

/// Backticks are quotes to SQLite, too.
const READ: &str = "SELECT value, description FROM settings WHERE `key` = ?";
const WRITE_MYSQL: &str = "\
    INSERT INTO settings (`key`, value, description) VALUES (?, ?, ?) AS new \
    ON DUPLICATE KEY UPDATE value = new.value, description = new.description, \
        updated_at = UTC_TIMESTAMP()";
const WRITE_SQLITE: &str = "\
    INSERT INTO settings (key, value, description) VALUES (?, ?, ?) \
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, \
        description = excluded.description, \
        updated_at = strftime('%Y-%m-%dT%H:%M:%fZ','now')";

impl Database {
    /// Reads a setting; `None` where nobody has set it. What another application
    /// wrote that is not JSON is a text.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn setting(&self, key: &SettingKey) -> Result<Option<Setting>, StoreError> {
        let columns: Option<(Option<String>, Option<String>)> = match self {
            Self::MySql(pool) => sqlx::query(READ)
                .bind(key.as_str())
                .fetch_optional(pool)
                .await?
                .map(|row| {
                    // Whatever type the column has: JSON is text as well.
                    let value = row.try_get_unchecked(0)?;
                    Ok::<_, sqlx::Error>((value, row.try_get_unchecked(1)?))
                })
                .transpose()?,
            Self::Sqlite(pools) => sqlx::query(READ)
                .bind(key.as_str())
                .fetch_optional(&pools.readers)
                .await?
                .map(|row| {
                    // Whatever others put there: a bare number is JSON as well.
                    let value = row.try_get_unchecked(0)?;
                    Ok::<_, sqlx::Error>((value, row.try_get_unchecked(1)?))
                })
                .transpose()?,
        };
        let Some((value, description)) = columns else {
            return Ok(None);
        };
        let value = value.map_or(Value::Null, |text| {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        });
        Ok(Some(Setting { value, description }))
    }

    /// The same where the table may be missing, beside another application's:
    /// nobody has set it then.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn setting_or_none(
        &self,
        key: &SettingKey,
    ) -> Result<Option<Setting>, StoreError> {
        match self.setting(key).await {
            Err(StoreError::Refused(DatabaseFailure::Statement(error)))
                if is_missing_table(&error) =>
            {
                Ok(None)
            }
            read => read,
        }
    }

    /// Writes a setting, new or over what it was.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn put_setting(&self, key: &SettingKey, setting: &Setting) -> Result<(), StoreError> {
        let value = setting.value.to_string();
        let description = setting.description.as_deref();
        match self {
            Self::MySql(pool) => {
                sqlx::query(WRITE_MYSQL)
                    .bind(key.as_str())
                    .bind(value)
                    .bind(description)
                    .execute(pool)
                    .await?;
            }
            Self::Sqlite(pools) => {
                sqlx::query(WRITE_SQLITE)
                    .bind(key.as_str())
                    .bind(value)
                    .bind(description)
                    .execute(&pools.writer)
                    .await?;
            }
        }
        Ok(())
    }
}
