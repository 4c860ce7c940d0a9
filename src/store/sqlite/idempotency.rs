//! The table of kept answers in an embedded file.

use async_trait::async_trait;
use rusqlite::OptionalExtension as _;

use super::SqliteDatabase;
use crate::store::StoreError;
use crate::store::idempotency::{HeldKey, KeyRow, KeysTable};
use crate::store::refusal::is_missing_in_file;

const LOOK_UP: &str = "\
    SELECT request_digest, status, location, body, \
        made_at <= strftime('%Y-%m-%dT%H:%M:%fZ','now','-24 hours') \
    FROM nearby_idempotency_keys WHERE key_digest = ?";
const FREE: &str = "\
    DELETE FROM nearby_idempotency_keys \
    WHERE key_digest = ? AND made_at <= strftime('%Y-%m-%dT%H:%M:%fZ','now','-24 hours')";
pub(super) const TAKE: &str =
    "INSERT INTO nearby_idempotency_keys (key_digest, request_digest) VALUES (?, ?)";
pub(super) const KEEP: &str = "\
    UPDATE nearby_idempotency_keys SET status = ?, location = ?, body = ? WHERE key_digest = ?";
const ANY_OLD: &str = "\
    SELECT EXISTS (SELECT 1 FROM nearby_idempotency_keys \
        WHERE made_at <= strftime('%Y-%m-%dT%H:%M:%fZ','now','-24 hours'))";
const REMOVE: &str = "\
    DELETE FROM nearby_idempotency_keys WHERE key_digest IN ( \
        SELECT key_digest FROM nearby_idempotency_keys \
        WHERE made_at <= strftime('%Y-%m-%dT%H:%M:%fZ','now','-24 hours') \
        ORDER BY made_at LIMIT ?)";

#[async_trait]
impl KeysTable for SqliteDatabase {
    async fn look_up_key(&self, key: &[u8]) -> Result<HeldKey, StoreError> {
        let key = key.to_vec();
        let looking = self.read(move |connection| {
            let found = connection.query_row(LOOK_UP, [key], |row| {
                Ok(KeyRow {
                    request: row.get(0)?,
                    status: row.get(1)?,
                    location: row.get(2)?,
                    body: row.get(3)?,
                    is_old: row.get(4)?,
                })
            });
            match found.optional() {
                Ok(row) => Ok(row.map_or(HeldKey::Nothing, HeldKey::Answer)),
                Err(error) if is_missing_in_file(&error) => Ok(HeldKey::NoTable),
                Err(error) => Err(error.into()),
            }
        });
        looking.await
    }

    async fn free_key(&self, key: &[u8]) -> Result<(), StoreError> {
        let key = key.to_vec();
        let freeing = self
            .writer
            .run(move |connection| Ok(connection.execute(FREE, [key]).map(drop)?));
        freeing.await
    }

    async fn remove_old_answers(&self, most: i64) -> Result<u64, StoreError> {
        // Who reads waits for nobody, and most of the time there is none.
        let looking =
            self.read(
                |connection| match connection.query_row(ANY_OLD, (), |row| row.get(0)) {
                    Err(error) if is_missing_in_file(&error) => Ok(false),
                    is_any => Ok(is_any?),
                },
            );
        if !looking.await? {
            return Ok(0);
        }
        let removing = self.writer.run(move |connection| {
            let removed = connection.execute(REMOVE, [most])?;
            Ok(removed as u64)
        });
        removing.await
    }
}
