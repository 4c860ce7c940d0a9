//! Settings: what operators change while the service runs.

use serde_json::Value;
use thiserror::Error;

use super::rating::reviews_switch;

/// The most bytes of a value, written as JSON: what both stores keep.
pub const MAX_SETTING_BYTES: usize = 65_535;
/// The most characters of a description: the same, of four bytes each.
pub const MAX_DESCRIPTION_CHARS: usize = MAX_SETTING_BYTES / 4;
/// The most characters of a key.
pub const MAX_SETTING_KEY_CHARS: usize = 100;

/// The name of a setting: letters, digits, `_`, `-` and `.` of ASCII, from 1 to
/// [`MAX_SETTING_KEY_CHARS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingKey(String);

impl SettingKey {
    /// Takes a name; `None` where it is none.
    #[must_use]
    pub fn new(key: &str) -> Option<Self> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let fits = (1..=MAX_SETTING_KEY_CHARS).contains(&key.len());
        (fits && key.bytes().all(known)).then(|| Self(key.to_owned()))
    }

    /// Whether anybody may know what it says: that of nearby's own, which the pages of Divemap
    /// ask for too. What other applications keep beside it may be a secret.
    #[must_use]
    pub fn is_public(&self) -> bool {
        *self == reviews_switch()
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a setting says.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Any JSON.
    pub value: Value,
    /// Whether the value is the bare text that another application wrote, which is no JSON.
    pub is_bare_text: bool,
    /// What it is for, in words.
    pub description: Option<String>,
}

/// Why a setting cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SettingError {
    /// The value is too long.
    #[error("value has {0} bytes as JSON, more than {MAX_SETTING_BYTES}")]
    Value(usize),
    /// The description is too long.
    #[error("description has {0} characters, more than {MAX_DESCRIPTION_CHARS}")]
    Description(usize),
}

impl Setting {
    /// What a setting says that nobody has set; `None` of those that nearby does not know.
    #[must_use]
    pub fn default_of(key: &SettingKey) -> Option<Self> {
        (*key == reviews_switch()).then(|| Self {
            value: Value::Bool(false),
            is_bare_text: false,
            description: Some("Whether ratings are left out of answers".to_owned()),
        })
    }

    /// Takes a value and a description.
    ///
    /// # Errors
    /// When either is too long.
    pub fn new(value: Value, description: Option<String>) -> Result<Self, SettingError> {
        let bytes = value.to_string().len();
        if bytes > MAX_SETTING_BYTES {
            return Err(SettingError::Value(bytes));
        }
        let chars = description
            .as_deref()
            .map_or(0, |text| text.chars().count());
        if chars > MAX_DESCRIPTION_CHARS {
            return Err(SettingError::Description(chars));
        }
        Ok(Self {
            value,
            is_bare_text: false,
            description,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_plain_word() {
        for good in [
            "a",
            "disable_diving_center_reviews",
            "A-1.b",
            &"k".repeat(100),
        ] {
            assert_eq!(SettingKey::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "é", "a/b", "'", &"k".repeat(101)] {
            assert_eq!(SettingKey::new(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_value_fits_to_the_last_byte_and_no_further() {
        let of = |length| Setting::new(Value::String("x".repeat(length)), None);
        assert!(of(MAX_SETTING_BYTES - 2).is_ok());
        assert_eq!(
            of(MAX_SETTING_BYTES - 1),
            Err(SettingError::Value(MAX_SETTING_BYTES + 1))
        );
        let long = "d".repeat(MAX_DESCRIPTION_CHARS + 1);
        assert!(matches!(
            Setting::new(Value::Null, Some(long)),
            Err(SettingError::Description(_))
        ));
    }
}
