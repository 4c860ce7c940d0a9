//! Reading centers.

use super::query::query;
use super::{SqliteStore, rows};
use crate::domain::{Center, CenterId, Filter};
use crate::store::StoreError;

impl SqliteStore {
    pub(in crate::store) async fn read(&self, id: CenterId) -> Result<Option<Center>, StoreError> {
        let row = sqlx::query(self.statements.read.text())
            .bind(id.get())
            .fetch_optional(&self.pools.readers)
            .await?;
        let fields = self.collection.fields();
        let center = row.as_ref().map(|row| rows::center(row, fields));
        Ok(center.transpose()?)
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
        let after = after.map_or(i64::MIN, CenterId::get);
        let sql = &self.statements;
        let statement = sql.list(filter, &organizations, after, count as u64);
        let found = query(statement).fetch_all(&self.pools.readers).await?;
        let fields = self.collection.fields();
        let centers = found.iter().map(|row| rows::center(row, fields));
        Ok(centers.collect::<Result<_, _>>()?)
    }

    pub(in crate::store) async fn count(&self) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar(self.statements.count.text())
            .fetch_one(&self.pools.readers)
            .await?;
        Ok(count.unsigned_abs())
    }
}
