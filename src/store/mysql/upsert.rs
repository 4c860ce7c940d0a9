//! Writing many centers at once.

use serde_json::{Value, json};
use sqlx::MySqlConnection;

use super::retry::Retries;
use super::{MySqlStore, rows};
use crate::domain::CenterId;
use crate::store::plan::{Plan, Stored, runs};
use crate::store::sql::Sql;
use crate::store::{BatchItem, StoreError, Upserted};

/// Rows a statement: with every text at its longest, their JSON stays below
/// MySQL's default `max_allowed_packet` of 64 MiB.
const LONGEST_RUN: usize = 250;

impl MySqlStore {
    pub(in crate::store) async fn upsert(
        &self,
        items: &[BatchItem],
    ) -> Result<Upserted, StoreError> {
        let mut retries = Retries::default();
        loop {
            match self.try_upsert(items).await {
                Err(error) if retries.again(&error).await => {}
                done => return done,
            }
        }
    }

    async fn try_upsert(&self, items: &[BatchItem]) -> Result<Upserted, StoreError> {
        let mut upserted = Upserted::default();
        let mut transaction = self.pool.begin().await?;
        for run in runs(items, LONGEST_RUN) {
            let stored = self.stored(&mut transaction, &run).await?;
            let plan = Plan::new(&self.collection, &run, stored);
            self.carry_out(&mut transaction, &plan).await?;
            upserted += plan.outcome();
        }
        transaction.commit().await?;
        Ok(upserted)
    }

    /// The rows that have the items' ids, locked until the transaction ends.
    async fn stored(
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
        found.iter().map(rows::stored).collect()
    }

    async fn carry_out(
        &self,
        connection: &mut MySqlConnection,
        plan: &Plan<'_>,
    ) -> Result<(), sqlx::Error> {
        let texts = &self.statements.texts;
        let inserts = plan
            .inserts
            .iter()
            .map(|item| rows::listed(item.id, &item.draft, texts));
        write_many(connection, &self.statements.insert_many, inserts).await?;
        let updates = plan
            .updates
            .iter()
            .map(|edit| rows::listed(Some(edit.id), edit.draft, texts));
        write_many(connection, &self.statements.update_many, updates).await
    }
}

async fn write_many(
    connection: &mut MySqlConnection,
    statement: &Sql,
    rows: impl ExactSizeIterator<Item = Value>,
) -> Result<(), sqlx::Error> {
    if rows.len() > 0 {
        let rows = Value::Array(rows.collect()).to_string();
        sqlx::query(statement.text())
            .bind(rows)
            .execute(connection)
            .await?;
    }
    Ok(())
}
