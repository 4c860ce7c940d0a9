//! Which table holds a collection and which column holds which field.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

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

/// A text is not usable as the public name of a collection.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no name of a collection: 1 to 64 of a-z, 0-9 and -, as in dive-sites")]
pub struct CollectionNameError(String);

/// What clients call a collection: a segment of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CollectionName(String);

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

/// A column that a collection can have. What a table lacks of the optional ones
/// reads as NULL and is not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The primary key.
    Id,
    /// Degrees north.
    Latitude,
    /// Degrees east.
    Longitude,
    /// The point.
    Location,
    /// How often a center was viewed.
    ViewCount,
    /// When a center was created, UTC.
    CreatedAt,
    /// When a center was last written, UTC.
    UpdatedAt,
    /// Only rows where it is [`SHOWN_STATUS`] are shown.
    Status,
    /// Only rows where it is NULL are shown.
    DeletedAt,
    /// A text.
    Text(TextField),
}

/// The status of rows that are shown.
pub const SHOWN_STATUS: &str = "approved";

/// The column of the point where a collection names none.
const DEFAULT_LOCATION: &str = "location";

impl Field {
    /// Every field there is.
    pub fn all() -> impl Iterator<Item = Self> {
        [
            Self::Id,
            Self::Latitude,
            Self::Longitude,
            Self::Location,
            Self::ViewCount,
            Self::CreatedAt,
            Self::UpdatedAt,
            Self::Status,
            Self::DeletedAt,
        ]
        .into_iter()
        .chain(TextField::ALL.map(Self::Text))
    }

    /// What it is called in a collections file, and the column's name in tables
    /// of our own.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Latitude => "latitude",
            Self::Longitude => "longitude",
            Self::Location => DEFAULT_LOCATION,
            Self::ViewCount => "view_count",
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::Status => "status",
            Self::DeletedAt => "deleted_at",
            Self::Text(field) => field.name(),
        }
    }
}

/// A table and its columns are no collection.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CollectionError {
    /// A field that every collection has is not named.
    #[error("`{0}` is missing: name the column that holds it")]
    Missing(&'static str),
    /// Two fields share a column.
    #[error("`{one}` and `{other}` are both the column {column}: name a column once")]
    Shared {
        /// A field.
        one: &'static str,
        /// Another.
        other: &'static str,
        /// Their column.
        column: String,
    },
}

/// A table of centers and the map from our fields to its columns. An optional
/// column that a table lacks reads as NULL and is not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// What clients call it.
    pub name: CollectionName,
    /// The table.
    pub table: ColumnName,
    /// The primary key.
    pub id: ColumnName,
    /// Degrees north.
    pub latitude: ColumnName,
    /// Degrees east.
    pub longitude: ColumnName,
    /// The point; where [`Self::is_located`] says no, what it would be called.
    pub location: ColumnName,
    /// How often a center was viewed.
    pub view_count: Option<ColumnName>,
    /// When a center was created, UTC.
    pub created_at: Option<ColumnName>,
    /// When a center was last written, UTC.
    pub updated_at: Option<ColumnName>,
    /// Rows are shown where this is [`SHOWN_STATUS`].
    pub status: Option<ColumnName>,
    /// Rows are shown where this is NULL; deleting a row sets it.
    pub deleted_at: Option<ColumnName>,
    texts: [Option<ColumnName>; TextField::ALL.len()],
    is_located: bool,
}

impl Collection {
    /// Maps fields to the columns of a table. One without a column for the
    /// location is searched by its coordinates, and never written to.
    ///
    /// # Errors
    /// When id, name, latitude or longitude is not named, or a column is named
    /// twice.
    pub fn new(
        name: CollectionName,
        table: ColumnName,
        mut columns: BTreeMap<Field, ColumnName>,
    ) -> Result<Self, CollectionError> {
        let mut seen: HashMap<String, Field> = HashMap::new();
        for (&field, column) in &columns {
            // Columns are told apart without case, on both databases.
            let key = column.as_str().to_ascii_lowercase();
            if let Some(other) = seen.insert(key, field) {
                return Err(CollectionError::Shared {
                    one: other.name(),
                    other: field.name(),
                    column: column.as_str().to_owned(),
                });
            }
        }
        let mut required = |field: Field| {
            columns
                .remove(&field)
                .ok_or(CollectionError::Missing(field.name()))
        };
        let (id, name_column) = (required(Field::Id)?, required(NAME)?);
        let (latitude, longitude) = (required(Field::Latitude)?, required(Field::Longitude)?);
        columns.insert(NAME, name_column);
        let location = columns.remove(&Field::Location);
        Ok(Self {
            name,
            table,
            id,
            latitude,
            longitude,
            is_located: location.is_some(),
            location: location.unwrap_or_else(|| ColumnName(DEFAULT_LOCATION.to_owned())),
            view_count: columns.remove(&Field::ViewCount),
            created_at: columns.remove(&Field::CreatedAt),
            updated_at: columns.remove(&Field::UpdatedAt),
            status: columns.remove(&Field::Status),
            deleted_at: columns.remove(&Field::DeletedAt),
            texts: TextField::ALL.map(|field| columns.remove(&Field::Text(field))),
        })
    }

