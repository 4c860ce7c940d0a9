//! Attributes that the database itself remembers: columns of the tables that nearby makes.

use async_trait::async_trait;
use thiserror::Error;

use super::{Attribute, Collection, CollectionError, CollectionName, ColumnName};
use super::{Database, StoreError};
use crate::domain::FieldKind;

/// The table that remembers them.
pub(super) const TABLE: &str = "nearby_attributes";
/// The most attributes that a collection may be given so.
pub const MAX_ATTRIBUTES: usize = 100;

pub(super) const READ: &str =
    "SELECT name, kind FROM nearby_attributes WHERE collection = ? ORDER BY place";
pub(super) const INSERT: &str =
    "INSERT INTO nearby_attributes (collection, name, kind) VALUES (?, ?, ?)";
pub(super) const DELETE: &str = "DELETE FROM nearby_attributes WHERE collection = ? AND name = ?";

/// The type of a column that holds values of a kind: MySQL and a `GeoPackage` (OGC 12-128r19,
/// table 1) call it alike.
pub(super) fn column_type(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text => "TEXT",
        FieldKind::Number => "DOUBLE",
        FieldKind::Boolean => "BOOLEAN",
        FieldKind::Date => "DATE",
    }
}

/// The table of attributes, and the columns that they are in.
#[async_trait]
pub(super) trait AttributesTable {
    /// Names and kinds of a collection's, in the order in which they were added; `None` where
    /// there is no table for them that this user may see.
    async fn read_attributes(
        &self,
        collection: &str,
    ) -> Result<Option<Vec<(String, String)>>, StoreError>;

    /// Makes a column, unless it is there, and remembers what it holds.
    async fn add_attribute(
        &self,
        collection: &Collection,
        attribute: &Attribute,
        makes_column: bool,
    ) -> Result<(), StoreError>;

    /// Forgets an attribute and, where that is asked for, drops its column; says whether it was
    /// known.
    async fn remove_attribute(
        &self,
        collection: &Collection,
        name: &ColumnName,
        drops_column: bool,
    ) -> Result<bool, StoreError>;
}

fn plural(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text => "texts",
        FieldKind::Number => "numbers",
        FieldKind::Boolean => "booleans",
        FieldKind::Date => "days",
    }
}

