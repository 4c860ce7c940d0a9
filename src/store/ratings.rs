//! How centers are rated, from a table that both stores have alike and another
//! application writes.

use std::collections::HashMap;

use serde_json::json;
use sqlx::AssertSqlSafe;

use super::organizations::or_none;
use super::{Database, StoreError};
use crate::domain::{CenterId, Rating};

/// Of the rows of a center. A double from the first step on, so that both
/// databases and the index have the same bits.
pub(super) const AVERAGE: &str = "SUM(r.score) * 1e0 / COUNT(*)";

/// The average of the center whose id an expression gives, NULL where nobody
/// has rated it.
pub(super) fn average_of(id: &str) -> String {
    format!("(SELECT {AVERAGE} FROM center_ratings r WHERE r.diving_center_id = {id})")
}

type Row = (i64, f64, i64);

fn rating((center, average, count): Row) -> Option<(CenterId, Rating)> {
    let count = count.unsigned_abs();
    Some((CenterId::new(center)?, Rating { average, count }))
}

impl Database {
    /// Whether any center is rated.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has_ratings(&self) -> Result<bool, StoreError> {
        const ANY: &str = "SELECT id FROM center_ratings LIMIT 1";
        let rows: Vec<i64> = match self {
            Self::MySql(pool) => or_none(sqlx::query_scalar(ANY).fetch_all(pool).await)?,
            Self::Sqlite(pools) => {
                or_none(sqlx::query_scalar(ANY).fetch_all(&pools.readers).await)?
            }
        };
        Ok(!rows.is_empty())
    }

    /// How these centers are rated, those that are, whether ratings may be seen or not.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ratings(
        &self,
        centers: impl IntoIterator<Item = CenterId> + Send,
    ) -> Result<HashMap<CenterId, Rating>, StoreError> {
        let asked: Vec<i64> = centers.into_iter().map(CenterId::get).collect();
        if asked.is_empty() {
            return Ok(HashMap::new());
        }
        let asked = json!(asked).to_string();
        let select =
            format!("SELECT r.diving_center_id, {AVERAGE}, COUNT(*) FROM center_ratings r");
        let rows: Vec<Row> = match self {
            Self::MySql(pool) => {
                let text = format!(
                    "{select} JOIN JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$')) asked \
                     ON asked.id = r.diving_center_id GROUP BY r.diving_center_id"
                );
                let query = sqlx::query_as(AssertSqlSafe(text)).bind(asked);
                or_none(query.fetch_all(pool).await)?
            }
            Self::Sqlite(pools) => {
                let text = format!(
                    "{select} WHERE r.diving_center_id IN (SELECT value FROM json_each(?)) \
                     GROUP BY r.diving_center_id"
                );
                let query = sqlx::query_as(AssertSqlSafe(text)).bind(asked);
                or_none(query.fetch_all(&pools.readers).await)?
            }
        };
        Ok(rows.into_iter().filter_map(rating).collect())
    }

    /// How all centers are rated, hidden or not.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn all_ratings(&self) -> Result<Vec<(CenterId, Rating)>, StoreError> {
        let text = AssertSqlSafe(format!(
            "SELECT r.diving_center_id, {AVERAGE}, COUNT(*) FROM center_ratings r \
             GROUP BY r.diving_center_id"
        ));
        let rows: Vec<Row> = match self {
            Self::MySql(pool) => or_none(sqlx::query_as(text).fetch_all(pool).await)?,
            Self::Sqlite(pools) => or_none(sqlx::query_as(text).fetch_all(&pools.readers).await)?,
        };
        Ok(rows.into_iter().filter_map(rating).collect())
    }
}
