//! Migrating a MySQL database, which sqlx does.

use async_trait::async_trait;
use sqlx::migrate::{Migrate as _, Migration, Migrator};
use sqlx::{Connection as _, MySqlConnection};

use super::{MySqlDatabase, catalog};
use crate::store::migrate::{LEDGER, LedgerLine, Migrates, Migrating};
use crate::store::{DatabaseFailure, MigrateError, SchemaState, StoreError};

pub(in crate::store) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/mysql");

const READ: &str =
    "SELECT version, description, success, checksum FROM _sqlx_migrations ORDER BY version";
const CLEAR: &str = "DELETE FROM _sqlx_migrations";

#[async_trait]
impl Migrates for MySqlDatabase {
    fn migrator(&self) -> &'static Migrator {
        &MIGRATIONS
    }

    fn migrates_itself(&self) -> bool {
        false
    }

    async fn ledger(&self) -> Result<Vec<LedgerLine>, StoreError> {
        if !catalog::table_exists(&self.pool, LEDGER).await? {
            return Ok(Vec::new());
        }
        let rows: Vec<(i64, String, bool, Vec<u8>)> =
            sqlx::query_as(READ).fetch_all(&self.pool).await?;
        let lines = rows
            .into_iter()
            .map(|(version, description, success, checksum)| LedgerLine {
                version,
                description,
                success,
                checksum,
            });
        Ok(lines.collect())
    }

    async fn rewrite_ledger(&self, applied: &[&'static Migration]) -> Result<(), MigrateError> {
        let mut connection = self.pool.acquire().await?;
        connection.ensure_migrations_table(LEDGER).await?;
        let mut all = connection.begin().await?;
        sqlx::query(CLEAR).execute(&mut *all).await?;
        for migration in applied {
            all.skip(LEDGER, migration).await?;
        }
        all.commit().await?;
        Ok(())
    }

    async fn begin_migrating(&self) -> Result<Box<dyn Migrating>, MigrateError> {
        let mut connection = self.pool.acquire().await?.detach();
        connection.lock().await?;
        Ok(Box::new(Locked(connection)))
    }
}

/// A connection of its own that holds sqlx's lock: other instances wait until it is
/// dropped, which also happens after errors.
struct Locked(MySqlConnection);

#[async_trait(?Send)]
impl Migrating for Locked {
    async fn up(&mut self, migrator: &Migrator, to: Option<i64>) -> Result<(), MigrateError> {
        match to {
            Some(version) => migrator.run_to(version, &mut self.0).await?,
            None => migrator.run(&mut self.0).await?,
        }
        Ok(())
    }

    async fn down(&mut self, migrator: &Migrator, target: i64) -> Result<(), MigrateError> {
        Ok(migrator.undo(&mut self.0, target).await?)
    }
}

impl From<sqlx::migrate::MigrateError> for MigrateError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        use sqlx::migrate::MigrateError as Sqlx;
        match error {
            Sqlx::ExecuteMigration(error, version) => Self::Failed {
                version,
                error: DatabaseFailure::MySql(error),
            },
            Sqlx::Execute(error) => error.into(),
            // Another instance came between our look and sqlx's.
            Sqlx::Dirty(version) => Self::State(SchemaState::Dirty { version }),
            Sqlx::VersionMismatch(version) => Self::State(SchemaState::Changed { version }),
            Sqlx::VersionMissing(version) => Self::State(SchemaState::Ahead { version }),
            other => sqlx::Error::from(other).into(),
        }
    }
}
