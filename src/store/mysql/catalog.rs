//! What the server says about its tables.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, MySqlPool};

use crate::store::Collection;
use crate::store::references::KeyColumn;
use crate::store::refusal::is_unseen_table;

/// Nothing where the table is missing, as it may be beside another application's, or may not
/// be read: whoever has rights on some tables only is told of a missing one that it may not.
pub(super) fn or_none<T>(rows: sqlx::Result<Vec<T>>) -> sqlx::Result<Vec<T>> {
    match rows {
        Err(error) if is_unseen_table(&error) => Ok(Vec::new()),
        rows => rows,
    }
}

/// The names in lower case of the tables and views in the database of the
/// session, as far as this user may see them.
pub(super) async fn tables(pool: &MySqlPool) -> sqlx::Result<BTreeSet<String>> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT LOWER(CAST(TABLE_NAME AS CHAR)) FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA = DATABASE()",
    )
    .fetch_all(pool)
    .await?;
    Ok(names.into_iter().collect())
}

/// Whether a table exists in the database of the session.
pub(super) async fn table_exists(pool: &MySqlPool, table: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?)",
    )
    .bind(table)
    .fetch_one(pool)
    .await
}

/// How many rows of a collection have an id beyond `after`; 0 where there is no
/// such table.
pub(super) async fn count_rows(
    pool: &MySqlPool,
    collection: &Collection,
    after: i64,
) -> sqlx::Result<u64> {
    if !table_exists(pool, collection.table.as_str()).await? {
        return Ok(0);
    }
    let sql = format!(
        "SELECT COUNT(*) FROM {} WHERE {} > ?",
        collection.table.quoted(),
        collection.id.quoted()
    );
    let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(after)
        .fetch_one(pool)
        .await?;
    Ok(count.unsigned_abs())
}

/// The foreign keys to a table, column by column.
pub(super) async fn foreign_keys(pool: &MySqlPool, table: &str) -> sqlx::Result<Vec<KeyColumn>> {
    sqlx::query_as(
        "SELECT CAST(NULLIF(k.TABLE_SCHEMA, DATABASE()) AS CHAR) AS `schema`, \
                CAST(k.TABLE_NAME AS CHAR) AS table_name, \
                CAST(k.CONSTRAINT_NAME AS CHAR) AS key_name, \
                CAST(k.COLUMN_NAME AS CHAR) AS column_name, \
                CAST(k.REFERENCED_COLUMN_NAME AS CHAR) AS referenced_column, \
                CAST(r.DELETE_RULE AS CHAR) AS rule \
         FROM information_schema.KEY_COLUMN_USAGE k \
         JOIN information_schema.REFERENTIAL_CONSTRAINTS r \
           ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME \
         WHERE k.REFERENCED_TABLE_SCHEMA = DATABASE() AND k.REFERENCED_TABLE_NAME = ? \
         ORDER BY k.TABLE_SCHEMA, k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION",
    )
    .bind(table)
    .fetch_all(pool)
    .await
}
