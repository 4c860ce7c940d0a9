//! Centers in MySQL.

pub(super) mod backfill;
mod catalog;
pub(super) mod location;
pub(super) mod schema;
pub(super) mod survey;
pub(super) mod triggers;

pub(super) use catalog::{count_rows, table_exists};

use super::{BatchError, BatchItem, Collection, StoreError, UpdateError, Upserted};
use crate::domain::{Center, CenterDraft, CenterId, Filter, Summary};

/// A collection of centers in MySQL.
#[derive(Debug, Clone)]
pub struct MySqlStore {}

impl MySqlStore {
    pub(super) fn new(_pool: sqlx::MySqlPool, _collection: &Collection) -> Self {
        todo!()
    }

    pub(super) async fn create(&self, _draft: &CenterDraft) -> Result<Center, StoreError> {
        todo!()
    }

    pub(super) async fn read(&self, _id: CenterId) -> Result<Option<Center>, StoreError> {
        todo!()
    }

    pub(super) async fn replace(
        &self,
        _id: CenterId,
        _draft: &CenterDraft,
    ) -> Result<Option<Center>, StoreError> {
        todo!()
    }

    pub(super) async fn update<E>(
        &self,
        _id: CenterId,
        _edit: impl FnOnce(&Center) -> Result<CenterDraft, E> + Send,
    ) -> Result<Option<Center>, UpdateError<E>> {
        todo!()
    }

    pub(super) async fn delete(&self, _id: CenterId) -> Result<bool, StoreError> {
        todo!()
    }

    pub(super) async fn write_batch(
        &self,
        _items: &[BatchItem],
    ) -> Result<Vec<Center>, BatchError> {
        todo!()
    }

    pub(super) async fn upsert(&self, _items: &[BatchItem]) -> Result<Upserted, StoreError> {
        todo!()
    }

    pub(super) async fn list(
        &self,
        _filter: &Filter,
        _after: Option<CenterId>,
        _count: usize,
    ) -> Result<Vec<Center>, StoreError> {
        todo!()
    }

    pub(super) async fn for_each_summary(
        &self,
        _each: impl FnMut(Summary<'_>) + Send,
    ) -> Result<(), StoreError> {
        todo!()
    }

    pub(super) async fn count(&self) -> Result<u64, StoreError> {
        todo!()
    }
}
