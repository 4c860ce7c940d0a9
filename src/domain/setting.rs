//! Settings: what operators change while the service runs.

use serde_json::value::{RawValue, to_raw_value};
use thiserror::Error;

use super::rating::reviews_switch;

/// The most bytes of a value, written as JSON: what both stores keep.
pub const MAX_SETTING_BYTES: usize = 65_535;
/// The most characters of a description: the same, of four bytes each.
pub const MAX_DESCRIPTION_CHARS: usize = MAX_SETTING_BYTES / 4;
/// The most characters of a key.
pub const MAX_SETTING_KEY_CHARS: usize = 100;

/// The name of a setting, as any application may have called it: 1 to
/// [`MAX_SETTING_KEY_CHARS`] characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingKey(String);

impl SettingKey {
    /// Takes a name; `None` where it is none.
    #[must_use]
    pub fn new(key: &str) -> Option<Self> {
        let fits = (1..=MAX_SETTING_KEY_CHARS).contains(&key.chars().count());
        (fits && !key.chars().any(char::is_control)).then(|| Self(key.to_owned()))
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
#[derive(Debug, Clone)]
pub struct Setting {
    /// Any JSON, as it was written: a number keeps all its digits.
    pub value: Box<RawValue>,
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
    ///
    /// # Panics
    /// Never: the value is JSON.
    #[must_use]
    pub fn default_of(key: &SettingKey) -> Option<Self> {
        (*key == reviews_switch()).then(|| Self {
            value: to_raw_value(&false).expect("a truth value is JSON"),
            is_bare_text: false,
            description: Some("Whether ratings are left out of answers".to_owned()),
        })
    }

    /// Takes a value and a description.
    ///
    /// # Errors
    /// When either is too long.
    pub fn new(value: Box<RawValue>, description: Option<String>) -> Result<Self, SettingError> {
        let bytes = value.get().len();
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
    fn a_key_is_any_text_of_one_line() {
        for good in [
            "a",
            "disable_diving_center_reviews",
            "A-1.b",
            "Site title",
            "τίτλος/1",
            &"é".repeat(100),
        ] {
            assert_eq!(SettingKey::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "a\nb", "\0", "\u{7f}", &"é".repeat(101)] {
            assert_eq!(SettingKey::new(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_value_fits_to_the_last_byte_and_no_further() {
        let text = |length| to_raw_value(&"x".repeat(length)).unwrap();
        let of = |length| Setting::new(text(length), None).map(drop);
        assert!(of(MAX_SETTING_BYTES - 2).is_ok());
        assert_eq!(
            of(MAX_SETTING_BYTES - 1),
            Err(SettingError::Value(MAX_SETTING_BYTES + 1))
        );
        let long = "d".repeat(MAX_DESCRIPTION_CHARS + 1);
        assert!(matches!(
            Setting::new(text(1), Some(long)),
            Err(SettingError::Description(_))
        ));
    }
}
