//! Foreign keys of a table and to it, which a table that takes its place must have.

use sqlx::{FromRow, MySqlPool};

use super::names::key_for_now;
use crate::store::mysql::adopt::Statement;
use crate::store::sql::identifier;

/// Asks the server to let others write, or to refuse.
pub(super) const BESIDE_WRITERS: &str = ", ALGORITHM=INPLACE, LOCK=NONE";

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ForeignKey {
    pub schema: String,
    pub table: String,
    pub name: String,
    columns: Vec<String>,
    to_schema: String,
    pub to_table: String,
    to_columns: Vec<String>,
    pub on_delete: String,
    pub on_update: String,
}

/// One of its columns, as the server describes it.
#[derive(Debug, FromRow)]
struct KeyColumn {
    schema: String,
    table: String,
    name: String,
    column: String,
    to_schema: String,
    to_table: String,
    to_column: String,
    on_delete: String,
    on_update: String,
}

/// The foreign keys that a table has.
pub(super) async fn of(pool: &MySqlPool, table: &str) -> sqlx::Result<Vec<ForeignKey>> {
    keys(
        pool,
        "k.TABLE_SCHEMA = DATABASE() AND k.TABLE_NAME = ? \
         AND k.REFERENCED_TABLE_NAME IS NOT NULL",
        table,
    )
    .await
}

/// The foreign keys that refer to a table, as far as this user may see their tables.
pub(super) async fn to(pool: &MySqlPool, table: &str) -> sqlx::Result<Vec<ForeignKey>> {
    keys(
        pool,
        "k.REFERENCED_TABLE_SCHEMA = DATABASE() AND k.REFERENCED_TABLE_NAME = ?",
        table,
    )
    .await
}

async fn keys(pool: &MySqlPool, which: &'static str, table: &str) -> sqlx::Result<Vec<ForeignKey>> {
    let sql = format!(
        "SELECT CAST(k.TABLE_SCHEMA AS CHAR) AS `schema`, CAST(k.TABLE_NAME AS CHAR) AS `table`, \
                CAST(k.CONSTRAINT_NAME AS CHAR) AS name, CAST(k.COLUMN_NAME AS CHAR) AS `column`, \
                CAST(k.REFERENCED_TABLE_SCHEMA AS CHAR) AS to_schema, \
                CAST(k.REFERENCED_TABLE_NAME AS CHAR) AS to_table, \
                CAST(k.REFERENCED_COLUMN_NAME AS CHAR) AS to_column, \
                CAST(r.DELETE_RULE AS CHAR) AS on_delete, CAST(r.UPDATE_RULE AS CHAR) AS on_update \
         FROM information_schema.KEY_COLUMN_USAGE k \
         JOIN information_schema.REFERENTIAL_CONSTRAINTS r \
           ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME \
         WHERE {which} \
         ORDER BY k.TABLE_SCHEMA, k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION"
    );
    let columns: Vec<KeyColumn> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(table)
        .fetch_all(pool)
        .await?;
    let of_one_key = |a: &KeyColumn, b: &KeyColumn| (&a.schema, &a.name) == (&b.schema, &b.name);
    Ok(columns.chunk_by(of_one_key).map(ForeignKey::of).collect())
}

impl ForeignKey {
    fn of(columns: &[KeyColumn]) -> Self {
        let first = &columns[0];
        Self {
            schema: first.schema.clone(),
            table: first.table.clone(),
            name: first.name.clone(),
            columns: columns.iter().map(|one| one.column.clone()).collect(),
            to_schema: first.to_schema.clone(),
            to_table: first.to_table.clone(),
            to_columns: columns.iter().map(|one| one.to_column.clone()).collect(),
            on_delete: first.on_delete.clone(),
            on_update: first.on_update.clone(),
        }
    }

    /// The table that has it, quoted.
    pub(super) fn child(&self) -> String {
        format!("{}.{}", identifier(&self.schema), identifier(&self.table))
    }

