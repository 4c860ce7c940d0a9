//! What tables around `dive_sites` say of a site: how difficult it is, what else it is
//! called, its tags and ratings. Another application has these; what is missing of
//! them reads as nothing. Rows are read as JSON, so that one statement serves both
//! databases.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::AssertSqlSafe;

use super::organizations::{json, or_none, time};
use super::ratings::AVERAGE;
use super::sql::json_of;
use super::{Database, StoreError};
use crate::domain::{Alias, CenterId, DiveCost, Needle, SiteCenter, SiteDetails, SiteFilter, Tag};

/// The tables that are looked at.
const TABLES: [&str; 9] = [
    "dive_sites",
    "difficulty_levels",
    "dive_site_aliases",
    "dive_site_tags",
    "available_tags",
    "site_ratings",
    "site_comments",
    "dive_routes",
    "users",
];

/// Columns of a site that are told as they are, by what they are called.
const PLAIN: [&str; 9] = [
    "access_instructions",
    "marine_life",
    "safety_information",
    "max_depth",
    "shore_direction",
    "shore_direction_confidence",
    "shore_direction_method",
    "shore_direction_distance_m",
    "created_by",
];

/// The site, then the tag's id, name, description, maker and time.
type TagRow = (
    i64,
    i64,
    String,
    Option<String>,
    Option<i64>,
    Option<String>,
);

/// Which columns there are of [`TABLES`].
#[derive(Debug)]
pub struct SiteTables(BTreeSet<(String, String)>);

impl SiteTables {
    /// Whether a table has all of these columns.
    fn has(&self, table: &str, columns: &[&str]) -> bool {
        let has = |column: &&str| self.0.contains(&(table.to_owned(), (*column).to_owned()));
        columns.iter().all(has)
    }

    fn has_difficulty(&self) -> bool {
        self.has("dive_sites", &["difficulty_id"])
            && self.has("difficulty_levels", &["id", "code", "label", "order_index"])
    }

    fn has_ratings(&self) -> bool {
        self.has("site_ratings", &["dive_site_id", "score"])
    }

    fn has_aliases(&self) -> bool {
        self.has(
            "dive_site_aliases",
            &["id", "dive_site_id", "alias", "created_at"],
        )
    }

    fn has_tags(&self) -> bool {
        let columns = ["id", "name", "description", "created_by", "created_at"];
        self.has("dive_site_tags", &["dive_site_id", "tag_id"])
            && self.has("available_tags", &columns)
    }

    fn has_creators(&self) -> bool {
        self.has("dive_sites", &["created_by"]) && self.has("users", &["id", "username"])
    }

    /// What is told of a site `s`, as one JSON object.
    fn details(&self) -> String {
        let mut fields = vec!["'id', s.id".to_owned()];
        for column in PLAIN {
            let is_there = self.has("dive_sites", &[column]);
            let value = if is_there {
                format!("s.{column}")
            } else {
                "NULL".to_owned()
            };
            fields.push(format!("'{column}', {value}"));
        }
        if self.has_difficulty() {
            for column in ["code", "label"] {
                fields.push(format!(
                    "'difficulty_{column}', \
                     (SELECT d.{column} FROM difficulty_levels d WHERE d.id = s.difficulty_id)"
                ));
            }
        }
        if self.has_creators() {
            fields.push(
                "'created_by_username', (SELECT u.username FROM users u WHERE u.id = s.created_by)"
                    .to_owned(),
            );
        }
        let of_site = "WHERE r.dive_site_id = s.id";
        if self.has_ratings() {
            fields.push(format!(
                "'average', (SELECT {AVERAGE} FROM site_ratings r {of_site})"
            ));
            fields.push(format!(
                "'ratings', (SELECT COUNT(*) FROM site_ratings r {of_site})"
            ));
        }
        if self.has("site_comments", &["dive_site_id"]) {
            fields.push(format!(
                "'comments', (SELECT COUNT(*) FROM site_comments r {of_site})"
            ));
        }
        if self.has("dive_routes", &["dive_site_id", "deleted_at"]) {
            fields.push(format!(
                "'routes', (SELECT COUNT(*) FROM dive_routes r {of_site} AND r.deleted_at IS NULL)"
            ));
        }
        format!("JSON_OBJECT({})", fields.join(", "))
    }

