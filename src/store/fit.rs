//! Whether a table is what a collection says of it.

use std::collections::BTreeMap;

use super::{Collection, Database, Obstacle, StoreError, mysql, sqlite};
use crate::domain::FieldKind;

/// The columns that a table has, found by their names in any case, as both databases
/// find them, with the SQL that reads them.
#[derive(Debug, Clone, Default)]
pub struct TableColumns(BTreeMap<String, ColumnSql>);

/// What reads a column as a value of each kind, or NULL where it holds none; as
/// [`super::condition::FieldSql::read`] says them.
#[derive(Debug, Clone)]
pub(super) struct ColumnSql {
    /// `None` where its name alone reads a text.
    pub(super) text: Option<String>,
    pub(super) number: String,
    pub(super) boolean: String,
    pub(super) date: String,
}

impl TableColumns {
    /// Whether the table has a column.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(&name.to_ascii_lowercase())
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
        let table = collection.table.as_str();
        let columns: BTreeMap<_, _> = match self {
            Self::MySql(pool) => {
                let columns = mysql::schema::columns(pool, collection).await?;
                let described = columns.iter();
                described
                    .map(|column| (column.name.to_ascii_lowercase(), column.reading()))
                    .collect()
            }
            Self::Sqlite(pools) => {
                let columns = sqlite::columns(&pools.readers, table).await?;
                let described = columns.iter();
                described
                    .map(|column| (column.name.to_ascii_lowercase(), column.reading()))
                    .collect()
            }
        };
        Ok(TableColumns(columns))
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
        Ok(match self {
            Self::MySql(pool) => mysql::adopt::obstacles_to_serving(pool, collection).await?,
            Self::Sqlite(pools) => sqlite::obstacles(&pools.readers, collection).await?,
        })
    }
}
