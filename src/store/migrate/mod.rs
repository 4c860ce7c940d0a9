//! Schemas: which migrations there are, which are applied, up, down and stamped.
//!
//! Each database keeps a ledger of what was applied to it: a table whose name and columns
//! are sqlx's. The files in `migrations/` are part of the binary. They are append-only: one
//! that was ever released is never edited, as its checksum is kept in the
//! databases it was applied to.

mod adopted;
mod error;
mod state;
mod unfinished;

use async_trait::async_trait;
use sqlx::migrate::{Migration as Script, Migrator};

use adopted::Adopted;
pub use error::MigrateError;
pub(super) use state::LedgerLine;
pub use state::{Migration, MigrationState, SchemaState};
pub(super) use unfinished::{Direction, Step, Trace, Unfinished};

use super::{Collection, Database, Guard, Store, StoreError};

/// The table that is the ledger.
pub(super) const LEDGER: &str = "_sqlx_migrations";

/// A database with a schema of nearby's.
#[async_trait]
pub(super) trait Migrates {
    /// The migrations of this kind of database.
    fn migrator(&self) -> &'static Migrator;

    /// Whether the database belongs to nearby, which keeps its schema by itself. Others
    /// hold tables of another application, and are migrated when that is asked for.
    fn migrates_itself(&self) -> bool;

    /// What was applied; nothing where there is no ledger yet. Does not make it: whoever
    /// only looks may have no right to.
    async fn ledger(&self) -> Result<Vec<LedgerLine>, StoreError>;

