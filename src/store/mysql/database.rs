//! A MySQL database, as all of nearby sees it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Connection as _};

use super::adopt::{self, Adopter};
use super::{MySqlDatabase, MySqlStore, catalog, schema, survey, triggers};
use crate::store::database::Backend;
use crate::store::feed::ChangeFeed;
use crate::store::ids::{BeyondIds, lacks_id};
use crate::store::places::Places;
use crate::store::references::KeyColumn;
use crate::store::rows::RowStore;
use crate::store::survey::{BackfillFrom, Fault, Mender, Survey, Surveys};
use crate::store::tables::Tables;
use crate::store::{Collection, Connections, Obstacle, SchemaFinding, StoreError, TableColumns};

/// How long connections to a server may take to be closed in good order.
const LONGEST_CLOSE: Duration = Duration::from_secs(1);

#[async_trait]
impl Backend for MySqlDatabase {
    fn open(&self, collection: &Arc<Collection>) -> Arc<dyn RowStore> {
        Arc::new(MySqlStore::new(self, collection))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.probes.acquire().await?.ping().await?)
    }

    async fn close(&self) {
        // What others hold up there is not waited for: the server ends it by itself.
        let _ = tokio::time::timeout(LONGEST_CLOSE, async {
            tokio::join!(self.pool.close(), self.probes.close())
        })
        .await;
    }

    fn most_connections(&self) -> usize {
        self.pool.options().get_max_connections() as usize
    }

    fn places(&self) -> Option<&Places> {
        Some(&self.places)
    }

    fn may_never_answer(&self) -> bool {
        true
    }

    fn connections(&self) -> Connections {
        let idle = self.pool.num_idle();
        Connections {
            in_use: (self.pool.size() as usize).saturating_sub(idle),
            idle,
        }
    }

    fn feed(&self) -> Option<Arc<dyn ChangeFeed>> {
        Some(Arc::clone(&self.feed) as Arc<dyn ChangeFeed>)
    }

    fn adopter(&self) -> Option<Adopter> {
        Some(Adopter::new(self.clone()))
    }
}

#[async_trait]
impl Tables for MySqlDatabase {
    async fn tables(&self) -> Result<BTreeSet<String>, StoreError> {
        Ok(catalog::tables(&self.pool).await?)
    }

    async fn table_exists(&self, table: &str) -> Result<bool, StoreError> {
        Ok(catalog::table_exists(&self.pool, table).await?)
    }

    async fn count_rows(&self, collection: &Collection, after: i64) -> Result<u64, StoreError> {
        Ok(catalog::count_rows(&self.pool, collection, after).await?)
    }

    async fn columns(&self, collection: &Collection) -> Result<TableColumns, StoreError> {
        let columns = schema::columns(&self.pool, collection).await?;
        let described = columns.iter();
        Ok(TableColumns::of(
            described.map(|column| (column.name.clone(), column.reading())),
        ))
    }

    async fn obstacles_to_serving(
        &self,
        collection: &Collection,
    ) -> Result<Vec<Obstacle>, StoreError> {
        Ok(adopt::obstacles_to_serving(&self.pool, collection).await?)
    }

    async fn inspect(&self, collection: &Collection) -> Result<Vec<SchemaFinding>, StoreError> {
        Ok(schema::inspect(&self.pool, collection).await?)
    }

    async fn failing_triggers(
        &self,
        collection: &Collection,
    ) -> Result<Vec<SchemaFinding>, StoreError> {
        Ok(triggers::failures(&self.pool, collection).await?)
    }

    async fn foreign_keys(&self, table: &str) -> Result<Vec<KeyColumn>, StoreError> {
        Ok(catalog::foreign_keys(&self.pool, table).await?)
    }

    async fn rows_beyond_ids(
        &self,
        collection: &Collection,
        only_without_location: bool,
    ) -> Result<BeyondIds, StoreError> {
        let (table, id) = (collection.table.quoted(), collection.id.quoted());
        let only = if only_without_location {
            format!(" AND {} IS NULL", collection.location.quoted())
        } else {
            String::new()
        };
        let text = AssertSqlSafe(format!(
            "SELECT COUNT(*), CAST(MIN({id}) AS CHAR), CAST(MAX({id}) AS CHAR) FROM {table} \
             WHERE {}{only}",
            lacks_id(&id)
        ));
        let (count, first, last) = sqlx::query_as(text).fetch_one(&self.pool).await?;
        Ok(BeyondIds { count, first, last })
    }
}

#[async_trait]
impl Surveys for MySqlDatabase {
    async fn survey(
        &self,
        collection: &Collection,
        after: i64,
        count: u32,
    ) -> Result<Survey, StoreError> {
        survey::survey(&self.pool, collection, after, count).await
    }

    async fn ids_with(
        &self,
        collection: &Collection,
        fault: Fault,
        run: (i64, i64),
        count: usize,
    ) -> Result<Vec<i64>, StoreError> {
        Ok(survey::ids_with(&self.pool, collection, fault, run, count).await?)
    }

    async fn mender(
        &self,
        collection: &Collection,
        from: BackfillFrom,
    ) -> Result<Box<dyn Mender>, StoreError> {
        let mender = super::backfill::Mender::new(&self.pool, collection, from).await?;
        Ok(Box::new(mender))
    }
}
