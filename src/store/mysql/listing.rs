//! Lists by page: searched, sorted and counted by the server.
//!
//! `utf8mb4_0900_ai_ci` compares as [`crate::domain::fold`] folds but for rare
//! letters, whatever collation the columns have.

use std::fmt::Write as _;

use serde_json::json;
use sqlx::{AssertSqlSafe, Row as _};

use super::search::{MySqlQuery, PositionSql};
use super::statements::Names;
use super::{MySqlStore, rows};
use crate::domain::{
    Center, CenterId, Listed, Listing, MAX_CENTER_ID, Meridians, Needle, Part, RatingRange, SortBy,
    TextField, Viewport,
};
use crate::store::ratings::average_of;
use crate::store::sql::{escaped_like, in_order, text_or_null};
use crate::store::{Collection, StoreError};

/// The parts that lists are put together from.
#[derive(Debug)]
pub(super) struct ListingSql {
    id: String,
    from: String,
    has_position: String,
    latitude: String,
    longitude: String,
    position: PositionSql,
    texts: [String; TextField::ALL.len()],
    created_at: String,
    updated_at: String,
    average: String,
}

impl ListingSql {
    pub(super) fn new(collection: &Collection, names: &Names) -> Self {
        let Names {
            table,
            id,
            and_shown,
            ..
        } = names;
        let or_null = |name: &Option<String>| name.clone().unwrap_or_else(|| "NULL".to_owned());
        Self {
            id: id.clone(),
            from: format!(" FROM {table} WHERE {id} BETWEEN 1 AND {MAX_CENTER_ID}{and_shown}"),
            has_position: names.has_position(),
            latitude: names.latitude.clone(),
            longitude: names.longitude.clone(),
            position: PositionSql::new(names),
            texts: TextField::ALL.map(|field| text_or_null(collection, field)),
            created_at: or_null(&names.created_at),
            updated_at: or_null(&names.updated_at),
            average: average_of(&format!("{table}.{id}")),
        }
    }

    /// A text field without case and accents.
    fn text(&self, field: TextField) -> String {
        let column = &self.texts[field as usize];
        format!("CONVERT({column} USING utf8mb4) COLLATE utf8mb4_0900_ai_ci")
    }

    /// Either form of the needle: the server compares letter by letter, and one
    /// letter may be folded into two.
    fn holds(&self, field: TextField) -> String {
        let text = self.text(field);
        format!("({text} LIKE ? ESCAPE '!' OR {text} LIKE ? ESCAPE '!')")
    }

    fn push_conditions(&self, listing: &Listing, text: &mut String) {
        for (field, _) in &listing.within {
            let _ = write!(text, " AND {}", self.holds(*field));
        }
        if listing.anywhere.is_some() {
            let any = Listing::SEARCHED.map(|field| self.holds(field));
            let _ = write!(text, " AND ({})", any.join(" OR "));
        }
        let RatingRange { min, max } = listing.ratings;
        for (end, operator) in [(min, ">="), (max, "<=")] {
            if end.is_some() {
                let _ = write!(text, " AND {} {operator} ?", self.average);
            }
        }
        if let Some(viewport) = &listing.viewport {
            self.push_viewport(viewport, text);
        }
    }

    fn push_viewport(&self, viewport: &Viewport, text: &mut String) {
        let (latitude, longitude) = (&self.latitude, &self.longitude);
        self.position.push_bounds(viewport.bounds(), text);
        let _ = write!(
            text,
            " AND {} AND {latitude} BETWEEN ? AND ?",
            self.has_position
        );
        let meridian = format!("IF({longitude} = -180, 180, {longitude})");
        match viewport.meridians() {
            Meridians::All => {}
            Meridians::Between { west, east } if west <= east => {
                let _ = write!(text, " AND {meridian} BETWEEN ? AND ?");
            }
            Meridians::Between { .. } => {
                let _ = write!(text, " AND ({meridian} >= ? OR {meridian} <= ?)");
            }
        }
    }

