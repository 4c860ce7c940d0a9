//! The databases: the only place that knows sqlx, rusqlite, SQL, tables and columns.
//!
//! The folder of each database keeps one contract: the same functions with the same
//! meaning, run by one test suite on all.

mod access_keys;
mod apart;
pub(crate) mod asker;
mod attributes;
mod audit;
mod backfill;
pub(crate) mod client_read;
mod collection;
mod condition;
mod database;
mod dive_sites;
mod error;
pub mod feed;
mod guard;
mod idempotency;
mod ids;
mod journal;
mod migrate;
mod mysql;
mod organizations;
mod places;
mod plan;
mod ratings;
mod references;
mod refusal;
mod rows;
mod search;
mod settings;
mod sql;
mod sqlite;
mod statement;
mod survey;
mod tables;
mod verify;

pub use access_keys::{AccessKeyError, MAX_ACCESS_KEYS};
pub use apart::{Apart, FileLook, FileVersion};
pub use attributes::{AttributeError, MAX_ATTRIBUTES};
pub use audit::{Account, AuditEntry, AuditFilter, Audited, Work, WorkAction};
pub use backfill::{Backfill, BackfilledChunk};
pub use collection::{
    Attribute, Collection, CollectionError, CollectionName, CollectionNameError, ColumnName, Field,
    NameError, RESERVED_NAMES, SHOWN_STATUS,
};
pub use database::{
    Auditing, ConnectError, Connections, Database, DatabaseUrl, DatabaseUrlError, PoolSettings,
    SqliteSynchronous, Wait,
};
pub use dive_sites::SiteTables;
pub use error::{
    BatchError, DatabaseFailure, DeleteError, SentAgain, StoreError, Unfit, UpdateError,
};
pub use guard::{Guard, LayerTrigger};
pub use idempotency::{
    Digest, KeptAnswer, KeyedRequest, KnownKey, Made, REMOVED_AT_ONCE, Recording,
};
pub use journal::{ImportId, JOURNAL_KEPT_DAYS, Journal, JournalNote, Known};
pub use migrate::{MigrateError, Migrated, Migration, MigrationState, SchemaState};
pub use mysql::adopt::{
    ADOPTION_SQL_MODE, Action, AdoptError, Adoption, AdoptionSession, Carried, Facts, Indexing,
    Locking, Rebuilt, Rows, SpatialIndex, Statement, Step, TriggerState, Undoing, Way,
};
pub use organizations::{MembershipError, OrganizationError};
pub use references::Referring;
pub use refusal::Rule;
pub use rows::InstancesLock;
pub use search::{EachFound, EachPosition, InCells, Look, Searcher};
pub use sqlite::{LayerError, LayerPlace, LayerRow, LayerValue, LayerWriter, PointLayer};
pub use survey::{BackfillFrom, DriftDistances, Survey};
pub use tables::{Obstacle, TableColumns};
pub use verify::{
    Allowed, AllowedError, Finding, MAX_FIRST_IDS, SchemaFinding, Severity, Verification,
};

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::domain::{
    Center, CenterDraft, CenterEdit, CenterId, Filter, ListRow, Listed, Listing, Neighbour,
    OrganizationId, Part, Position, SettingKey, Summary, TextField,
};
use rows::RowStore;

/// So many rows at most are asked for at once, to find those that are inside a shape.
const MOST_LISTED_AT_ONCE: usize = 4_000;

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
pub struct Store {
    database: Database,
    collection: Arc<Collection>,
    rows: Arc<dyn RowStore>,
}

impl Store {
    /// Opens a collection of a database. The SQL of every statement is built
    /// here, once.
    #[must_use]
    pub fn new(database: &Database, collection: &Collection) -> Self {
        let collection = Arc::new(collection.clone());
        Self {
            database: database.clone(),
            rows: database.backend().open(&collection),
            collection,
        }
    }

    /// The collection that was opened.
    #[must_use]
    pub fn collection(&self) -> &Collection {
        &self.collection
    }

    /// The database that holds the collection.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// What searches the collection by SQL; `None` where the database cannot.
    #[must_use]
    pub fn searcher(&self) -> Option<Arc<dyn Searcher>> {
        self.rows.searcher()
    }

    fn rows(&self) -> &dyn RowStore {
        &*self.rows
    }

