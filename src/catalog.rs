//! A store and its engine, kept together by every write.
//!
//! A write is told to the engine after its commit and before its request is
//! answered, so whoever wrote a center finds it.

mod duplicates;
mod load_progress;
mod mirror;
mod organizations;
mod rating_switch;
mod staleness;
mod sweep;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::domain::{
    Center, CenterDraft, CenterEdit, CenterId, FieldId, Filter, FoundName, Listed, Listing,
    NameQuery, Part, Rating, RatingVisibility, Search, Setting, SettingKey, Tally, reviews_switch,
};
use crate::engine::memory::{BuiltIndex, Change, Intake, Loading};
use crate::engine::names::Names;
use crate::engine::sql::SqlEngine;
use crate::engine::{Answer, Engine, MAX_NAMES_FILTERED, SearchError};
use crate::store::asker::still_there;
use crate::store::feed::{ChangeFeed, Keys};
use crate::store::{
    BatchError, BatchItem, Collection, Database, DeleteError, FileVersion, Referring, Store,
    StoreError, UpdateError,
};

pub use duplicates::CreateError;
use load_progress::LoadProgress;
use mirror::{Mirroring, written};
use rating_switch::RatingSwitch;
use staleness::Staleness;
pub use staleness::{Freshness, WhenStale};
pub use sweep::{Sweep, Swept};

/// How long a write waits for those before it, or for a load of the index.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What the HTTP resources work on.
#[derive(Debug)]
pub struct Catalog {
    store: Store,
    engine: Arc<Engine>,
    /// Held from a write's statement until the index in memory has followed, so that it
    /// sees commits in their order. Readers never take it, nor do writes that no index
    /// follows, or one that a feed keeps.
    write_order: Mutex<()>,
    /// What keeps the index in memory of a database that others write as well.
    feed: Option<Arc<dyn ChangeFeed>>,
    mirroring: Mirroring,
    staleness: Staleness,
    /// The version of the embedded file that the index in memory holds, by what is known
    /// of other processes.
    loaded_version: parking_lot::Mutex<Option<FileVersion>>,
    /// Held from a look at the neighbours until the center among them is written.
    apart_order: Mutex<()>,
    rating_switch: RatingSwitch,
    names: Names,
    /// Held while names are loaded, so that nobody loads them twice.
    names_order: Mutex<()>,
}

impl Catalog {
    /// Joins a store and the engine over it.
    #[must_use]
    pub fn new(store: Store, engine: Arc<Engine>) -> Self {
        Self {
            feed: store.database().feed(),
            mirroring: Mirroring::default(),
            staleness: Staleness::default(),
            store,
            engine,
            write_order: Mutex::new(()),
            loaded_version: parking_lot::Mutex::default(),
            apart_order: Mutex::new(()),
            rating_switch: RatingSwitch::default(),
            names: Names::default(),
            names_order: Mutex::new(()),
        }
    }

    /// The same, able to ask the database while the index is too far behind.
    #[must_use]
    pub fn with_sql_when_stale(self) -> Self {
        let sql = SqlEngine::over(&self.store);
        Self {
            staleness: Staleness::new(sql),
            ..self
        }
    }

    /// What it is a catalog of.
    #[must_use]
    pub fn collection(&self) -> &Collection {
        self.store.collection()
    }

    /// The store, for what needs no engine.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The engine that answers searches, while its index is not too far behind.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Answers a search.
    ///
    /// # Errors
    /// As [`Engine::search`] and [`Self::answering`].
    pub async fn search(
        &self,
        search: &Search,
        answer: &mut impl Answer,
    ) -> Result<(), SearchError> {
        let answering = self.answering()?;
        match answering.search(search, answer).await {
            // It went away a moment ago.
            Err(SearchError::Store(StoreError::Unavailable(_)))
                if answering.kind() != self.engine.kind() =>
            {
                self.engine.search(search, answer).await
            }
            answered => answered,
        }
    }

    /// Counts what a search is about, whatever its limit; `None` where that takes the
    /// database too long.
    ///
    /// # Errors
    /// As [`Engine::tally`] and [`Self::answering`].
    pub async fn tally(
        &self,
        search: &Search,
        facets: &[FieldId],
    ) -> Result<Option<Tally>, SearchError> {
        self.answering()?.tally(search, facets).await
    }

