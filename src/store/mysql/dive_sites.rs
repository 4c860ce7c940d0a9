//! What tables around `dive_sites` say of a site in MySQL.

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::AssertSqlSafe;

use super::MySqlDatabase;
use super::catalog::or_none;
use crate::domain::CenterId;
use crate::store::StoreError;
use crate::store::dive_sites::{AliasRow, CostRow, SiteReads, TagRow, of_json};
use crate::store::ratings::AVERAGE;

/// Follows an id: to be one of a list in JSON.
const AMONG: &str = "IN (SELECT v.id FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$')) AS v)";

impl MySqlDatabase {
    /// What a statement gives, one JSON value a row.
    async fn json_rows<T: DeserializeOwned>(
        &self,
        text: String,
        bound: Vec<String>,
    ) -> Result<Vec<T>, StoreError> {
        let mut query = sqlx::query_scalar(AssertSqlSafe(text));
        for value in bound {
            query = query.bind(value);
        }
        of_json(&or_none(query.fetch_all(&self.pool).await)?)
    }
}

#[async_trait]
impl SiteReads for MySqlDatabase {
    async fn columns_of(&self, tables: &[&str]) -> Result<Vec<(String, String)>, StoreError> {
        let tables: Vec<String> = tables.iter().map(|table| format!("'{table}'")).collect();
        let text = format!(
            "SELECT CAST(JSON_ARRAY(LOWER(TABLE_NAME), LOWER(COLUMN_NAME)) AS CHAR) \
             FROM information_schema.COLUMNS \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ({})",
            tables.join(", ")
        );
        self.json_rows(text, Vec::new()).await
    }

    async fn sites_where(
        &self,
        condition: &str,
        bound: Vec<String>,
    ) -> Result<Vec<i64>, StoreError> {
        let text =
            format!("SELECT CAST(s.id AS CHAR) FROM dive_sites s WHERE {condition} ORDER BY s.id");
        self.json_rows(text, bound).await
    }

    async fn all_aliases(&self) -> Result<Vec<(i64, String)>, StoreError> {
        let text = "SELECT CAST(JSON_ARRAY(a.dive_site_id, a.alias) AS CHAR) FROM dive_site_aliases a \
                    ORDER BY a.dive_site_id";
        self.json_rows(text.to_owned(), Vec::new()).await
    }

    async fn all_difficulties(&self) -> Result<Vec<(i64, f64)>, StoreError> {
        let text = "SELECT CAST(JSON_ARRAY(s.id, d.order_index) AS CHAR) FROM dive_sites s \
                    JOIN difficulty_levels d ON d.id = s.difficulty_id";
        self.json_rows(text.to_owned(), Vec::new()).await
    }

    async fn all_site_averages(&self) -> Result<Vec<(i64, f64)>, StoreError> {
        let text = format!(
            "SELECT CAST(JSON_ARRAY(r.dive_site_id, {AVERAGE}) AS CHAR) FROM site_ratings r \
             GROUP BY r.dive_site_id"
        );
        self.json_rows(text, Vec::new()).await
    }

    async fn details_of(&self, expression: &str, ids: &str) -> Result<Vec<Value>, StoreError> {
        let text =
            format!("SELECT CAST({expression} AS CHAR) FROM dive_sites s WHERE s.id {AMONG}");
        self.json_rows(text, vec![ids.to_owned()]).await
    }

    async fn aliases_of(&self, ids: &str) -> Result<Vec<AliasRow>, StoreError> {
        let text = format!(
            "SELECT CAST(JSON_ARRAY(a.dive_site_id, a.id, a.alias, a.created_at) AS CHAR) \
             FROM dive_site_aliases a WHERE a.dive_site_id {AMONG} ORDER BY a.id"
        );
        self.json_rows(text, vec![ids.to_owned()]).await
    }

    async fn tags_of(&self, ids: &str) -> Result<Vec<TagRow>, StoreError> {
        let text = format!(
            "SELECT CAST(JSON_ARRAY(t.dive_site_id, g.id, g.name, g.description, g.created_by, \
                 g.created_at) AS CHAR) \
             FROM dive_site_tags t JOIN available_tags g ON g.id = t.tag_id \
             WHERE t.dive_site_id {AMONG} ORDER BY g.name, g.id"
        );
        self.json_rows(text, vec![ids.to_owned()]).await
    }

    async fn costs_at(&self, site: CenterId) -> Result<Vec<CostRow>, StoreError> {
        let text = "SELECT CAST(JSON_ARRAY(l.diving_center_id, l.dive_cost, l.currency) AS CHAR) \
                    FROM center_dive_sites l WHERE l.dive_site_id = ? ORDER BY l.id";
        let bound = vec![site.get().to_string()];
        self.json_rows(text.to_owned(), bound).await
    }
}
