//! Reading centers.

use futures_util::TryStreamExt as _;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::{SqliteStore, rows};
use crate::domain::{Center, CenterId, Filter, Position, Summary};
use crate::store::StoreError;
use crate::store::sql::{Sql, conditions};

/// Rows that one statement of a scan reads: none takes long, so that those which
/// do stand out in the log.
const SCAN_ROWS: i64 = 50_000;

impl SqliteStore {
    pub(in crate::store) async fn read(&self, id: CenterId) -> Result<Option<Center>, StoreError> {
        let row = sqlx::query(self.statements.read.text())
            .bind(id.get())
            .fetch_optional(&self.pools.readers)
            .await?;
        Ok(row.as_ref().map(rows::center).transpose()?)
    }

    pub(in crate::store) async fn list(
        &self,
        filter: &Filter,
        after: Option<CenterId>,
        count: usize,
    ) -> Result<Vec<Center>, StoreError> {
        let text = self.statements.list(conditions(filter));
        let mut query = sqlx::query(AssertSqlSafe(text)).bind(after.map_or(0, CenterId::get));
        for condition in conditions(filter) {
            query = query.bind(json!(condition.values).to_string());
        }
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let found = query.bind(count).fetch_all(&self.pools.readers).await?;
        Ok(found.iter().map(rows::center).collect::<Result<_, _>>()?)
    }

    pub(in crate::store) async fn for_each_summary(
        &self,
        mut each: impl FnMut(Summary<'_>) + Send,
    ) -> Result<(), StoreError> {
        self.scan(&self.statements.summaries, |row| {
            rows::summary(row, &mut each)
        })
        .await
    }

    pub(in crate::store) async fn for_each_name(
        &self,
        mut each: impl FnMut(CenterId, &str, Option<Position>) + Send,
    ) -> Result<(), StoreError> {
        self.scan(&self.statements.names, |row| rows::name(row, &mut each))
            .await
    }

    /// Reads every row of a statement that takes the last id before and a limit.
    async fn scan(
        &self,
        statement: &Sql,
        mut each: impl FnMut(&SqliteRow) -> Result<(), sqlx::Error> + Send,
    ) -> Result<(), StoreError> {
        // One transaction sees one state of the file, however many statements.
        let mut snapshot = self.pools.readers.begin().await?;
        let mut after = 0_i64;
        loop {
            let mut seen = 0;
            let mut stream = sqlx::query(statement.text())
                .bind(after)
                .bind(SCAN_ROWS)
                .fetch(&mut *snapshot);
            while let Some(row) = stream.try_next().await? {
                after = row.try_get(0)?;
                seen += 1;
                each(&row)?;
            }
            if seen < SCAN_ROWS {
                return Ok(());
            }
        }
    }

    pub(in crate::store) async fn count(&self) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar(self.statements.count.text())
            .fetch_one(&self.pools.readers)
            .await?;
        Ok(count.unsigned_abs())
    }
}
