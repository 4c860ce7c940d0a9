//! Writing the batches of imports.

use std::collections::HashSet;

use serde_json::json;

use super::SqliteStore;
use super::write::{Writing, now};
use crate::domain::CenterId;
use crate::store::{BatchItem, JournalNote, Others, RefusedItem, StoreError, Upserted};

impl SqliteStore {
    pub(super) async fn upsert(&self, items: Vec<BatchItem>) -> Result<Upserted, StoreError> {
        self.write(move |writing| writing.upsert(&items, None))
            .await
    }

    pub(super) async fn upsert_taken(
        &self,
        items: Vec<BatchItem>,
        others: Others,
        note: Option<JournalNote>,
    ) -> Result<(Upserted, Vec<RefusedItem>), StoreError> {
        let table = self.collection.table.clone();
        let written = self.write(move |writing| {
            let mut refused = Vec::new();
            let upserted = writing.upsert(&items, Some(&mut refused))?;
            if !refused.is_empty() && others == Others::Leave {
                return Err(Ended::Refused(refused));
            }
            if let Some(note) = note {
                writing.note_batch(table.as_str(), &note, &refused)?;
            }
            Ok((upserted, refused))
        });
        match written.await {
            Err(Ended::Refused(refused)) => Ok((Upserted::default(), refused)),
            Err(Ended::Failed(error)) => Err(error),
            Ok(taken) => Ok(taken),
        }
    }
}

/// Why a transaction is rolled back.
enum Ended {
    Refused(Vec<RefusedItem>),
    Failed(StoreError),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<rusqlite::Error> for Ended {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Writing<'_> {
    /// Rows that the table does not take are passed over, where there is a place to
    /// note them: of such a row SQLite takes back its own statement only.
    fn upsert(
        &self,
        items: &[BatchItem],
        mut refused: Option<&mut Vec<RefusedItem>>,
    ) -> Result<Upserted, StoreError> {
        let mut upserted = Upserted::default();
        let mut there = self.ids_there(items)?;
        let mut insert = self.prepare(&self.statements.insert)?;
        let mut update = self.prepare(&self.statements.update_changed)?;
        let now = now();
        // Rows without an id come last: the ids that they are given must not be
        // those of rows to come.
        let (named, new): (Vec<_>, Vec<_>) = items
            .iter()
            .enumerate()
            .partition(|(_, item)| item.id.is_some());
        for (index, BatchItem { id, draft }) in named.into_iter().chain(new) {
            let known = id.filter(|id| there.contains(id));
            let written = if let Some(id) = known {
                self.growth.let_go();
                let next = self.bind_draft(&mut update, 1, draft)?;
                let next = self.bind_edited(&mut update, next, draft)?;
                update.raw_bind_parameter(next, id.get())?;
                update.raw_execute()
            } else {
                self.bind_new(&mut insert, *id, draft, &now)?;
                insert.raw_execute()
            };
            match (written, known) {
                (Ok(0), Some(_)) => upserted.unchanged += 1,
                (Ok(_), Some(_)) => upserted.updated += 1,
                (Ok(_), None) => {
                    upserted.inserted += 1;
                    there.extend(*id);
                }
                (Err(error), _) => {
                    // Where the row would have been was counted.
                    self.growth.let_go();
                    let error = StoreError::from(error);
                    match (error.refusal(), &mut refused) {
                        (Some(reason), Some(refused)) => {
                            refused.push(RefusedItem { index, reason });
                        }
                        _ => return Err(error),
                    }
                }
            }
        }
        Ok(upserted)
    }

    /// Which of the ids have a row, shown or not.
    pub(super) fn ids_there(&self, items: &[BatchItem]) -> rusqlite::Result<HashSet<CenterId>> {
        let ids: Vec<i64> = items
            .iter()
            .filter_map(|item| item.id.map(CenterId::get))
            .collect();
        let mut find = self.prepare(&self.statements.ids_there)?;
        let found = find.query_map([json!(ids).to_string()], |row| row.get(0))?;
        found
            .filter_map(|id| id.map(CenterId::new).transpose())
            .collect()
    }
}
