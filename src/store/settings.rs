//! Settings, in a table of nearby's own or of another application.

use async_trait::async_trait;
use serde_json::value::{RawValue, to_raw_value};

use super::{Database, StoreError};
use crate::domain::{Setting, SettingKey};

/// The table of settings.
const TABLE: &str = "settings";

/// Value and description of a setting, as texts: whatever type the value's column has,
/// and whatever others put there. JSON is text as well, and so is a bare number.
#[derive(Debug)]
pub(super) struct SettingRow {
    pub(super) value: Option<String>,
    pub(super) description: Option<String>,
}

impl From<SettingRow> for Setting {
    fn from(row: SettingRow) -> Self {
        let written = row.value.as_deref().unwrap_or("null");
        let json: Result<Box<RawValue>, _> = serde_json::from_str(written);
        let is_bare_text = json.is_err();
        let value = json.or_else(|_| to_raw_value(written));
        Self {
            value: value.expect("a text is JSON in quotes"),
            is_bare_text,
            description: row.description,
        }
    }
}

/// The table of settings.
#[async_trait]
pub(super) trait SettingsTable {
    /// Reads a row; none where there is no such table, as beside another application's
    /// tables.
    async fn read_setting(&self, key: &SettingKey) -> Result<Option<SettingRow>, StoreError>;

    /// Writes a row, new or over what it was.
    async fn write_setting(
        &self,
        key: &SettingKey,
        value: &str,
        description: Option<&str>,
    ) -> Result<(), StoreError>;
}

impl Database {
    /// Reads a setting; where nobody has set it, its default, and `None` where it has
    /// none. What another application wrote that is not JSON is a text.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn setting(&self, key: &SettingKey) -> Result<Option<Setting>, StoreError> {
        let row = self.backend().read_setting(key).await?;
        Ok(row.map_or_else(|| Setting::default_of(key), |row| Some(row.into())))
    }

    /// Writes a setting, new or over what it was.
    ///
    /// # Errors
    /// When the database does not answer, or has no table for settings.
    pub async fn put_setting(&self, key: &SettingKey, setting: &Setting) -> Result<(), StoreError> {
        let description = setting.description.as_deref();
        let writing = self
            .backend()
            .write_setting(key, setting.value.get(), description);
        match writing.await {
            Err(error) => Err(self.for_want_of(TABLE, error).await),
            Ok(()) => Ok(()),
        }
    }
}
