//! Which table holds the centers and which column holds which field.

use thiserror::Error;

use crate::domain::TextField;

/// A text is not a usable table or column name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not a table or column name: 1 to 64 letters, digits or underscores, not starting with a digit"
)]
pub struct NameError(String);

/// The name of a table or column, safe to stand quoted in SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnName(String);

impl ColumnName {
    /// Checks a name.
    ///
    /// # Errors
    /// When it is empty, longer than 64 characters or holds anything but ASCII
    /// letters, digits and underscores.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let mut chars = name.chars();
        let starts_well = chars
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        let goes_on_well = chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
        if starts_well && goes_on_well && name.len() <= 64 {
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
        format!("`{}`", self.0)
    }
}

/// A table of centers and the map from our fields to its columns. An optional
/// column that a table lacks reads as NULL and is not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// The table.
    pub table: ColumnName,
    /// The primary key.
    pub id: ColumnName,
    /// Degrees north.
    pub latitude: ColumnName,
    /// Degrees east.
    pub longitude: ColumnName,
    /// The point.
    pub location: ColumnName,
    /// How often a center was viewed.
    pub view_count: Option<ColumnName>,
    /// When a center was created, UTC.
    pub created_at: Option<ColumnName>,
    /// When a center was last written, UTC.
    pub updated_at: Option<ColumnName>,
    texts: [Option<ColumnName>; TextField::ALL.len()],
}

impl Collection {
    /// The built-in collection: `diving_centers`.
    #[must_use]
    pub fn diving_centers() -> Self {
        let column = |name: &str| ColumnName(name.to_owned());
        Self {
            table: column("diving_centers"),
            id: column("id"),
            latitude: column("latitude"),
            longitude: column("longitude"),
            location: column("location"),
            view_count: Some(column("view_count")),
            created_at: Some(column("created_at")),
            updated_at: Some(column("updated_at")),
            texts: TextField::ALL.map(|field| Some(column(field.name()))),
        }
    }

    /// The columns that a table may lack, and this one is said to have.
    pub(super) fn optional_columns(&self) -> impl Iterator<Item = &ColumnName> {
        [&self.view_count, &self.created_at, &self.updated_at]
            .into_iter()
            .chain(&self.texts)
            .flatten()
    }

    /// The column of a text field, if the table has one.
    #[must_use]
    pub fn text(&self, field: TextField) -> Option<&ColumnName> {
        self.texts[field as usize].as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_their_quotes_are_refused() {
        for bad in ["", "a`b", "a b", "1a", "a;--", "naïve", &"a".repeat(65)] {
            assert!(ColumnName::new(bad).is_err(), "{bad}");
        }
        for good in ["a", "_a1", "diving_centers", &"a".repeat(64)] {
            assert!(ColumnName::new(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn the_built_in_collection_has_a_column_for_every_text() {
        let collection = Collection::diving_centers();
        for field in TextField::ALL {
            assert_eq!(
                collection.text(field).map(ColumnName::as_str),
                Some(field.name())
            );
        }
    }
}
