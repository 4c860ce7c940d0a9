//! Writing single centers and batches.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;
use sqlx::mysql::MySqlArguments;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, MySql, MySqlConnection};

use super::audit::NotesChanges as _;
use super::connect::connect_beside;
use super::idempotency::RecordsKeys as _;
use super::organizations::forget_center;
use super::query::query;
use super::retry::Retries;
use super::transaction::Transaction;
use super::{MySqlStore, rows};
use crate::domain::{Center, CenterDraft, CenterEdit, CenterId, FieldValue, Position};
use crate::store::asker::still_there;
use crate::store::audit::{Account, Audited, Change};
use crate::store::idempotency::Made;
use crate::store::references::{References, Referring, refuse_used};
use crate::store::refusal::Rule;
use crate::store::rows::Holds;
use crate::store::{
    BatchError, BatchItem, DatabaseFailure, DeleteError, Field, StoreError, Unfit, UpdateError,
};

impl MySqlStore {
    /// Begins a transaction, unless whoever asked for it went while it waited for a
    /// connection, and takes the key of the write.
    async fn begin(&self) -> Result<Transaction, StoreError> {
        let mut transaction = self.pool.begin().await?;
        still_there()?;
        transaction.take_key().await?;
        Ok(transaction)
    }

    /// Keeps every other instance from doing the same with this table, until the
    /// connection is gone.
    pub(in crate::store) async fn lock_instances_out(
        &self,
        longest: Duration,
    ) -> Result<MySqlConnection, StoreError> {
        let mut connection = connect_beside(&self.pool).await?;
        let name = "CONCAT('nearby write ', LEFT(SHA2(CONCAT(DATABASE(), '.', ?), 256), 40))";
        let got: Option<i64> =
            sqlx::query_scalar(AssertSqlSafe(format!("SELECT GET_LOCK({name}, ?)")))
                .bind(self.collection.table.as_str())
                .bind(longest.as_secs())
                .fetch_one(&mut connection)
                .await?;
        if got == Some(1) {
            Ok(connection)
        } else {
            Err(StoreError::Busy)
        }
    }

    pub(in crate::store) async fn create(&self, draft: &CenterDraft) -> Result<Center, StoreError> {
        let mut transaction = self.begin().await?;
        let id = self.insert(&mut transaction, draft).await?;
        let center = self.read_in(&mut transaction, id).await?;
        let center = center.ok_or(sqlx::Error::RowNotFound)?;
        let created = Change::created(self.audited(&center));
        transaction.note(&[created]).await?;
        transaction.keep_answer(Made::Center(&center)).await?;
        commit(transaction, false).await?;
        Ok(center)
    }

    pub(in crate::store) async fn replace(
        &self,
        id: CenterId,
        draft: &CenterDraft,
    ) -> Result<Option<Center>, StoreError> {
        let mut transaction = self.begin().await?;
        let before = match Account::current() {
            Some(_) => self.read_to_update(&mut transaction, id).await?,
            None => None,
        };
        self.overwrite(&mut transaction, id, draft).await?;
        let center = self.read_in(&mut transaction, id.get()).await?;
        self.note_update(&mut transaction, before.as_ref(), center.as_ref())
            .await?;
        commit(transaction, true).await?;
        Ok(center)
    }

    pub(in crate::store) async fn update<E>(
        &self,
        id: CenterId,
        edit: impl FnOnce(&Center) -> Result<CenterEdit, E> + Send + 'static,
    ) -> Result<Option<Center>, UpdateError<E>> {
        let mut transaction = self.begin().await?;
        let Some(before) = self.read_to_update(&mut transaction, id).await? else {
            return Ok(None);
        };
        let edit = edit(&before).map_err(UpdateError::Edit)?;
        let update = query(self.statements.edit.statement(id, &edit));
        if let Err(error) = update.execute(&mut *transaction).await {
            let error = self.explained(&mut transaction, error, &edit.draft).await;
            return Err(error.into());
        }
        let center = self.read_in(&mut transaction, id.get()).await?;
        self.note_update(&mut transaction, Some(&before), center.as_ref())
            .await?;
        commit(transaction, true).await?;
        Ok(center)
    }

    pub(in crate::store) async fn delete(
        &self,
        id: CenterId,
        references: &References,
        referring: Referring,
        holds: Holds,
    ) -> Result<bool, DeleteError> {
        let mut retries = Retries::default();
        loop {
            match self.try_delete(id, references, referring, &holds).await {
                Err(error) if retries.again(&error).await => {}
                done => return done,
            }
        }
    }

