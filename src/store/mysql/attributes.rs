//! The table of attributes in MySQL, and columns for them.

use async_trait::async_trait;
use sqlx::AssertSqlSafe;

use super::MySqlDatabase;
use crate::store::attributes::{AttributesTable, DELETE, INSERT, READ, column_type};
use crate::store::refusal::is_unseen_table;
use crate::store::{Attribute, Collection, ColumnName, StoreError};

/// DDL ends every transaction, so the column comes first and goes last: what is remembered is
/// always there.
#[async_trait]
impl AttributesTable for MySqlDatabase {
    async fn read_attributes(
        &self,
        collection: &str,
    ) -> Result<Option<Vec<(String, String)>>, StoreError> {
        let reading = sqlx::query_as(READ).bind(collection);
        match reading.fetch_all(&self.pool).await {
            Err(error) if is_unseen_table(&error) => Ok(None),
            rows => Ok(Some(rows?)),
        }
    }

    async fn add_attribute(
        &self,
        collection: &Collection,
        attribute: &Attribute,
        makes_column: bool,
    ) -> Result<(), StoreError> {
        if makes_column {
            let add_column = format!(
                "ALTER TABLE {} ADD COLUMN {} {} NULL",
                collection.table.quoted(),
                attribute.column.quoted(),
                column_type(attribute.kind)
            );
            sqlx::query(AssertSqlSafe(add_column))
                .execute(&self.pool)
                .await?;
        }
        sqlx::query(INSERT)
            .bind(collection.name.as_str())
            .bind(attribute.name.as_str())
            .bind(attribute.kind.name())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn remove_attribute(
        &self,
        collection: &Collection,
        name: &ColumnName,
        drops_column: bool,
    ) -> Result<bool, StoreError> {
        let removing = sqlx::query(DELETE)
            .bind(collection.name.as_str())
            .bind(name.as_str());
        let removed = removing.execute(&self.pool).await?.rows_affected() > 0;
        if removed && drops_column {
            let dropping = format!(
                "ALTER TABLE {} DROP COLUMN {}",
                collection.table.quoted(),
                name.quoted()
            );
            sqlx::query(AssertSqlSafe(dropping))
                .execute(&self.pool)
                .await?;
        }
        Ok(removed)
    }
}