    /// Notes that exactly these are applied, in a ledger that is made where it is missing.
    async fn rewrite_ledger(&self, applied: &[&'static Script]) -> Result<(), MigrateError>;

    /// Waits for other instances that migrate, as far as the database can: then they wait
    /// until what is given is dropped.
    async fn begin_migrating(&self) -> Result<Box<dyn Migrating>, MigrateError>;
}

/// The right to migrate.
#[async_trait(?Send)]
pub(super) trait Migrating: Send {
    /// Applies what is pending, up to a version or all.
    async fn up(&mut self, migrator: &Migrator, to: Option<i64>) -> Result<(), MigrateError>;

    /// Undoes what is applied beyond a version.
    async fn down(&mut self, migrator: &Migrator, target: i64) -> Result<(), MigrateError>;

    /// Goes on with a migration that stopped midway, to its end. Does nothing, and says so,
    /// where a table is another than the migration makes.
    async fn finish(&mut self, unfinished: &Unfinished) -> Result<bool, MigrateError>;
}

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
        let tables = self.backend().tables().await?;
        let ledger = self.backend().ledger().await?;
        let adopted = if self.backend().migrates_itself() && ledger.is_empty() {
            // A file without a ledger is none of ours yet, and made one as a whole.
            Adopted::default()
        } else {
            Adopted::of(migrator, &ledger, &tables)
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
        let own = adopted::own_tables(self.migrator(), &self.backend().ledger().await?);
        Ok(own.contains(&collection.table.as_str().to_lowercase()))
    }

    /// Where the schema stands: where no migration was ever applied and tables of another
    /// application are adopted, nothing of nearby's own has to be there. Changes nothing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn schema_state(&self) -> Result<SchemaState, StoreError> {
        let (migrations, adopted) = self.migrations_and_adopted().await?;
        match SchemaState::of(&migrations, &adopted) {
            SchemaState::Behind { pending }
                if !self.backend().migrates_itself()
                    && self.backend().ledger().await?.is_empty()
                    && (!adopted.tables.is_empty() || self.backend().is_any_adopted().await?) =>
            {
                Ok(SchemaState::Beside { pending })
            }
            state => Ok(state),
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
        let table = collection.table.as_str();
        match self.schema_state_for_centers().await? {
            SchemaState::Behind { pending }
                if !self.backend().migrates_itself()
                    && self.backend().table_exists(table).await?
                    && !self.is_own(collection).await? =>
            {
                Ok(SchemaState::Beside { pending })
            }
            state => Ok(state),
        }
    }

    /// Applies every pending migration up to a version, or all, and guards the
    /// built-in collections against other writers where the database allows it.
    /// Tables of other applications are left alone. One that was killed is finished first.
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
        let mut migrating = self.backend().begin_migrating().await?;
        let finished = self.finish(migrating.as_mut(), Direction::Up).await?;
        let (mut before, adopted) = self.sound_versions().await?;
        before.retain(|version| finished != Some(*version));
        if let Some(torn) = adopted.torn {
            return Err(torn.into());
        }
        let migrator = adopted.spared_by(self.migrator());
        migrating.up(&migrator, to).await?;
        let (mut applied, adopted) = self.sound_versions().await?;
        applied.retain(|version| !before.contains(version));
        let guards = self.guard_all_but(&adopted).await?;
        drop(migrating);
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
    /// room for. Gives the versions undone. Tables of other applications stay. One that was
    /// killed, on its way up or down, is the first to be undone.
    ///
    /// # Errors
    /// When the schema is in no state to go on from or a migration fails.
    pub async fn migrate_down(&self, count: usize) -> Result<Vec<i64>, MigrateError> {
        let mut migrating = self.backend().begin_migrating().await?;
        let mut undone = Vec::new();
        if count > 0 {
            undone.extend(self.finish(migrating.as_mut(), Direction::Down).await?);
        }
        let (before, adopted) = self.sound_versions().await?;
        let kept = &before[..before.len().saturating_sub(count - undone.len())];
        let target = kept.last().copied().unwrap_or(0);
        let migrator = adopted.spared_by(self.migrator());
        migrating.down(&migrator, target).await?;
        undone.extend(before[kept.len()..].iter().rev());
        Ok(undone)
    }

    /// Finishes a migration that stopped midway, where what is left of it can be told; its
    /// version.
    async fn finish(
        &self,
        migrating: &mut dyn Migrating,
        direction: Direction,
    ) -> Result<Option<i64>, MigrateError> {
        let ledger = self.backend().ledger().await?;
        let Some(dirty) = ledger.iter().find(|line| !line.success) else {
            return Ok(None);
        };
        let mut scripts = self.scripts_up();
        let script = scripts.find(|script| script.version == dirty.version);
        if script.is_none_or(|script| *script.checksum != dirty.checksum[..]) {
            return Ok(None);
        }
        let (_, adopted) = self.migrations_and_adopted().await?;
        let migrator = adopted.spared_by(self.migrator());
        let Some(unfinished) = Unfinished::of(&migrator, dirty.version, direction) else {
            return Ok(None);
        };
        let is_finished = migrating.finish(&unfinished).await?;
        Ok(is_finished.then_some(dirty.version))
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
        let up_to: Vec<_> = self
            .scripts_up()
            .filter(|script| script.version <= version)
            .collect();
        self.backend().rewrite_ledger(&up_to).await
    }

    /// Makes sure that the schema is the one of this binary. The embedded
    /// database migrates itself; MySQL only where `migrate` says so. Points that
    /// other programs drew or moved in an embedded database are taken over.
    ///
    /// # Errors
    /// When the schema is another one, with the command that mends it.
    pub async fn ensure_schema(&self, migrate: bool) -> Result<Option<Migrated>, MigrateError> {
        let migrated = self.ensure_migrated(migrate).await?;
        // What was drawn on a map while nobody served the file.
        for collection in Collection::built_in() {
            Store::new(self, &collection).take_over_moved().await?;
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

    /// Whether [`Self::ensure_schema_for`] would find the schema of this binary, or make it.
    ///
    /// # Errors
    /// When it would do neither.
    pub async fn check_schema_for(&self, collection: &Collection) -> Result<(), MigrateError> {
        if !self.backend().migrates_itself() {
            return self.ensure_schema_for(collection).await.map(drop);
        }
        match self.schema_state_for(collection).await? {
            SchemaState::UpToDate | SchemaState::Behind { .. } | SchemaState::Beside { .. } => {
                Ok(())
            }
            state => Err(MigrateError::State(state)),
        }
    }

    async fn ensure_migrated(&self, migrate: bool) -> Result<Option<Migrated>, MigrateError> {
        let state = self.schema_state_for_centers().await?;
        let itself = self.backend().migrates_itself();
        match &state {
            SchemaState::UpToDate => self.check_adopted().await.map(|()| None),
            SchemaState::Beside { .. } if !migrate && !itself => {
                self.check_adopted().await.map(|()| None)
            }
            SchemaState::Behind { .. } | SchemaState::Beside { .. } if migrate || itself => {
                self.migrate_up(None).await.map(Some)
            }
            // Or another instance is at it: going up waits for it, then looks again.
            SchemaState::Dirty { .. } if migrate && !itself => {
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

    fn migrator(&self) -> &'static Migrator {
        self.backend().migrator()
    }

    /// The scripts that apply migrations, oldest first.
    fn scripts_up(&self) -> impl Iterator<Item = &'static Script> + use<> {
        let all = self.migrator().iter();
        all.filter(|script| script.migration_type.is_up_migration())
    }

    fn check_version(&self, version: i64) -> Result<(), MigrateError> {
        if self.migrator().version_exists(version) {
            return Ok(());
        }
        Err(MigrateError::UnknownVersion {
            version,
            known: self.scripts_up().map(|script| script.version).collect(),
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