    /// The conditions of a filter on a site `s`, with what they bind; nothing where it
    /// takes all.
    fn conditions(&self, filter: &SiteFilter) -> (Vec<String>, Vec<String>) {
        let (mut conditions, mut bound) = (Vec::new(), Vec::new());
        let nothing = || "FALSE".to_owned();
        match &filter.difficulty {
            // An unknown code is no filter unless the unspecified are unwanted.
            Some(code) if self.has_difficulty() => {
                let known = "FROM difficulty_levels d WHERE d.code = ?";
                let mut condition = format!("s.difficulty_id IN (SELECT d.id {known})");
                bound.push(code.clone());
                if !filter.is_specified {
                    let _ = write!(condition, " OR NOT EXISTS (SELECT 1 {known})");
                    bound.push(code.clone());
                }
                conditions.push(condition);
            }
            None if filter.is_specified && self.has("dive_sites", &["difficulty_id"]) => {
                conditions.push("s.difficulty_id IS NOT NULL".to_owned());
            }
            _ if filter.is_specified => conditions.push(nothing()),
            _ => {}
        }
        if !filter.tags.is_empty() {
            let tags: Vec<String> = filter.tags.iter().map(i64::to_string).collect();
            conditions.push(if self.has_tags() {
                format!(
                    "(SELECT COUNT(*) FROM dive_site_tags t WHERE t.dive_site_id = s.id \
                     AND t.tag_id IN ({})) = {}",
                    tags.join(", "),
                    tags.len()
                )
            } else {
                nothing()
            });
        }
        if let Some(least) = filter.min_rating {
            conditions.push(if self.has_ratings() {
                format!(
                    "(SELECT {AVERAGE} FROM site_ratings r WHERE r.dive_site_id = s.id) >= {least:?}"
                )
            } else {
                nothing()
            });
        }
        if let Some(username) = &filter.created_by {
            conditions.push(if self.has_creators() {
                bound.push(username.clone());
                "s.created_by IN (SELECT u.id FROM users u WHERE u.username = ?)".to_owned()
            } else {
                nothing()
            });
        }
        (conditions, bound)
    }
}

