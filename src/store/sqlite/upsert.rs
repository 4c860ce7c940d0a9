//! Writing the batches of imports.

use std::collections::HashSet;

use serde_json::json;

use super::SqliteStore;
use super::write::{Writing, now};
use crate::domain::CenterId;
use crate::store::{BatchItem, StoreError, Upserted};

impl SqliteStore {
    pub(in crate::store) async fn upsert(
        &self,
        items: Vec<BatchItem>,
    ) -> Result<Upserted, StoreError> {
        self.write(move |writing| Ok(writing.upsert(&items)?)).await
    }
}

impl Writing<'_> {
    fn upsert(&self, items: &[BatchItem]) -> rusqlite::Result<Upserted> {
        let mut upserted = Upserted::default();
        let mut there = self.ids_there(items)?;
        let mut insert = self.prepare(&self.statements.insert)?;
        let mut update = self.prepare(&self.statements.update_changed)?;
        let now = now();
        // Rows without an id come last: the ids that they are given must not be
        // those of rows to come.
        let (named, new): (Vec<_>, Vec<_>) = items.iter().partition(|item| item.id.is_some());
        for BatchItem { id, draft } in named.into_iter().chain(new) {
            if let Some(id) = *id
                && !there.insert(id)
            {
                self.growth.let_go();
                let next = self.bind_draft(&mut update, 1, draft)?;
                update.raw_bind_parameter(next, id.get())?;
                if update.raw_execute()? > 0 {
                    upserted.updated += 1;
                } else {
                    upserted.unchanged += 1;
                }
            } else {
                self.bind_new(&mut insert, *id, draft, &now)?;
                insert.raw_execute()?;
                upserted.inserted += 1;
            }
        }
        Ok(upserted)
    }

    /// Which of the ids have a row, shown or not.
    fn ids_there(&self, items: &[BatchItem]) -> rusqlite::Result<HashSet<CenterId>> {
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
