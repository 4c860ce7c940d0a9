//! The databases: the only place that knows sqlx, rusqlite, SQL, tables and columns.
//!
//! Two stores keep one contract: the same functions with the same meaning, run
//! by one test suite on both.

mod adopt;
mod apart;
pub(crate) mod asker;
mod backfill;
mod collection;
mod condition;
mod database;
mod dive_sites;
mod error;
mod fit;
mod guard;
mod idempotency;
mod ids;
mod journal;
mod migrate;
mod mysql;
mod organizations;
mod plan;
mod ratings;
mod references;
mod refusal;
mod settings;
mod sql;
mod sqlite;
mod statement;
mod survey;
mod verify;

pub use adopt::{
    ADOPTION_SQL_MODE, Action, AdoptError, Adoption, AdoptionSession, Carried, Facts, Indexing,
    Locking, Obstacle, Rebuilt, Rows, SpatialIndex, Statement, Step, TriggerState, Undoing, Way,
};
pub use apart::{Apart, FileLook, FileVersion};
pub use backfill::{Backfill, BackfilledChunk};
pub use collection::{
    Attribute, Collection, CollectionError, CollectionName, CollectionNameError, ColumnName, Field,
    NameError, RESERVED_NAMES, SHOWN_STATUS,
};
pub use database::{
    ConnectError, Connections, Database, DatabaseUrl, DatabaseUrlError, PoolSettings, RetryingPool,
    SqlitePools, SqliteSynchronous, Wait,
};
pub use dive_sites::SiteTables;
pub use error::{
    BatchError, DatabaseFailure, DeleteError, SentAgain, StoreError, Unfit, UpdateError,
};
pub use fit::TableColumns;
pub use guard::{Guard, LayerTrigger};
pub use idempotency::{
    Digest, KeptAnswer, KeyedRequest, KnownKey, Made, REMOVED_AT_ONCE, Recording,
};
pub use journal::{ImportId, JOURNAL_KEPT_DAYS, Journal, JournalNote, Known};
pub use migrate::{MigrateError, Migrated, Migration, MigrationState, SchemaState};
pub use organizations::{MembershipError, OrganizationError};
pub use references::Referring;
pub use refusal::Rule;
pub use survey::{BackfillFrom, DriftDistances, Survey};
pub use verify::{
    Allowed, AllowedError, Finding, MAX_FIRST_IDS, SchemaFinding, Severity, Verification,
};

use std::time::Duration;

use crate::domain::{
    Center, CenterDraft, CenterEdit, CenterId, Filter, ListRow, Listed, Listing, Neighbour, Part,
    Position, SettingKey, Summary, TextField,
};
pub use mysql::{MySqlStore, Near};
pub use sqlite::{
    LayerError, LayerPlace, LayerRow, LayerValue, LayerWriter, PointLayer, SqliteStore,
};

/// One center to write: created without an id, replaced with one.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchItem {
    /// The center to replace; `None` creates one.
    pub id: Option<CenterId>,
    /// What to write.
    pub draft: CenterDraft,
}

/// What an import wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Upserted {
    /// Rows that were not there.
    pub inserted: u64,
    /// Rows that were there and differed.
    pub updated: u64,
    /// Rows that were there just so.
    pub unchanged: u64,
}

/// What to do with the others when rows of a batch are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// Write them.
    Write,
    /// Write none of the batch.
    Leave,
}

/// A row of a batch that the table does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedItem {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// Why, in the words of the database.
    pub reason: String,
}

/// A collection of centers in a database.
#[derive(Debug, Clone)]
pub enum Store {
    /// In MySQL.
    MySql(MySqlStore),
    /// In an embedded GeoPackage.
    Sqlite(SqliteStore),
}

/// Runs the same call on whichever store it is.
macro_rules! on_each {
    ($store:expr, $inner:ident => $call:expr) => {
        match $store {
            Store::MySql($inner) => $call,
            Store::Sqlite($inner) => $call,
        }
    };
}

impl Store {
    /// Opens a collection of a database. The SQL of every statement is built
    /// here, once.
    #[must_use]
    pub fn new(database: &Database, collection: &Collection) -> Self {
        match database {
            Database::MySql(pool) => Self::MySql(MySqlStore::new(pool.clone(), collection)),
            Database::Sqlite(pools) => Self::Sqlite(SqliteStore::new(pools.clone(), collection)),
        }
    }

    /// The collection that was opened.
    #[must_use]
    pub fn collection(&self) -> &Collection {
        on_each!(self, store => store.collection())
    }

    /// The database that holds the collection.
    #[must_use]
    pub fn database(&self) -> Database {
        on_each!(self, store => store.database())
    }

