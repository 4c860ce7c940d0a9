//! What a database says of its tables, and whether one is what a collection says of it.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::ids::BeyondIds;
use super::references::KeyColumn;
use super::{Collection, Database, SchemaFinding, StoreError};
use crate::domain::FieldKind;

/// What a database says of its tables.
#[async_trait]
pub(super) trait Tables {
    /// The names in lower case of the tables and views, as far as this user may see them.
    async fn tables(&self) -> Result<BTreeSet<String>, StoreError>;

    /// Whether a table exists.
    async fn table_exists(&self, table: &str) -> Result<bool, StoreError>;

    /// How many rows of a collection have an id beyond `after`; 0 where there is no
    /// such table.
    async fn count_rows(&self, collection: &Collection, after: i64) -> Result<u64, StoreError>;

    /// The columns that the table of a collection has.
    async fn columns(&self, collection: &Collection) -> Result<TableColumns, StoreError>;

    /// Why a collection cannot be served.
    async fn obstacles_to_serving(
        &self,
        collection: &Collection,
    ) -> Result<Vec<Obstacle>, StoreError>;

    /// What is wrong with the table of a collection.
    async fn inspect(&self, collection: &Collection) -> Result<Vec<SchemaFinding>, StoreError>;

    /// What is wrong with the triggers of a table with which every write fails.
    async fn failing_triggers(
        &self,
        _collection: &Collection,
    ) -> Result<Vec<SchemaFinding>, StoreError> {
        Ok(Vec::new())
    }

    /// The foreign keys to a table, column by column.
    async fn foreign_keys(&self, table: &str) -> Result<Vec<KeyColumn>, StoreError>;

    /// Counts and names the rows that no answer has for their ids; of those only that
    /// hold no location, where that is asked.
    async fn rows_beyond_ids(
        &self,
        collection: &Collection,
        only_without_location: bool,
    ) -> Result<BeyondIds, StoreError>;
}

/// Why a table cannot be served, or adopted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// What is in the way.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl Obstacle {
    pub(super) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

/// The columns that a table has, found by their names in any case, as databases
/// find them, with the SQL that reads them.
#[derive(Debug, Clone, Default)]
pub struct TableColumns(BTreeMap<String, ColumnSql>);

/// What reads a column as a value of each kind, or NULL where it holds none; as
/// [`super::condition::FieldSql::read`] says them.
#[derive(Debug, Clone)]
pub(super) struct ColumnSql {
    /// Whether the table computes what it holds.
    pub(super) is_computed: bool,
    /// The kind of all that it can hold, if it is one of ours.
    pub(super) holds: Option<FieldKind>,
    /// `None` where its name alone reads a text.
    pub(super) text: Option<String>,
    pub(super) number: String,
    pub(super) boolean: String,
    pub(super) date: String,
}

impl TableColumns {
    /// Of columns, each with its name and the SQL that reads it.
    pub(super) fn of(columns: impl Iterator<Item = (String, ColumnSql)>) -> Self {
        let named = columns.map(|(name, sql)| (name.to_ascii_lowercase(), sql));
        Self(named.collect())
    }

    /// Whether the table has a column.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(&name.to_ascii_lowercase())
    }

    /// Whether the table computes a column from others.
    pub(super) fn computes(&self, name: &str) -> bool {
        let column = self.0.get(&name.to_ascii_lowercase());
        column.is_some_and(|column| column.is_computed)
    }

    /// The kind of all that a column can hold, if it is one of ours.
    pub(super) fn holds(&self, name: &str) -> Option<FieldKind> {
        self.0.get(&name.to_ascii_lowercase())?.holds
    }

    /// What reads a column as a text, where that is not its name alone.
    pub(super) fn as_text(&self, name: &str) -> Option<&String> {
        self.0.get(&name.to_ascii_lowercase())?.text.as_ref()
    }

    /// What reads a column as values of a kind, where that is not its name alone.
    pub(super) fn reading(&self, name: &str, kind: FieldKind) -> Option<String> {
        let column = self.0.get(&name.to_ascii_lowercase())?;
        match kind {
            FieldKind::Text => column.text.clone(),
            FieldKind::Number => Some(column.number.clone()),
            FieldKind::Boolean => Some(column.boolean.clone()),
            FieldKind::Date => Some(column.date.clone()),
        }
    }

    /// The names of all columns, in lower case.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Database {
    /// The columns that the table of a collection has; none where there is no
    /// such table, or where this user may not see it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn columns(&self, collection: &Collection) -> Result<TableColumns, StoreError> {
        self.backend().columns(collection).await
    }

    /// Why a collection cannot be served: its table or a column is not there, is
    /// of another kind, or may not be read. Nothing where it can be.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn obstacles_to_serving(
        &self,
        collection: &Collection,
    ) -> Result<Vec<Obstacle>, StoreError> {
        self.backend().obstacles_to_serving(collection).await
    }

    /// What is wrong with the triggers of a table with which every write fails, its
    /// application's too.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn failing_triggers(
        &self,
        collection: &Collection,
    ) -> Result<Vec<SchemaFinding>, StoreError> {
        self.backend().failing_triggers(collection).await
    }

    /// What is wrong with the table of a collection: columns, their types,
    /// reference system, spatial index, triggers, metadata.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn inspect(&self, collection: &Collection) -> Result<Vec<SchemaFinding>, StoreError> {
        self.backend().inspect(collection).await
    }
}
