//! What tables around `dive_sites` say of a site: how difficult it is, what else it is
//! called, its tags and ratings. Another application has these; what is missing of
//! them reads as nothing. Databases give rows as JSON.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::organizations::{json, time};
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

/// The site, then the alias's id, its text and its time.
pub(super) type AliasRow = (i64, i64, String, Option<String>);

/// The center, what it takes for the site, and in which currency.
pub(super) type CostRow = (i64, Value, Option<String>);

/// The site, then the tag's id, name, description, maker and time.
pub(super) type TagRow = (
    i64,
    i64,
    String,
    Option<String>,
    Option<i64>,
    Option<String>,
);

/// Reads what is around sites; nothing where a table is missing. Ids are asked for as a
/// list in JSON.
#[async_trait]
pub(super) trait SiteReads {
    /// The tables and columns in lower case that there are of these tables.
    async fn columns_of(&self, tables: &[&str]) -> Result<Vec<(String, String)>, StoreError>;

    /// The ids of the sites `s` that a condition takes, by id.
    async fn sites_where(
        &self,
        condition: &str,
        bound: Vec<String>,
    ) -> Result<Vec<i64>, StoreError>;

    /// All aliases with their sites, by site.
    async fn all_aliases(&self) -> Result<Vec<(i64, String)>, StoreError>;

    /// How difficult sites are.
    async fn all_difficulties(&self) -> Result<Vec<(i64, f64)>, StoreError>;

    /// How sites are rated.
    async fn all_site_averages(&self) -> Result<Vec<(i64, f64)>, StoreError>;

    /// What an expression tells of sites `s`.
    async fn details_of(&self, expression: &str, ids: &str) -> Result<Vec<Value>, StoreError>;

    /// The aliases of sites, by their own ids.
    async fn aliases_of(&self, ids: &str) -> Result<Vec<AliasRow>, StoreError>;

    /// The tags of sites, by name.
    async fn tags_of(&self, ids: &str) -> Result<Vec<TagRow>, StoreError>;

    /// The centers that dive at a site.
    async fn costs_at(&self, site: CenterId) -> Result<Vec<CostRow>, StoreError>;
}

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
                "'ratings', (SELECT COUNT(r.score) FROM site_ratings r {of_site})"
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
        let columns = self.backend().columns_of(&TABLES).await?;
        Ok(SiteTables(columns.into_iter().collect()))
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
        let condition = format!("({})", conditions.join(") AND ("));
        let ids = self.backend().sites_where(&condition, bound).await?;
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
        for (site, alias) in self.backend().all_aliases().await? {
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
        Ok(ranks(self.backend().all_difficulties().await?))
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
        Ok(ranks(self.backend().all_site_averages().await?))
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
        let (asked, expression) = (json_of(ids), tables.details());
        let rows = self.backend().details_of(&expression, &asked).await?;
        let told = rows
            .iter()
            .filter_map(|row| Some((id_of(&row["id"])?, details(row))));
        let mut told: HashMap<CenterId, SiteDetails> = told.collect();
        if tables.has_aliases() {
            for (site, id, alias, created_at) in self.backend().aliases_of(&asked).await? {
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
            let rows = self.backend().tags_of(&asked).await?;
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
        let rows = self.backend().costs_at(site).await?;
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
}

/// As texts that sort as the numbers do, none of which is negative.
fn ranks(rows: Vec<(i64, f64)>) -> HashMap<CenterId, Box<str>> {
    let ranks = rows.into_iter().filter_map(|(id, rank)| {
        Some((
            CenterId::new(id)?,
            format!("{:032.12}", rank.max(0.0)).into(),
        ))
    });
    ranks.collect()
}

/// What rows of JSON say. Those in which the other application left out what makes them
/// one, or whose ids nobody could ask for, are passed over.
pub(super) fn of_json<T: DeserializeOwned>(rows: &[String]) -> Result<Vec<T>, StoreError> {
    let read = rows.iter().map(|row| {
        let row: Value = json(row)?;
        Ok(T::deserialize(row).ok())
    });
    read.filter_map(Result::transpose).collect()
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
