//! Writing centers.
//!
//! Transactions take the file's write lock at once: one that read before it
//! wrote could otherwise be refused halfway, when another process wrote between.

use std::sync::Arc;

use chrono::{SecondsFormat, Utc};
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Sqlite, SqliteConnection, Transaction};

use super::{SqliteStore, geopackage, rows};
use crate::domain::{Center, CenterDraft, CenterEdit, CenterId, Position};
use crate::store::{BatchError, BatchItem, DeleteError, StoreError, UpdateError};

type SqliteQuery<'q> = Query<'q, Sqlite, SqliteArguments>;

impl SqliteStore {
    pub(in crate::store) async fn create(&self, draft: &CenterDraft) -> Result<Center, StoreError> {
        let mut transaction = self.begin().await?;
        let query = sqlx::query(self.statements.create.text());
        let row = self
            .bind_new(query, draft)
            .fetch_one(&mut *transaction)
            .await?;
        let center = rows::center(&row)?;
        transaction.commit().await?;
        Ok(center)
    }

    pub(in crate::store) async fn replace(
        &self,
        id: CenterId,
        draft: &CenterDraft,
    ) -> Result<Option<Center>, StoreError> {
        let mut transaction = self.begin().await?;
        if !self.overwrite(&mut transaction, id, draft).await? {
            return Ok(None);
        }
        let center = self.read_in(&mut transaction, id.get()).await?;
        self.commit(transaction).await?;
        Ok(center)
    }

    pub(in crate::store) async fn update<E>(
        &self,
        id: CenterId,
        edit: impl FnOnce(&Center) -> Result<CenterEdit, E> + Send,
    ) -> Result<Option<Center>, UpdateError<E>> {
        let mut transaction = self.begin().await?;
        let Some(center) = self.read_in(&mut transaction, id.get()).await? else {
            return Ok(None);
        };
        let edit = edit(&center).map_err(UpdateError::Edit)?;
        // Where there is a position, written as it is, so that its location is right.
        if edit.places || center.position.is_some() {
            self.overwrite(&mut transaction, id, &edit.draft).await?;
        } else {
            let query = sqlx::query(self.statements.update_texts.text());
            let query = self.bind_texts(query, &edit.draft).bind(id.get());
            query.execute(&mut *transaction).await?;
        }
        let center = self.read_in(&mut transaction, id.get()).await?;
        self.commit(transaction).await?;
        Ok(center)
    }

    pub(in crate::store) async fn delete(&self, id: CenterId) -> Result<bool, DeleteError> {
        let mut transaction = self.begin().await?;
        let deleted = sqlx::query(self.statements.delete.text())
            .bind(id.get())
            .execute(&mut *transaction)
            .await?;
        if deleted.rows_affected() == 0 {
            return Ok(false);
        }
        self.commit(transaction).await?;
        Ok(true)
    }

    pub(in crate::store) async fn write_batch(
        &self,
        items: &[BatchItem],
    ) -> Result<Vec<Center>, BatchError> {
        let mut transaction = self.begin().await?;
        let mut ids = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let id = match item.id {
                None => self.insert(&mut transaction, &item.draft).await?,
                Some(id) => {
                    if !self.overwrite(&mut transaction, id, &item.draft).await? {
                        return Err(BatchError::NotFound { index, id });
                    }
                    id.get()
                }
            };
            ids.push(id);
        }
        let mut centers = Vec::with_capacity(ids.len());
        for id in ids {
            let center = self.read_in(&mut transaction, id).await?;
            centers.push(center.ok_or(sqlx::Error::RowNotFound)?);
        }
        self.commit(transaction).await?;
        Ok(centers)
    }

    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        self.pools.writer.begin_with("BEGIN IMMEDIATE").await
    }

    /// Notes the change where GeoPackage readers look for it: once a transaction,
    /// as a trigger would do it for every row.
    async fn commit(&self, mut transaction: Transaction<'_, Sqlite>) -> Result<(), sqlx::Error> {
        sqlx::query(self.statements.mark_changed.text())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await
    }

    /// The id of the new row.
    async fn insert(
        &self,
        connection: &mut SqliteConnection,
        draft: &CenterDraft,
    ) -> Result<i64, sqlx::Error> {
        let query = sqlx::query(self.statements.insert.text());
        let inserted = self.bind_new(query, draft).execute(connection).await?;
        Ok(inserted.last_insert_rowid())
    }

    fn bind_new<'q>(&self, query: SqliteQuery<'q>, draft: &'q CenterDraft) -> SqliteQuery<'q> {
        let mut query = self.bind_draft(query.bind(None::<i64>), draft);
        let now: Arc<str> = Utc::now()
            .to_rfc3339_opts(SecondsFormat::Millis, true)
            .into();
        for _ in 0..self.statements.times {
            query = query.bind(Arc::clone(&now));
        }
        query
    }

    /// Whether there was such a row, and it is shown.
    async fn overwrite(
        &self,
        connection: &mut SqliteConnection,
        id: CenterId,
        draft: &CenterDraft,
    ) -> Result<bool, sqlx::Error> {
        let query = sqlx::query(self.statements.update.text());
        let written = self
            .bind_draft(query, draft)
            .bind(id.get())
            .execute(connection)
            .await?;
        Ok(written.rows_affected() > 0)
    }

    fn bind_draft<'q>(&self, query: SqliteQuery<'q>, draft: &'q CenterDraft) -> SqliteQuery<'q> {
        let position = draft.position();
        let query = query
            .bind(position.map(geopackage::encode))
            .bind(position.map(Position::latitude))
            .bind(position.map(Position::longitude));
        self.bind_texts(query, draft)
    }

    fn bind_texts<'q>(&self, query: SqliteQuery<'q>, draft: &'q CenterDraft) -> SqliteQuery<'q> {
        let texts = self.statements.texts.iter();
        texts.fold(query, |query, &field| query.bind(draft.text().get(field)))
    }

    async fn read_in(
        &self,
        connection: &mut SqliteConnection,
        id: i64,
    ) -> Result<Option<Center>, sqlx::Error> {
        let row = sqlx::query(self.statements.read.text())
            .bind(id)
            .fetch_optional(connection)
            .await?;
        row.as_ref().map(rows::center).transpose()
    }
}
