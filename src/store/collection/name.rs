//! Names from outside: those of tables and columns, which stand in SQL, and those
//! of collections, which stand in paths.

use std::fmt;

use thiserror::Error;

use crate::store::sql::identifier;

/// A text is not a usable table or column name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not a table or column name: 1 to 64 letters of any script, digits, `_`, `-`, `$` and blanks, starting with a letter or `_` and ending in no blank"
)]
pub struct NameError(String);

/// The name of a table or column, safe to stand quoted in SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnName(pub(super) String);

impl ColumnName {
    /// Checks a name.
    ///
    /// # Errors
    /// When it is empty, longer than 64 characters, holds anything but letters, digits, `_`,
    /// `-`, `$` and blanks, starts with anything but a letter or `_`, or ends in a blank.
    pub fn new(name: &str) -> Result<Self, NameError> {
        // MySQL has names of the basic plane alone.
        let is_letter = |c: char| c == '_' || (c.is_alphanumeric() && c <= '\u{FFFF}');
        let is_usual = |c: char| is_letter(c) || matches!(c, '-' | '$' | ' ');
        let starts_well = name.starts_with(|c: char| is_letter(c) && !c.is_numeric());
        let ends_well = !name.ends_with(' ');
        let length = name.chars().count();
        if starts_well && ends_well && name.chars().all(is_usual) && length <= 64 {
            Ok(Self(name.to_owned()))
        } else {
            Err(NameError(name.to_owned()))
        }
    }

    /// The bare name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name quoted as MySQL quotes it; SQLite takes the same.
    #[must_use]
    pub fn quoted(&self) -> String {
        identifier(&self.0)
    }
}

/// A text is not usable as the public name of a collection.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no name of a collection: 1 to 64 of a-z, 0-9 and -, as in dive-sites")]
pub struct CollectionNameError(String);

/// What clients call a collection: a segment of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CollectionName(pub(super) String);

impl CollectionName {
    /// Checks a name.
    ///
    /// # Errors
    /// When it is empty, longer than 64 characters or holds anything but small
    /// letters, digits and hyphens.
    pub fn new(name: &str) -> Result<Self, CollectionNameError> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=64).contains(&name.len()) && name.bytes().all(fits) {
            Ok(Self(name.to_owned()))
        } else {
            Err(CollectionNameError(name.to_owned()))
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CollectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_their_quotes_are_refused() {
        for bad in [
            "",
            "a`b",
            "a/b",
            "a\nb",
            "a ",
            " a",
            "-a",
            "1a",
            "a;--",
            "a\u{2019}b",
            "a\"b",
            "𐐀a",
            &"é".repeat(65),
        ] {
            assert!(ColumnName::new(bad).is_err(), "{bad}");
        }
        for good in [
            "a",
            "_a1",
            "diving_centers",
            "naïve",
            "κέντρα",
            "場所",
            "Star Rating",
            "my-table$",
            &"é".repeat(64),
        ] {
            assert!(ColumnName::new(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn a_public_name_is_a_segment_of_a_path() {
        for bad in ["", "A", "a_b", "a/b", "a b", "é", &"a".repeat(65)] {
            assert!(CollectionName::new(bad).is_err(), "{bad}");
        }
        for good in ["a", "dive-sites", "7", &"a".repeat(64)] {
            assert!(CollectionName::new(good).is_ok(), "{good}");
        }
    }
}
