//! A collection in MySQL, as all of nearby sees it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::MySqlStore;
use crate::domain::{
    CellSum, Center, CenterDraft, CenterId, FieldId, Filter, Listed, Listing, OrganizationId, Part,
    Tally, TextField,
};
use crate::store::references::References;
use crate::store::rows::{
    EachListed, EachName, EachSummary, Edit, Holds, Refused, RowStore, count_of_all, part_of_all,
};
use crate::store::{
    BatchError, BatchItem, DeleteError, EachFound, EachPosition, ImportId, InCells, InstancesLock,
    JournalNote, Known, Look, Others, Referring, RefusedItem, Searcher, StoreError, UpdateError,
    Upserted,
};

#[async_trait]
impl RowStore for MySqlStore {
    async fn create(&self, draft: &CenterDraft) -> Result<Center, StoreError> {
        self.create(draft).await
    }

    async fn read(&self, id: CenterId) -> Result<Option<Center>, StoreError> {
        self.read(id).await
    }

    async fn read_many(&self, ids: &[CenterId]) -> Result<Vec<Center>, StoreError> {
        self.read_these(ids).await
    }

    async fn read_kept(
        &self,
        ids: &[CenterId],
        filter: &Filter,
        organizations: &[OrganizationId],
    ) -> Result<Vec<Center>, StoreError> {
        self.read_kept(ids, filter, organizations).await
    }

    async fn replace(
        &self,
        id: CenterId,
        draft: &CenterDraft,
    ) -> Result<Option<Center>, StoreError> {
        self.replace(id, draft).await
    }

    async fn update(
        &self,
        id: CenterId,
        edit: Edit,
    ) -> Result<Option<Center>, UpdateError<Refused>> {
        self.update(id, edit).await
    }

    async fn delete(
        &self,
        id: CenterId,
        references: References,
        referring: Referring,
        holds: Holds,
    ) -> Result<bool, DeleteError> {
        self.delete(id, &references, referring, holds).await
    }

    async fn write_batch(&self, items: Vec<BatchItem>) -> Result<Vec<Center>, BatchError> {
        self.write_batch(items).await
    }

    async fn upsert(&self, items: Vec<BatchItem>) -> Result<Upserted, StoreError> {
        self.upsert(&items).await
    }

    async fn upsert_taken(
        &self,
        items: Vec<BatchItem>,
        others: Others,
        note: Option<JournalNote>,
    ) -> Result<(Upserted, Vec<RefusedItem>), StoreError> {
        self.upsert_taken(&items, others, note.as_ref()).await
    }

    async fn list(
        &self,
        filter: &Filter,
        organizations: &[OrganizationId],
        after: Option<CenterId>,
        count: usize,
    ) -> Result<Vec<Center>, StoreError> {
        self.list(filter, organizations, after, count).await
    }

    async fn listed(&self, listing: &Listing, part: Part) -> Result<Listed, StoreError> {
        if listing.is_told_here() {
            part_of_all(self, listing, part).await
        } else {
            self.listed(listing, part).await
        }
    }

    async fn count_listed(&self, listing: &Listing) -> Result<u64, StoreError> {
        if listing.is_told_here() {
            count_of_all(self, listing).await
        } else {
            self.count_listed(listing).await
        }
    }

    async fn count_filtered(
        &self,
        filter: &Filter,
        organizations: &[OrganizationId],
    ) -> Result<u64, StoreError> {
        self.count_filtered(filter, organizations).await
    }

    async fn each_listed(
        &self,
        listing: &Listing,
        texts: &[TextField],
        each: EachListed<'_>,
    ) -> Result<(), StoreError> {
        let folding = self.fold_list(listing, texts, each, |each, row| each(row));
        folding.await.map(drop)
    }

    async fn each_summary(&self, each: EachSummary) -> Result<(), StoreError> {
        let folding = self.fold_summaries(each, |each, summary| each(summary));
        folding.await.map(drop)
    }

    async fn each_name(&self, each: EachName) -> Result<(), StoreError> {
        let folding = self.fold_names(each, |each, id, name, position| each(id, name, position));
        folding.await.map(drop)
    }

    async fn lock_instances_out(
        &self,
        longest: Duration,
    ) -> Result<Option<InstancesLock>, StoreError> {
        let lock = self.lock_instances_out(longest).await?;
        Ok(Some(Box::new(lock)))
    }

    async fn probe(&self, columns: &[String]) -> Result<(), StoreError> {
        self.probe(columns).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.count().await
    }

    async fn look_up_import(&self, import: &Arc<ImportId>) -> Result<Known, StoreError> {
        self.look_up_import(import).await
    }

    async fn known_import(&self, import: &Arc<ImportId>) -> Result<Known, StoreError> {
        self.known_import(import).await
    }

    async fn forget_import(&self, import: &Arc<ImportId>) -> Result<(), StoreError> {
        self.forget_import(import).await
    }

    fn searcher(&self) -> Option<Arc<dyn Searcher>> {
        Some(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Searcher for MySqlStore {
    async fn find(&self, look: &Look<'_>, each: EachFound<'_>) -> Result<bool, StoreError> {
        self.find(look, each).await
    }

    async fn count(&self, look: &Look<'_>) -> Result<usize, StoreError> {
        self.count_there(look).await
    }

    async fn matching(
        &self,
        filter: &Filter,
        organizations: &[OrganizationId],
        most: usize,
    ) -> Result<usize, StoreError> {
        self.matching(filter, organizations, most).await
    }

    async fn greatest(&self, field: FieldId) -> Result<Option<f64>, StoreError> {
        self.greatest(field).await
    }

    async fn tally(
        &self,
        look: &Look<'_>,
        facets: &[FieldId],
    ) -> Result<Option<Tally>, StoreError> {
        self.tally(look, facets).await
    }

    async fn cell_sums(&self, asked: &InCells<'_>) -> Result<Option<Vec<CellSum>>, StoreError> {
        self.cell_sums(asked).await
    }

    async fn ids_in_cells(
        &self,
        asked: &InCells<'_>,
        after: Option<CenterId>,
        most: usize,
    ) -> Result<Option<Vec<CenterId>>, StoreError> {
        self.ids_in_cells(asked, after, most).await
    }

    async fn learn_indexes(&self) -> Result<(), StoreError> {
        self.learn_indexes().await
    }

    async fn for_each_position(&self, each: EachPosition<'_>) -> Result<(), StoreError> {
        self.for_each_position(each).await
    }
}
