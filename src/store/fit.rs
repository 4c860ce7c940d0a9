//! Whether a table is what a collection says of it.

use std::collections::BTreeSet;

use super::{Collection, Database, Obstacle, StoreError, mysql, sqlite};

impl Database {
    /// The columns that the table of a collection has; none where there is no
    /// such table, or where this user may not see it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn columns(&self, collection: &Collection) -> Result<BTreeSet<String>, StoreError> {
        let table = collection.table.as_str();
        Ok(match self {
            Self::MySql(pool) => {
                let columns = mysql::schema::columns(pool, collection).await?;
                columns.into_iter().map(|column| column.name).collect()
            }
            Self::Sqlite(pools) => {
                let columns = sqlite::columns(&pools.readers, table).await?;
                columns.into_iter().map(|column| column.name).collect()
            }
        })
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