impl Database {
    /// Which tables and columns there are around sites.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn site_tables(&self) -> Result<SiteTables, StoreError> {
        let tables = TABLES.map(|table| format!("'{table}'")).join(", ");
        let text = match self {
            Self::MySql(_) => format!(
                "SELECT CAST(JSON_ARRAY(LOWER(TABLE_NAME), LOWER(COLUMN_NAME)) AS CHAR) \
                 FROM information_schema.COLUMNS \
                 WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ({tables})"
            ),
            Self::Sqlite(_) => format!(
                "SELECT JSON_ARRAY(lower(m.name), lower(c.name)) \
                 FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.name IN ({tables})"
            ),
        };
        let rows: Vec<(String, String)> = self.json_rows(text, Vec::new()).await?;
        Ok(SiteTables(rows.into_iter().collect()))
    }

    /// The sites that a filter takes, by id; `None` where it takes all.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sites_of(
        &self,
        tables: &SiteTables,
        filter: &SiteFilter,
    ) -> Result<Option<Vec<CenterId>>, StoreError> {
        let (conditions, bound) = tables.conditions(filter);
        if conditions.is_empty() {
            return Ok(None);
        }
        let text = format!(
            "SELECT CAST(s.id AS CHAR) FROM dive_sites s WHERE ({}) ORDER BY s.id",
            conditions.join(") AND (")
        );
        let ids: Vec<i64> = self.json_rows(text, bound).await?;
        Ok(Some(ids.into_iter().filter_map(CenterId::new).collect()))
    }

    /// The sites of which an alias holds one of some needles, by id, for each.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sites_called(
        &self,
        tables: &SiteTables,
        needles: &[&Needle],
    ) -> Result<Vec<Vec<CenterId>>, StoreError> {
        let mut found = vec![Vec::new(); needles.len()];
        if needles.is_empty() || !tables.has_aliases() {
            return Ok(found);
        }
        let text = "SELECT CAST(JSON_ARRAY(a.dive_site_id, a.alias) AS CHAR) FROM dive_site_aliases a \
                    ORDER BY a.dive_site_id";
        let rows: Vec<(i64, String)> = self.json_rows(text.to_owned(), Vec::new()).await?;
        for (site, alias) in rows {
            let Some(id) = CenterId::new(site) else {
                continue;
            };
            for (needle, found) in needles.iter().zip(&mut found) {
                if needle.is_in(&alias) && found.last() != Some(&id) {
                    found.push(id);
                }
            }
        }
        Ok(found)
    }

    /// What sites are sorted by: how difficult they are.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn site_difficulties(
        &self,
        tables: &SiteTables,
    ) -> Result<HashMap<CenterId, Box<str>>, StoreError> {
        if !tables.has_difficulty() {
            return Ok(HashMap::new());
        }
        let text = "SELECT CAST(JSON_ARRAY(s.id, d.order_index) AS CHAR) FROM dive_sites s \
                    JOIN difficulty_levels d ON d.id = s.difficulty_id";
        self.site_ranks(text.to_owned()).await
    }

    /// The same: how they are rated.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn site_averages(
        &self,
        tables: &SiteTables,
    ) -> Result<HashMap<CenterId, Box<str>>, StoreError> {
        if !tables.has_ratings() {
            return Ok(HashMap::new());
        }
        self.site_ranks(format!(
            "SELECT CAST(JSON_ARRAY(r.dive_site_id, {AVERAGE}) AS CHAR) FROM site_ratings r \
             GROUP BY r.dive_site_id"
        ))
        .await
    }

    /// As texts that sort as the numbers do, none of which is negative.
    async fn site_ranks(&self, text: String) -> Result<HashMap<CenterId, Box<str>>, StoreError> {
        let rows: Vec<(i64, f64)> = self.json_rows(text, Vec::new()).await?;
        let ranks = rows.into_iter().filter_map(|(id, rank)| {
            Some((
                CenterId::new(id)?,
                format!("{:032.12}", rank.max(0.0)).into(),
            ))
        });
        Ok(ranks.collect())
    }

    /// What is told of these sites.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn site_details(
        &self,
        tables: &SiteTables,
        ids: &[CenterId],
    ) -> Result<HashMap<CenterId, SiteDetails>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let (asked, among) = (json_of(ids), self.among());
        let text = format!(
            "SELECT CAST({} AS CHAR) FROM dive_sites s WHERE s.id {among}",
            tables.details()
        );
        let rows: Vec<Value> = self.json_rows(text, vec![asked.clone()]).await?;
        let told = rows
            .iter()
            .filter_map(|row| Some((id_of(&row["id"])?, details(row))));
        let mut told: HashMap<CenterId, SiteDetails> = told.collect();
        if tables.has_aliases() {
            let text = format!(
                "SELECT CAST(JSON_ARRAY(a.dive_site_id, a.id, a.alias, a.created_at) AS CHAR) \
                 FROM dive_site_aliases a WHERE a.dive_site_id {among} ORDER BY a.id"
            );
            let rows: Vec<(i64, i64, String, Option<String>)> =
                self.json_rows(text, vec![asked.clone()]).await?;
            for (site, id, alias, created_at) in rows {
                if let Some(told) = CenterId::new(site).and_then(|site| told.get_mut(&site)) {
                    let created_at = time(created_at.as_deref());
                    told.aliases.push(Alias {
                        id,
                        alias,
                        created_at,
                    });
                }
            }
        }
        if tables.has_tags() {
            let text = format!(
                "SELECT CAST(JSON_ARRAY(t.dive_site_id, g.id, g.name, g.description, g.created_by, \
                     g.created_at) AS CHAR) \
                 FROM dive_site_tags t JOIN available_tags g ON g.id = t.tag_id \
                 WHERE t.dive_site_id {among} ORDER BY g.name, g.id"
            );
            let rows: Vec<TagRow> = self.json_rows(text, vec![asked]).await?;
            for (site, id, name, description, created_by, created_at) in rows {
                if let Some(told) = CenterId::new(site).and_then(|site| told.get_mut(&site)) {
                    let created_at = time(created_at.as_deref());
                    told.tags.push(Tag {
                        id,
                        name,
                        description,
                        created_by,
                        created_at,
                    });
                }
            }
        }
        Ok(told)
    }

    /// The centers that dive at a site, with what they take for it; none where no
    /// table says so.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn centers_of_site(&self, site: CenterId) -> Result<Vec<SiteCenter>, StoreError> {
        let text = "SELECT CAST(JSON_ARRAY(l.diving_center_id, l.dive_cost, l.currency) AS CHAR) \
                    FROM center_dive_sites l WHERE l.dive_site_id = ? ORDER BY l.id";
        let rows: Vec<(i64, Value, Option<String>)> = self
            .json_rows(text.to_owned(), vec![site.get().to_string()])
            .await?;
        let centers = rows.into_iter().filter_map(|(center, cost, currency)| {
            Some(SiteCenter {
                center: CenterId::new(center)?,
                cost: DiveCost {
                    amount: number(&cost),
                    currency,
                },
            })
        });
        Ok(centers.collect())
    }

    /// What a statement gives, one JSON value a row; nothing where a table is missing.
    async fn json_rows<T: DeserializeOwned>(
        &self,
        text: String,
        bound: Vec<String>,
    ) -> Result<Vec<T>, StoreError> {
        let text = AssertSqlSafe(text);
        let rows: Vec<String> = match self {
            Self::MySql(pool) => {
                let mut query = sqlx::query_scalar(text);
                for value in bound {
                    query = query.bind(value);
                }
                or_none(query.fetch_all(pool).await)?
            }
            Self::Sqlite(pools) => {
                let mut query = sqlx::query_scalar(text);
                for value in bound {
                    query = query.bind(value);
                }
                or_none(query.fetch_all(&pools.readers).await)?
            }
        };
        let values = rows.iter().map(|row| json(row));
        Ok(values.collect::<Result<Vec<T>, sqlx::Error>>()?)
    }

    /// A condition that follows an id: to be one of a list in JSON.
    fn among(&self) -> &'static str {
        match self {
            Self::MySql(_) => {
                "IN (SELECT v.id FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$')) AS v)"
            }
            Self::Sqlite(_) => "IN (SELECT value FROM json_each(?))",
        }
    }
}

fn id_of(value: &Value) -> Option<CenterId> {
    CenterId::new(value.as_i64()?)
}

/// A number, however the database writes it into JSON.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn details(row: &Value) -> SiteDetails {
    let count = |key: &str| row[key].as_u64().unwrap_or(0);
    SiteDetails {
        access_instructions: text(&row["access_instructions"]),
        marine_life: text(&row["marine_life"]),
        safety_information: text(&row["safety_information"]),
        max_depth_m: number(&row["max_depth"]),
        difficulty_code: text(&row["difficulty_code"]),
        difficulty_label: text(&row["difficulty_label"]),
        shore_direction: number(&row["shore_direction"]),
        shore_direction_confidence: text(&row["shore_direction_confidence"]),
        shore_direction_method: text(&row["shore_direction_method"]),
        shore_direction_distance_m: number(&row["shore_direction_distance_m"]),
        created_by: row["created_by"].as_i64(),
        created_by_username: text(&row["created_by_username"]),
        average_rating: number(&row["average"]),
        rating_count: count("ratings"),
        comment_count: count("comments"),
        route_count: count("routes"),
        aliases: Vec::new(),
        tags: Vec::new(),
    }
}
