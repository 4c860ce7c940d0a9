//! Which columns a refusal is about, where MySQL's own words leave that out: for a key or a
//! CHECK over several columns, and for a text that a column's character set lacks.

use sqlx::{AssertSqlSafe, MySqlConnection};

use super::MySqlStore;
use super::schema::columns;
use crate::domain::{CenterDraft, FieldValue};
use crate::store::collection::Field;
use crate::store::error::Unfit;
use crate::store::refusal::Rule;
use crate::store::sql::identifier;
use crate::store::{ColumnName, StoreError};

impl MySqlStore {
    /// A refusal with the columns that it is about. `draft` is what was to be written.
    pub(super) async fn explained(
        &self,
        connection: &mut MySqlConnection,
        error: impl Into<StoreError>,
        draft: &CenterDraft,
    ) -> StoreError {
        match error.into() {
            StoreError::Unfit(mut unfit) => {
                if unfit.columns.is_empty() {
                    // A refusal that cannot be explained is still this refusal.
                    let found = self.columns_at_fault(connection, &unfit, draft).await;
                    unfit.columns = found.unwrap_or_default();
                }
                StoreError::Unfit(unfit)
            }
            error => error,
        }
    }

    async fn columns_at_fault(
        &self,
        connection: &mut MySqlConnection,
        unfit: &Unfit,
        draft: &CenterDraft,
    ) -> Result<Vec<String>, sqlx::Error> {
        match (&unfit.constraint, unfit.rule) {
            (Some(key), Rule::Unique) => self.columns_of_key(connection, key).await,
            (Some(check), Rule::Check) => self.columns_of_check(connection, check).await,
            (_, Rule::Value) => self.columns_that_lack(connection, draft).await,
            _ => Ok(Vec::new()),
        }
    }

    async fn columns_of_key(
        &self,
        connection: &mut MySqlConnection,
        key: &str,
    ) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT CAST(COLUMN_NAME AS CHAR) FROM information_schema.STATISTICS \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND INDEX_NAME = ? \
                 AND COLUMN_NAME IS NOT NULL ORDER BY SEQ_IN_INDEX",
        )
        .bind(self.collection.table.as_str())
        .bind(key)
        .fetch_all(connection)
        .await
    }

    async fn columns_of_check(
        &self,
        connection: &mut MySqlConnection,
        check: &str,
    ) -> Result<Vec<String>, sqlx::Error> {
        // The server keeps the clause with every column in backticks.
        sqlx::query_scalar(
            "SELECT CAST(c.COLUMN_NAME AS CHAR) FROM information_schema.COLUMNS c \
             JOIN information_schema.CHECK_CONSTRAINTS k \
                 ON k.CONSTRAINT_SCHEMA = c.TABLE_SCHEMA AND k.CONSTRAINT_NAME = ? \
             WHERE c.TABLE_SCHEMA = DATABASE() AND c.TABLE_NAME = ? \
                 AND LOCATE(CONCAT('`', REPLACE(c.COLUMN_NAME, '`', '``'), '`'), k.CHECK_CLAUSE) > 0 \
             ORDER BY c.ORDINAL_POSITION",
        )
        .bind(check)
        .bind(self.collection.table.as_str())
        .fetch_all(connection)
        .await
    }

    /// The columns whose character sets lack a character of their texts.
    async fn columns_that_lack(
        &self,
        connection: &mut MySqlConnection,
        draft: &CenterDraft,
    ) -> Result<Vec<String>, sqlx::Error> {
        let charsets = columns(&mut *connection, &self.collection).await?;
        let mut lacking = Vec::new();
        for (name, text) in self.texts_of(draft) {
            let column = charsets.iter().find(|column| column.name == name.as_str());
            let Some(charset) = column.and_then(|column| column.charset.as_deref()) else {
                continue;
            };
            // What a set lacks becomes a question mark; without the cast it would be refused again.
            let survives: bool = sqlx::query_scalar(AssertSqlSafe(format!(
                "SELECT CONVERT(CONVERT(CAST(? AS CHAR CHARACTER SET utf8mb4) USING {}) USING utf8mb4) \
                     COLLATE utf8mb4_0900_bin = ?",
                identifier(charset)
            )))
            .bind(text)
            .bind(text)
            .fetch_one(&mut *connection)
            .await?;
            if !survives {
                lacking.push(name.as_str().into());
            }
        }
        Ok(lacking)
    }

    /// What is to be written as a text, and where.
    fn texts_of<'a>(
        &'a self,
        draft: &'a CenterDraft,
    ) -> impl Iterator<Item = (&'a ColumnName, &'a str)> {
        let texts = self.statements.texts.iter().filter_map(|&field| {
            let column = self.collection.column(Field::Text(field))?;
            Some((column, draft.text().get(field)?))
        });
        let attributes = self.collection.attributes().iter().enumerate();
        texts.chain(
            attributes.filter_map(|(place, attribute)| match draft.attribute(place) {
                Some(FieldValue::Text(text)) => Some((&attribute.column, text.as_str())),
                _ => None,
            }),
        )
    }
}
