//! The table in which a database keeps what was applied to it. Its name and
//! columns are sqlx's.

use sqlx::migrate::{Migrate, Migration};
use sqlx::{Connection, Executor, FromRow, Row, SqliteConnection};

use super::super::{Database, StoreError, mysql, sqlite};
use super::MigrateError;
use super::state::LedgerLine;

const TABLE: &str = "_sqlx_migrations";
const READ: &str =
    "SELECT version, description, success, checksum FROM _sqlx_migrations ORDER BY version";
/// As sqlx would make it, in types that a GeoPackage may have: GDAL and QGIS list
/// every table of the file and complain of others.
const MAKE_IN_GEOPACKAGE: &str = "\
    CREATE TABLE IF NOT EXISTS _sqlx_migrations ( \
        version INTEGER NOT NULL PRIMARY KEY, \
        description TEXT NOT NULL, \
        installed_on DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')), \
        success BOOLEAN NOT NULL, \
        checksum BLOB NOT NULL, \
        execution_time INTEGER NOT NULL \
    )";
const CLEAR: &str = "DELETE FROM _sqlx_migrations";
impl<'r, R: Row> FromRow<'r, R> for LedgerLine
where
    &'static str: sqlx::ColumnIndex<R>,
    i64: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
    String: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
    bool: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
    Vec<u8>: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        Ok(Self {
            version: row.try_get("version")?,
            description: row.try_get("description")?,
            success: row.try_get("success")?,
            checksum: row.try_get("checksum")?,
        })
    }
}

impl Database {
    /// What was applied; nothing where the table does not exist yet. Does not
    /// make it: whoever only looks may have no right to.
    pub(super) async fn ledger(&self) -> Result<Vec<LedgerLine>, StoreError> {
        Ok(match self {
            Self::MySql(pool) => {
                if mysql::table_exists(pool, TABLE).await? {
                    sqlx::query_as(READ).fetch_all(pool).await?
                } else {
                    Vec::new()
                }
            }
            Self::Sqlite(pools) => {
                if sqlite::table_exists(&pools.readers, TABLE).await? {
                    sqlx::query_as(READ).fetch_all(&pools.readers).await?
                } else {
                    Vec::new()
                }
            }
        })
    }

    /// Notes that exactly the migrations up to a version are applied.
    pub(super) async fn rewrite_ledger(&self, version: i64) -> Result<(), MigrateError> {
        let known = self.migrator().iter();
        let noted = known.filter(|m| m.migration_type.is_up_migration() && m.version <= version);
        match self {
            Self::MySql(pool) => {
                let mut connection = pool.acquire().await?;
                connection.ensure_migrations_table(TABLE).await?;
                let mut all = connection.begin().await?;
                sqlx::query(CLEAR).execute(&mut *all).await?;
                note(&mut *all, noted).await?;
                all.commit().await?;
            }
            Self::Sqlite(pools) => {
                let mut connection = pools.writer.acquire().await?;
                let mut all = connection.begin_with("BEGIN IMMEDIATE").await?;
                make_in_geopackage(&mut all).await?;
                sqlx::query(CLEAR).execute(&mut *all).await?;
                note(&mut *all, noted).await?;
                all.commit().await?;
            }
        }
        Ok(())
    }
}

/// Makes the table where it is missing, before sqlx does.
pub(super) async fn make_in_geopackage(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    connection.execute(MAKE_IN_GEOPACKAGE).await.map(drop)
}

async fn note(
    connection: &mut impl Migrate,
    migrations: impl Iterator<Item = &Migration>,
) -> Result<(), MigrateError> {
    for migration in migrations {
        connection.skip(TABLE, migration).await?;
    }
    Ok(())
}
