//! Reading centers.

use std::sync::Arc;

use rusqlite::{OptionalExtension as _, params_from_iter};

use super::query::parts;
use super::{SqliteStore, rows};
use crate::domain::{Center, CenterId, Filter, OrganizationId};
use crate::store::StoreError;
use crate::store::sql::{in_order, json_of};

impl SqliteStore {
    pub(super) async fn read(&self, id: CenterId) -> Result<Option<Center>, StoreError> {
        let sql = Arc::clone(&self.statements);
        let reading = self.database.read(move |connection| {
            let mut read = connection.prepare_cached(&sql.read.text().0)?;
            let center = read.query_row([id.get()], |row| rows::center(row, &sql.fields));
            Ok(center.optional()?)
        });
        reading.await
    }

    pub(super) async fn read_these(&self, ids: &[CenterId]) -> Result<Vec<Center>, StoreError> {
        let (sql, asked) = (Arc::clone(&self.statements), json_of(ids));
        let reading = self.database.read(move |connection| {
            let mut read = connection.prepare_cached(&sql.read_many.text().0)?;
            let found = read.query_map([asked], |row| rows::center(row, &sql.fields))?;
            Ok(found.collect::<Result<_, _>>()?)
        });
        Ok(in_order(ids, reading.await?))
    }

    pub(super) async fn read_kept(
        &self,
        ids: &[CenterId],
        filter: &Filter,
        organizations: &[OrganizationId],
    ) -> Result<Vec<Center>, StoreError> {
        let sql = Arc::clone(&self.statements);
        let (text, bound) = parts(sql.read_kept(ids, filter, organizations));
        let reading = self.database.read(move |connection| {
            let mut read = connection.prepare_cached(&text)?;
            let found = read.query_map(params_from_iter(bound), |row| {
                rows::center(row, &sql.fields)
            })?;
            Ok(found.collect::<Result<_, _>>()?)
        });
        reading.await
    }

    pub(super) async fn list(
        &self,
        filter: &Filter,
        organizations: &[OrganizationId],
        after: Option<CenterId>,
        count: usize,
    ) -> Result<Vec<Center>, StoreError> {
        let after = after.map_or(i64::MIN, CenterId::get);
        let sql = Arc::clone(&self.statements);
        let (text, bound) = parts(sql.list(filter, organizations, after, count as u64));
        let reading = self.database.read(move |connection| {
            let mut list = connection.prepare_cached(&text)?;
            let found = list.query_map(params_from_iter(bound), |row| {
                rows::center(row, &sql.fields)
            })?;
            Ok(found.collect::<Result<_, _>>()?)
        });
        reading.await
    }

    pub(super) async fn count_filtered(
        &self,
        filter: &Filter,
        organizations: &[OrganizationId],
    ) -> Result<u64, StoreError> {
        let (text, bound) = parts(self.statements.count_filtered(filter, organizations));
        let counting = self.database.read(move |connection| {
            let mut count = connection.prepare_cached(&text)?;
            let count: i64 = count.query_row(params_from_iter(bound), |row| row.get(0))?;
            Ok(count.unsigned_abs())
        });
        counting.await
    }

    pub(super) async fn probe(&self, columns: &[String]) -> Result<(), StoreError> {
        let (columns, table) = (columns.join(", "), self.collection.table.quoted());
        let text = format!("SELECT {columns} FROM {table} LIMIT 1");
        let file = self.database.file.clone();
        let reading = self.database.probes.read(move |connection| {
            file.check_writable()?;
            let found = connection.query_row(&text, (), |_| Ok(()));
            Ok(found.optional().map(drop)?)
        });
        reading.await
    }

    pub(super) async fn count(&self) -> Result<u64, StoreError> {
        let sql = self.statements.count.clone();
        let counting = self.database.read(move |connection| {
            let count: i64 = connection.query_row(&sql.text().0, (), |row| row.get(0))?;
            Ok(count.unsigned_abs())
        });
        counting.await
    }
}
