//! What tables around `dive_sites` say of a site in an embedded file.

use async_trait::async_trait;
use rusqlite::params_from_iter;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::SqliteDatabase;
use super::catalog::{all, or_none};
use crate::domain::CenterId;
use crate::store::StoreError;
use crate::store::dive_sites::{AliasRow, CostRow, SiteReads, TagRow, of_json};
use crate::store::ratings::AVERAGE;

/// Follows an id: to be one of a list in JSON.
const AMONG: &str = "IN (SELECT value FROM json_each(?))";

impl SqliteDatabase {
    /// What a statement gives, one JSON value a row.
    async fn json_rows<T: DeserializeOwned>(
        &self,
        text: String,
        bound: Vec<String>,
    ) -> Result<Vec<T>, StoreError> {
        let reading = self
            .read(move |connection| Ok(or_none(all(connection, &text, params_from_iter(bound)))?));
        let rows: Vec<String> = reading.await?;
        of_json(&rows)
    }
}

#[async_trait]
impl SiteReads for SqliteDatabase {
    async fn columns_of(&self, tables: &[&str]) -> Result<Vec<(String, String)>, StoreError> {
        let tables: Vec<String> = tables.iter().map(|table| format!("'{table}'")).collect();
        let text = format!(
            "SELECT json_array(lower(m.name), lower(c.name)) \
             FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.name IN ({})",
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
            format!("SELECT CAST(s.id AS TEXT) FROM dive_sites s WHERE {condition} ORDER BY s.id");
        self.json_rows(text, bound).await
    }

    async fn all_aliases(&self) -> Result<Vec<(i64, String)>, StoreError> {
        let text = "SELECT json_array(a.dive_site_id, a.alias) FROM dive_site_aliases a \
                    ORDER BY a.dive_site_id";
        self.json_rows(text.to_owned(), Vec::new()).await
    }

    async fn all_difficulties(&self) -> Result<Vec<(i64, f64)>, StoreError> {
        let text = "SELECT json_array(s.id, d.order_index) FROM dive_sites s \
                    JOIN difficulty_levels d ON d.id = s.difficulty_id";
        self.json_rows(text.to_owned(), Vec::new()).await
    }

    async fn all_site_averages(&self) -> Result<Vec<(i64, f64)>, StoreError> {
        let text = format!(
            "SELECT json_array(r.dive_site_id, {AVERAGE}) FROM site_ratings r \
             GROUP BY r.dive_site_id"
        );
        self.json_rows(text, Vec::new()).await
    }

    async fn details_of(&self, expression: &str, ids: &str) -> Result<Vec<Value>, StoreError> {
        let text = format!("SELECT {expression} FROM dive_sites s WHERE s.id {AMONG}");
        self.json_rows(text, vec![ids.to_owned()]).await
    }

    async fn aliases_of(&self, ids: &str) -> Result<Vec<AliasRow>, StoreError> {
        let text = format!(
            "SELECT json_array(a.dive_site_id, a.id, a.alias, a.created_at) \
             FROM dive_site_aliases a WHERE a.dive_site_id {AMONG} ORDER BY a.id"
        );
        self.json_rows(text, vec![ids.to_owned()]).await
    }

    async fn tags_of(&self, ids: &str) -> Result<Vec<TagRow>, StoreError> {
        let text = format!(
            "SELECT json_array(t.dive_site_id, g.id, g.name, g.description, g.created_by, \
                 g.created_at) \
             FROM dive_site_tags t JOIN available_tags g ON g.id = t.tag_id \
             WHERE t.dive_site_id {AMONG} ORDER BY g.name, g.id"
        );
        self.json_rows(text, vec![ids.to_owned()]).await
    }

    async fn costs_at(&self, site: CenterId) -> Result<Vec<CostRow>, StoreError> {
        let text = "SELECT json_array(l.diving_center_id, l.dive_cost, l.currency) \
                    FROM center_dive_sites l WHERE l.dive_site_id = ? ORDER BY l.id";
        let bound = vec![site.get().to_string()];
        self.json_rows(text.to_owned(), bound).await
    }
}
