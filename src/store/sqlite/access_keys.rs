//! The table of access keys in an embedded file.

use async_trait::async_trait;
use rusqlite::params;

use super::SqliteDatabase;
use super::catalog::if_there;
use crate::domain::AccessKey;
use crate::store::access_keys::{AccessKeyRow, AccessKeysTable, DELETE, INSERT, NOTE_USE, READ};
use crate::store::audit::{Audited, Change};
use crate::store::{Digest, StoreError};

#[async_trait]
impl AccessKeysTable for SqliteDatabase {
    async fn read_access_keys(&self) -> Result<Option<Vec<AccessKeyRow>>, StoreError> {
        let reading = self.read(|connection| {
            let read = || {
                let mut reading = connection.prepare_cached(READ)?;
                let rows = reading.query_map((), |row| {
                    Ok(AccessKeyRow {
                        digest: row.get(0)?,
                        name: row.get(1)?,
                        scope: row.get(2)?,
                        origins: row.get(3)?,
                        collections: row.get(4)?,
                        rate_per_minute: row.get(5)?,
                        created_s: row.get(6)?,
                        expires_s: row.get(7)?,
                        last_used_s: row.get(8)?,
                    })
                })?;
                rows.collect::<rusqlite::Result<Vec<_>>>()
            };
            Ok(if_there(read())?)
        });
        reading.await
    }

    async fn insert_access_key(
        &self,
        row: AccessKeyRow,
        key: &AccessKey,
    ) -> Result<(), StoreError> {
        let key = key.clone();
        let inserting = self.write(move |writing| {
            let values = params![
                row.digest,
                row.name,
                row.scope,
                row.origins,
                row.collections,
                row.rate_per_minute,
                row.created_s,
                row.expires_s
            ];
            writing.execute(INSERT, values)?;
            writing.note(Change::created(Audited::AccessKey(&key)))
        });
        inserting.await
    }

    async fn delete_access_key(&self, key: &AccessKey) -> Result<bool, StoreError> {
        let key = key.clone();
        let deleting = self.write(move |writing| {
            let is_deleted = writing.execute(DELETE, [key.name.as_str()])? > 0;
            if is_deleted {
                writing.note(Change::deleted(Audited::AccessKey(&key)))?;
            }
            Ok(is_deleted)
        });
        deleting.await
    }

    async fn note_access_key_use(&self, digest: Digest, used_s: i64) -> Result<(), StoreError> {
        let noting = self.writer.run(move |connection| {
            let values = params![used_s, digest.as_slice(), used_s];
            Ok(connection.execute(NOTE_USE, values).map(drop)?)
        });
        noting.await
    }
}
