//! A collection in an embedded file, as all of nearby sees it.

use std::sync::Arc;

use async_trait::async_trait;

use super::SqliteStore;
use crate::domain::{
    Center, CenterDraft, CenterId, Filter, Listing, Neighbour, OrganizationId, SettingKey,
    TextField,
};
use crate::store::references::References;
use crate::store::rows::{EachListed, EachName, EachSummary, Edit, Holds, Refused, RowStore};
use crate::store::{
    Apart, BatchError, BatchItem, DeleteError, ImportId, JournalNote, Known, Others, Referring,
    RefusedItem, StoreError, UpdateError, Upserted,
};

#[async_trait]
impl RowStore for SqliteStore {
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
        self.delete(id, references, referring, holds).await
    }

    async fn write_batch(&self, items: Vec<BatchItem>) -> Result<Vec<Center>, BatchError> {
        self.write_batch(items).await
    }

    async fn upsert(&self, items: Vec<BatchItem>) -> Result<Upserted, StoreError> {
        self.upsert(items).await
    }

    async fn upsert_taken(
        &self,
        items: Vec<BatchItem>,
        others: Others,
        note: Option<JournalNote>,
    ) -> Result<(Upserted, Vec<RefusedItem>), StoreError> {
        self.upsert_taken(items, others, note).await
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
        self.each_listed(listing, texts, each).await
    }

    async fn each_summary(&self, each: EachSummary) -> Result<(), StoreError> {
        let folding = self.fold_summaries(each, |each, summary| each(summary));
        folding.await.map(drop)
    }

    async fn each_name(&self, each: EachName) -> Result<(), StoreError> {
        let folding = self.fold_names(each, |each, id, name, position| each(id, name, position));
        folding.await.map(drop)
    }

    async fn create_apart(
        &self,
        draft: &CenterDraft,
        apart: Apart,
    ) -> Result<Result<Center, Vec<Neighbour>>, StoreError> {
        self.create_apart(draft, apart).await
    }

    async fn loaded_up_to(&self, note: &SettingKey) -> Result<i64, StoreError> {
        self.loaded_up_to(note).await
    }

    async fn load_once(
        &self,
        note: &SettingKey,
        items: Vec<BatchItem>,
    ) -> Result<Upserted, StoreError> {
        self.load_once(note, items).await
    }

    async fn take_over_moved(&self) -> Result<u64, StoreError> {
        self.take_over_moved().await
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
}
