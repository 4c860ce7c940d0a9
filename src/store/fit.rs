//! Whether a table is what a collection says of it.

use std::collections::BTreeMap;

use super::{Collection, Database, Obstacle, StoreError, mysql, sqlite};

/// The columns that a table has, found by their names in any case, as both databases
/// find them. Those that are no texts have the SQL that reads them as such.
#[derive(Debug, Clone, Default)]
pub struct TableColumns(BTreeMap<String, Option<String>>);

impl TableColumns {
    /// Whether the table has a column.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(&name.to_ascii_lowercase())
    }

    /// What reads a column as a text, where that is not its name alone.
    pub(super) fn as_text(&self, name: &str) -> Option<&String> {
        self.0.get(&name.to_ascii_lowercase())?.as_ref()
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
                    .map(|column| (column.name.to_ascii_lowercase(), column.as_text()))
                    .collect()
            }
            Self::Sqlite(pools) => {
                let columns = sqlite::columns(&pools.readers, table).await?;
                let described = columns.iter();
                described
                    .map(|column| (column.name.to_ascii_lowercase(), column.as_text()))
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
