//! The table of kept answers in MySQL.

use async_trait::async_trait;
use sqlx::MySqlConnection;

use super::MySqlDatabase;
use crate::store::StoreError;
use crate::store::idempotency::{HeldKey, KeyRow, KeysTable, Made, Recording, or_under_way};
use crate::store::refusal::{is_not_waited_for, is_unseen_table};

/// Waits for nobody: a key that another transaction has taken is under way.
const LOOK_UP: &str = "\
    SELECT request_digest, status, location, body, \
        made_at <= UTC_TIMESTAMP() - INTERVAL 24 HOUR \
    FROM nearby_idempotency_keys WHERE key_digest = ? FOR SHARE NOWAIT";
const FREE: &str = "\
    DELETE FROM nearby_idempotency_keys \
    WHERE key_digest = ? AND made_at <= UTC_TIMESTAMP() - INTERVAL 24 HOUR";
const TAKE: &str = "INSERT INTO nearby_idempotency_keys (key_digest, request_digest) VALUES (?, ?)";
const KEEP: &str = "\
    UPDATE nearby_idempotency_keys SET status = ?, location = ?, body = ? WHERE key_digest = ?";
const REMOVE: &str = "\
    DELETE FROM nearby_idempotency_keys WHERE made_at <= UTC_TIMESTAMP() - INTERVAL 24 HOUR \
    ORDER BY made_at LIMIT ?";

type Row = (Vec<u8>, Option<i64>, Option<String>, Option<Vec<u8>>, bool);

#[async_trait]
impl KeysTable for MySqlDatabase {
    async fn look_up_key(&self, key: &[u8]) -> Result<HeldKey, StoreError> {
        let looking = sqlx::query_as::<_, Row>(LOOK_UP).bind(key);
        match looking.fetch_optional(&self.pool).await {
            Ok(Some((request, status, location, body, is_old))) => Ok(HeldKey::Answer(KeyRow {
                request,
                status,
                location,
                body,
                is_old,
            })),
            Ok(None) => Ok(HeldKey::Nothing),
            Err(error) if is_unseen_table(&error) => Ok(HeldKey::NoTable),
            Err(error) if is_not_waited_for(&error) => Ok(HeldKey::UnderWay),
            Err(error) => Err(error.into()),
        }
    }

    async fn free_key(&self, key: &[u8]) -> Result<(), StoreError> {
        sqlx::query(FREE).bind(key).execute(&self.pool).await?;
        Ok(())
    }

    async fn remove_old_answers(&self, most: i64) -> Result<u64, StoreError> {
        let removing = sqlx::query(REMOVE).bind(most);
        match removing.execute(&self.pool).await {
            Ok(done) => Ok(done.rows_affected()),
            Err(error) if is_unseen_table(&error) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }
}

/// A transaction over a connection.
pub(super) trait RecordsKeys {
    /// Takes the key of the write that is under way here, if it has one: the first
    /// statement of its transaction.
    async fn take_key(&mut self) -> Result<(), StoreError>;

    /// Keeps the answer to what was made, if the write has a key.
    async fn keep_answer(&mut self, made: Made<'_>) -> Result<(), StoreError>;
}

impl RecordsKeys for MySqlConnection {
    async fn take_key(&mut self) -> Result<(), StoreError> {
        let Some(recording) = Recording::current() else {
            return Ok(());
        };
        let taking = sqlx::query(TAKE)
            .bind(recording.key())
            .bind(recording.request());
        taking.execute(self).await.map(drop).map_err(or_under_way)
    }

    async fn keep_answer(&mut self, made: Made<'_>) -> Result<(), StoreError> {
        let Some(recording) = Recording::current() else {
            return Ok(());
        };
        let answer = recording.answer_to(made)?;
        let keeping = sqlx::query(KEEP)
            .bind(i64::from(answer.status))
            .bind(answer.location.as_deref())
            .bind(answer.body.as_slice())
            .bind(recording.key());
        keeping.execute(self).await?;
        recording.is_kept(answer);
        Ok(())
    }
}
