//! The table of access keys in MySQL.

use async_trait::async_trait;

use super::MySqlDatabase;
use super::audit::NotesChanges as _;
use super::write::commit;
use crate::domain::AccessKey;
use crate::store::access_keys::{AccessKeyRow, AccessKeysTable, DELETE, INSERT, NOTE_USE, READ};
use crate::store::audit::{Audited, Change};
use crate::store::refusal::is_unseen_table;
use crate::store::{Digest, StoreError};

type Row = (
    Vec<u8>,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<i64>,
    i64,
    Option<i64>,
    Option<i64>,
);

#[async_trait]
impl AccessKeysTable for MySqlDatabase {
    async fn read_access_keys(&self) -> Result<Option<Vec<AccessKeyRow>>, StoreError> {
        let rows = match sqlx::query_as::<_, Row>(READ).fetch_all(&self.pool).await {
            Err(error) if is_unseen_table(&error) => return Ok(None),
            rows => rows?,
        };
        let rows = rows.into_iter().map(|row| AccessKeyRow {
            digest: row.0,
            name: row.1,
            scope: row.2,
            origins: row.3,
            collections: row.4,
            rate_per_minute: row.5,
            created_s: row.6,
            expires_s: row.7,
            last_used_s: row.8,
        });
        Ok(Some(rows.collect()))
    }

    async fn insert_access_key(
        &self,
        row: AccessKeyRow,
        key: &AccessKey,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query(INSERT)
            .bind(row.digest)
            .bind(row.name)
            .bind(row.scope)
            .bind(row.origins)
            .bind(row.collections)
            .bind(row.rate_per_minute)
            .bind(row.created_s)
            .bind(row.expires_s)
            .execute(&mut *transaction)
            .await?;
        let created = Change::created(Audited::AccessKey(key));
        transaction.note(&[created]).await?;
        commit(transaction, true).await
    }

    async fn delete_access_key(&self, key: &AccessKey) -> Result<bool, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let deleting = sqlx::query(DELETE).bind(key.name.as_str());
        let is_deleted = deleting.execute(&mut *transaction).await?.rows_affected() > 0;
        if is_deleted {
            let deleted = Change::deleted(Audited::AccessKey(key));
            transaction.note(&[deleted]).await?;
        }
        commit(transaction, true).await?;
        Ok(is_deleted)
    }

    async fn note_access_key_use(&self, digest: Digest, used_s: i64) -> Result<(), StoreError> {
        sqlx::query(NOTE_USE)
            .bind(used_s)
            .bind(digest.as_slice())
            .bind(used_s)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
