//! Settings, in a table that both stores have alike.

use serde_json::Value;
use sqlx::{ColumnIndex, Decode, Row};

use super::organizations::or_none;
use super::{Database, StoreError};
use crate::domain::{Setting, SettingKey};

/// The table of settings.
const TABLE: &str = "settings";
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

/// Value and description of the first row. Whatever type the value's column has, and
/// whatever others put there: JSON is text as well, and so is a bare number.
fn first<R>(rows: &[R]) -> sqlx::Result<Option<(Option<String>, Option<String>)>>
where
    R: Row,
    usize: ColumnIndex<R>,
    Option<String>: for<'r> Decode<'r, R::Database>,
{
    let columns = |row: &R| Ok((row.try_get_unchecked(0)?, row.try_get_unchecked(1)?));
    rows.first().map(columns).transpose()
}

impl Database {
    /// Reads a setting; where nobody has set it, its default, and `None` where it has
    /// none. What another application wrote that is not JSON is a text.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn setting(&self, key: &SettingKey) -> Result<Option<Setting>, StoreError> {
        // Beside another application's tables there need not be one: nobody set it then.
        let columns: Option<(Option<String>, Option<String>)> = match self {
            Self::MySql(pool) => {
                let read = sqlx::query(READ).bind(key.as_str());
                first(&or_none(read.fetch_all(pool).await)?)?
            }
            Self::Sqlite(pools) => {
                let read = sqlx::query(READ).bind(key.as_str());
                first(&or_none(read.fetch_all(&pools.readers).await)?)?
            }
        };
        let Some((value, description)) = columns else {
            return Ok(Setting::default_of(key));
        };
        let parsed = value
            .as_deref()
            .map_or(Ok(Value::Null), serde_json::from_str);
        let is_bare_text = parsed.is_err();
        Ok(Some(Setting {
            value: parsed.unwrap_or_else(|_| Value::String(value.unwrap_or_default())),
            is_bare_text,
            description,
        }))
    }

    /// Writes a setting, new or over what it was.
    ///
    /// # Errors
    /// When the database does not answer, or has no table for settings.
    pub async fn put_setting(&self, key: &SettingKey, setting: &Setting) -> Result<(), StoreError> {
        match self.try_put_setting(key, setting).await {
            Err(error) => Err(self.for_want_of(TABLE, error).await),
            Ok(()) => Ok(()),
        }
    }

    async fn try_put_setting(&self, key: &SettingKey, setting: &Setting) -> Result<(), StoreError> {
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
