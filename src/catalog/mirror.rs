//! An index in memory over a database that others write as well, kept by its feed.
//!
//! There is one way for writes of this instance and for those of others: a key, and the
//! row read back by it after its commit. Reading and applying is done in one order, so
//! that the index never goes back to what was before. No lock is held while a statement
//! of a write is under way.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tokio::sync::{MutexGuard, watch};
use tokio::time::timeout;

use super::{Catalog, LONGEST_WAIT, load_links};
use crate::domain::{Center, CenterId, OrganizationId, OrganizationNames, Rating};
use crate::engine::Engine;
use crate::engine::memory::{BuiltIndex, Change, MemoryEngine};
use crate::store::StoreError;
use crate::store::feed::{ChangeFeed, Keys, Reason};

/// Keys that are read at once.
const PART: usize = 1_000;
/// How often a load that waits for the feed asks whether it is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What an index needs that is kept by a feed.
#[derive(Debug)]
pub(super) struct Mirroring {
    /// Held from a read of the database until the index holds what was read.
    apply_order: tokio::sync::Mutex<()>,
    /// What has changed since a load began; `None` where none is under way.
    changed: Mutex<Option<Keys>>,
    /// What was followed since a part of the table is being compared; `None` where none is.
    followed: Mutex<Option<Keys>>,
    loads: watch::Sender<Loads>,
}

/// The loads of an index that keys cannot keep.
#[derive(Debug, Clone, Copy)]
struct Loads {
    /// How many were asked for.
    wanted: u64,
    /// How many of them the index holds.
    done: u64,
    /// Why the last one was asked for.
    reason: Reason,
    /// When the first commit was that the index does not hold, where one is to be done.
    since: SystemTime,
}

impl Loads {
    fn are_done(&self) -> bool {
        self.done == self.wanted
    }
}

impl Default for Mirroring {
    fn default() -> Self {
        Self {
            apply_order: tokio::sync::Mutex::default(),
            changed: Mutex::default(),
            followed: Mutex::default(),
            loads: watch::Sender::new(Loads {
                wanted: 0,
                done: 0,
                reason: Reason::Start,
                since: SystemTime::UNIX_EPOCH,
            }),
        }
    }
}

impl Mirroring {
    fn note(&self, keys: &Keys) {
        if let Some(changed) = &mut *self.changed.lock() {
            changed.merge(keys.clone());
        }
    }

    /// Notes what the index holds now as it was read.
    fn note_followed(&self, keys: Keys) {
        if let Some(followed) = &mut *self.followed.lock() {
            followed.merge(keys);
        }
    }

    /// From now on everything is noted that is followed, until what is given is dropped.
    pub(super) fn watch(&self) -> Watch<'_> {
        *self.followed.lock() = Some(Keys::default());
        Watch(self)
    }

    /// How many loads were asked for; `None` while one is to be done.
    pub(super) fn loads(&self) -> Option<u64> {
        let loads = self.loads.borrow();
        loads.are_done().then_some(loads.wanted)
    }

    /// What has changed, where that is much.
    fn take_many(&self) -> Option<Keys> {
        let mut changed = self.changed.lock();
        let many = changed.as_mut().filter(|keys| keys.len() > PART)?;
        Some(std::mem::take(many))
    }
}

/// Notes what is followed. One at a time.
pub(super) struct Watch<'m>(&'m Mirroring);

impl Watch<'_> {
    /// Whether something has been followed that says more of a center.
    pub(super) fn has_followed(&self, id: CenterId) -> bool {
        let followed = self.0.followed.lock();
        let keys = followed.as_ref();
        keys.is_some_and(|keys| keys.rows.contains(&id) || keys.linked.contains(&id))
    }

    /// Whether organizations were renamed.
    pub(super) fn has_followed_organizations(&self) -> bool {
        let followed = self.0.followed.lock();
        followed.as_ref().is_some_and(|keys| keys.organizations)
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        *self.0.followed.lock() = None;
    }
}

/// What the database holds of some keys.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub centers: Vec<Center>,
    pub gone: Vec<CenterId>,
    pub organizations: Vec<(CenterId, Vec<OrganizationId>)>,
    pub ratings: Vec<(CenterId, Option<Rating>)>,
    pub names: Option<OrganizationNames>,
}

impl Found {
    pub(super) fn changes(&self) -> Vec<Change<'_>> {
        let organizations = self.organizations.iter();
        let organizations = organizations.map(|(id, all)| Change::Organizations(*id, all));
        let ratings = self.ratings.iter();
        let ratings = ratings.map(|&(id, rating)| Change::Rating(id, rating));
        let gone = self.gone.iter().map(|&id| Change::Remove(id));
        let centers = self.centers.iter().map(written);
        organizations
            .chain(ratings)
            .chain(gone)
            .chain(centers)
            .collect()
    }
}

