//! How centers are rated, from a table that another application writes.

use std::collections::HashMap;

use async_trait::async_trait;

use super::{Database, StoreError};
use crate::domain::{CenterId, Rating};

/// Of the rows of a center that have a mark. A double from the first step on, so that all
/// databases and the index have the same bits.
pub(super) const AVERAGE: &str = "SUM(r.score) * 1e0 / COUNT(r.score)";

/// The average of the center whose id an expression gives, NULL where nobody
/// has rated it.
pub(super) fn average_of(id: &str) -> String {
    format!("(SELECT {AVERAGE} FROM center_ratings r WHERE r.diving_center_id = {id})")
}

/// A center, its average rating and how many ratings that is made of.
pub(super) type RatingRow = (i64, f64, i64);

/// The table of ratings; nothing where there is none.
#[async_trait]
pub(super) trait RatingsTable {
    /// Whether any center is rated.
    async fn has_ratings(&self) -> Result<bool, StoreError>;

    /// How these centers are rated, those that are.
    async fn ratings_of(&self, centers: Vec<i64>) -> Result<Vec<RatingRow>, StoreError>;

    /// How all centers are rated.
    async fn all_ratings(&self) -> Result<Vec<RatingRow>, StoreError>;
}

fn rating((center, average, count): RatingRow) -> Option<(CenterId, Rating)> {
    let count = count.unsigned_abs();
    Some((CenterId::new(center)?, Rating { average, count }))
}

impl Database {
    /// Whether any center is rated.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has_ratings(&self) -> Result<bool, StoreError> {
        self.backend().has_ratings().await
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
        let rows = self.backend().ratings_of(asked).await?;
        Ok(rows.into_iter().filter_map(rating).collect())
    }

    /// How all centers are rated, hidden or not.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn all_ratings(&self) -> Result<Vec<(CenterId, Rating)>, StoreError> {
        let rows = self.backend().all_ratings().await?;
        Ok(rows.into_iter().filter_map(rating).collect())
    }
}
