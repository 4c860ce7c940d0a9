//! Writing centers, each write a transaction.

use std::sync::Arc;

use chrono::{SecondsFormat, Utc};
use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Statement, params_from_iter};

use super::catalog::{all, or_none};
use super::extent::Growth;
use super::query::parts;
use super::transaction::WriteTransaction;
use super::{SqliteStore, Statements, geopackage, rows};
use crate::domain::{Center, CenterDraft, CenterEdit, CenterId, FieldValue, Position};
use crate::store::audit::{Audited, Change, MEMBERSHIPS, RATINGS};
use crate::store::idempotency::Made;
use crate::store::references::{References, Referring, refuse_used};
use crate::store::rows::Holds;
use crate::store::sql::Sql;
use crate::store::{BatchError, BatchItem, Collection, DeleteError, StoreError, UpdateError};

const COUNT_MEMBERSHIPS: &str =
    "SELECT COUNT(*) FROM diving_center_organizations WHERE diving_center_id = ?";
const COUNT_RATINGS: &str = "SELECT COUNT(*) FROM center_ratings WHERE diving_center_id = ?";

impl SqliteStore {
    pub(super) async fn create(&self, draft: &CenterDraft) -> Result<Center, StoreError> {
        let draft = draft.clone();
        self.write(move |writing| {
            let center = writing.create(&draft)?;
            writing.note(None, Some(&center))?;
            writing.transaction.keep_answer(Made::Center(&center))?;
            Ok(center)
        })
        .await
    }

    pub(super) async fn replace(
        &self,
        id: CenterId,
        draft: &CenterDraft,
    ) -> Result<Option<Center>, StoreError> {
        let draft = draft.clone();
        self.write(move |writing| writing.replace(id, &draft)).await
    }

    pub(super) async fn update<E: Send + 'static>(
        &self,
        id: CenterId,
        edit: impl FnOnce(&Center) -> Result<CenterEdit, E> + Send + 'static,
    ) -> Result<Option<Center>, UpdateError<E>> {
        self.write(move |writing| {
            writing.settle(id.get())?;
            let Some(center) = writing.read(id)? else {
                return Ok(None);
            };
            let edit = edit(&center).map_err(UpdateError::Edit)?;
            if edit.places {
                writing.growth.let_go();
            }
            if let Some(position) = edit.draft.position() {
                writing.growth.take_in(position);
            }
            let (text, bound) = parts(writing.statements.edit.statement(id, &edit));
            let mut update = writing.transaction.statement(&text)?;
            update.execute(params_from_iter(bound))?;
            let edited = writing.read(id)?;
            writing.note_update(Some(&center), edited.as_ref())?;
            Ok(edited)
        })
        .await
    }

    pub(super) async fn delete(
        &self,
        id: CenterId,
        references: References,
        referring: Referring,
        holds: Holds,
    ) -> Result<bool, DeleteError> {
        self.write(move |writing| {
            writing.settle(id.get())?;
            let Some(center) = writing.read(id)? else {
                return Ok(false);
            };
            if !holds(&center) {
                return Err(DeleteError::Refused);
            }
            let transaction = writing.transaction;
            refuse_used(&transaction.that_keep(&references, referring, id.get())?)?;
            writing.note(Some(&center), None)?;
            writing.note_links(id)?;
            let mut delete = writing.prepare(&writing.statements.delete)?;
            writing.growth.let_go();
            Ok(delete.execute([id.get()])? > 0)
        })
        .await
    }

    pub(super) async fn write_batch(
        &self,
        items: Vec<BatchItem>,
    ) -> Result<Vec<Center>, BatchError> {
        self.write(move |writing| {
            let each = items.iter().enumerate().map(|(index, item)| match item.id {
                None => {
                    let created = writing.create(&item.draft);
                    let created = created.map_err(|error| BatchError::at(index, error))?;
                    writing.note(None, Some(&created))?;
                    Ok(created)
                }
                Some(id) => {
                    let written = writing
                        .replace(id, &item.draft)
                        .map_err(|error| BatchError::at(index, error))?;
                    written.ok_or(BatchError::NotFound { index, id })
                }
            });
            let written = each.collect::<Result<Vec<_>, BatchError>>()?;
            writing.transaction.keep_answer(Made::Centers(&written))?;
            Ok(written)
        })
        .await
    }

    /// Runs `work` in a transaction, which is committed unless it fails.
    pub(super) async fn write<T, E>(
        &self,
        work: impl FnOnce(&Writing<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + From<StoreError> + Send + 'static,
    {
        let statements = Arc::clone(&self.statements);
        let collection = Arc::clone(&self.collection);
        let written = self.database.write(move |transaction| {
            let writing = Writing {
                transaction,
                collection: &collection,
                statements: &statements,
                growth: Growth::default(),
            };
            let changes = transaction.total_changes();
            let done = work(&writing)?;
            // Noted where GeoPackage readers look for it: once a transaction, as a
            // trigger would do it for every row.
            if transaction.total_changes() > changes {
                let edges = writing.growth.edges();
                writing.prepare(&statements.mark_changed)?.execute(edges)?;
            }
            Ok::<_, E>((done, writing.growth.may_shrink()))
        });
        let (done, may_shrink) = written.await?;
        if may_shrink {
            let table = self.collection.table.as_str();
            let writer = &self.database.writer;
            writer.measure_at_the_end(table, &self.statements.measure);
        }
        Ok(done)
    }
}

/// A transaction that writes centers, and what is written in it.
pub(super) struct Writing<'a> {
    pub(super) transaction: &'a WriteTransaction<'a>,
    collection: &'a Collection,
    pub(super) statements: &'a Statements,
    /// What becomes of the layer's extent.
    pub(super) growth: Growth,
}

