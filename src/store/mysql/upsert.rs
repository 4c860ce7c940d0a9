//! Writing many centers at once.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::mysql::MySqlQueryResult;
use sqlx::{AssertSqlSafe, Executor as _, MySqlConnection, SqlSafeStr};

use super::retry::Retries;
use super::write::{all_have_ids, commit};
use super::{MySqlStore, rows};
use crate::domain::CenterId;
use crate::store::plan::{Plan, Stored, runs};
use crate::store::{BatchItem, JournalNote, Others, RefusedItem, StoreError, Upserted};

/// How many ids are looked up at once.
const LONGEST_RUN: usize = 250;
/// A statement ends at so many bytes of its rows, of which it has one at least: so
/// it fits into one record of TLS. A longer one is sent in several, and the last
/// waits some 40 ms for the server to acknowledge those before it, as sqlx does
/// not set `TCP_NODELAY`.
const STATEMENT_BYTES: usize = 16_000;

impl MySqlStore {
    pub(in crate::store) async fn upsert(
        &self,
        items: &[BatchItem],
    ) -> Result<Upserted, StoreError> {
        self.upsert_noting(items, None).await
    }

    async fn upsert_noting(
        &self,
        items: &[BatchItem],
        note: Option<&JournalNote>,
    ) -> Result<Upserted, StoreError> {
        self.learn_room().await?;
        let mut retries = Retries::default();
        loop {
            match self.try_upsert(items, note).await {
                Err(error) if retries.again(&error).await => {}
                done => return done,
            }
        }
    }

    async fn try_upsert(
        &self,
        items: &[BatchItem],
        note: Option<&JournalNote>,
    ) -> Result<Upserted, StoreError> {
        let mut upserted = Upserted::default();
        let mut transaction = self.pool.begin().await?;
        for run in runs(items, LONGEST_RUN) {
            upserted += self.write_run(&mut transaction, &run).await?;
        }
        if let Some(note) = note {
            self.note_batch(&mut transaction, note, &[]).await?;
        }
        commit(transaction, note.is_some() || all_have_ids(items)).await?;
        Ok(upserted)
    }

    pub(in crate::store) async fn upsert_taken(
        &self,
        items: &[BatchItem],
        others: Others,
        note: Option<&JournalNote>,
    ) -> Result<(Upserted, Vec<RefusedItem>), StoreError> {
        // Savepoints cost a trip each: only where a row was refused.
        match self.upsert_noting(items, note).await {
            Err(error) if error.refusal().is_some() => {}
            done => return Ok((done?, Vec::new())),
        }
        let mut retries = Retries::default();
        loop {
            match self.try_upsert_taken(items, others, note).await {
                Err(error) if retries.again(&error).await => {}
                done => return done,
            }
        }
    }

    /// Halves what is refused until the rows are found that are at fault.
    async fn try_upsert_taken(
        &self,
        items: &[BatchItem],
        others: Others,
        note: Option<&JournalNote>,
    ) -> Result<(Upserted, Vec<RefusedItem>), StoreError> {
        let mut upserted = Upserted::default();
        let mut refused = Vec::new();
        let mut transaction = self.pool.begin().await?;
        let mut waiting = runs(items, LONGEST_RUN);
        waiting.reverse();
        while let Some(mut run) = waiting.pop() {
            transaction.execute("SAVEPOINT nearby_run").await?;
            let error = match self.write_run(&mut transaction, &run).await {
                Ok(written) => {
                    upserted += written;
                    continue;
                }
                Err(error) => error,
            };
            if error.refusal().is_none() {
                return Err(error);
            }
            transaction
                .execute("ROLLBACK TO SAVEPOINT nearby_run")
                .await?;
            if let [item] = run[..] {
                let error = self.explained(&mut transaction, error, &item.draft).await;
                let reason = error.refusal().unwrap_or_default();
                let index = items.iter().position(|other| std::ptr::eq(other, item));
                let index = index.expect("a run holds items of the batch");
                refused.push(RefusedItem { index, reason });
            } else {
                let second = run.split_off(run.len() / 2);
                waiting.extend([second, run]);
            }
        }
        if refused.is_empty() || others == Others::Write {
            if let Some(note) = note {
                self.note_batch(&mut transaction, note, &refused).await?;
            }
            commit(transaction, note.is_some() || all_have_ids(items)).await?;
        } else {
            transaction.rollback().await?;
            upserted = Upserted::default();
        }
        Ok((upserted, refused))
    }