/// An attribute cannot be added or removed.
#[derive(Debug, Error)]
pub enum AttributeError {
    /// The table is not one that nearby made.
    #[error(
        "{table} is another application's table: declare its columns in a file of collections \
         (--collections), under [collections.{collection}.attributes]"
    )]
    NotOurs {
        /// The collection.
        collection: CollectionName,
        /// Its table.
        table: String,
    },
    /// There is an attribute of the name, of another kind.
    #[error("{name} is an attribute of {collection} already, and holds a {is}, not a {asked}")]
    OtherKind {
        /// The name.
        name: String,
        /// The collection.
        collection: CollectionName,
        /// What it holds.
        is: &'static str,
        /// What it was to hold.
        asked: &'static str,
    },
    /// The table has a column of the name, for something else.
    #[error(
        "{table} has a column {name} already, which holds {}: declare an attribute of that kind, call \
         the new one otherwise, or drop the column",
        .holds.map_or("what is no attribute", plural)
    )]
    OtherColumn {
        /// The name.
        name: String,
        /// The table.
        table: String,
        /// What the column holds; `None` where that is of no kind.
        holds: Option<FieldKind>,
    },
    /// There are as many as there may be.
    #[error("{0} may have {MAX_ATTRIBUTES} attributes: remove some first")]
    TooMany(CollectionName),
    /// The name is not free.
    #[error(transparent)]
    Name(#[from] CollectionError),
    /// The database has no table for them.
    #[error(
        "this database has no table {TABLE}, or none that nearby may see: `nearby migrate up` makes it"
    )]
    NoTable,
    /// The database does not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Database {
    /// The attributes that the database remembers of a collection, in the order in which they
    /// were added. Rows that are none of nearby's making are left out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn attributes_of(
        &self,
        collection: &CollectionName,
    ) -> Result<Vec<Attribute>, StoreError> {
        let rows = self.backend().read_attributes(collection.as_str()).await?;
        let known = rows.into_iter().flatten().filter_map(|(name, kind)| {
            let name = ColumnName::new(&name).ok()?;
            let kind = FieldKind::of_name(&kind)?;
            Some(Attribute::new(name.clone(), kind, name))
        });
        Ok(known.collect())
    }

    /// Makes columns for attributes, and remembers them; gives those that were not known
    /// before. A column that is there already is taken as it is.
    ///
    /// # Errors
    /// When the table is not nearby's own, a name is not free, or an attribute is of another
    /// kind: then nothing is made. When the database does not do it.
    pub async fn add_attributes(
        &self,
        collection: &Collection,
        attributes: &[(ColumnName, FieldKind)],
    ) -> Result<Vec<Attribute>, AttributeError> {
        self.refuse_others_table(collection).await?;
        let mut known = self.attributes_of(&collection.name).await?;
        let mut new = Vec::new();
        for (name, kind) in attributes {
            let is_it = |other: &&Attribute| {
                let other = other.name.as_str();
                other.eq_ignore_ascii_case(name.as_str())
            };
            match known.iter().find(is_it) {
                None => {
                    let attribute = Attribute::new(name.clone(), *kind, name.clone());
                    known.push(attribute.clone());
                    new.push(attribute);
                }
                Some(other) if other.kind == *kind => {}
                Some(other) => {
                    return Err(AttributeError::OtherKind {
                        name: other.name.as_str().to_owned(),
                        collection: collection.name.clone(),
                        is: other.kind.name(),
                        asked: kind.name(),
                    });
                }
            }
        }
        if known.len() > MAX_ATTRIBUTES {
            return Err(AttributeError::TooMany(collection.name.clone()));
        }
        collection.clone().with_attributes(known)?;
        let columns = self.columns(collection).await?;
        let mut others = new.iter().filter(|attribute| {
            let column = attribute.column.as_str();
            columns.has(column) && columns.holds(column) != Some(attribute.kind)
        });
        if let Some(attribute) = others.next() {
            return Err(AttributeError::OtherColumn {
                name: attribute.name.as_str().to_owned(),
                table: collection.table.as_str().to_owned(),
                holds: columns.holds(attribute.column.as_str()),
            });
        }
        for attribute in &new {
            self.add_attribute(collection, attribute).await?;
        }
        Ok(new)
    }

    /// Whoever else adds the same at the same time is no error.
    async fn add_attribute(
        &self,
        collection: &Collection,
        attribute: &Attribute,
    ) -> Result<(), StoreError> {
        let mut tries = 0..2;
        loop {
            let column = attribute.column.as_str();
            let makes_column = !self.columns(collection).await?.has(column);
            let backend = self.backend();
            let adding = backend.add_attribute(collection, attribute, makes_column);
            let Err(error) = adding.await else {
                return Ok(());
            };
            let known = self.attributes_of(&collection.name).await?;
            if known.iter().any(|other| other == attribute) {
                return Ok(());
            }
            if tries.next().is_none() {
                return Err(error);
            }
        }
    }

    /// Forgets an attribute. Its column stays, with what it holds, unless it is to be dropped.
    /// Says whether it was known.
    ///
    /// # Errors
    /// When the table is not nearby's own, or the database does not do it.
    pub async fn remove_attribute(
        &self,
        collection: &Collection,
        name: &ColumnName,
        drops_column: bool,
    ) -> Result<bool, AttributeError> {
        self.refuse_others_table(collection).await?;
        let known = self.attributes_of(&collection.name).await?;
        if !known.iter().any(|attribute| attribute.name == *name) {
            return Ok(false);
        }
        let backend = self.backend();
        Ok(backend
            .remove_attribute(collection, name, drops_column)
            .await?)
    }

    async fn refuse_others_table(&self, collection: &Collection) -> Result<(), AttributeError> {
        if !collection.is_ours() || self.is_adopted(collection).await? {
            return Err(AttributeError::NotOurs {
                collection: collection.name.clone(),
                table: collection.table.as_str().to_owned(),
            });
        }
        let rows = self.backend().read_attributes(collection.name.as_str());
        rows.await?.map(drop).ok_or(AttributeError::NoTable)
    }
}
