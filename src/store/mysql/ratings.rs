//! The table of ratings in MySQL.

use async_trait::async_trait;
use serde_json::json;
use sqlx::AssertSqlSafe;

use super::MySqlDatabase;
use super::catalog::or_none;
use crate::store::StoreError;
use crate::store::ids::has_id;
use crate::store::ratings::{AVERAGE, RatingRow, RatingsTable};

const ANY: &str = "SELECT 1 FROM center_ratings LIMIT 1";

/// What is read of the marks `r` of a center, grouped by it. Its id is of whatever type
/// another application chose.
fn row() -> String {
    format!("CAST(r.diving_center_id AS SIGNED), {AVERAGE}, COUNT(r.score) FROM center_ratings r")
}

/// Groups marks by centers that can be asked for and have one.
fn grouped() -> String {
    format!(
        "WHERE {} GROUP BY r.diving_center_id HAVING COUNT(r.score) > 0",
        has_id("r.diving_center_id")
    )
}

#[async_trait]
impl RatingsTable for MySqlDatabase {
    async fn has_ratings(&self) -> Result<bool, StoreError> {
        let rows: Vec<i64> = or_none(sqlx::query_scalar(ANY).fetch_all(&self.pool).await)?;
        Ok(!rows.is_empty())
    }

    async fn ratings_of(&self, centers: Vec<i64>) -> Result<Vec<RatingRow>, StoreError> {
        let text = AssertSqlSafe(format!(
            "SELECT {} JOIN JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$')) asked \
             ON asked.id = r.diving_center_id {}",
            row(),
            grouped()
        ));
        let reading = sqlx::query_as(text).bind(json!(centers).to_string());
        Ok(or_none(reading.fetch_all(&self.pool).await)?)
    }

    async fn all_ratings(&self) -> Result<Vec<RatingRow>, StoreError> {
        let text = AssertSqlSafe(format!("SELECT {} {}", row(), grouped()));
        Ok(or_none(sqlx::query_as(text).fetch_all(&self.pool).await)?)
    }
}
