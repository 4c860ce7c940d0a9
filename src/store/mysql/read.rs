//! Reading centers.

use futures_util::TryStreamExt as _;
use sqlx::Row as _;

use super::query::query;
use super::{MySqlStore, rows};
use crate::domain::{Center, CenterId, Filter, OrganizationId, Position, Summary};
use crate::store::StoreError;
use crate::store::sql::json_of;
use crate::store::statement::Statement;

impl MySqlStore {
    pub(in crate::store) async fn read(&self, id: CenterId) -> Result<Option<Center>, StoreError> {
        let row = sqlx::query(self.statements.read.text())
            .bind(id.get())
            .fetch_optional(&self.pool)
            .await?;
        let fields = self.collection.fields();
        let center = row.as_ref().map(|row| rows::center(row, fields));
        Ok(center.transpose()?)
    }

    pub(in crate::store) async fn list(
        &self,
        filter: &Filter,
        organizations: &[OrganizationId],
        after: Option<CenterId>,
        count: usize,
    ) -> Result<Vec<Center>, StoreError> {
        let sql = &self.statements;
        let after = after.map_or(i64::MIN, CenterId::get);
        let mut statement = Statement::default();
        statement.push_with(&sql.list, [after.into()]);
        sql.search
            .push_filter(filter, organizations, false, &mut statement);
        statement.push_with(&sql.list_end, [(count as u64).into()]);
        let found = query(statement).fetch_all(&self.pool).await?;
        let fields = self.collection.fields();
        let centers = found.iter().map(|row| rows::center(row, fields));
        Ok(centers.collect::<Result<_, _>>()?)
    }

    pub(in crate::store) async fn count_filtered(
        &self,
        filter: &Filter,
        organizations: &[OrganizationId],
    ) -> Result<u64, StoreError> {
        let sql = &self.statements;
        let mut statement = Statement::new(sql.count_list.as_str());
        sql.search
            .push_filter(filter, organizations, false, &mut statement);
        let row = query(statement).fetch_one(&self.pool).await?;
        Ok(row.try_get::<i64, _>(0)?.unsigned_abs())
    }

    pub(in crate::store) async fn read_kept(
        &self,
        ids: &[CenterId],
        filter: &Filter,
        organizations: &[OrganizationId],
    ) -> Result<Vec<Center>, StoreError> {
        let sql = &self.statements;
        let mut statement = Statement::default();
        statement.push_with(&sql.read_many.text().0, [json_of(ids).into()]);
        sql.search
            .push_filter(filter, organizations, true, &mut statement);
        let found = query(statement).fetch_all(&self.pool).await?;
        let fields = self.collection.fields();
        let centers = found.iter().map(|row| rows::center(row, fields));
        Ok(centers.collect::<Result<_, _>>()?)
    }

    pub(in crate::store) async fn fold_summaries<S>(
        &self,
        mut state: S,
        each: impl Fn(&mut S, Summary<'_>) + Send,
    ) -> Result<S, StoreError> {
        let mut stream = sqlx::query(self.statements.summaries.text()).fetch(&self.pool);
        while let Some(row) = stream.try_next().await? {
            rows::summary(&row, self.collection.fields(), |summary| {
                each(&mut state, summary);
            })?;
        }
        Ok(state)
    }

    pub(super) async fn for_each_position(
        &self,
        mut each: impl FnMut(Position, Option<&str>) + Send,
    ) -> Result<(), StoreError> {
        let mut stream = sqlx::query(self.statements.positions.text()).fetch(&self.pool);
        while let Some(row) = stream.try_next().await? {
            if let Ok(position) = Position::new(row.try_get(0)?, row.try_get(1)?) {
                each(position, rows::text(&row, 2)?.as_deref());
            }
        }
        Ok(())
    }

    pub(in crate::store) async fn fold_names<S>(
        &self,
        mut state: S,
        each: impl Fn(&mut S, CenterId, &str, Option<Position>) + Send,
    ) -> Result<S, StoreError> {
        let mut stream = sqlx::query(self.statements.names.text()).fetch(&self.pool);
        while let Some(row) = stream.try_next().await? {
            rows::name(&row, |id, name, position| {
                each(&mut state, id, name, position);
            })?;
        }
        Ok(state)
    }

    pub(in crate::store) async fn count(&self) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar(self.statements.count.text())
            .fetch_one(&self.pool)
            .await?;
        Ok(count.unsigned_abs())
    }

    pub(super) async fn probe(&self, columns: &[String]) -> Result<(), StoreError> {
        let (columns, table) = (columns.join(", "), self.collection.table.quoted());
        query(Statement::new(format!(
            "SELECT {columns} FROM {table} LIMIT 1"
        )))
        .fetch_optional(&self.probes)
        .await?;
        Ok(())
    }
}
