//! Lists by page: sorted and counted by the server, whatever collation the columns
//! have, but for those that look for texts: these are folded in one way only,
//! [`crate::domain::fold`], which no collation has.

use std::borrow::Cow;

use futures_util::TryStreamExt as _;
use sqlx::Row as _;

use super::query::query;
use super::search::PositionSql;
use super::statements::Names;
use super::{MySqlStore, rows};
use crate::domain::{
    Center, CenterId, ListRow, Listed, Listing, Needle, Part, RatingRange, SortBy, TextField,
    Viewport,
};
use crate::store::ids::has_id;
use crate::store::ratings::average_of;
use crate::store::sql::{
    escaped_like, in_order, json_of, push_degrees_within, read_of, text_or_null,
};
use crate::store::statement::Statement;
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
    is_claimed: String,
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
            from: format!(" FROM {table} WHERE {}{and_shown}", has_id(id)),
            has_position: names.has_position(),
            latitude: names.latitude.clone(),
            longitude: names.longitude.clone(),
            position: PositionSql::new(names),
            texts: TextField::ALL.map(|field| text_or_null(collection, field)),
            created_at: or_null(&names.created_at),
            updated_at: or_null(&names.updated_at),
            average: average_of(&format!("{table}.{id}")),
            is_claimed: collection.is_claimed(),
        }
    }

    /// A text field without case and accents.
    fn text(&self, field: TextField) -> String {
        let column = &self.texts[field as usize];
        format!("CONVERT({column} USING utf8mb4) COLLATE utf8mb4_0900_ai_ci")
    }

    /// Appends that a text may hold a needle; whether it does is told where all texts are
    /// folded, in the same way. Of ASCII there is but one way, so that most rows need
    /// not be sent.
    fn push_may_hold(&self, field: TextField, needle: &Needle, statement: &mut Statement<'_>) {
        let column = &self.texts[field as usize];
        let text = format!("CONVERT({column} USING utf8mb4)");
        statement.push_with(
            &format!(
                "({text} COLLATE utf8mb4_0900_ai_ci LIKE ? ESCAPE '!' \
                 OR LENGTH({text}) <> CHAR_LENGTH({text}))"
            ),
            [with_any_blanks(needle).into()],
        );
    }

    /// Appends that a row is one of a list of ids.
    fn push_is_among(&self, ids: &[CenterId], statement: &mut Statement<'_>) {
        statement.push(&self.id).push_with(
            " IN (SELECT v.id FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$')) AS v)",
            [json_of(ids).into()],
        );
    }

    fn push_conditions(&self, listing: &Listing, statement: &mut Statement<'_>) {
        for any in &listing.texts {
            statement.push(" AND (");
            let mut or = "";
            for (field, needle) in &any.fields {
                statement.push(or);
                self.push_may_hold(*field, needle, statement);
                or = " OR ";
            }
            if !any.or_these.is_empty() {
                statement.push(or);
                self.push_is_among(&any.or_these, statement);
            }
            statement.push(")");
        }
        if let Some(among) = &listing.among {
            statement.push(" AND ");
            self.push_is_among(among, statement);
        }
        if listing.is_claimed {
            statement.push(" AND ").push(&self.is_claimed);
        }
        let RatingRange { min, max } = listing.ratings;
        for (end, operator) in [(min, ">="), (max, "<=")] {
            if let Some(end) = end {
                let text = format!(" AND {} {operator} ?", self.average);
                statement.push_with(&text, [end.into()]);
            }
        }
        if let Some(viewport) = &listing.viewport {
            self.push_viewport(viewport, statement);
        }
    }

    fn push_viewport(&self, viewport: &Viewport, statement: &mut Statement<'_>) {
        self.position.push_bounds(viewport.bounds(), statement);
        statement.push(&format!(" AND {}", self.has_position));
        push_degrees_within(viewport, &self.latitude, &self.longitude, statement);
    }

    pub(super) fn page(&self, listing: &Listing, part: Part) -> Statement<'_> {
        // Finding few among many takes longer than counting what was found; where
        // most are found, it is the other way round.
        let total = if listing.is_narrow() {
            "COUNT(*) OVER ()"
        } else {
            "NULL"
        };
        let start = format!("SELECT CAST({} AS SIGNED), {total}{}", self.id, self.from);
        let mut statement = Statement::new(start);
        self.push_conditions(listing, &mut statement);
        let direction = if listing.descending { "DESC" } else { "ASC" };
        let key = match listing.sort_by {
            SortBy::Text(field) => format!("{} {direction}, ", self.text(field)),
            SortBy::CreatedAt => format!("{} {direction}, ", self.created_at),
            SortBy::UpdatedAt => format!("{} {direction}, ", self.updated_at),
            SortBy::Rating => format!("{} {direction}, ", self.average),
            SortBy::Id | SortBy::Rank => String::new(),
        };
        statement.push_with(
            &format!(" ORDER BY {key}{} LIMIT ? OFFSET ?", self.id),
            [(part.count as u64).into(), part.offset.into()],
        );
        statement
    }

    /// The id, what gives the order unless a text does, then the texts that are read.
    fn scan(&self, listing: &Listing, texts: &[TextField]) -> Statement<'_> {
        let key = match listing.sort_by {
            SortBy::Text(_) | SortBy::Id | SortBy::Rank => "NULL".to_owned(),
            SortBy::CreatedAt => sortable_time(&self.created_at),
            SortBy::UpdatedAt => sortable_time(&self.updated_at),
            SortBy::Rating => self.average.clone(),
        };
        let mut statement = Statement::new(format!("SELECT CAST({} AS SIGNED), {key}", self.id));
        for field in read_of(listing, texts) {
            let column = &self.texts[field as usize];
            statement.push(&format!(", CONVERT({column} USING utf8mb4)"));
        }
        statement.push(&self.from);
        self.push_conditions(listing, &mut statement);
        statement
    }

    pub(super) fn count(&self, listing: &Listing) -> Statement<'_> {
        let mut statement = Statement::new(format!("SELECT COUNT(*){}", self.from));
        self.push_conditions(listing, &mut statement);
        statement
    }
}

