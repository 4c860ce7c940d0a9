//! Reading centers.

use serde_json::json;
use sqlx::AssertSqlSafe;

use super::{SqliteStore, rows};
use crate::domain::{Center, CenterId, Filter};
use crate::store::StoreError;
use crate::store::sql::conditions;

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
        let organizations = self.database().organizations_of(filter).await?;
        if filter.names_nobody(&organizations) {
            return Ok(Vec::new());
        }
        let by_organization = !filter.organizations.is_empty();
        let text = self.statements.list(filter);
        let mut query =
            sqlx::query(AssertSqlSafe(text)).bind(after.map_or(i64::MIN, CenterId::get));
        for condition in conditions(filter) {
            query = query.bind(json!(condition.values).to_string());
        }
        if by_organization {
            let ids: Vec<i64> = organizations.iter().map(|id| id.get()).collect();
            query = query.bind(json!(ids).to_string());
        }
        if let Some(least) = filter.least_rating() {
            query = query.bind(least);
        }
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let found = query.bind(count).fetch_all(&self.pools.readers).await?;
        Ok(found.iter().map(rows::center).collect::<Result<_, _>>()?)
    }

    pub(in crate::store) async fn count(&self) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar(self.statements.count.text())
            .fetch_one(&self.pools.readers)
            .await?;
        Ok(count.unsigned_abs())
    }
}
