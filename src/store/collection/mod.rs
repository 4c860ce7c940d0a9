//! Which table holds a collection and which column holds which field.

mod attribute;
mod field;
mod name;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono_tz::Tz;
use thiserror::Error;

use super::TableColumns;
use crate::domain::{FieldId, Fields, TextField};
pub use attribute::{Attribute, RESERVED_NAMES};
use field::{CLAIMED_STATUS, DEFAULT_LOCATION};
pub use field::{Field, SHOWN_STATUS};
pub use name::{CollectionName, CollectionNameError, ColumnName, NameError};

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
    /// An attribute is called what something else is called.
    #[error(
        "`{0}` cannot be the name of an attribute, as something else is called so: call it otherwise, as in `my_{0} = {{ column = \"{0}\", type = \"text\" }}`"
    )]
    Reserved(String),
    /// Two attributes share a name or a column.
    #[error("`{0}` is named twice among the attributes, or is the column of another field")]
    Twice(String),
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
    /// Whether a center is claimed.
    pub ownership_status: Option<ColumnName>,
    /// Who owns a center.
    pub owner_id: Option<ColumnName>,
    texts: [Option<ColumnName>; TextField::ALL.len()],
    /// What reads those texts whose columns hold anything else.
    read_texts: [Option<String>; TextField::ALL.len()],
    /// Texts that the table computes from other columns.
    computed: Vec<TextField>,
    is_located: bool,
    attributes: Vec<Attribute>,
    time_zone: Option<Tz>,
    fields: Arc<Fields>,
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
        let texts = TextField::ALL.map(|field| columns.remove(&Field::Text(field)));
        Ok(Self {
            attributes: Vec::new(),
            fields: fields_of(&texts, &[], None).into(),
            time_zone: None,
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
            ownership_status: columns.remove(&Field::OwnershipStatus),
            owner_id: columns.remove(&Field::OwnerId),
            texts,
            read_texts: Default::default(),
            computed: Vec::new(),
        })
    }

    /// Whether organizations and ratings are about its rows.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        self.table.as_str().eq_ignore_ascii_case("diving_centers")
    }

    /// The collections that nearby makes tables for, the default one first.
    #[must_use]
    pub fn built_in() -> [Self; 2] {
        [Self::diving_centers(), Self::dive_sites()]
    }

    /// Whether it is about a table that nearby itself makes.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        let is_same = |built_in: Self| {
            let table = built_in.table.as_str();
            self.table.as_str().eq_ignore_ascii_case(table)
        };
        Self::built_in().into_iter().any(is_same)
    }

    /// The built-in default collection: `centers` on `diving_centers`.
    #[must_use]
    pub fn diving_centers() -> Self {
        let fields = Field::all().filter(|field| {
            !matches!(
                field,
                Field::Status | Field::DeletedAt | Field::OwnershipStatus | Field::OwnerId
            )
        });
        Self::of_ours(CENTERS, "diving_centers", fields)
    }

    /// The same with those columns that say whether a center is claimed and whose it
    /// is which the table has: tables of our own have neither.
    #[must_use]
    pub fn with_ownership(mut self, has: impl Fn(&str) -> bool) -> Self {
        let column = |field: Field| has(field.name()).then(|| ColumnName(field.name().to_owned()));
        self.ownership_status = column(Field::OwnershipStatus);
        self.owner_id = column(Field::OwnerId);
        self
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
            Field::OwnershipStatus | Field::OwnerId => false,
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

    /// The same without the optional columns, the point among them, that a table
    /// does not have.
    #[must_use]
    pub fn keeping(mut self, has: impl Fn(&ColumnName) -> bool) -> Self {
        self.is_located &= has(&self.location);
        let times = [&mut self.created_at, &mut self.updated_at];
        let shown = [&mut self.status, &mut self.deleted_at];
        let others = [
            &mut self.view_count,
            &mut self.ownership_status,
            &mut self.owner_id,
        ];
        let others = times.into_iter().chain(shown).chain(others);
        for column in others.chain(&mut self.texts) {
            if column.as_ref().is_some_and(|column| !has(column)) {
                *column = None;
            }
        }
        self.fields = fields_of(&self.texts, &self.attributes, self.time_zone).into();
        self
    }

    /// The same, with whatever the columns of a table hold read as what the collection says
    /// they are: numbers, times and bytes as texts, texts as numbers.
    #[must_use]
    pub fn read_from(mut self, columns: &TableColumns) -> Self {
        self.read_texts =
            TextField::ALL.map(|field| columns.as_text(self.text(field)?.as_str()).cloned());
        self.computed = TextField::ALL
            .into_iter()
            .filter(|&field| {
                let column = self.text(field);
                column.is_some_and(|column| columns.computes(column.as_str()))
            })
            .collect();
        for attribute in &mut self.attributes {
            attribute.read = columns.reading(attribute.column.as_str(), attribute.kind);
        }
        self
    }

    /// Whether the table computes a text from other columns, so that nobody writes it.
    #[must_use]
    pub fn computes(&self, field: TextField) -> bool {
        self.computed.contains(&field)
    }

    /// What to add to a command that is to be about this collection.
    #[must_use]
    pub fn flag(&self) -> String {
        if self.name.as_str() == CENTERS {
            String::new()
        } else {
            format!(" --collection {}", self.name)
        }
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

    /// The condition that a row's owner was approved.
    pub(super) fn is_claimed(&self) -> String {
        let Some(status) = &self.ownership_status else {
            return "FALSE".to_owned();
        };
        let approved = format!("{} = '{CLAIMED_STATUS}'", status.quoted());
        match &self.owner_id {
            Some(owner) => format!("{approved} AND {} IS NOT NULL", owner.quoted()),
            None => approved,
        }
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
            Field::OwnershipStatus => self.ownership_status.as_ref(),
            Field::OwnerId => self.owner_id.as_ref(),
            Field::Text(field) => self.text(field),
        }
    }

    /// Every field that the table is said to have, with its column.
    pub fn columns(&self) -> impl Iterator<Item = (Field, &ColumnName)> {
        Field::all().filter_map(|field| Some((field, self.column(field)?)))
    }

    /// What answers and requests call what stands in a column: a field, or an attribute.
    pub(super) fn member_in(&self, column: &str) -> Option<&str> {
        let is_it = |name: &ColumnName| name.as_str().eq_ignore_ascii_case(column);
        let mut columns = self.columns();
        let field = columns.find_map(|(field, name)| is_it(name).then(|| field.name()));
        field.or_else(|| {
            let mut attributes = self.attributes.iter();
            let attribute = attributes.find(|attribute| is_it(&attribute.column))?;
            Some(attribute.name.as_str())
        })
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

    /// The fields that its rows can be filtered by.
    #[must_use]
    pub fn fields(&self) -> &Arc<Fields> {
        &self.fields
    }

    /// The attributes, in their order.
    #[must_use]
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The same with attributes.
    ///
    /// # Errors
    /// When one has the name or the column of something else.
    pub fn with_attributes(mut self, attributes: Vec<Attribute>) -> Result<Self, CollectionError> {
        let mut columns: Vec<String> = self
            .columns()
            .map(|(_, column)| column.as_str().to_ascii_lowercase())
            .collect();
        let mut names: Vec<&str> = Vec::new();
        for attribute in &attributes {
            let name = attribute.name.as_str();
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            if Field::all().map(Field::name).any(is) || RESERVED_NAMES.iter().copied().any(is) {
                return Err(CollectionError::Reserved(name.to_owned()));
            }
            let column = attribute.column.as_str().to_ascii_lowercase();
            if names.iter().copied().any(is) || columns.contains(&column) {
                return Err(CollectionError::Twice(name.to_owned()));
            }
            names.push(name);
            columns.push(column);
        }
        self.fields = fields_of(&self.texts, &attributes, self.time_zone).into();
        self.attributes = attributes;
        Ok(self)
    }

    /// The same with rows that are all in one time zone.
    #[must_use]
    pub fn in_time_zone(mut self, time_zone: Option<Tz>) -> Self {
        self.time_zone = time_zone;
        self.fields = fields_of(&self.texts, &self.attributes, time_zone).into();
        self
    }

    /// The column of a text field, if the table has one.
    #[must_use]
    pub fn text(&self, field: TextField) -> Option<&ColumnName> {
        self.texts[field as usize].as_ref()
    }

    /// The SQL that reads a text; `None` where the table has no column for it.
    pub(super) fn read_text(&self, field: TextField) -> Option<String> {
        let column = self.text(field)?;
        let other = self.read_texts[field as usize].clone();
        Some(other.unwrap_or_else(|| column.quoted()))
    }
}

/// The text field that a built-in field is.
pub(super) fn text_of(field: FieldId) -> Option<TextField> {
    match field {
        FieldId::NAME => Some(TextField::Name),
        FieldId::COUNTRY => Some(TextField::Country),
        FieldId::REGION => Some(TextField::Region),
        FieldId::CITY => Some(TextField::City),
        _ => None,
    }
}

fn fields_of(
    texts: &[Option<ColumnName>; TextField::ALL.len()],
    attributes: &[Attribute],
    time_zone: Option<Tz>,
) -> Fields {
    let has = |field| text_of(field).is_some_and(|text| texts[text as usize].is_some());
    let attributes = attributes.iter();
    let attributes = attributes.map(|other| (other.name.as_str().to_owned(), other.kind));
    Fields::new(has, attributes).in_time_zone(time_zone)
}

/// The default collection, which commands are about unless told otherwise.
const CENTERS: &str = "centers";

const NAME: Field = Field::Text(TextField::Name);

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn what_a_table_lacks_is_left_out() {
        let has = ["description", "status"];
        let sites = Collection::dive_sites().keeping(|column| has.contains(&column.as_str()));
        assert!(!sites.is_located());
        let left: Vec<Field> = sites.columns().map(|(field, _)| field).collect();
        let description = Field::Text(TextField::Description);
        let required = [Field::Id, Field::Latitude, Field::Longitude];
        assert_eq!(
            left,
            [&required[..], &[Field::Status, description]].concat()
        );
    }
}
