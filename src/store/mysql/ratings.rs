//! The table of ratings in MySQL.

use async_trait::async_trait;
use serde_json::json;
use sqlx::AssertSqlSafe;

use super::MySqlDatabase;
use super::catalog::or_none;
use crate::store::StoreError;
use crate::store::ratings::{AVERAGE, RatingRow, RatingsTable};

const ANY: &str = "SELECT id FROM center_ratings LIMIT 1";

#[async_trait]
impl RatingsTable for MySqlDatabase {
    async fn has_ratings(&self) -> Result<bool, StoreError> {
        let rows: Vec<i64> = or_none(sqlx::query_scalar(ANY).fetch_all(&self.pool).await)?;
        Ok(!rows.is_empty())
    }

    async fn ratings_of(&self, centers: Vec<i64>) -> Result<Vec<RatingRow>, StoreError> {
        let text = AssertSqlSafe(format!(
            "SELECT r.diving_center_id, {AVERAGE}, COUNT(*) FROM center_ratings r \
             JOIN JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$')) asked \
             ON asked.id = r.diving_center_id GROUP BY r.diving_center_id"
        ));
        let reading = sqlx::query_as(text).bind(json!(centers).to_string());
        Ok(or_none(reading.fetch_all(&self.pool).await)?)
    }

    async fn all_ratings(&self) -> Result<Vec<RatingRow>, StoreError> {
        let text = AssertSqlSafe(format!(
            "SELECT r.diving_center_id, {AVERAGE}, COUNT(*) FROM center_ratings r \
             GROUP BY r.diving_center_id"
        ));
        Ok(or_none(sqlx::query_as(text).fetch_all(&self.pool).await)?)
    }
}