    /// Whether organizations and ratings are about its rows.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        self.table.as_str() == "diving_centers"
    }

    /// The collections that nearby makes tables for, the default one first.
    #[must_use]
    pub fn built_in() -> [Self; 2] {
        [Self::diving_centers(), Self::dive_sites()]
    }

    /// The built-in default collection: `centers` on `diving_centers`.
    #[must_use]
    pub fn diving_centers() -> Self {
        let fields =
            Field::all().filter(|field| !matches!(field, Field::Status | Field::DeletedAt));
        Self::of_ours("centers", "diving_centers", fields)
    }

    /// The built-in collection `dive-sites` on `dive_sites`: those approved and
    /// not deleted.
    #[must_use]
    pub fn dive_sites() -> Self {
        let fields = Field::all().filter(|field| match field {
            Field::Text(text) => matches!(
                text,
                TextField::Name | TextField::Description | TextField::Country | TextField::Region
            ),
            _ => true,
        });
        Self::of_ours("dive-sites", "dive_sites", fields)
    }

    fn of_ours(name: &str, table: &str, fields: impl Iterator<Item = Field>) -> Self {
        let columns = fields.map(|field| (field, ColumnName(field.name().to_owned())));
        Self::new(
            CollectionName(name.to_owned()),
            ColumnName(table.to_owned()),
            columns.collect(),
        )
        .expect("fields have names of their own, and these are all that are needed")
    }

    /// Whether the table has a column for the point.
    #[must_use]
    pub fn is_located(&self) -> bool {
        self.is_located
    }

    /// The condition that a row is shown, to follow another one; nothing where
    /// every row is.
    pub(super) fn and_shown(&self) -> String {
        let status = self.status.iter();
        let shown = status.map(|column| format!(" AND {} = '{SHOWN_STATUS}'", column.quoted()));
        let deleted_at = self.deleted_at.iter();
        let kept = deleted_at.map(|column| format!(" AND {} IS NULL", column.quoted()));
        shown.chain(kept).collect()
    }

    /// The column of a field, if the table is said to have one.
    #[must_use]
    pub fn column(&self, field: Field) -> Option<&ColumnName> {
        match field {
            Field::Id => Some(&self.id),
            Field::Latitude => Some(&self.latitude),
            Field::Longitude => Some(&self.longitude),
            Field::Location => self.is_located.then_some(&self.location),
            Field::ViewCount => self.view_count.as_ref(),
            Field::CreatedAt => self.created_at.as_ref(),
            Field::UpdatedAt => self.updated_at.as_ref(),
            Field::Status => self.status.as_ref(),
            Field::DeletedAt => self.deleted_at.as_ref(),
            Field::Text(field) => self.text(field),
        }
    }

    /// Every field that the table is said to have, with its column.
    pub fn columns(&self) -> impl Iterator<Item = (Field, &ColumnName)> {
        Field::all().filter_map(|field| Some((field, self.column(field)?)))
    }

    /// The columns that a table may lack, and this one is said to have.
    pub(super) fn optional_columns(&self) -> impl Iterator<Item = &ColumnName> {
        let optional = |field: &Field| {
            !matches!(
                field,
                Field::Id | Field::Latitude | Field::Longitude | Field::Location
            )
        };
        self.columns()
            .filter(move |(field, _)| optional(field))
            .map(|(_, column)| column)
    }

    /// The column of a text field, if the table has one.
    #[must_use]
    pub fn text(&self, field: TextField) -> Option<&ColumnName> {
        self.texts[field as usize].as_ref()
    }
}

const NAME: Field = Field::Text(TextField::Name);

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

    #[test]
    fn a_public_name_is_a_segment_of_a_path() {
        for bad in ["", "A", "a_b", "a/b", "a b", "é", &"a".repeat(65)] {
            assert!(CollectionName::new(bad).is_err(), "{bad}");
        }
        for good in ["a", "dive-sites", "7", &"a".repeat(64)] {
            assert!(CollectionName::new(good).is_ok(), "{good}");
        }
    }

    fn collection(columns: &[(Field, &str)]) -> Result<Collection, CollectionError> {
        let columns = columns
            .iter()
            .map(|(field, column)| (*field, ColumnName::new(column).unwrap()));
        Collection::new(
            CollectionName::new("shops").unwrap(),
            ColumnName::new("shops").unwrap(),
            columns.collect(),
        )
    }

    const SHOP: [(Field, &str); 4] = [
        (Field::Id, "shop_id"),
        (NAME, "title"),
        (Field::Latitude, "lat"),
        (Field::Longitude, "lon"),
    ];

    #[test]
    fn a_table_may_have_no_location() {
        let shops = collection(&SHOP).unwrap();
        assert!(!shops.is_located());
        assert_eq!(shops.column(Field::Location), None);
        let mut with = SHOP.to_vec();
        with.push((Field::Location, "point"));
        assert!(collection(&with).unwrap().is_located());
    }

    #[test]
    fn every_field_has_a_column_of_its_own() {
        let mut twice = SHOP.to_vec();
        twice.push((Field::Location, "LAT"));
        let error = collection(&twice).unwrap_err().to_string();
        assert!(
            error.contains("latitude") && error.contains("location"),
            "{error}"
        );
        let error = collection(&SHOP[..3]).unwrap_err();
        assert_eq!(error, CollectionError::Missing("longitude"));
    }

    #[test]
    fn only_what_is_approved_and_not_deleted_is_shown_of_dive_sites() {
        assert_eq!(Collection::diving_centers().and_shown(), "");
        let shown = Collection::dive_sites().and_shown();
        assert_eq!(shown, " AND `status` = 'approved' AND `deleted_at` IS NULL");
    }
}
