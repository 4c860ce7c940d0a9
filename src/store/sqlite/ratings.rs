//! The table of ratings in an embedded file.

use async_trait::async_trait;
use rusqlite::{Connection, Params};
use serde_json::json;

use super::SqliteDatabase;
use super::catalog::{all, or_none};
use crate::store::StoreError;
use crate::store::ratings::{AVERAGE, RatingRow, RatingsTable};

const ANY: &str = "SELECT 1 FROM center_ratings LIMIT 1";

#[async_trait]
impl RatingsTable for SqliteDatabase {
    async fn has_ratings(&self) -> Result<bool, StoreError> {
        let looking = self.read(|connection| {
            let rows: Vec<i64> = or_none(all(connection, ANY, ()))?;
            Ok(!rows.is_empty())
        });
        looking.await
    }

    async fn ratings_of(&self, centers: Vec<i64>) -> Result<Vec<RatingRow>, StoreError> {
        let text = format!(
            "SELECT r.diving_center_id, {AVERAGE}, COUNT(r.score) FROM center_ratings r \
             WHERE r.diving_center_id IN (SELECT value FROM json_each(?)) \
             GROUP BY r.diving_center_id HAVING COUNT(r.score) > 0"
        );
        let reading = self.read(move |connection| {
            let asked = json!(centers).to_string();
            Ok(or_none(ratings(connection, &text, [asked]))?)
        });
        reading.await
    }

    async fn all_ratings(&self) -> Result<Vec<RatingRow>, StoreError> {
        let text = format!(
            "SELECT r.diving_center_id, {AVERAGE}, COUNT(r.score) FROM center_ratings r \
             GROUP BY r.diving_center_id HAVING COUNT(r.score) > 0"
        );
        let reading = self.read(move |connection| Ok(or_none(ratings(connection, &text, ()))?));
        reading.await
    }
}

fn ratings(
    connection: &Connection,
    sql: &str,
    values: impl Params,
) -> rusqlite::Result<Vec<RatingRow>> {
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    found.collect()
}
