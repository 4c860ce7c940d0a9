//! Schemas: which migrations there are, which are applied, up, down and stamped.
//!
//! The files in `migrations/` are part of the binary. They are append-only: one
//! that was ever released is never edited, as its checksum is kept in the
//! databases it was applied to.

mod adopted;
mod error;
mod ledger;
mod state;

use sqlx::migrate::{Migrate, Migrator};
use sqlx::{Connection, Executor, MySqlConnection};

use adopted::Adopted;
pub use error::MigrateError;
pub use state::{Migration, MigrationState, SchemaState};

use super::{Collection, Database, Guard, Store, StoreError, mysql, sqlite};

static MYSQL: Migrator = sqlx::migrate!("migrations/mysql");
static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");

/// What bringing a schema up did.
#[derive(Debug)]
pub struct Migrated {
    /// The versions applied by it, oldest first.
    pub applied: Vec<i64>,
    /// How each table of ours is guarded against other writers; those that guard
    /// themselves are left out.
    pub guards: Vec<(String, Guard)>,
}

impl Database {
    /// Every migration that this binary or the database knows, oldest first.
    /// Changes nothing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn migrations(&self) -> Result<Vec<Migration>, StoreError> {
        let (migrations, _) = self.migrations_and_adopted().await?;
        Ok(migrations)
    }

    async fn migrations_and_adopted(&self) -> Result<(Vec<Migration>, Adopted), StoreError> {
        let migrator = self.migrator();
        // In this order, as `Adopted::of` asks.
        let tables = match self {
            Self::MySql(pool) => mysql::tables(pool).await?,
            Self::Sqlite(pools) => sqlite::tables(&pools.readers).await?,
        };
        let ledger = self.ledger().await?;
        let adopted = match self {
            // A file without a ledger is none of ours yet, and made one as a whole.
            Self::Sqlite(_) if ledger.is_empty() => Adopted::default(),
            _ => Adopted::of(migrator, &ledger, &tables),
        };
        Ok((state::compare(migrator, &ledger, &adopted), adopted))
    }

    /// Whether the table of a collection was made by another application, which
    /// is to be adopted rather than migrated.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_adopted(&self, collection: &Collection) -> Result<bool, StoreError> {
        let (_, adopted) = self.migrations_and_adopted().await?;
        Ok(adopted.tables.contains(collection.table.as_str()))
    }

    /// Whether a migration of nearby made the table of a collection.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_own(&self, collection: &Collection) -> Result<bool, StoreError> {
        let own = adopted::own_tables(self.migrator(), &self.ledger().await?);
        Ok(own.contains(&collection.table.as_str().to_lowercase()))
    }

    /// Where the schema stands: where no migration was ever applied and tables of another
    /// application are adopted, nothing of nearby's own has to be there. Changes nothing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn schema_state(&self) -> Result<SchemaState, StoreError> {
        let (migrations, adopted) = self.migrations_and_adopted().await?;
        match (self, SchemaState::of(&migrations, &adopted)) {
            (Self::MySql(pool), SchemaState::Behind { pending })
                if self.ledger().await?.is_empty()
                    && (!adopted.tables.is_empty()
                        || mysql::adopt::is_any_adopted(pool).await?) =>
            {
                Ok(SchemaState::Beside { pending })
            }
            (_, state) => Ok(state),
        }
    }

    /// The same for who works with centers.
    async fn schema_state_for_centers(&self) -> Result<SchemaState, StoreError> {
        let (migrations, adopted) = self.migrations_and_adopted().await?;
        Ok(SchemaState::of(&migrations, &adopted))
    }

    /// The same for who works on one collection only.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn schema_state_for(
        &self,
        collection: &Collection,
    ) -> Result<SchemaState, StoreError> {
        match (self, self.schema_state_for_centers().await?) {
            (Self::MySql(pool), SchemaState::Behind { pending })
                if mysql::table_exists(pool, collection.table.as_str()).await?
                    && !self.is_own(collection).await? =>
            {
                Ok(SchemaState::Beside { pending })
            }
            (_, state) => Ok(state),
        }
    }

    /// Applies every pending migration up to a version, or all, and guards the
    /// built-in collections against other writers where the database allows it.
    /// Tables of other applications are left alone.
    /// Instances that do this at once wait for each other.
    ///
    /// # Errors
    /// When there is no such version, the schema is in no state to go on from,
    /// or a migration fails.
    pub async fn migrate_up(&self, to: Option<i64>) -> Result<Migrated, MigrateError> {
        if let Some(version) = to {
            self.check_version(version)?;
        }
        // Before the first look: what another instance has under way looks dirty.
        let mut alone = self.lock_others_out().await?;
        let (before, adopted) = self.sound_versions().await?;
        if let Some(torn) = adopted.torn {
            return Err(torn.into());
        }
        let migrator = &adopted.spared_by(self.migrator());
        if let Some(connection) = &mut alone {
            match to {
                Some(version) => migrator.run_to(version, connection).await?,
                None => migrator.run(connection).await?,
            }
        }
        if let Self::Sqlite(pools) = self {
            // The lock that sqlx does not take on SQLite, and all or nothing.
            let mut writer = pools.writer.acquire().await?;
            let mut all = writer.begin_with("BEGIN IMMEDIATE").await?;
            ledger::make_in_geopackage(&mut all).await?;
            match to {
                Some(version) => migrator.run_to(version, &mut *all).await?,
                None => migrator.run(&mut *all).await?,
            }
            all.commit().await?;
            // GDAL reads the application id from the file's first page itself, and
            // would not find it while it is only in the log.
            writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").await?;
        }
        let (mut applied, adopted) = self.sound_versions().await?;
        applied.retain(|version| !before.contains(version));
        let guards = self.guard_all_but(&adopted).await?;
        drop(alone);
        Ok(Migrated { applied, guards })
    }

    async fn guard_all_but(&self, adopted: &Adopted) -> Result<Vec<(String, Guard)>, StoreError> {
        let mut guards = Vec::new();
        for collection in Collection::built_in() {
            let table = collection.table.as_str();
            if adopted.tables.contains(table) {
                continue;
            }
            if let Some(guard) = self.guard(&collection).await? {
                guards.push((table.to_owned(), guard));
            }
        }
        Ok(guards)
    }

    /// Undoes the last migrations, newest first, with all data that they made
    /// room for. Gives the versions undone. Tables of other applications stay.
    ///
    /// # Errors
    /// When the schema is in no state to go on from or a migration fails.
    pub async fn migrate_down(&self, count: usize) -> Result<Vec<i64>, MigrateError> {
        let mut alone = self.lock_others_out().await?;
        let (before, adopted) = self.sound_versions().await?;
        let kept = &before[..before.len().saturating_sub(count)];
        let target = kept.last().copied().unwrap_or(0);
        let migrator = &adopted.spared_by(self.migrator());
        if let Some(connection) = &mut alone {
            migrator.undo(connection, target).await?;
        }
        if let Self::Sqlite(pools) = self {
            let mut writer = pools.writer.acquire().await?;
            let mut all = writer.begin_with("BEGIN IMMEDIATE").await?;
            migrator.undo(&mut *all, target).await?;
            all.commit().await?;
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
    /// database migrates itself; MySQL only where `migrate` says so. Points that
    /// other programs drew or moved in an embedded database are taken over.
    ///
    /// # Errors
    /// When the schema is another one, with the command that mends it.
    pub async fn ensure_schema(&self, migrate: bool) -> Result<Option<Migrated>, MigrateError> {
        let migrated = self.ensure_migrated(migrate).await?;
        if matches!(self, Self::Sqlite(_)) {
            // What was drawn on a map while nobody served the file.
            for collection in Collection::built_in() {
                Store::new(self, &collection).take_over_moved().await?;
            }
        }
        Ok(migrated)
    }

    /// The same for who works on one collection only.
    ///
    /// # Errors
    /// When the schema is another one, with the command that mends it.
    pub async fn ensure_schema_for(
        &self,
        collection: &Collection,
    ) -> Result<Option<Migrated>, MigrateError> {
        let is_centers = collection.table == Collection::diving_centers().table;
        let state = self.schema_state_for(collection).await?;
        if !is_centers && matches!(state, SchemaState::Beside { .. }) {
            return Ok(None);
        }
        self.ensure_schema(false).await
    }

    async fn ensure_migrated(&self, migrate: bool) -> Result<Option<Migrated>, MigrateError> {
        let state = self.schema_state_for_centers().await?;
        match (self, &state) {
            (_, SchemaState::UpToDate) => self.check_adopted().await.map(|()| None),
            (Self::MySql(_), SchemaState::Beside { .. }) if !migrate => {
                self.check_adopted().await.map(|()| None)
            }
            (Self::MySql(_), SchemaState::Behind { .. }) if !migrate => {
                Err(MigrateError::State(state))
            }
            (_, SchemaState::Behind { .. } | SchemaState::Beside { .. }) => {
                self.migrate_up(None).await.map(Some)
            }
            // Or another instance is at it: going up waits for it, then looks again.
            (Self::MySql(_), SchemaState::Dirty { .. }) if migrate => {
                self.migrate_up(None).await.map(Some)
            }
            _ => Err(MigrateError::State(state)),
        }
    }

    /// Whether searches can be answered from tables of other applications.
    async fn check_adopted(&self) -> Result<(), MigrateError> {
        let collection = Collection::diving_centers();
        if !self.is_adopted(&collection).await? {
            return Ok(());
        }
        // It may lack what is not needed, but no location: searches would miss its rows.
        let columns = self.columns(&collection).await?;
        let location = collection.location.clone();
        let fitted =
            collection.keeping(|column| *column == location || columns.has(column.as_str()));
        let found = self.inspect(&fitted).await?;
        match found.into_iter().find(|finding| finding.misleads) {
            Some(finding) => Err(MigrateError::NotAdopted { what: finding.text }),
            None => Ok(()),
        }
    }

    /// On MySQL, a connection of its own that holds sqlx's lock: other instances
    /// wait until it is dropped, which also happens after errors.
    async fn lock_others_out(&self) -> Result<Option<MySqlConnection>, MigrateError> {
        let Self::MySql(pool) = self else {
            return Ok(None);
        };
        let mut connection = pool.acquire().await?.detach();
        connection.lock().await?;
        Ok(Some(connection))
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
    async fn sound_versions(&self) -> Result<(Vec<i64>, Adopted), MigrateError> {
        let (migrations, adopted) = self.migrations_and_adopted().await?;
        let state = SchemaState::of(&migrations, &adopted);
        if !state.is_sound() && !matches!(state, SchemaState::Behind { .. }) {
            return Err(MigrateError::State(state));
        }
        let applied = migrations
            .iter()
            .filter(|migration| migration.state == MigrationState::Applied);
        Ok((
            applied.map(|migration| migration.version).collect(),
            adopted,
        ))
    }
}
