//! What divers think of a center. Others write it; here it is read only.

use serde_json::Value;
use serde_json::value::RawValue;

use super::setting::{Setting, SettingKey};

/// The highest mark; the lowest that can be asked for is 0.
pub const MAX_RATING: f64 = 10.0;

/// The marks of a center, summed up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rating {
    /// Their mean.
    pub average: f64,
    /// How many there are; at least 1.
    pub count: u64,
}

/// The setting that hides ratings everywhere while it [says yes](RatingVisibility::of).
///
/// # Panics
/// Never: the name is a plain word.
#[must_use]
pub fn reviews_switch() -> SettingKey {
    SettingKey::new("disable_diving_center_reviews").expect("it is a plain word")
}

/// Whether ratings may be seen. Hidden ones are in no answer and decide nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RatingVisibility {
    /// They may.
    #[default]
    Shown,
    /// The setting hides them.
    Hidden,
}

/// The least average that a filter keeps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MinRating(f64);

impl RatingVisibility {
    /// What the setting [`reviews_switch`] says; unless it was set, ratings are shown.
    ///
    /// As Divemap reads it, which asks Python whether the JSON is true: all is, but `false`,
    /// null, 0, and what is empty. A text that is no JSON says nothing.
    #[must_use]
    pub fn of(setting: Option<&Setting>) -> Self {
        match setting {
            Some(setting) if !setting.is_bare_text && is_true(&setting.value) => Self::Hidden,
            _ => Self::Shown,
        }
    }
}

impl MinRating {
    /// A least average; `None` unless it is from 0 to [`MAX_RATING`].
    #[must_use]
    pub fn new(at_least: f64) -> Option<Self> {
        (0.0..=MAX_RATING)
            .contains(&at_least)
            .then_some(Self(at_least))
    }

    /// The plain mark.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

fn is_true(value: &RawValue) -> bool {
    match serde_json::from_str(value.get()) {
        // A number beyond those of 64 bits, which is not 0.
        Err(_) => true,
        Ok(value) => is_truthy(&value),
    }
}

fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

/// Averages that a list holds; both ends count. A center without a rating is in
/// no range that has an end.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RatingRange {
    /// The least.
    pub min: Option<f64>,
    /// The greatest.
    pub max: Option<f64>,
}

impl RatingRange {
    /// Whether every center is in it.
    #[must_use]
    pub fn is_all(self) -> bool {
        self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_least_rating_is_a_mark() {
        for good in [0.0, 7.5, 10.0] {
            assert_eq!(MinRating::new(good).unwrap().get(), good);
        }
        for bad in [-0.1, 10.1, f64::NAN, f64::INFINITY] {
            assert_eq!(MinRating::new(bad), None);
        }
    }
}