    /// The rows of these centers, in their order; those that are gone are left out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read_many(&self, ids: &[CenterId]) -> Result<Vec<Center>, StoreError> {
        self.store.read_many(ids).await
    }

    /// Whether ratings may be seen: the setting as this instance has seen it last;
    /// `None` before it was read.
    #[must_use]
    pub fn rating_visibility(&self) -> Option<RatingVisibility> {
        if self.collection().is_linked() {
            self.rating_switch.visibility()
        } else {
            Some(RatingVisibility::Shown)
        }
    }

    /// Reads whether ratings may be seen.
    ///
    /// # Errors
    /// When the database does not answer; what was known stays.
    pub async fn refresh_rating_visibility(&self) -> Result<(), StoreError> {
        if !self.collection().is_linked() {
            return Ok(());
        }
        let _turn = self.read_turn().await;
        let writes = self.rating_switch.writes();
        let setting = self.store.database().setting(&reviews_switch()).await?;
        let visibility = RatingVisibility::of(setting.as_ref());
        self.rating_switch.was_read(visibility, writes);
        Ok(())
    }

    /// Follows a setting that this instance has written: the next answer goes by it.
    pub async fn follow_setting(&self, key: &SettingKey, setting: &Setting) {
        if *key != reviews_switch() {
            return;
        }
        let visibility = RatingVisibility::of(Some(setting));
        self.rating_switch.was_written(visibility);
        // A later one of another writer may have been followed already.
        if self.is_mirror()
            && let Err(error) = self.refresh_rating_visibility().await
        {
            tracing::warn!(cause = %error, "the settings cannot be read now");
        }
    }

    /// How many centers the index in memory holds; `None` where there is none.
    #[must_use]
    pub fn indexed(&self) -> Option<usize> {
        match self.engine() {
            Engine::Memory(engine) => Some(engine.len()),
            Engine::Sql(_) => None,
        }
    }

    /// Whether searches are answered.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.engine.is_ready() && self.rating_visibility().is_some()
    }

    /// How these centers are rated, those that are; none where ratings are
    /// hidden.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ratings(
        &self,
        centers: &[Center],
    ) -> Result<HashMap<CenterId, Rating>, StoreError> {
        let is_shown = self.rating_visibility() == Some(RatingVisibility::Shown);
        if !(is_shown && self.collection().is_linked()) {
            return Ok(HashMap::new());
        }
        let ids = centers.iter().map(|center| center.id);
        self.store.database().ratings(ids).await
    }

    /// Reads one center.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read(&self, id: CenterId) -> Result<Option<Center>, StoreError> {
        self.store.read(id).await
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
        self.store.list(filter, after, count).await
    }

    /// How many centers a filter keeps; `None` where that would take too long.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_filtered(&self, filter: &Filter) -> Result<Option<u64>, StoreError> {
        self.store.count_filtered(filter).await
    }

    /// A part of a list, and how long the list is. What a map shows, and nothing
    /// else asked, is answered from the index where there is one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn listed(&self, listing: &Listing, part: Part) -> Result<Listed, StoreError> {
        if let (Engine::Memory(engine), Some(viewport)) = (self.engine(), listing.viewport_alone())
            && let Some(found) = engine.names_in(viewport)
        {
            return Ok(part.of(found, listing.descending));
        }
        self.store.listed(listing, part).await
    }

    /// Creates a center.
    ///
    /// # Errors
    /// When the database does not answer; nothing is written then.
    pub async fn create(&self, draft: &CenterDraft) -> Result<Center, StoreError> {
        let _turn = self.turn().await?;
        self.create_in_order(draft).await
    }

    /// A write's turn among those that the index in memory follows; none is needed
    /// where there is no such index. Writes whose clients have gone get none.
    async fn turn(&self) -> Result<Option<MutexGuard<'_, ()>>, StoreError> {
        let Engine::Memory(_) = self.engine() else {
            return Ok(None);
        };
        if self.is_mirror() {
            return Ok(None);
        }
        let turn = timeout(LONGEST_WAIT, self.write_order.lock()).await;
        let turn = turn.map_err(|_| StoreError::Busy)?;
        still_there()?;
        Ok(Some(turn))
    }

    async fn create_in_order(&self, draft: &CenterDraft) -> Result<Center, StoreError> {
        let center = self.store.create(draft).await?;
        self.follow(std::slice::from_ref(&center)).await;
        Ok(center)
    }

    /// Replaces everything a client may say of a center; `None` where there is
    /// no such center.
    ///
    /// # Errors
    /// When the database does not answer; nothing is written then.
    pub async fn replace(
        &self,
        id: CenterId,
        draft: &CenterDraft,
    ) -> Result<Option<Center>, StoreError> {
        let _turn = self.turn().await?;
        let center = self.store.replace(id, draft).await?;
        self.follow(center.as_slice()).await;
        Ok(center)
    }

    /// Reads a center, edits it and writes it back in one transaction; `None`
    /// where there is no such center. Coordinates that the edit does not name stay
    /// as they are.
    ///
    /// # Errors
    /// What `edit` refuses, or when the database does not answer; nothing is
    /// written then.
    pub async fn update<E: Send + 'static>(
        &self,
        id: CenterId,
        edit: impl FnOnce(&Center) -> Result<CenterEdit, E> + Send + 'static,
    ) -> Result<Option<Center>, UpdateError<E>> {
        let _turn = self.turn().await?;
        let center = self.store.update(id, edit).await?;
        self.follow(center.as_slice()).await;
        Ok(center)
    }

    /// Deletes a center that `holds` lets go, in one transaction; `false` where there is no
    /// such center.
    ///
    /// # Errors
    /// When `holds` does not, when another application's rows refer to it and keep it, or
    /// the database does not answer; nothing is written then.
    pub async fn delete(
        &self,
        id: CenterId,
        referring: Referring,
        holds: impl Fn(&Center) -> bool + Send + Sync + 'static,
    ) -> Result<bool, DeleteError> {
        let _turn = self.turn().await?;
        let deleted = self.store.delete_if(id, referring, holds).await?;
        if self.is_mirror() {
            self.follow_own(Keys::of_rows([id])).await;
            return Ok(deleted);
        }
        self.names.follow(id, None);
        if let Engine::Memory(engine) = self.engine() {
            engine.apply(&[Change::Remove(id), Change::Organizations(id, &[])]);
        }
        Ok(deleted)
    }

    /// Creates and replaces centers in one transaction: all or nothing.
    ///
    /// # Errors
    /// When an id to replace does not exist or the database does not answer;
    /// nothing is written then.
    pub async fn write_batch(&self, items: Vec<BatchItem>) -> Result<Vec<Center>, BatchError> {
        let _turn = self.turn().await?;
        let centers = self.store.write_batch(items).await?;
        self.follow(&centers).await;
        Ok(centers)
    }

    /// Loads what the engine keeps of the store: the memory engine everything, the
    /// engine that asks the database how densely centers lie where.
    ///
    /// Writes wait for the memory engine, searches do not: they are answered from
    /// what was loaded before.
    ///
    /// # Errors
    /// When the database does not answer; the index stays as it was.
    pub async fn load(&self) -> Result<(), StoreError> {
        let engine = match self.engine() {
            Engine::Memory(engine) => engine,
            Engine::Sql(engine) => {
                engine.look_for_ratings().await?;
                return engine.measure_density().await;
            }
        };
        let _turn = self.write_order.lock().await;
        let version = self.store.database().file_version().await?;
        let mut loading = engine.begin_load();
        if self.collection().is_linked() {
            load_links(self.store.database(), &mut loading).await?;
        }
        let built = self.build(loading).await?;
        engine.finish_load(built);
        *self.loaded_version.lock() = version;
        Ok(())
    }

    /// Reads all centers into a new index.
    async fn build(&self, loading: Loading) -> Result<BuiltIndex, StoreError> {
        let reading = (
            Intake::of(loading),
            LoadProgress::of(self.store.collection()),
        );
        let (intake, _) = self
            .store
            .fold_summaries(reading, |(intake, progress), summary| {
                intake.push(&summary);
                progress.row();
            })
            .await?;
        Ok(apart(|| intake.finish().build()).await)
    }

    /// Notes that no other process has written up to this version of the file since the
    /// index was loaded.
    pub fn note_unchanged(&self, version: Option<FileVersion>) {
        *self.loaded_version.lock() = version;
    }

    /// Has an engine that asks the database look again at what it goes by: whether
    /// there are ratings, and, where that is due, how densely centers lie where.
    ///
    /// # Errors
    /// When the database does not answer; what was known stays.
    pub async fn refresh_engine(&self) -> Result<(), StoreError> {
        let Engine::Sql(engine) = self.engine() else {
            return Ok(());
        };
        engine.look_for_ratings().await?;
        if engine.is_density_due() {
            engine.measure_density().await?;
        }
        Ok(())
    }

    /// Answers a query for names of centers that a filter keeps. The first loads them.
    ///
    /// # Errors
    /// When the database does not answer, or too many names would have to be looked at for those
    /// that the filter keeps.
    pub async fn find_names(
        &self,
        query: &NameQuery,
        filter: &Filter,
    ) -> Result<Vec<FoundName>, SearchError> {
        let mut wanted = query.limit;
        loop {
            let Some(candidates) = self.names.candidates(query, wanted) else {
                self.load_names(|names| !names.is_loaded()).await?;
                continue;
            };
            let found = query.answer(self.store.read_kept(&candidates.ids, filter).await?);
            // Other writers may have renamed what the index still has.
            if found.len() == query.limit || candidates.complete {
                return Ok(found);
            }
            if filter.is_empty() {
                wanted = wanted.saturating_mul(2);
            } else if wanted < MAX_NAMES_FILTERED {
                wanted = MAX_NAMES_FILTERED.min(wanted * 8);
            } else {
                return Err(SearchError::TooManyNames);
            }
        }
    }

    /// Loads names again where that is needed: where it is known that others
    /// wrote, where much was written here, and on MySQL, where nothing tells,
    /// from time to time. Names that nobody asked for are left alone.
    ///
    /// # Errors
    /// When the database does not answer; the names stay as they were.
    pub async fn refresh_names(&self, others_wrote: bool) -> Result<(), StoreError> {
        let tells = self.store.database().tells_of_other_writers();
        let nothing_tells = !tells && !self.is_mirror();
        self.load_names(|names| {
            names.is_loaded() && others_wrote
                || names.is_behind()
                || nothing_tells && names.is_stale()
        })
        .await
    }

    async fn load_names(&self, needed: impl Fn(&Names) -> bool) -> Result<(), StoreError> {
        if !needed(&self.names) {
            return Ok(());
        }
        let _order = self.names_order.lock().await;
        // Somebody else may have done it while we waited.
        if !needed(&self.names) {
            return Ok(());
        }
        let loading = self.names.begin_load();
        let read = self
            .store
            .fold_names(loading, |loading, id, name, position| {
                loading.push(id, name, position);
            })
            .await;
        let loading = read.inspect_err(|_| self.names.give_up_load())?;
        self.names.finish_load(apart(|| loading.build()).await);
        Ok(())
    }

    async fn follow(&self, centers: &[Center]) {
        if self.is_mirror() {
            let ids = centers.iter().map(|center| center.id);
            return self.follow_own(Keys::of_rows(ids)).await;
        }
        for center in centers {
            let name = (center.text.name.as_str(), center.position);
            self.names.follow(center.id, Some(name));
        }
        let Engine::Memory(engine) = self.engine() else {
            return;
        };
        let changes: Vec<Change<'_>> = centers.iter().map(written).collect();
        engine.apply(&changes);
    }
}

/// What other tables say of centers.
async fn load_links(database: &Database, loading: &mut Loading) -> Result<(), StoreError> {
    loading.name_organizations(database.organization_names().await?);
    let pairs = database.all_memberships().await?;
    for of_center in pairs.chunk_by(|(one, _), (next, _)| one == next) {
        let ids: Vec<_> = of_center.iter().map(|&(_, id)| id).collect();
        loading.set_organizations(of_center[0].0, &ids);
    }
    for (center, rating) in database.all_ratings().await? {
        loading.set_rating(center, rating);
    }
    Ok(())
}

/// Runs what takes a while where nothing else waits for it.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(work).await.expect("the work does not panic")
}