impl Writing<'_> {
    pub(super) fn prepare(&self, statement: &Sql) -> rusqlite::Result<CachedStatement<'_>> {
        self.transaction.prepare(statement)
    }

    pub(super) fn create(&self, draft: &CenterDraft) -> rusqlite::Result<Center> {
        let mut insert = self.prepare(&self.statements.insert)?;
        self.bind_new(&mut insert, None, draft, &now())?;
        insert.raw_execute()?;
        let mut read = self.prepare(&self.statements.read)?;
        read.query_one([self.transaction.last_id()], |row| {
            rows::center(row, &self.statements.fields)
        })
    }

    fn read(&self, id: CenterId) -> rusqlite::Result<Option<Center>> {
        let mut read = self.prepare(&self.statements.read)?;
        read.query_one([id.get()], |row| rows::center(row, &self.statements.fields))
            .optional()
    }

    /// `None` where there is no such row, or it is not shown.
    fn replace(&self, id: CenterId, draft: &CenterDraft) -> Result<Option<Center>, StoreError> {
        // Coordinates that come to where the point was moved to would cost its location.
        self.settle(id.get())?;
        let before = match self.transaction.account() {
            Some(_) => self.read(id)?,
            None => None,
        };
        let mut update = self.prepare(&self.statements.update)?;
        self.growth.let_go();
        let next = self.bind_draft(&mut update, 1, draft)?;
        let next = self.bind_edited(&mut update, next, draft)?;
        update.raw_bind_parameter(next, id.get())?;
        if update.raw_execute()? == 0 {
            return Ok(None);
        }
        let replaced = self.read(id)?;
        self.note_update(before.as_ref(), replaced.as_ref())?;
        Ok(replaced)
    }

    fn note_update(
        &self,
        before: Option<&Center>,
        after: Option<&Center>,
    ) -> Result<(), StoreError> {
        match before.zip(after) {
            Some((before, after)) => self.note(Some(before), Some(after)),
            None => Ok(()),
        }
    }

    /// Notes what a row was and is, where that is to be noted.
    pub(super) fn note(
        &self,
        before: Option<&Center>,
        after: Option<&Center>,
    ) -> Result<(), StoreError> {
        let audited = |center| Audited::Center(self.collection.name.as_str(), center);
        self.transaction.note(Change {
            before: before.map(audited),
            after: after.map(audited),
        })
    }

    /// Notes what goes along with a center, where that is to be noted.
    fn note_links(&self, id: CenterId) -> Result<(), StoreError> {
        let goes_along = self.collection.is_linked() && self.collection.deleted_at.is_none();
        if self.transaction.account().is_none() || !goes_along {
            return Ok(());
        }
        for (collection, ids, counting) in [
            (MEMBERSHIPS, format!("{id}/*"), COUNT_MEMBERSHIPS),
            (RATINGS, id.to_string(), COUNT_RATINGS),
        ] {
            let count = |connection: &Connection| all(connection, counting, [id.get()]);
            let counted: Vec<i64> = or_none(self.transaction.look(count))?;
            let count = counted.first().map_or(0, |count| count.unsigned_abs());
            self.transaction.note_gone_along(collection, ids, count)?;
        }
        Ok(())
    }

    /// Binds what an insert takes.
    pub(super) fn bind_new(
        &self,
        insert: &mut Statement<'_>,
        id: Option<CenterId>,
        draft: &CenterDraft,
        now: &str,
    ) -> rusqlite::Result<()> {
        insert.raw_bind_parameter(1, id.map(CenterId::get))?;
        let times = self.bind_draft(insert, 2, draft)?;
        for time in (times..).take(self.statements.times) {
            insert.raw_bind_parameter(time, now)?;
        }
        Ok(())
    }

    /// Binds location, coordinates, texts and attributes from a placeholder on; the one
    /// after them is next.
    pub(super) fn bind_draft(
        &self,
        statement: &mut Statement<'_>,
        first: usize,
        draft: &CenterDraft,
    ) -> rusqlite::Result<usize> {
        let position = draft.position();
        if let Some(position) = position {
            self.growth.take_in(position);
        }
        statement.raw_bind_parameter(first, position.map(geopackage::encode))?;
        statement.raw_bind_parameter(first + 1, position.map(Position::latitude))?;
        statement.raw_bind_parameter(first + 2, position.map(Position::longitude))?;
        self.bind_texts(statement, first + 3, draft)
    }

    fn bind_texts(
        &self,
        statement: &mut Statement<'_>,
        first: usize,
        draft: &CenterDraft,
    ) -> rusqlite::Result<usize> {
        for (text, &field) in (first..).zip(&self.statements.texts) {
            statement.raw_bind_parameter(text, draft.text().get(field))?;
        }
        let first = first + self.statements.texts.len();
        let count = self.statements.fields.attributes().len();
        for (at, place) in (first..).zip(0..count) {
            statement.raw_bind_parameter(at, draft.attribute(place).map(stored))?;
        }
        Ok(first + count)
    }

    /// Binds which attributes a draft says, so that an UPDATE writes them; the placeholder after them is next.
    pub(super) fn bind_edited(
        &self,
        statement: &mut Statement<'_>,
        first: usize,
        draft: &CenterDraft,
    ) -> rusqlite::Result<usize> {
        let count = self.statements.fields.attributes().len();
        for (at, place) in (first..).zip(0..count) {
            let is_said = draft.attributes().any(|(said, _)| said == place);
            statement.raw_bind_parameter(at, is_said)?;
        }
        Ok(first + count)
    }
}

/// A value as it is kept.
pub(super) fn stored(value: &FieldValue) -> Value {
    match value {
        FieldValue::Text(text) => Value::Text(text.clone()),
        FieldValue::Number(number) => Value::Real(*number),
        FieldValue::Boolean(boolean) => Value::Integer(i64::from(*boolean)),
        FieldValue::Date(date) => Value::Text(date.to_string()),
    }
}

/// The time as it is kept.
pub(super) fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}
