//! Ids in JSON.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::{CenterId, OrganizationId};

/// The largest number of which every reader of JSON, JavaScript above all, keeps the
/// last digit (RFC 8259, section 6).
const LARGEST_EXACT: u64 = (1 << 53) - 1;

/// An id in JSON: a number, or a string of its digits where some readers would lose
/// the last of them. Either is taken back, whatever the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonId(pub i64);

impl From<CenterId> for JsonId {
    fn from(id: CenterId) -> Self {
        Self(id.get())
    }
}

impl From<OrganizationId> for JsonId {
    fn from(id: OrganizationId) -> Self {
        Self(id.get())
    }
}

impl JsonId {
    fn is_exact(self) -> bool {
        self.0.unsigned_abs() <= LARGEST_EXACT
    }

    /// Appends it as JSON.
    pub fn push(self, out: &mut Vec<u8>) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(self.0).as_bytes();
        if self.is_exact() {
            out.extend_from_slice(digits);
        } else {
            out.push(b'"');
            out.extend_from_slice(digits);
            out.push(b'"');
        }
    }
}

impl Serialize for JsonId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_exact() {
            serializer.serialize_i64(self.0)
        } else {
            serializer.collect_str(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for JsonId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrDigits)
    }
}

struct NumberOrDigits;

impl Visitor<'_> for NumberOrDigits {
    type Value = JsonId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number of at most 64 bits, or a string of one")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<JsonId, E> {
        Ok(JsonId(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<JsonId, E> {
        let fits = i64::try_from(number);
        fits.map(JsonId)
            .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<JsonId, E> {
        let number = text.parse();
        number
            .map(JsonId)
            .map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_number_where_all_its_digits_are_kept_and_a_string_elsewhere() {
        for (id, json) in [
            (0, "0"),
            (-1, "-1"),
            (9_007_199_254_740_991, "9007199254740991"),
            (9_007_199_254_740_992, r#""9007199254740992""#),
            (-9_007_199_254_740_991, "-9007199254740991"),
            (-9_007_199_254_740_992, r#""-9007199254740992""#),
            (i64::MAX, r#""9223372036854775807""#),
        ] {
            let mut pushed = Vec::new();
            JsonId(id).push(&mut pushed);
            assert_eq!(String::from_utf8(pushed).unwrap(), json);
            assert_eq!(serde_json::to_string(&JsonId(id)).unwrap(), json);
            assert_eq!(serde_json::from_str::<JsonId>(json).unwrap(), JsonId(id));
            let digits = format!("\"{id}\"");
            assert_eq!(serde_json::from_str::<JsonId>(&digits).unwrap(), JsonId(id));
        }
    }

    #[test]
    fn what_is_no_whole_number_of_64_bits_is_refused_with_what_is_allowed() {
        for json in ["9223372036854775808", "1.5", "\"x\"", "\"\"", "null", "[1]"] {
            let refused = serde_json::from_str::<JsonId>(json)
                .unwrap_err()
                .to_string();
            assert!(
                refused.contains("a whole number of at most 64 bits"),
                "{refused}"
            );
        }
    }
}
