//! What the server says about a table that is to be adopted.

use sqlx::{AssertSqlSafe, FromRow, MySqlPool};

use super::rights::{Rights, rights};
use crate::store::Collection;
use crate::store::mysql::schema::{Column, Index, columns, indexes};
use crate::store::mysql::triggers::{Installed, elsewhere, installed};

/// Everything but the rows.
#[derive(Debug, Clone)]
pub(super) struct Gathered {
    pub table: Option<Table>,
    pub columns: Vec<Column>,
    pub indexes: Vec<Index>,
    pub triggers: Vec<Installed>,
    /// Triggers with the names of ours on other tables, each with its table.
    pub triggers_elsewhere: Vec<(String, String)>,
    pub rights: Rights,
    pub server: Server,
    /// What the database has, where the table is missing or a view: tables, or
    /// those under the view.
    pub others: Vec<String>,
}

#[derive(Debug, Clone, FromRow)]
pub(super) struct Table {
    pub is_view: bool,
    pub is_partitioned: bool,
    pub is_compressed: bool,
    /// About how many.
    pub rows: u64,
    pub engine: Option<String>,
}

#[derive(Debug, Clone, FromRow)]
pub(super) struct Server {
    pub version: String,
    pub user: String,
    pub name: String,
    pub binary_logging: bool,
    pub trusts_creators: bool,
}

impl Gathered {
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        // As MySQL compares the names of columns.
        let mut columns = self.columns.iter();
        columns.find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The index that makes rows distinct by this column alone.
    pub(super) fn unique_index(&self, column: &str) -> Option<&Index> {
        let of_several = |index: &Index| {
            let mut others = self.indexes.iter();
            others.any(|other| other.name == index.name && other.place > 1)
        };
        self.indexes.iter().find(|index| {
            index.is_unique
                && index.kind == "BTREE"
                && index.column_name.eq_ignore_ascii_case(column)
                && !of_several(index)
        })
    }

    /// The spatial index over a column, a visible one rather than another.
    pub(super) fn spatial_index(&self, column: &str) -> Option<&Index> {
        let all = || {
            let indexes = self.indexes.iter();
            indexes.filter(|index| index.is_spatial_on(column))
        };
        all().find(|index| index.visible).or_else(|| all().next())
    }

    /// Whether this user may make triggers on this server.
    pub(super) fn may_make_triggers(&self) -> bool {
        let Server {
            binary_logging,
            trusts_creators,
            ..
        } = self.server;
        let trusted = !binary_logging || trusts_creators || self.rights.has("SUPER");
        self.rights.has("TRIGGER") && trusted
    }
}

pub(super) async fn gather(pool: &MySqlPool, collection: &Collection) -> sqlx::Result<Gathered> {
    let server: Server = sqlx::query_as(
        "SELECT VERSION() AS version, CAST(CURRENT_USER() AS CHAR) AS user, \
                CAST(DATABASE() AS CHAR) AS name, @@log_bin = 1 AS binary_logging, \
                @@log_bin_trust_function_creators = 1 AS trusts_creators",
    )
    .fetch_one(pool)
    .await?;
    let name = collection.table.as_str();
    let table: Option<Table> = sqlx::query_as(
        "SELECT TABLE_TYPE LIKE '%VIEW' AS is_view, \
                COALESCE(CREATE_OPTIONS LIKE '%partitioned%', FALSE) AS is_partitioned, \
                COALESCE(ROW_FORMAT = 'Compressed', FALSE) AS is_compressed, \
                CAST(COALESCE(TABLE_ROWS, 0) AS UNSIGNED) AS `rows`, CAST(ENGINE AS CHAR) AS engine \
         FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
    )
    .bind(name)
    .fetch_optional(pool)
    .await?;
    let others = match &table {
        None => tables(pool).await?,
        Some(table) if table.is_view => tables_under(pool, name).await?,
        Some(_) => Vec::new(),
    };
    Ok(Gathered {
        table,
        columns: columns(pool, collection).await?,
        indexes: indexes(pool, collection).await?,
        triggers: installed(pool, collection).await?,
        triggers_elsewhere: elsewhere(pool, collection).await?,
        rights: rights(pool, &server.name, name).await?,
        server,
        others,
    })
}

async fn tables(pool: &MySqlPool) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "SELECT CAST(TABLE_NAME AS CHAR) FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' ORDER BY 1",
    )
    .fetch_all(pool)
    .await
}

async fn tables_under(pool: &MySqlPool, view: &str) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "SELECT DISTINCT CAST(TABLE_NAME AS CHAR) FROM information_schema.VIEW_TABLE_USAGE \
         WHERE VIEW_SCHEMA = DATABASE() AND VIEW_NAME = ? ORDER BY 1",
    )
    .bind(view)
    .fetch_all(pool)
    .await
}

/// What locations hold that a column of points in SRID 4326 could not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromRow)]
pub(super) struct Values {
    pub null: i64,
    /// Of them, those of rows with a position.
    pub null_placed: i64,
    pub not_points: i64,
    pub other_srid: i64,
}

/// Looks at every location; to be asked of spatial columns only.
pub(super) async fn values(
    pool: &MySqlPool,
    collection: &Collection,
    has_position: &str,
) -> sqlx::Result<Values> {
    let location = collection.location.quoted();
    let sum = |condition: &str| format!("CAST(COALESCE(SUM({condition}), 0) AS SIGNED)");
    let sql = format!(
        "SELECT {} AS `null`, {} AS null_placed, {} AS not_points, {} AS other_srid FROM {}",
        sum(&format!("{location} IS NULL")),
        sum(&format!("{location} IS NULL AND {has_position}")),
        sum(&format!("ST_GeometryType({location}) <> 'POINT'")),
        sum(&format!("ST_SRID({location}) <> 4326")),
        collection.table.quoted(),
    );
    sqlx::query_as(AssertSqlSafe(sql)).fetch_one(pool).await
}