    /// Inserts a center.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn create(&self, draft: &CenterDraft) -> Result<Center, StoreError> {
        on_each!(self, store => store.create(draft).await)
    }

    /// Inserts a center unless others are in its way, which it gives then.
    ///
    /// On an embedded file that another process has written since the engine looked, it
    /// looks again, in the transaction that inserts.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn create_apart(
        &self,
        draft: &CenterDraft,
        apart: Apart,
    ) -> Result<Result<Center, Vec<Neighbour>>, StoreError> {
        match self {
            Self::MySql(_) if !apart.found.is_empty() => Ok(Err(apart.found)),
            Self::MySql(store) => Ok(Ok(store.create(draft).await?)),
            Self::Sqlite(store) => store.create_apart(draft, apart).await,
        }
    }

    /// Reads one center.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read(&self, id: CenterId) -> Result<Option<Center>, StoreError> {
        on_each!(self, store => store.read(id).await)
    }

    /// Replaces the fields of a center that a client may write.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn replace(
        &self,
        id: CenterId,
        draft: &CenterDraft,
    ) -> Result<Option<Center>, StoreError> {
        on_each!(self, store => store.replace(id, draft).await)
    }

    /// Reads a center, edits it and writes it back; no other writer comes
    /// between. Coordinates that the edit does not name stay as they are.
    ///
    /// # Errors
    /// What `edit` refuses, or when the database does not answer.
    pub async fn update<E: Send + 'static>(
        &self,
        id: CenterId,
        edit: impl FnOnce(&Center) -> Result<CenterEdit, E> + Send + 'static,
    ) -> Result<Option<Center>, UpdateError<E>> {
        on_each!(self, store => store.update(id, edit).await)
    }

    /// Deletes a center, and with it which organizations it works by and how it was
    /// rated; `false` where there is none.
    ///
    /// # Errors
    /// When another application's rows refer to it and keep it, or the database does
    /// not answer; nothing is deleted then.
    pub async fn delete(&self, id: CenterId, referring: Referring) -> Result<bool, DeleteError> {
        on_each!(self, store => store.delete(id, referring).await)
    }

    /// Creates and replaces centers in one transaction, in their order.
    ///
    /// # Errors
    /// When an id does not exist or the database does not answer.
    pub async fn write_batch(
        &self,
        items: impl Into<Vec<BatchItem>>,
    ) -> Result<Vec<Center>, BatchError> {
        let items = items.into();
        on_each!(self, store => store.write_batch(items).await)
    }

    /// Inserts centers without an id or with a new one, and writes those whose
    /// id is there, in one transaction. Location is written only where the
    /// coordinates changed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn upsert(&self, items: impl Into<Vec<BatchItem>>) -> Result<Upserted, StoreError> {
        let items = items.into();
        match self {
            Self::MySql(store) => store.upsert(&items).await,
            Self::Sqlite(store) => store.upsert(items).await,
        }
    }

    /// The same, and which rows the table does not take. Those are never written. What is
    /// to be noted of the import is noted in the same transaction.
    ///
    /// # Errors
    /// When another process imports the same file, or the database does not answer;
    /// nothing is written then.
    pub async fn upsert_taken(
        &self,
        items: Vec<BatchItem>,
        others: Others,
        note: Option<JournalNote>,
    ) -> Result<(Upserted, Vec<RefusedItem>), StoreError> {
        match self {
            Self::MySql(store) => store.upsert_taken(&items, others, note.as_ref()).await,
            Self::Sqlite(store) => store.upsert_taken(items, others, note).await,
        }
    }

    /// Up to `count` centers with ids beyond `after`, by id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list(
        &self,
        filter: &Filter,
        after: Option<CenterId>,
        count: usize,
    ) -> Result<Vec<Center>, StoreError> {
        let centers = on_each!(self, store => store.list(filter, after, count).await)?;
        if let (Some(after), Some(last)) = (after, centers.last()) {
            ids::reached(self.collection(), after.get(), last.id.get())?;
        }
        Ok(centers)
    }

    /// A part of a list, and how long the list is.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn listed(&self, listing: &Listing, part: Part) -> Result<Listed, StoreError> {
        match self {
            Self::MySql(store) if !listing.is_told_here() => store.listed(listing, part).await,
            _ => {
                let keyed = self.fold_list(listing, &[], Vec::new(), |keyed, row| {
                    keyed.push((listing.key(row), row.id));
                });
                Ok(part.of(keyed.await?, listing.descending))
            }
        }
    }

    /// Passes every center of a list, in any order, to `each`, which adds it to
    /// `state`, and gives that back. These texts are read beside those that the list
    /// asks for.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn fold_list<S: Send>(
        &self,
        listing: &Listing,
        texts: &[TextField],
        state: S,
        each: impl Fn(&mut S, &ListRow<'_>) + Send + Sync,
    ) -> Result<S, StoreError> {
        let each = |state: &mut S, row: &ListRow<'_>| {
            if listing.takes(row) {
                each(state, row);
            }
        };
        on_each!(self, store => store.fold_list(listing, texts, state, each).await)
    }

    /// How many centers a list holds.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_listed(&self, listing: &Listing) -> Result<u64, StoreError> {
        match self {
            Self::MySql(store) if !listing.is_told_here() => store.count_listed(listing).await,
            _ => {
                self.fold_list(listing, &[], 0, |count, _| *count += 1)
                    .await
            }
        }
    }

    /// The centers with these ids, in their order; those that are gone are left
    /// out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read_many(&self, ids: &[CenterId]) -> Result<Vec<Center>, StoreError> {
        on_each!(self, store => store.read_these(ids).await)
    }

    /// Passes every center that has a position to `each`, which adds it to
    /// `state`, and gives that back.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn fold_summaries<S: Send + 'static>(
        &self,
        state: S,
        each: impl Fn(&mut S, Summary<'_>) + Send + 'static,
    ) -> Result<S, StoreError> {
        on_each!(self, store => store.fold_summaries(state, each).await)
    }

    /// Passes id, name and position of every center to `each`, which adds them to
    /// `state`, and gives that back.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn fold_names<S: Send + 'static>(
        &self,
        state: S,
        each: impl Fn(&mut S, CenterId, &str, Option<Position>) + Send + 'static,
    ) -> Result<S, StoreError> {
        on_each!(self, store => store.fold_names(state, each).await)
    }

    /// How far [`Self::load_once`] came: no row with an id up to this one is loaded
    /// again. 0 on MySQL, which takes no note.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn loaded_up_to(&self, note: &SettingKey) -> Result<i64, StoreError> {
        match self {
            Self::MySql(_) => Ok(0),
            Self::Sqlite(store) => store.loaded_up_to(note).await,
        }
    }

    /// Inserts rows that have ids in rising order, once: those that were loaded before,
    /// and those whose id somebody else has, stay as they are now. How far it came is
    /// noted in an embedded database, under that name and with the rows; MySQL takes no
    /// note, and rows are written as by [`Self::upsert`].
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn load_once(
        &self,
        note: &SettingKey,
        items: Vec<BatchItem>,
    ) -> Result<Upserted, StoreError> {
        match self {
            Self::MySql(store) => store.upsert(&items).await,
            Self::Sqlite(store) => store.load_once(note, items).await,
        }
    }

    /// Takes over points that other programs drew or moved in an embedded file: their
    /// coordinates follow. Gives how many rows. On MySQL triggers see to it.
    ///
    /// # Errors
    /// When the database does not answer; what was taken over stays.
    pub async fn take_over_moved(&self) -> Result<u64, StoreError> {
        match self {
            Self::MySql(_) => Ok(0),
            Self::Sqlite(store) => store.take_over_moved().await,
        }
    }

    /// Keeps other instances from what they also take this lock for, until what is given
    /// is dropped. Nothing is given for an embedded file: there
    /// [`Self::create_apart`] looks and writes in one transaction.
    ///
    /// # Errors
    /// When others hold it for as long as `longest`, or the database does not answer.
    pub async fn lock_instances_out(
        &self,
        longest: Duration,
    ) -> Result<impl Sized + Send + use<>, StoreError> {
        match self {
            Self::MySql(store) => Ok(Some(store.lock_instances_out(longest).await?)),
            Self::Sqlite(_) => Ok(None),
        }
    }

    /// Asks for a sign of life of the table.
    ///
    /// # Errors
    /// When the database does not answer, or the table, or a column that every search
    /// reads, is not there to be read.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let collection = self.collection();
        let searched = collection.columns().filter(|(field, _)| {
            matches!(
                field,
                Field::Id
                    | Field::Latitude
                    | Field::Longitude
                    | Field::Location
                    | Field::Text(TextField::Name)
            )
        });
        let columns: Vec<String> = searched.map(|(_, column)| column.quoted()).collect();
        let sql = format!(
            "SELECT {} FROM {} LIMIT 1",
            columns.join(", "),
            collection.table.quoted()
        );
        let sql = sqlx::AssertSqlSafe(sql);
        match self.database() {
            Database::MySql(pool) => drop(sqlx::query(sql).fetch_optional(&pool).await?),
            Database::Sqlite(pools) => {
                drop(sqlx::query(sql).fetch_optional(&pools.readers).await?);
            }
        }
        Ok(())
    }

    /// How many rows there are, with a position or without.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count(&self) -> Result<u64, StoreError> {
        on_each!(self, store => store.count().await)
    }
}