    /// The same foreign key under the name that it has for now.
    pub(super) fn for_now(&self) -> Self {
        self.named(key_for_now(&self.name))
    }

    pub(super) fn named(&self, name: String) -> Self {
        Self {
            name,
            ..self.clone()
        }
    }

    /// The same foreign key to another table of the same database.
    pub(super) fn referring_to(&self, table: &str) -> Self {
        Self {
            to_table: table.to_owned(),
            ..self.clone()
        }
    }

    /// The clause that makes it.
    pub(super) fn add(&self) -> String {
        format!(
            "ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {}.{} ({}) ON DELETE {} ON UPDATE {}",
            identifier(&self.name),
            list(&self.columns),
            identifier(&self.to_schema),
            identifier(&self.to_table),
            list(&self.to_columns),
            self.on_delete,
            self.on_update,
        )
    }

    /// Puts another one in its place, in one statement, so that its table is never without.
    /// The server wants both names to differ (error 1826).
    pub(super) fn replace_by(&self, other: &Self) -> String {
        format!(
            "ALTER TABLE {} DROP FOREIGN KEY {}, {}{BESIDE_WRITERS}",
            self.child(),
            identifier(&self.name),
            other.add()
        )
    }

    /// Whether a row of its table can change or go because one of another table does.
    pub(super) fn cascades(&self) -> bool {
        [&self.on_delete, &self.on_update]
            .iter()
            .any(|rule| !matches!(rule.as_str(), "NO ACTION" | "RESTRICT"))
    }
}

/// A column's place in an index of a table.
#[derive(Debug, FromRow)]
struct IndexColumn {
    index: String,
    column: Option<String>,
    /// Whether its definition says nothing but columns.
    is_plain: bool,
}

/// Makes indexes of one's own of those that the server made for a foreign key. Such an
/// index goes when its foreign key does, and is built anew under another name for the next,
/// while writers wait. This builds it as well, beside them, and no other index at all.
/// `table` is quoted: that of the key, or one made like it.
pub(super) async fn keep_index(
    pool: &MySqlPool,
    key: &ForeignKey,
    table: &str,
) -> sqlx::Result<Vec<Statement>> {
    let columns: Vec<IndexColumn> = sqlx::query_as(
        "SELECT CAST(INDEX_NAME AS CHAR) AS `index`, CAST(COLUMN_NAME AS CHAR) AS `column`, \
                NON_UNIQUE = 1 AND INDEX_TYPE = 'BTREE' AND SUB_PART IS NULL \
                  AND COALESCE(COLLATION, '') = 'A' AND IS_VISIBLE = 'YES' AND INDEX_COMMENT = '' \
                  AS is_plain \
         FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? \
         ORDER BY INDEX_NAME, SEQ_IN_INDEX",
    )
    .bind(&key.schema)
    .bind(&key.table)
    .fetch_all(pool)
    .await?;
    let indexes = columns.chunk_by(|a, b| a.index == b.index);
    let of_key = indexes.filter(|index| {
        let same = |(one, column): (&IndexColumn, &String)| {
            let name = one.column.as_deref().unwrap_or_default();
            one.is_plain && name.eq_ignore_ascii_case(column)
        };
        index.len() == key.columns.len() && index.iter().zip(&key.columns).all(same)
    });
    Ok(of_key
        .map(|index| {
            let name = identifier(&index[0].index);
            // Plain, so that it waits for the table no longer than for a second.
            Statement::plain(format!(
                "ALTER TABLE {table} DROP INDEX {name}, ADD INDEX {name} ({}){BESIDE_WRITERS}",
                list(&key.columns)
            ))
        })
        .collect())
}

fn list(columns: &[String]) -> String {
    let quoted: Vec<String> = columns.iter().map(|name| identifier(name)).collect();
    quoted.join(", ")
}
