//! The rows of one collection, as every database keeps them.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::references::References;
use super::{
    Apart, BatchError, BatchItem, DeleteError, ImportId, JournalNote, Known, Others, Referring,
    RefusedItem, Searcher, StoreError, UpdateError, Upserted,
};
use crate::domain::{
    Center, CenterDraft, CenterEdit, CenterId, Filter, ListRow, Listed, Listing, Neighbour,
    OrganizationId, Part, Position, SettingKey, Summary, TextField,
};

/// What [`super::Store::update`] was refused with by whoever edits.
pub(super) type Refused = Box<dyn Any + Send>;

/// Edits a center.
pub(super) type Edit = Box<dyn for<'c> FnOnce(&'c Center) -> Result<CenterEdit, Refused> + Send>;

/// Whether a center may be deleted.
pub(super) type Holds = Box<dyn for<'c> Fn(&'c Center) -> bool + Send + Sync>;

/// Takes a row of a list.
pub(super) type EachListed<'a> = &'a mut (dyn for<'r, 's> FnMut(&'r ListRow<'s>) + Send + 'a);

/// Takes a center that has a position.
pub(super) type EachSummary = Box<dyn for<'r> FnMut(Summary<'r>) + Send>;

/// Takes the id, the name and the position of a center.
pub(super) type EachName = Box<dyn for<'r> FnMut(CenterId, &'r str, Option<Position>) + Send>;

/// What keeps other instances out until it is dropped.
pub type InstancesLock = Box<dyn Send + Sync>;

/// The rows of one collection. What each function does is said of that of the same name
/// of [`super::Store`].
#[async_trait]
pub(super) trait RowStore: Debug + Send + Sync {
    async fn create(&self, draft: &CenterDraft) -> Result<Center, StoreError>;

    async fn create_apart(
        &self,
        draft: &CenterDraft,
        apart: Apart,
    ) -> Result<Result<Center, Vec<Neighbour>>, StoreError> {
        if apart.found.is_empty() {
            Ok(Ok(self.create(draft).await?))
        } else {
            Ok(Err(apart.found))
        }
    }

    async fn read(&self, id: CenterId) -> Result<Option<Center>, StoreError>;

    async fn read_many(&self, ids: &[CenterId]) -> Result<Vec<Center>, StoreError>;

    async fn read_kept(
        &self,
        ids: &[CenterId],
        filter: &Filter,
        organizations: &[OrganizationId],
    ) -> Result<Vec<Center>, StoreError>;

    async fn replace(
        &self,
        id: CenterId,
        draft: &CenterDraft,
    ) -> Result<Option<Center>, StoreError>;

    async fn update(
        &self,
        id: CenterId,
        edit: Edit,
    ) -> Result<Option<Center>, UpdateError<Refused>>;

    async fn delete(
        &self,
        id: CenterId,
        references: References,
        referring: Referring,
        holds: Holds,
    ) -> Result<bool, DeleteError>;

    async fn write_batch(&self, items: Vec<BatchItem>) -> Result<Vec<Center>, BatchError>;

    async fn upsert(&self, items: Vec<BatchItem>) -> Result<Upserted, StoreError>;

    async fn upsert_taken(
        &self,
        items: Vec<BatchItem>,
        others: Others,
        note: Option<JournalNote>,
    ) -> Result<(Upserted, Vec<RefusedItem>), StoreError>;

    /// Up to `count` centers with ids beyond `after`; `organizations` are those that the
    /// filter names.
    async fn list(
        &self,
        filter: &Filter,
        organizations: &[OrganizationId],
        after: Option<CenterId>,
        count: usize,
    ) -> Result<Vec<Center>, StoreError>;

    /// How many centers a filter keeps, without a look at the shapes in it.
    async fn count_filtered(
        &self,
        filter: &Filter,
        organizations: &[OrganizationId],
    ) -> Result<u64, StoreError>;

    async fn listed(&self, listing: &Listing, part: Part) -> Result<Listed, StoreError> {
        part_of_all(self, listing, part).await
    }

    async fn count_listed(&self, listing: &Listing) -> Result<u64, StoreError> {
        count_of_all(self, listing).await
    }

    /// Passes on every row that a list may hold, in any order: whether
    /// [`Listing::takes`] it is still to be asked.
    async fn each_listed(
        &self,
        listing: &Listing,
        texts: &[TextField],
        each: EachListed<'_>,
    ) -> Result<(), StoreError>;

    /// Passes on every center that has a position.
    async fn each_summary(&self, each: EachSummary) -> Result<(), StoreError>;

    /// Passes on id, name and position of every center.
    async fn each_name(&self, each: EachName) -> Result<(), StoreError>;

    async fn loaded_up_to(&self, _note: &SettingKey) -> Result<i64, StoreError> {
        Ok(0)
    }

    async fn load_once(
        &self,
        _note: &SettingKey,
        items: Vec<BatchItem>,
    ) -> Result<Upserted, StoreError> {
        self.upsert(items).await
    }

    async fn take_over_moved(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn lock_instances_out(
        &self,
        _longest: Duration,
    ) -> Result<Option<InstancesLock>, StoreError> {
        Ok(None)
    }

    /// Reads columns, which are quoted, of some row.
    async fn probe(&self, columns: &[String]) -> Result<(), StoreError>;

    async fn count(&self) -> Result<u64, StoreError>;

    async fn look_up_import(&self, import: &Arc<ImportId>) -> Result<Known, StoreError>;

    async fn known_import(&self, import: &Arc<ImportId>) -> Result<Known, StoreError>;

    async fn forget_import(&self, import: &Arc<ImportId>) -> Result<(), StoreError>;

    /// What searches by SQL.
    fn searcher(&self) -> Option<Arc<dyn Searcher>> {
        None
    }
}

/// A part of a list whose rows are compared and sorted here.
pub(super) async fn part_of_all(
    rows: &(impl RowStore + ?Sized),
    listing: &Listing,
    part: Part,
) -> Result<Listed, StoreError> {
    let mut keyed = Vec::new();
    let mut each = |row: &ListRow<'_>| {
        if listing.takes(row) {
            keyed.push((listing.key(row), row.id));
        }
    };
    rows.each_listed(listing, &[], &mut each).await?;
    Ok(part.of(keyed, listing.descending))
}

/// How long a list is whose rows are compared here.
pub(super) async fn count_of_all(
    rows: &(impl RowStore + ?Sized),
    listing: &Listing,
) -> Result<u64, StoreError> {
    let mut count = 0;
    let mut each = |row: &ListRow<'_>| count += u64::from(listing.takes(row));
    rows.each_listed(listing, &[], &mut each).await?;
    Ok(count)
}