    pub(super) fn page(&self, listing: &Listing) -> String {
        // Finding few among many takes longer than counting what was found; where
        // most are found, it is the other way round.
        let total = if listing.is_narrow() {
            "COUNT(*) OVER ()"
        } else {
            "NULL"
        };
        let mut text = format!("SELECT CAST({} AS SIGNED), {total}{}", self.id, self.from);
        self.push_conditions(listing, &mut text);
        let direction = if listing.descending { "DESC" } else { "ASC" };
        let key = match listing.sort_by {
            SortBy::Text(field) => format!("{} {direction}, ", self.text(field)),
            SortBy::CreatedAt => format!("{} {direction}, ", self.created_at),
            SortBy::UpdatedAt => format!("{} {direction}, ", self.updated_at),
            SortBy::Rating => format!("{} {direction}, ", self.average),
            SortBy::Id => String::new(),
        };
        let _ = write!(text, " ORDER BY {key}{} LIMIT ? OFFSET ?", self.id);
        text
    }

    pub(super) fn count(&self, listing: &Listing) -> String {
        let mut text = format!("SELECT COUNT(*){}", self.from);
        self.push_conditions(listing, &mut text);
        text
    }
}

impl MySqlStore {
    pub(in crate::store) async fn listed(
        &self,
        listing: &Listing,
        part: Part,
    ) -> Result<Listed, StoreError> {
        if is_beyond_the_poles(listing) {
            return Ok(Listed::default());
        }
        let sql = &self.statements.listing;
        let query = sqlx::query(AssertSqlSafe(sql.page(listing)));
        let found = bind_conditions(sql, query, listing)
            .bind(part.count as u64)
            .bind(part.offset)
            .fetch_all(&self.pool)
            .await?;
        let ids = found
            .iter()
            .map(|row| Ok(CenterId::new(row.try_get(0)?).expect("the query asks for ids only")))
            .collect::<Result<Vec<_>, sqlx::Error>>()?;
        let counted: Option<i64> = match found.first() {
            Some(first) => first.try_get(1)?,
            None => None,
        };
        let total = match counted {
            Some(total) => total.unsigned_abs(),
            None if part.offset == 0 && ids.len() < part.count => ids.len() as u64,
            None => self.count_listed(listing).await?,
        };
        Ok(Listed { ids, total })
    }

    pub(in crate::store) async fn count_listed(
        &self,
        listing: &Listing,
    ) -> Result<u64, StoreError> {
        if is_beyond_the_poles(listing) {
            return Ok(0);
        }
        let sql = &self.statements.listing;
        let query = sqlx::query(AssertSqlSafe(sql.count(listing)));
        let row = bind_conditions(sql, query, listing)
            .fetch_one(&self.pool)
            .await?;
        Ok(row.try_get::<i64, _>(0)?.unsigned_abs())
    }

    pub(in crate::store) async fn read_these(
        &self,
        ids: &[CenterId],
    ) -> Result<Vec<Center>, StoreError> {
        let numbers: Vec<i64> = ids.iter().map(|id| id.get()).collect();
        let found = sqlx::query(self.statements.read_many.text())
            .bind(json!(numbers).to_string())
            .fetch_all(&self.pool)
            .await?;
        let centers = found.iter().map(rows::center);
        Ok(in_order(ids, centers.collect::<Result<_, _>>()?))
    }
}

/// Whether nothing can be inside: the server refuses latitudes beyond ±90.
fn is_beyond_the_poles(listing: &Listing) -> bool {
    let viewport = listing.viewport.as_ref();
    viewport.is_some_and(|viewport| viewport.south() > 90.0 || viewport.north() < -90.0)
}

/// Binds what [`ListingSql::push_conditions`] asks for.
pub(super) fn bind_conditions<'q>(
    sql: &ListingSql,
    query: MySqlQuery<'q>,
    listing: &Listing,
) -> MySqlQuery<'q> {
    let bind = |query: MySqlQuery<'q>, needle: &Needle| {
        query
            .bind(escaped_like(needle.given()))
            .bind(escaped_like(needle.folded()))
    };
    let mut query = query;
    for (_, needle) in &listing.within {
        query = bind(query, needle);
    }
    if let Some(needle) = &listing.anywhere {
        for _ in Listing::SEARCHED {
            query = bind(query, needle);
        }
    }
    let RatingRange { min, max } = listing.ratings;
    for end in [min, max].into_iter().flatten() {
        query = query.bind(end);
    }
    let Some(viewport) = &listing.viewport else {
        return query;
    };
    let query = sql
        .position
        .bind_bounds(query, viewport.bounds())
        .bind(viewport.south())
        .bind(viewport.north());
    match viewport.meridians() {
        Meridians::All => query,
        Meridians::Between { west, east } => query.bind(west).bind(east),
    }
}
