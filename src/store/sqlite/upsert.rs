//! Writing the batches of imports.

use std::collections::HashSet;

use chrono::{SecondsFormat, Utc};
use rusqlite::{Connection, Statement, TransactionBehavior};
use serde_json::json;

use super::{SqliteStore, Statements, geopackage};
use crate::domain::{CenterDraft, CenterId, Position};
use crate::store::{BatchItem, StoreError, Upserted};

impl SqliteStore {
    pub(in crate::store) async fn upsert(
        &self,
        items: Vec<BatchItem>,
    ) -> Result<Upserted, StoreError> {
        let statements = self.statements.clone();
        self.pools
            .bulk
            .run(move |connection| upsert(connection, &statements, &items))
            .await
    }
}

fn upsert(
    connection: &mut Connection,
    statements: &Statements,
    items: &[BatchItem],
) -> rusqlite::Result<Upserted> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut upserted = Upserted::default();
    {
        let mut there = ids_there(&transaction, statements, items)?;
        let mut insert = transaction.prepare(&statements.insert.text().0)?;
        let mut update = transaction.prepare(&statements.update_changed.text().0)?;
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        // Rows without an id come last: the ids that they are given must not be
        // those of rows to come.
        let (named, new): (Vec<_>, Vec<_>) = items.iter().partition(|item| item.id.is_some());
        for BatchItem { id, draft } in named.into_iter().chain(new) {
            if let Some(id) = *id
                && !there.insert(id)
            {
                let next = bind_draft(&mut update, 1, statements, draft)?;
                update.raw_bind_parameter(next, id.get())?;
                if update.raw_execute()? > 0 {
                    upserted.updated += 1;
                } else {
                    upserted.unchanged += 1;
                }
            } else {
                insert.raw_bind_parameter(1, id.map(CenterId::get))?;
                let times = bind_draft(&mut insert, 2, statements, draft)?;
                for time in (times..).take(statements.times) {
                    insert.raw_bind_parameter(time, &now)?;
                }
                insert.raw_execute()?;
                upserted.inserted += 1;
            }
        }
    }
    if upserted.inserted + upserted.updated > 0 {
        transaction.execute(&statements.mark_changed.text().0, ())?;
        transaction.commit()?;
    }
    Ok(upserted)
}

/// Which of the ids have a row, shown or not.
fn ids_there(
    connection: &Connection,
    statements: &Statements,
    items: &[BatchItem],
) -> rusqlite::Result<HashSet<CenterId>> {
    let ids: Vec<i64> = items
        .iter()
        .filter_map(|item| item.id.map(CenterId::get))
        .collect();
    let mut find = connection.prepare(&statements.ids_there.text().0)?;
    let found = find.query_map([json!(ids).to_string()], |row| row.get(0))?;
    found
        .filter_map(|id| id.map(CenterId::new).transpose())
        .collect()
}

/// Binds location, coordinates and texts from a placeholder on; the one after
/// them is next.
fn bind_draft(
    statement: &mut Statement<'_>,
    first: usize,
    statements: &Statements,
    draft: &CenterDraft,
) -> rusqlite::Result<usize> {
    let position = draft.position();
    statement.raw_bind_parameter(first, position.map(geopackage::encode))?;
    statement.raw_bind_parameter(first + 1, position.map(Position::latitude))?;
    statement.raw_bind_parameter(first + 2, position.map(Position::longitude))?;
    let first_text = first + 3;
    for (text, &field) in (first_text..).zip(&statements.texts) {
        statement.raw_bind_parameter(text, draft.text().get(field))?;
    }
    Ok(first_text + statements.texts.len())
}
