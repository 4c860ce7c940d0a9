//! Schemas: which migrations there are, which are applied, up, down and stamped.
//!
//! The files in `migrations/` are part of the binary. They are append-only: one
//! that was ever released is never edited, as its checksum is kept in the
//! databases it was applied to.

mod error;
mod ledger;
mod state;

use sqlx::migrate::Migrator;

pub use error::MigrateError;
pub use state::{Migration, MigrationState, SchemaState};

use super::{Collection, Database, Guard, StoreError};

static MYSQL: Migrator = sqlx::migrate!("migrations/mysql");
static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");

/// What bringing a schema up did.
#[derive(Debug)]
pub struct Migrated {
    /// The versions applied by it, oldest first.
    pub applied: Vec<i64>,
    /// Whether other writers are guarded against; `None` where there is no table
    /// to guard.
    pub guard: Option<Guard>,
}

impl Database {
    /// Every migration that this binary or the database knows, oldest first.
    /// Changes nothing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn migrations(&self) -> Result<Vec<Migration>, StoreError> {
        Ok(state::compare(self.migrator(), &self.ledger().await?))
    }

    /// Where the schema stands. Changes nothing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn schema_state(&self) -> Result<SchemaState, StoreError> {
        Ok(SchemaState::of(&self.migrations().await?))
    }

    /// Applies every pending migration up to a version, or all, and guards the
    /// built-in collection against other writers where the database allows it.
    /// Instances that do this at once wait for each other.
    ///
    /// # Errors
    /// When there is no such version, the schema is in no state to go on from,
    /// or a migration fails.
    pub async fn migrate_up(&self, to: Option<i64>) -> Result<Migrated, MigrateError> {
        if let Some(version) = to {
            self.check_version(version)?;
        }
        let before = self.sound_versions().await?;
        let migrator = self.migrator();
        match self {
            Self::MySql(pool) => {
                // A connection of its own, closed at the end: after an error sqlx
                // leaves it holding the lock that keeps others waiting.
                let mut connection = pool.acquire().await?.detach();
                match to {
                    Some(version) => migrator.run_to(version, &mut connection).await?,
                    None => migrator.run(&mut connection).await?,
                }
            }
            Self::Sqlite(pools) => {
                // The lock that sqlx does not take on SQLite, and all or nothing.
                let mut writer = pools.writer.acquire().await?;
                let mut all = sqlx::Connection::begin_with(&mut *writer, "BEGIN IMMEDIATE").await?;
                match to {
                    Some(version) => migrator.run_to(version, &mut *all).await?,
                    None => migrator.run(&mut *all).await?,
                }
                all.commit().await?;
            }
        }
        let mut applied = self.sound_versions().await?;
        applied.retain(|version| !before.contains(version));
        let guard = self.guard(&Collection::diving_centers()).await?;
        Ok(Migrated { applied, guard })
    }

    /// Undoes the last migrations, newest first, with all data that they made
    /// room for. Gives the versions undone.
    ///
    /// # Errors
    /// When the schema is in no state to go on from or a migration fails.
    pub async fn migrate_down(&self, count: usize) -> Result<Vec<i64>, MigrateError> {
        let before = self.sound_versions().await?;
        let kept = &before[..before.len().saturating_sub(count)];
        let target = kept.last().copied().unwrap_or(0);
        let migrator = self.migrator();
        match self {
            Self::MySql(pool) => {
                let mut connection = pool.acquire().await?.detach();
                migrator.undo(&mut connection, target).await?;
            }
            Self::Sqlite(pools) => {
                let mut writer = pools.writer.acquire().await?;
                let mut all = sqlx::Connection::begin_with(&mut *writer, "BEGIN IMMEDIATE").await?;
                migrator.undo(&mut *all, target).await?;
                all.commit().await?;
            }
        }
        Ok(before[kept.len()..].iter().rev().copied().collect())
    }

    /// Notes that exactly the migrations up to a version are applied, 0 for
    /// none, and runs nothing: for schemas that were made or mended by hand.
    ///
    /// # Errors
    /// When there is no such version or the database refuses.
    pub async fn stamp(&self, version: i64) -> Result<(), MigrateError> {
        if version != 0 {
            self.check_version(version)?;
        }
        self.rewrite_ledger(version).await
    }

    /// Makes sure that the schema is the one of this binary. The embedded
    /// database migrates itself; MySQL only where `migrate` says so.
    ///
    /// # Errors
    /// When the schema is another one, with the command that mends it.
    pub async fn ensure_schema(&self, migrate: bool) -> Result<Option<Migrated>, MigrateError> {
        let state = self.schema_state().await?;
        match (self, &state) {
            (_, SchemaState::UpToDate) => Ok(None),
            (Self::MySql(_), SchemaState::Behind { .. }) if !migrate => {
                Err(MigrateError::State(state))
            }
            (_, SchemaState::Behind { .. }) => self.migrate_up(None).await.map(Some),
            _ => Err(MigrateError::State(state)),
        }
    }

    fn migrator(&self) -> &'static Migrator {
        match self {
            Self::MySql(_) => &MYSQL,
            Self::Sqlite(_) => &SQLITE,
        }
    }

    fn check_version(&self, version: i64) -> Result<(), MigrateError> {
        if self.migrator().version_exists(version) {
            return Ok(());
        }
        let up = |migration: &&sqlx::migrate::Migration| migration.migration_type.is_up_migration();
        let known = self.migrator().iter().filter(up).map(|m| m.version);
        Err(MigrateError::UnknownVersion {
            version,
            known: known.collect(),
        })
    }

    /// The applied versions, oldest first, of a schema that can be gone on from.
    async fn sound_versions(&self) -> Result<Vec<i64>, MigrateError> {
        let migrations = self.migrations().await?;
        let state = SchemaState::of(&migrations);
        if !matches!(state, SchemaState::UpToDate | SchemaState::Behind { .. }) {
            return Err(MigrateError::State(state));
        }
        let applied = migrations
            .iter()
            .filter(|migration| migration.state == MigrationState::Applied);
        Ok(applied.map(|migration| migration.version).collect())
    }
}