    async fn try_delete(
        &self,
        id: CenterId,
        references: &References,
        referring: Referring,
        holds: &Holds,
    ) -> Result<bool, DeleteError> {
        let mut transaction = self.begin().await?;
        // From here on nobody can write a row that refers to it.
        let Some(center) = self.read_to_update(&mut transaction, id).await? else {
            return Ok(false);
        };
        if !holds(&center) {
            return Err(DeleteError::Refused);
        }
        let mut used = Vec::new();
        for reference in references.that_keep(referring) {
            let is_used = sqlx::query_scalar(AssertSqlSafe(reference.is_used.clone()));
            if is_used.bind(id.get()).fetch_one(&mut *transaction).await? {
                used.push(reference);
            }
        }
        refuse_used(&used)?;
        if self.collection.is_linked() {
            // First: another application's tables may hold them by a foreign key.
            forget_center(&mut transaction, id).await?;
        }
        let deleted = sqlx::query(self.statements.delete.text())
            .bind(id.get())
            .execute(&mut *transaction)
            .await?;
        if deleted.rows_affected() == 0 {
            return Ok(false);
        }
        let deleted = Change::deleted(self.audited(&center));
        transaction.note(&[deleted]).await?;
        commit(transaction, true).await?;
        Ok(true)
    }

    pub(in crate::store) async fn write_batch(
        &self,
        items: Vec<BatchItem>,
    ) -> Result<Vec<Center>, BatchError> {
        let mut retries = Retries::default();
        loop {
            match self.try_write_batch(&items).await {
                Err(error) if retries.again(&error).await => {}
                done => return done,
            }
        }
    }