    async fn write_run(
        &self,
        connection: &mut MySqlConnection,
        run: &[&BatchItem],
    ) -> Result<Upserted, StoreError> {
        let stored = self.stored(connection, run).await?;
        let plan = Plan::new(&self.collection, run, stored);
        self.leave_room(&plan.inserts)?;
        self.carry_out(connection, &plan).await?;
        Ok(plan.outcome())
    }

    /// The rows that have the items' ids, locked until the transaction ends.
    pub(super) async fn stored(
        &self,
        connection: &mut MySqlConnection,
        items: &[&BatchItem],
    ) -> Result<Vec<Stored>, sqlx::Error> {
        let ids: Vec<i64> = items
            .iter()
            .filter_map(|item| item.id.map(CenterId::get))
            .collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let found = sqlx::query(self.statements.read_many_to_update.text())
            .bind(json!(ids).to_string())
            .fetch_all(connection)
            .await?;
        let fields = self.collection.fields();
        found.iter().map(|row| rows::stored(row, fields)).collect()
    }

    async fn carry_out(
        &self,
        connection: &mut MySqlConnection,
        plan: &Plan<'_>,
    ) -> Result<(), sqlx::Error> {
        let texts = &self.statements.texts;
        let inserts = plan.inserts.iter();
        let inserts = inserts.map(|item| rows::listed(item.id, &item.draft, texts));
        let insert = self.statements.insert_many.text();
        write_many(connection, insert, inserts, |inserted| {
            self.first_id_of(inserted).map(drop)
        })
        .await?;
        let mut updates: BTreeMap<Vec<usize>, Vec<Value>> = BTreeMap::new();
        for edit in &plan.updates {
            let said = edit.draft.attributes().map(|(place, _)| place).collect();
            let row = rows::listed(Some(edit.id), edit.draft, texts);
            updates.entry(said).or_default().push(row);
        }
        for (said, rows) in updates {
            let update = self.statements.update_many.of(&said);
            let rows = rows.into_iter();
            write_many(connection, AssertSqlSafe(update), rows, |_| Ok(())).await?;
        }
        Ok(())
    }
}

async fn write_many(
    connection: &mut MySqlConnection,
    statement: impl SqlSafeStr,
    rows: impl Iterator<Item = Value>,
    check: impl Fn(&MySqlQueryResult) -> Result<(), sqlx::Error>,
) -> Result<(), sqlx::Error> {
    let statement = statement.into_sql_str();
    for list in lists(rows.map(|row| row.to_string())) {
        let writing = sqlx::query(statement.clone()).bind(list);
        check(&writing.execute(&mut *connection).await?)?;
    }
    Ok(())
}

/// Rows as JSON in arrays of up to [`STATEMENT_BYTES`], each with a row at least.
pub(super) fn lists(rows: impl Iterator<Item = String>) -> Vec<String> {
    let mut rows = rows.peekable();
    let mut lists = Vec::new();
    while let Some(first) = rows.next() {
        let mut list = format!("[{first}");
        while let Some(row) = rows.next_if(|row| list.len() + row.len() + 2 <= STATEMENT_BYTES) {
            list.push(',');
            list.push_str(&row);
        }
        list.push(']');
        lists.push(list);
    }
    lists
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_every_row_in_order_and_are_short_where_rows_are() {
        let row = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
        let rows: Vec<String> = [7, 15_998, 15_999, 20_000, 7_998, 7_999, 7, 7]
            .map(row)
            .into();
        let found = lists(rows.iter().cloned());
        let lengths: Vec<usize> = found.iter().map(String::len).collect();
        assert_eq!(lengths, [9, 16_000, 16_001, 20_002, 16_000, 17]);
        let all: Vec<String> = found
            .iter()
            .flat_map(|list| serde_json::from_str::<Vec<Value>>(list).unwrap())
            .map(|row| row.to_string())
            .collect();
        assert_eq!(all, rows);
        assert!(lists(std::iter::empty()).is_empty());
    }
}