/// What an index has to follow when a center was written.
pub(super) fn written(center: &Center) -> Change<'_> {
    match center.summary() {
        Some(summary) => Change::Upsert(summary),
        None => Change::Remove(center.id),
    }
}

impl Catalog {
    /// The index, and the feed that keeps it; `None` where there is no index, or only
    /// this process and a file are to be followed.
    pub(super) fn mirror(&self) -> Option<(&MemoryEngine, &dyn ChangeFeed)> {
        let Engine::Memory(engine) = self.engine() else {
            return None;
        };
        Some((engine, &**self.feed.as_ref()?))
    }

    /// Whether a feed keeps the index.
    #[must_use]
    pub fn is_mirror(&self) -> bool {
        self.mirror().is_some()
    }

    /// How long ago the first commit was that the index does not hold; `None` where no feed
    /// keeps it.
    #[must_use]
    pub fn lag(&self) -> Option<Duration> {
        let (_, feed) = self.mirror()?;
        let loads = *self.mirroring.loads.borrow();
        let of_load = if loads.are_done() {
            Duration::ZERO
        } else {
            loads.since.elapsed().unwrap_or_default()
        };
        Some(feed.progress().lag().max(of_load))
    }

    /// Notes that keys cannot tell what has changed since some time.
    pub fn want_load(&self, reason: Reason, since: SystemTime) {
        self.mirroring.loads.send_modify(|loads| {
            if loads.are_done() {
                loads.since = since;
            }
            loads.wanted += 1;
            loads.reason = reason;
        });
    }

    /// Waits until a load is to be done; which one, and why.
    pub async fn wanted_load(&self) -> (u64, Reason) {
        let mut told = self.mirroring.loads.subscribe();
        loop {
            let loads = *told.borrow_and_update();
            if !loads.are_done() {
                return (loads.wanted, loads.reason);
            }
            // Fails when nobody can want anything any more, and `self` is there.
            let _ = told.changed().await;
        }
    }