/// A time as a text that sorts as it does.
fn sortable_time(column: &str) -> String {
    format!("DATE_FORMAT({column}, '%Y-%m-%d %H:%i:%s.%f')")
}

/// Before the texts come the id and what it is sorted by.
const FIRST_TEXT: usize = 2;

impl MySqlStore {
    /// Passes on every row that a list may hold.
    pub(in crate::store) async fn fold_list<S: Send>(
        &self,
        listing: &Listing,
        texts: &[TextField],
        mut state: S,
        each: impl Fn(&mut S, &ListRow<'_>) + Send,
    ) -> Result<S, StoreError> {
        if is_beyond_the_poles(listing) {
            return Ok(state);
        }
        let statement = self.statements.listing.scan(listing, texts);
        let mut rows = query(statement).fetch(&self.pool);
        while let Some(found) = rows.try_next().await? {
            let mut row = ListRow {
                id: rows::id(&found)?,
                mark: match listing.sort_by {
                    SortBy::Rating => found.try_get::<Option<f64>, _>(1)?.map(sortable_mark),
                    _ => rows::text(&found, 1)?,
                },
                texts: Default::default(),
            };
            for (at, field) in (FIRST_TEXT..).zip(read_of(listing, texts)) {
                row.texts[field as usize] = rows::text(&found, at)?;
            }
            each(&mut state, &row);
        }
        Ok(state)
    }

    pub(in crate::store) async fn listed(
        &self,
        listing: &Listing,
        part: Part,
    ) -> Result<Listed, StoreError> {
        if is_beyond_the_poles(listing) {
            return Ok(Listed::default());
        }
        let statement = self.statements.listing.page(listing, part);
        let found = query(statement).fetch_all(&self.pool).await?;
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
        let statement = self.statements.listing.count(listing);
        let row = query(statement).fetch_one(&self.pool).await?;
        Ok(row.try_get::<i64, _>(0)?.unsigned_abs())
    }

    pub(in crate::store) async fn read_these(
        &self,
        ids: &[CenterId],
    ) -> Result<Vec<Center>, StoreError> {
        let found = sqlx::query(self.statements.read_many.text())
            .bind(json_of(ids))
            .fetch_all(&self.pool)
            .await?;
        let fields = self.collection.fields();
        let centers = found.iter().map(|row| rows::center(row, fields));
        Ok(in_order(ids, centers.collect::<Result<_, _>>()?))
    }
}

/// Whether nothing can be inside: the server refuses latitudes beyond ±90.
fn is_beyond_the_poles(listing: &Listing) -> bool {
    let viewport = listing.viewport.as_ref();
    viewport.is_some_and(|viewport| viewport.south() > 90.0 || viewport.north() < -90.0)
}

/// A pattern for a folded needle in texts that are not: where it has a blank, they
/// may have several, or a line break.
fn with_any_blanks(needle: &Needle) -> String {
    escaped_like(needle.folded()).replace(' ', "%")
}

/// As wide as any, so that it sorts as a text.
fn sortable_mark(average: f64) -> Cow<'static, str> {
    format!("{average:024.20}").into()
}
