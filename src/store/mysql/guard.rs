//! Guarding tables with triggers.

use async_trait::async_trait;

use super::catalog::table_exists;
use super::{MySqlDatabase, adopt, triggers};
use crate::store::guard::Guards;
use crate::store::{Collection, Database, Guard, StoreError};

#[async_trait]
impl Guards for MySqlDatabase {
    async fn guard(&self, collection: &Collection) -> Result<Option<Guard>, StoreError> {
        triggers::ensure(&self.pool, collection).await
    }

    async fn grant_to_see_triggers(
        &self,
        collection: &Collection,
    ) -> Result<Option<String>, StoreError> {
        if !table_exists(&self.pool, collection.table.as_str()).await? {
            return Ok(None);
        }
        Ok(adopt::grant_to_see_triggers(&self.pool, collection).await?)
    }

    async fn is_any_adopted(&self) -> Result<bool, StoreError> {
        Ok(adopt::is_any_adopted(&self.pool).await?)
    }

    async fn may_be_mended(&self, collection: &Collection) -> Result<bool, StoreError> {
        let is_own = Database::of(self.clone()).is_own(collection).await?;
        Ok(is_own || adopt::is_adopted(&self.pool, collection).await?)
    }
}
