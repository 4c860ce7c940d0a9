//! Migrating a MySQL database, which sqlx does.

use std::collections::BTreeSet;

use async_trait::async_trait;
use sqlx::migrate::{Migrate as _, Migration, Migrator};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection};

use super::{MySqlDatabase, catalog};
use crate::store::migrate::{
    Direction, LEDGER, LedgerLine, Migrates, Migrating, Step, Trace, Unfinished,
};
use crate::store::{DatabaseFailure, MigrateError, SchemaState, StoreError};

pub(in crate::store) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/mysql");

const READ: &str =
    "SELECT version, description, success, checksum FROM _sqlx_migrations ORDER BY version";
const CLEAR: &str = "DELETE FROM _sqlx_migrations";
const NOTE_AS_APPLIED: &str = "UPDATE _sqlx_migrations SET success = TRUE WHERE version = ?";
const NOTE_AS_UNDONE: &str = "DELETE FROM _sqlx_migrations WHERE version = ?";
const COLUMNS: &str = "SELECT CAST(LOWER(COLUMN_NAME) AS CHAR) FROM information_schema.COLUMNS \
                       WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?";

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

    async fn finish(&mut self, unfinished: &Unfinished) -> Result<bool, MigrateError> {
        let mut left = Vec::new();
        for Step { statement, trace } in &unfinished.steps {
            let is_left = match trace {
                Trace::Made { table, columns } => {
                    let there = self.columns(table).await?;
                    if !there.is_empty() && there != *columns {
                        return Ok(false);
                    }
                    there.is_empty()
                }
                Trace::Dropped { table } => !self.columns(table).await?.is_empty(),
                Trace::None => true,
            };
            if is_left {
                left.push(statement);
            }
        }
        for statement in left {
            let statement = AssertSqlSafe(statement.clone());
            self.0.execute(statement).await?;
        }
        let note = match unfinished.direction {
            Direction::Up => NOTE_AS_APPLIED,
            Direction::Down => NOTE_AS_UNDONE,
        };
        sqlx::query(note)
            .bind(unfinished.version)
            .execute(&mut self.0)
            .await?;
        Ok(true)
    }
}

impl Locked {
    /// The columns of a table, in small letters; none where it is not there.
    async fn columns(&mut self, table: &str) -> sqlx::Result<BTreeSet<String>> {
        let columns: Vec<String> = sqlx::query_scalar(COLUMNS)
            .bind(table)
            .fetch_all(&mut self.0)
            .await?;
        Ok(columns.into_iter().collect())
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