    async fn try_write_batch(&self, items: &[BatchItem]) -> Result<Vec<Center>, BatchError> {
        let mut transaction = self.begin().await?;
        let before = match Account::current() {
            Some(_) => self.read_replaced(&mut transaction, items).await?,
            None => HashMap::new(),
        };
        let mut ids = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let id = match item.id {
                None => self
                    .insert(&mut transaction, &item.draft)
                    .await
                    .map_err(|error| BatchError::at(index, error))?,
                Some(id) => {
                    let written = self.overwrite(&mut transaction, id, &item.draft).await;
                    if !written.map_err(|error| BatchError::at(index, error))? {
                        return Err(BatchError::NotFound { index, id });
                    }
                    id.get()
                }
            };
            ids.push(id);
        }
        let centers = self.read_many(&mut transaction, &ids).await?;
        let changes = centers.iter().map(|center| Change {
            before: before.get(&center.id).map(|before| self.audited(before)),
            after: Some(self.audited(center)),
        });
        transaction.note(&changes.collect::<Vec<_>>()).await?;
        transaction.keep_answer(Made::Centers(&centers)).await?;
        commit(transaction, all_have_ids(items)).await?;
        Ok(centers)
    }

    /// The new row's id.
    async fn insert(
        &self,
        connection: &mut MySqlConnection,
        draft: &CenterDraft,
    ) -> Result<i64, StoreError> {
        let (x, y) = rows::point(draft.position());
        let query = sqlx::query(self.statements.insert.text())
            .bind(None::<i64>)
            .bind(x)
            .bind(y);
        let query = self.bind_draft(query, draft);
        let query = self.bind_attributes(query, draft);
        match query.execute(&mut *connection).await {
            Ok(inserted) => self.first_id_of(&inserted).map_err(|error| {
                StoreError::Unfit(Unfit {
                    rule: Rule::Number,
                    columns: vec![Field::Id.name().to_owned()],
                    constraint: None,
                    failure: DatabaseFailure::MySql(error),
                })
            }),
            Err(error) => Err(self.explained(connection, error, draft).await),
        }
    }

    /// Whether there was such a row.
    async fn overwrite(
        &self,
        connection: &mut MySqlConnection,
        id: CenterId,
        draft: &CenterDraft,
    ) -> Result<bool, StoreError> {
        let edit = CenterEdit::whole(draft.clone());
        let update = query(self.statements.edit.statement(id, &edit));
        match update.execute(&mut *connection).await {
            // Rows found, not rows changed: sqlx asks the server for these.
            Ok(written) => Ok(written.rows_affected() > 0),
            Err(error) => Err(self.explained(connection, error, draft).await),
        }
    }

    fn bind_draft<'q>(
        &self,
        query: Query<'q, MySql, MySqlArguments>,
        draft: &'q CenterDraft,
    ) -> Query<'q, MySql, MySqlArguments> {
        let query = query
            .bind(draft.position().map(Position::latitude))
            .bind(draft.position().map(Position::longitude));
        self.bind_texts(query, draft)
    }

    fn bind_texts<'q>(
        &self,
        query: Query<'q, MySql, MySqlArguments>,
        draft: &'q CenterDraft,
    ) -> Query<'q, MySql, MySqlArguments> {
        let texts = self.statements.texts.iter();
        texts.fold(query, |query, &field| query.bind(draft.text().get(field)))
    }

    fn bind_attributes<'q>(
        &self,
        query: Query<'q, MySql, MySqlArguments>,
        draft: &'q CenterDraft,
    ) -> Query<'q, MySql, MySqlArguments> {
        let attributes = (0..self.statements.attributes).map(|place| draft.attribute(place));
        attributes.fold(query, bind_value)
    }

    fn audited<'a>(&'a self, center: &'a Center) -> Audited<'a> {
        Audited::Center(self.collection.name.as_str(), center)
    }

    async fn note_update(
        &self,
        connection: &mut MySqlConnection,
        before: Option<&Center>,
        after: Option<&Center>,
    ) -> Result<(), StoreError> {
        let Some((before, after)) = before.zip(after) else {
            return Ok(());
        };
        let updated = Change::updated(self.audited(before), self.audited(after));
        connection.note(&[updated]).await
    }

    /// A row as it is, which nobody else writes from here on.
    async fn read_to_update(
        &self,
        connection: &mut MySqlConnection,
        id: CenterId,
    ) -> Result<Option<Center>, sqlx::Error> {
        let row = sqlx::query(self.statements.read_to_update.text())
            .bind(id.get())
            .fetch_optional(connection)
            .await?;
        let fields = self.collection.fields();
        row.map(|row| rows::center(&row, fields)).transpose()
    }

    /// The rows that a batch replaces, as they are; nobody else writes them from here on.
    async fn read_replaced(
        &self,
        connection: &mut MySqlConnection,
        items: &[BatchItem],
    ) -> Result<HashMap<CenterId, Center>, sqlx::Error> {
        let items: Vec<&BatchItem> = items.iter().collect();
        let stored = self.stored(connection, &items).await?;
        let centers = stored.into_iter().map(|stored| stored.center);
        Ok(centers.map(|center| (center.id, center)).collect())
    }

    async fn read_in(
        &self,
        connection: &mut MySqlConnection,
        id: i64,
    ) -> Result<Option<Center>, sqlx::Error> {
        let row = sqlx::query(self.statements.read.text())
            .bind(id)
            .fetch_optional(connection)
            .await?;
        let fields = self.collection.fields();
        let center = row.as_ref().map(|row| rows::center(row, fields));
        center.transpose()
    }

    /// The centers with these ids, in their order.
    async fn read_many(
        &self,
        connection: &mut MySqlConnection,
        ids: &[i64],
    ) -> Result<Vec<Center>, sqlx::Error> {
        let rows = sqlx::query(self.statements.read_many.text())
            .bind(json!(ids).to_string())
            .fetch_all(connection)
            .await?;
        let centers: HashMap<i64, Center> = rows
            .iter()
            .map(|row| {
                let center = rows::center(row, self.collection.fields())?;
                Ok((center.id.get(), center))
            })
            .collect::<Result<_, sqlx::Error>>()?;
        ids.iter()
            .map(|id| centers.get(id).cloned().ok_or(sqlx::Error::RowNotFound))
            .collect()
    }
}

/// Whether a batch leaves the same rows when it is written once more.
pub(super) fn all_have_ids(items: &[BatchItem]) -> bool {
    items.iter().all(|item| item.id.is_some())
}

fn bind_value<'q>(
    query: Query<'q, MySql, MySqlArguments>,
    value: Option<&'q FieldValue>,
) -> Query<'q, MySql, MySqlArguments> {
    match value {
        None => query.bind(None::<&str>),
        Some(FieldValue::Text(text)) => query.bind(text.as_str()),
        Some(FieldValue::Number(number)) => query.bind(*number),
        Some(FieldValue::Boolean(boolean)) => query.bind(*boolean),
        Some(FieldValue::Date(date)) => query.bind(*date),
    }
}

pub(super) async fn commit(
    transaction: Transaction,
    is_repeatable: bool,
) -> Result<(), StoreError> {
    let committed = transaction.commit().await;
    committed.map_err(|error| StoreError::of_commit(error, is_repeatable))
}