    /// The turn of whoever reads something of the database that the feed tells of; none is
    /// needed where there is no feed.
    pub(super) async fn read_turn(&self) -> Option<MutexGuard<'_, ()>> {
        self.mirror()?;
        Some(self.mirroring.apply_order.lock().await)
    }

    /// Reads rows by their keys and has index and names hold them.
    ///
    /// # Errors
    /// When the database does not answer: then some of the keys were followed.
    pub async fn follow_keys(&self, mut keys: Keys) -> Result<(), StoreError> {
        let Some((engine, _)) = self.mirror() else {
            return Ok(());
        };
        self.mirroring.note(&keys);
        if keys.all_links {
            keys.linked.extend(self.all_linked(engine.linked()).await?);
            keys.all_links = false;
        }
        while let Some(part) = keys.take(PART) {
            let _turn = self.mirroring.apply_order.lock().await;
            let found = self.read_back(&part).await?;
            for center in &found.centers {
                let name = (center.text.name.as_str(), center.position);
                self.names.follow(center.id, Some(name));
            }
            for id in &found.gone {
                self.names.follow(*id, None);
            }
            engine.apply(&found.changes());
            if let Some(names) = found.names {
                engine.rename_organizations(names);
            }
            self.mirroring.note_followed(part);
        }
        Ok(())
    }

    /// Follows what this instance has written. Where that fails, the feed will tell of it.
    pub(super) async fn follow_own(&self, keys: Keys) {
        match timeout(LONGEST_WAIT, self.follow_keys(keys)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(
                cause = %error,
                "what was written could not be read back; searches find it when the feed tells of it"
            ),
            Err(_) => tracing::warn!(
                "what was written was not read back in time; searches find it when the feed tells of it"
            ),
        }
    }

    /// Waits until the index holds everything that is committed now.
    ///
    /// # Errors
    /// When the database does not answer, or the feed is too far behind.
    pub(super) async fn be_level(&self) -> Result<(), StoreError> {
        let Some((_, feed)) = self.mirror() else {
            return Ok(());
        };
        let present = feed.present().await?;
        let mut loads = self.mirroring.loads.subscribe();
        let level = async {
            feed.progress().until(&present).await;
            let _ = loads.wait_for(Loads::are_done).await;
        };
        timeout(LONGEST_WAIT, level)
            .await
            .map_err(|_| StoreError::Busy)
    }

    /// Loads a new index beside the present one, which goes on answering and following,
    /// and puts it in its place: it holds everything that the present one does, and
    /// everything that was committed before the load ended. Nobody waits for it. One load
    /// at a time, while the feed is followed.
    ///
    /// Gives whether it was put there: it is not where another load is wanted meanwhile.
    ///
    /// # Errors
    /// When the database does not answer; the index stays as it was.
    pub async fn load_beside(&self) -> Result<bool, StoreError> {
        let Some((engine, feed)) = self.mirror() else {
            return Ok(false);
        };
        *self.mirroring.changed.lock() = Some(Keys::default());
        let loaded = self.build_beside(engine, feed).await;
        *self.mirroring.changed.lock() = None;
        loaded
    }

    async fn build_beside(
        &self,
        engine: &MemoryEngine,
        feed: &dyn ChangeFeed,
    ) -> Result<bool, StoreError> {
        let loads = &self.mirroring.loads;
        let this = loads.borrow().wanted;
        let is_good = || loads.borrow().wanted == this;
        let mut loading = engine.begin_load();
        if self.collection().is_linked() {
            load_links(self.store.database(), &mut loading).await?;
        }
        let mut built = self.build(loading).await?;
        let present = feed.present().await?;
        while timeout(LOOK_EVERY, feed.progress().until(&present))
            .await
            .is_err()
        {
            if !is_good() {
                return Ok(false);
            }
        }
        // Most of what has changed meanwhile: others write on while it is read.
        while let Some(keys) = self.mirroring.take_many() {
            self.catch_up(&mut built, keys).await?;
        }
        // And the rest, while nobody applies anything.
        let _turn = self.mirroring.apply_order.lock().await;
        let rest = self.mirroring.changed.lock().take().unwrap_or_default();
        self.catch_up(&mut built, rest).await?;
        if !is_good() {
            return Ok(false);
        }
        engine.finish_load(built);
        loads.send_modify(|loads| loads.done = this);
        Ok(true)
    }

    async fn catch_up(&self, built: &mut BuiltIndex, mut keys: Keys) -> Result<(), StoreError> {
        if keys.all_links {
            keys.linked.extend(self.all_linked(built.linked()).await?);
            keys.all_links = false;
        }
        while let Some(part) = keys.take(PART) {
            let found = self.read_back(&part).await?;
            built.apply(&found.changes());
            if let Some(names) = found.names {
                built.rename_organizations(names);
            }
        }
        Ok(())
    }

    /// The rows that have ratings or organizations, or had some.
    async fn all_linked(&self, had: Vec<CenterId>) -> Result<Vec<CenterId>, StoreError> {
        let database = self.store.database();
        let rated = database.all_ratings().await?;
        let members = database.all_memberships().await?;
        let have = rated.into_iter().map(|(id, _)| id);
        let have = have.chain(members.into_iter().map(|(id, _)| id));
        Ok(had.into_iter().chain(have).collect())
    }

    pub(super) async fn read_back(&self, keys: &Keys) -> Result<Found, StoreError> {
        let rows: Vec<CenterId> = keys.rows.iter().copied().collect();
        let centers = match rows.as_slice() {
            [] => Vec::new(),
            rows => self.store.read_many(rows).await?,
        };
        let mut gone = keys.rows.clone();
        for center in &centers {
            gone.remove(&center.id);
        }
        let mut found = Found {
            centers,
            gone: gone.into_iter().collect(),
            ..Found::default()
        };
        if keys.organizations {
            self.read_organizations(&mut found).await?;
        }
        // Older servers do not tell of rows that went with those that they refer to.
        let linked = keys.linked.iter().chain(&found.gone).copied().collect();
        self.read_links(&mut found, linked).await?;
        Ok(found)
    }

    /// Reads what organizations are called.
    pub(super) async fn read_organizations(&self, found: &mut Found) -> Result<(), StoreError> {
        if self.collection().is_linked() {
            found.names = Some(self.store.database().organization_names().await?);
        }
        Ok(())
    }

    /// Reads what other tables say of some centers.
    pub(super) async fn read_links(
        &self,
        found: &mut Found,
        linked: BTreeSet<CenterId>,
    ) -> Result<(), StoreError> {
        if linked.is_empty() || !self.collection().is_linked() {
            return Ok(());
        }
        let database = self.store.database();
        let mut members: HashMap<CenterId, Vec<OrganizationId>> = HashMap::new();
        for (center, organization) in database.memberships_of(linked.iter().copied()).await? {
            members.entry(center).or_default().push(organization);
        }
        let ratings = database.ratings(linked.iter().copied()).await?;
        for id in linked {
            let organizations = members.remove(&id).unwrap_or_default();
            found.organizations.push((id, organizations));
            found.ratings.push((id, ratings.get(&id).copied()));
        }
        Ok(())
    }
}
