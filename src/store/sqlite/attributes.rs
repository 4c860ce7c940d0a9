//! The table of attributes in an embedded file, and columns for them.

use async_trait::async_trait;

use super::SqliteDatabase;
use super::catalog::if_there;
use crate::store::attributes::{AttributesTable, DELETE, INSERT, READ, column_type};
use crate::store::{Attribute, Collection, ColumnName, StoreError};

#[async_trait]
impl AttributesTable for SqliteDatabase {
    async fn read_attributes(
        &self,
        collection: &str,
    ) -> Result<Option<Vec<(String, String)>>, StoreError> {
        let collection = collection.to_owned();
        let reading = self.read(move |connection| {
            let read = || {
                let mut reading = connection.prepare(READ)?;
                let rows =
                    reading.query_map([&collection], |row| Ok((row.get(0)?, row.get(1)?)))?;
                rows.collect::<rusqlite::Result<Vec<_>>>()
            };
            Ok(if_there(read())?)
        });
        reading.await
    }

    async fn add_attribute(
        &self,
        collection: &Collection,
        attribute: &Attribute,
        makes_column: bool,
    ) -> Result<(), StoreError> {
        let add_column = format!(
            "ALTER TABLE {} ADD COLUMN {} {}",
            collection.table.quoted(),
            attribute.column.quoted(),
            column_type(attribute.kind)
        );
        let row = (
            collection.name.as_str().to_owned(),
            attribute.name.as_str().to_owned(),
            attribute.kind.name(),
        );
        let adding = self.write(move |transaction| {
            if makes_column {
                transaction.execute_all(&add_column)?;
            }
            transaction.execute(INSERT, row)?;
            Ok::<_, StoreError>(())
        });
        adding.await
    }

    async fn remove_attribute(
        &self,
        collection: &Collection,
        name: &ColumnName,
        drops_column: bool,
    ) -> Result<bool, StoreError> {
        let dropping = format!(
            "ALTER TABLE {} DROP COLUMN {}",
            collection.table.quoted(),
            name.quoted()
        );
        let row = (
            collection.name.as_str().to_owned(),
            name.as_str().to_owned(),
        );
        let removing = self.write(move |transaction| {
            let removed = transaction.execute(DELETE, row)?;
            if drops_column && removed > 0 {
                transaction.execute_all(&dropping)?;
            }
            Ok::<_, StoreError>(removed > 0)
        });
        removing.await
    }
}