    /// Inserts a center.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn create(&self, draft: &CenterDraft) -> Result<Center, StoreError> {
        let created = self.rows.create(draft).await;
        created.map_err(|error| error.told_of(&self.collection))
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
        let created = self.rows.create_apart(draft, apart).await;
        created.map_err(|error| error.told_of(&self.collection))
    }

    /// Reads one center.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read(&self, id: CenterId) -> Result<Option<Center>, StoreError> {
        self.rows.read(id).await
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
        let replaced = self.rows.replace(id, draft).await;
        replaced.map_err(|error| error.told_of(&self.collection))
    }

    /// Reads a center, edits it and writes it back; no other writer comes
    /// between. Coordinates that the edit does not name stay as they are.
    ///
    /// # Errors
    /// What `edit` refuses, or when the database does not answer.
    #[expect(clippy::missing_panics_doc, reason = "the error comes back as it went")]
    pub async fn update<E: Send + 'static>(
        &self,
        id: CenterId,
        edit: impl FnOnce(&Center) -> Result<CenterEdit, E> + Send + 'static,
    ) -> Result<Option<Center>, UpdateError<E>> {
        let edit = |center: &Center| edit(center).map_err(|error| Box::new(error) as rows::Refused);
        let updated = self.rows.update(id, Box::new(edit)).await;
        updated.map_err(|error| match error {
            UpdateError::Edit(error) => {
                UpdateError::Edit(*error.downcast().expect("it is what the edit gave"))
            }
            UpdateError::Store(error) => UpdateError::Store(error.told_of(&self.collection)),
        })
    }

    /// Deletes a center, and with it which organizations it works by and how it was
    /// rated; `false` where there is none.
    ///
    /// # Errors
    /// When another application's rows refer to it and keep it, or the database does
    /// not answer; nothing is deleted then.
    pub async fn delete(&self, id: CenterId, referring: Referring) -> Result<bool, DeleteError> {
        self.delete_if(id, referring, |_| true).await
    }

    /// The same of a center that `holds` lets go; no other writer comes between.
    ///
    /// # Errors
    /// As [`Store::delete`], and when `holds` does not.
    pub async fn delete_if(
        &self,
        id: CenterId,
        referring: Referring,
        holds: impl Fn(&Center) -> bool + Send + Sync + 'static,
    ) -> Result<bool, DeleteError> {
        let references = self.database.references(&self.collection).await?;
        let deleting = self.rows.delete(id, references, referring, Box::new(holds));
        deleting.await
    }

    /// Creates and replaces centers in one transaction, in their order.
    ///
    /// # Errors
    /// When an id does not exist or the database does not answer.
    pub async fn write_batch(
        &self,
        items: impl Into<Vec<BatchItem>>,
    ) -> Result<Vec<Center>, BatchError> {
        let written = self.rows.write_batch(items.into()).await;
        written.map_err(|error| error.told_of(&self.collection))
    }

    /// Inserts centers without an id or with a new one, and writes those whose
    /// id is there, in one transaction. Location is written only where the
    /// coordinates changed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn upsert(&self, items: impl Into<Vec<BatchItem>>) -> Result<Upserted, StoreError> {
        self.rows.upsert(items.into()).await
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
        self.rows.upsert_taken(items, others, note).await
    }

    /// Those of some centers that a filter keeps, in any order.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read_kept(
        &self,
        ids: &[CenterId],
        filter: &Filter,
    ) -> Result<Vec<Center>, StoreError> {
        if filter.is_empty() {
            return self.read_many(ids).await;
        }
        let organizations = self.organizations_of(filter).await?;
        if filter.names_nobody(&organizations) {
            return Ok(Vec::new());
        }
        let mut kept = match self.rows.read_kept(ids, filter, &organizations).await {
            Err(error) if filter.least_rating().is_some() && self.lacks_ratings(&error).await => {
                return Ok(Vec::new());
            }
            kept => kept?,
        };
        // What no database can tell.
        if filter.condition.needs_rows() {
            kept.retain(|center| center.fulfils(&filter.condition));
        }
        Ok(kept)
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
        let organizations = self.organizations_of(filter).await?;
        if filter.names_nobody(&organizations) {
            return Ok(Vec::new());
        }
        let needs_rows = filter.condition.needs_rows();
        let (mut after, mut rows) = (after, count);
        let mut found = Vec::new();
        loop {
            let centers = match self.rows.list(filter, &organizations, after, rows).await {
                Err(error)
                    if filter.least_rating().is_some() && self.lacks_ratings(&error).await =>
                {
                    return Ok(Vec::new());
                }
                centers => centers?,
            };
            if let (Some(after), Some(last)) = (after, centers.last()) {
                ids::reached(&self.collection, after.get(), last.id.get())?;
            }
            if !needs_rows {
                return Ok(centers);
            }
            // The database gave those that may be inside a shape.
            let is_last = centers.len() < rows;
            after = centers.last().map(|center| center.id);
            let inside = centers.into_iter();
            found.extend(inside.filter(|center| center.fulfils(&filter.condition)));
            if is_last || found.len() >= count {
                found.truncate(count);
                return Ok(found);
            }
            rows = (rows * 2).min(MOST_LISTED_AT_ONCE);
        }
    }

    /// How many centers a filter keeps, with a position or without; `None` where it asks for a
    /// shape, as every row would have to be read.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_filtered(&self, filter: &Filter) -> Result<Option<u64>, StoreError> {
        if filter.condition.needs_rows() {
            return Ok(None);
        }
        let organizations = self.organizations_of(filter).await?;
        if filter.names_nobody(&organizations) {
            return Ok(Some(0));
        }
        match self.rows.count_filtered(filter, &organizations).await {
            Err(error) if filter.least_rating().is_some() && self.lacks_ratings(&error).await => {
                Ok(Some(0))
            }
            count => count.map(Some),
        }
    }

    /// A part of a list, and how long the list is.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn listed(&self, listing: &Listing, part: Part) -> Result<Listed, StoreError> {
        match self.rows.listed(listing, part).await {
            Err(error) if listing.asks_for_ratings() && self.lacks_ratings(&error).await => {
                match listing.where_nobody_is_rated() {
                    Some(listing) => self.rows.listed(&listing, part).await,
                    None => Ok(Listed::default()),
                }
            }
            listed => listed,
        }
    }

    /// Whether what asked for ratings failed because there is no table of them, as there need
    /// not be in another application's database.
    async fn lacks_ratings(&self, error: &StoreError) -> bool {
        matches!(error, StoreError::Missing(_) | StoreError::Denied(_))
            && matches!(self.database().has_ratings().await, Ok(false))
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
        mut state: S,
        each: impl Fn(&mut S, &ListRow<'_>) + Send + Sync,
    ) -> Result<S, StoreError> {
        let mut each = |row: &ListRow<'_>| {
            if listing.takes(row) {
                each(&mut state, row);
            }
        };
        match self.rows.each_listed(listing, texts, &mut each).await {
            // Nothing was passed on before that.
            Err(error) if listing.asks_for_ratings() && self.lacks_ratings(&error).await => {
                if let Some(listing) = listing.where_nobody_is_rated() {
                    self.rows.each_listed(&listing, texts, &mut each).await?;
                }
            }
            passed => passed?,
        }
        Ok(state)
    }

    /// How many centers a list holds.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_listed(&self, listing: &Listing) -> Result<u64, StoreError> {
        match self.rows.count_listed(listing).await {
            Err(error) if listing.asks_for_ratings() && self.lacks_ratings(&error).await => {
                match listing.where_nobody_is_rated() {
                    Some(listing) => self.rows.count_listed(&listing).await,
                    None => Ok(0),
                }
            }
            counted => counted,
        }
    }

    /// The centers with these ids, in their order; those that are gone are left
    /// out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read_many(&self, ids: &[CenterId]) -> Result<Vec<Center>, StoreError> {
        self.rows.read_many(ids).await
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
        let state = Folded::new(state);
        let folded = state.clone();
        let each = Box::new(move |summary: Summary<'_>| each(&mut folded.0.lock(), summary));
        self.rows.each_summary(each).await?;
        Ok(state.into_inner())
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
        let state = Folded::new(state);
        let folded = state.clone();
        let each = Box::new(
            move |id: CenterId, name: &str, position: Option<Position>| {
                each(&mut folded.0.lock(), id, name, position);
            },
        );
        self.rows.each_name(each).await?;
        Ok(state.into_inner())
    }

    /// How far [`Self::load_once`] came: no row with an id up to this one is loaded
    /// again. 0 on MySQL, which takes no note.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn loaded_up_to(&self, note: &SettingKey) -> Result<i64, StoreError> {
        self.rows.loaded_up_to(note).await
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
        self.rows.load_once(note, items).await
    }

    /// Takes over points that other programs drew or moved in an embedded file: their
    /// coordinates follow. Gives how many rows. On MySQL triggers see to it.
    ///
    /// # Errors
    /// When the database does not answer; what was taken over stays.
    pub async fn take_over_moved(&self) -> Result<u64, StoreError> {
        self.rows.take_over_moved().await
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
    ) -> Result<Option<InstancesLock>, StoreError> {
        self.rows.lock_instances_out(longest).await
    }

    /// Asks for a sign of life of the table.
    ///
    /// # Errors
    /// When the database does not answer, or the table, or a column that every search
    /// reads, is not there to be read.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let searched = self.collection.columns().filter(|(field, _)| {
            matches!(
                field,
                Field::Id
                    | Field::Latitude
                    | Field::Longitude
                    | Field::Location
                    | Field::Text(
                        TextField::Name | TextField::Country | TextField::Region | TextField::City
                    )
            )
        });
        let mut columns: Vec<String> = searched.map(|(_, column)| column.quoted()).collect();
        columns.extend(self.collection.attributes().iter().map(Attribute::read));
        self.rows.probe(&columns).await
    }

    /// How many rows there are, with a position or without.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count(&self) -> Result<u64, StoreError> {
        self.rows.count().await
    }

    /// The organizations that a filter names; asks only where it names any.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn organizations_of(
        &self,
        filter: &Filter,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        self.database.organizations_of(filter).await
    }
}

/// What rows are folded into, on whichever thread they are read.
struct Folded<S>(Arc<Mutex<S>>);

impl<S> Folded<S> {
    fn new(state: S) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    fn into_inner(self) -> S {
        let state = Arc::into_inner(self.0);
        state.expect("whoever reads is through").into_inner()
    }
}
