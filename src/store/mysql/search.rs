//! Searching around an origin.
//!
//! The spatial index is reached by `MBRIntersects` only; the distance is
//! measured once a row, in the select list, and compared in HAVING.

use std::fmt::Write as _;

use futures_util::TryStreamExt as _;
use sqlx::mysql::MySqlArguments;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, MySql, Row as _};

use super::hint::Hints;
use super::statements::Names;
use super::{MySqlStore, rows};
use crate::domain::{Bounds, CenterId, Filter, OrganizationId, Search, Summary, TextField};
use crate::store::ids::has_id;
use crate::store::ratings::AVERAGE;
use crate::store::sql::{conditions, text_or_null};
use crate::store::{Collection, StoreError};

/// Lists of values are filled up to one of these lengths, so that there are few
/// statements to prepare.
const PADDED_LENGTHS: [usize; 4] = [1, 8, 50, 100];

/// How far a cursor lies before the first center.
const BEFORE_ALL: (f64, i64) = (-1.0, i64::MIN);

/// A search within one circle.
#[derive(Debug, Clone, Copy)]
pub struct Near<'a> {
    /// Origin, filter, exclusions and cursor. Its own radius and limit are not
    /// looked at.
    pub search: &'a Search,
    /// The great-circle radius in metres, inclusive.
    pub radius_m: f64,
    /// What holds the circle: one piece or several, as [`crate::domain::cover`]
    /// cuts them.
    pub cover: &'a [Bounds],
    /// How many rows at most.
    pub rows: usize,
    /// The organizations that the filter names, by id; looked at where it names
    /// any.
    pub organizations: &'a [OrganizationId],
    /// Whether [`MySqlStore::find`] gives up after a fifth of a second.
    pub is_trial: bool,
}

/// What makes the server give up a statement, after so many milliseconds.
const TRIAL: &str = "MAX_EXECUTION_TIME(200) ";

/// The parts that searches are put together from.
#[derive(Debug)]
pub(super) struct SearchSql {
    select: String,
    distance: String,
    from: String,
    position: PositionSql,
    id: String,
    /// The id, told apart from those of other tables.
    own_id: String,
    filters: [(TextField, String); 3],
    pub(super) hints: Hints,
}

impl SearchSql {
    pub(super) fn new(collection: &Collection, names: &Names) -> Self {
        let Names {
            table,
            id,
            location,
            and_shown,
            ..
        } = names;
        let filter = |field| (field, text_or_null(collection, field));
        Self {
            select: names.summary_columns(collection),
            distance: format!("ST_Distance_Sphere({location}, ST_SRID(POINT(?, ?), 4326))"),
            from: format!(
                " FROM {table} WHERE {} AND {}{and_shown}",
                has_id(id),
                names.has_position(),
            ),
            position: PositionSql::new(names),
            id: id.clone(),
            own_id: format!("{table}.{id}"),
            filters: [TextField::Country, TextField::Region, TextField::City].map(filter),
            hints: Hints::default(),
        }
    }

    /// The collation of the column finds candidates by its index, the second
    /// comparison keeps those that are equal byte for byte. Whether few rows are
    /// left to look at, as bounds do, decides how other tables are looked at.
    pub(super) fn push_filter(
        &self,
        filter: &Filter,
        organizations: &[OrganizationId],
        is_bounded: bool,
        text: &mut String,
    ) {
        for condition in conditions(filter) {
            let of_field = |(field, _): &&(TextField, String)| *field == condition.field;
            let Some((_, column)) = self.filters.iter().find(of_field) else {
                continue;
            };
            let marks = marks(condition.values.len());
            let _ = write!(
                text,
                " AND {column} IN ({marks}) \
                 AND CONVERT({column} USING utf8mb4) COLLATE utf8mb4_0900_bin IN ({marks})"
            );
        }
        if !filter.organizations.is_empty() {
            self.push_organizations(organizations, is_bounded, text);
        }
        if filter.least_rating().is_some() {
            self.push_rating(is_bounded, text);
        }
    }

    /// Without the hint the server may begin with the organization's centers and
    /// leave the spatial index alone, as it is to do where there is no box.
    fn push_organizations(&self, ids: &[OrganizationId], is_bounded: bool, text: &mut String) {
        let hint = if is_bounded {
            "/*+ NO_SEMIJOIN() */"
        } else {
            ""
        };
        let _ = write!(
            text,
            " AND EXISTS (SELECT {hint} 1 FROM diving_center_organizations m \
             WHERE m.diving_center_id = {} AND m.diving_organization_id IN ({}))",
            self.own_id,
            marks(ids.len())
        );
    }

    /// Row by row within bounds, from all ratings at once elsewhere.
    fn push_rating(&self, is_bounded: bool, text: &mut String) {
        let id = &self.own_id;
        let _ = if is_bounded {
            write!(
                text,
                " AND (SELECT {AVERAGE} FROM center_ratings r WHERE r.diving_center_id = {id}) >= ?"
            )
        } else {
            write!(
                text,
                " AND {id} IN (SELECT r.diving_center_id FROM center_ratings r \
                 GROUP BY r.diving_center_id HAVING {AVERAGE} >= ?)"
            )
        };
    }

    fn push_conditions(&self, near: &Near<'_>, bounds: Bounds, text: &mut String) {
        self.position.push_bounds(bounds, text);
        let is_bounded = !matches!(bounds, Bounds::Globe);
        self.push_filter(&near.search.filter, near.organizations, is_bounded, text);
        if !near.search.exclude.is_empty() {
            let marks = marks(near.search.exclude.len());
            let _ = write!(text, " AND {} NOT IN ({marks})", self.id);
        }
    }

    /// Binds what [`Self::push_conditions`] asks for.
    fn bind_conditions<'q>(
        &self,
        query: MySqlQuery<'q>,
        near: &Near<'q>,
        bounds: Bounds,
    ) -> MySqlQuery<'q> {
        let query = self.position.bind_bounds(query, bounds);
        let query = bind_filter(query, &near.search.filter, near.organizations);
        padded(&near.search.exclude).fold(query, |query, &id| query.bind(CenterId::get(id)))
    }

    /// One query for every piece of the cover. What lies on an edge between two is
    /// found by both and kept once, as UNION does.
    pub(super) fn find(&self, near: &Near<'_>) -> String {
        // It stands in the first piece and holds for all.
        let mut trial = if near.is_trial { TRIAL } else { "" };
        let pieces = near.cover.iter().map(|&bounds| {
            let hint = self.hint(near, bounds, std::mem::take(&mut trial));
            let mut text = format!(
                "SELECT {hint}{}, {} AS nearby_distance_m{}",
                self.select, self.distance, self.from
            );
            self.push_conditions(near, bounds, &mut text);
            text.push_str(
                " HAVING nearby_distance_m <= ? AND (nearby_distance_m > ? \
                 OR nearby_distance_m = ? AND nearby_id > ?)",
            );
            text
        });
        format!(
            "{} ORDER BY nearby_distance_m, nearby_id LIMIT ?",
            pieces.collect::<Vec<_>>().join(" UNION "),
        )
    }

    /// Binds what [`Self::find`] asks for.
    pub(super) fn bind_find<'q>(
        &self,
        mut query: MySqlQuery<'q>,
        near: &Near<'q>,
    ) -> MySqlQuery<'q> {
        let after = near.search.after;
        let (passed_m, id) = after.map_or(BEFORE_ALL, |cursor| (cursor.key, cursor.id.get()));
        for &bounds in near.cover {
            query = self
                .bind_conditions(bind_origin(query, near), near, bounds)
                .bind(near.radius_m)
                .bind(passed_m)
                .bind(passed_m)
                .bind(id);
        }
        query.bind(near.rows as u64)
    }

    /// What lies on an edge between two pieces counts twice: it is but a guess.
    pub(super) fn count_near(&self, near: &Near<'_>) -> String {
        let pieces = near.cover.iter().map(|&bounds| {
            let hint = self.hint(near, bounds, "");
            let mut text = format!("(SELECT {hint}1{}", self.from);
            self.push_conditions(near, bounds, &mut text);
            if near.search.after.is_some() {
                let _ = write!(text, " AND {} >= ?", self.distance);
            }
            text.push_str(" LIMIT ?)");
            text
        });
        format!(
            "SELECT COUNT(*) FROM ({} LIMIT ?) AS seen",
            pieces.collect::<Vec<_>>().join(" UNION ALL ")
        )
    }

    /// Binds what [`Self::count_near`] asks for.
    pub(super) fn bind_count_near<'q>(
        &self,
        mut query: MySqlQuery<'q>,
        near: &Near<'q>,
    ) -> MySqlQuery<'q> {
        for &bounds in near.cover {
            query = self.bind_conditions(query, near, bounds);
            if let Some(cursor) = near.search.after {
                query = bind_origin(query, near).bind(cursor.key);
            }
            query = query.bind(near.rows as u64);
        }
        query.bind(near.rows as u64)
    }

    fn hint(&self, near: &Near<'_>, bounds: Bounds, trial: &str) -> String {
        let index = match bounds {
            Bounds::Globe => String::new(),
            _ => self.hints.within_bounds(!near.search.filter.is_empty()),
        };
        if trial.is_empty() && index.is_empty() {
            String::new()
        } else {
            format!("/*+ {trial}{index}*/ ")
        }
    }

    pub(super) fn matching(&self, filter: &Filter, organizations: &[OrganizationId]) -> String {
        let mut text = format!("SELECT COUNT(*) FROM (SELECT 1{}", self.from);
        self.push_filter(filter, organizations, false, &mut text);
        text.push_str(" LIMIT ?) AS seen");
        text
    }
}

/// How positions are found to be within bounds.
#[derive(Debug)]
pub(super) enum PositionSql {
    /// By the spatial index over a stored point.
    Located(String),
    /// By latitude and longitude, where there is no such point.
    Bare { latitude: String, longitude: String },
}

impl PositionSql {
    pub(super) fn new(names: &Names) -> Self {
        if names.is_located {
            Self::Located(names.location.clone())
        } else {
            Self::Bare {
                latitude: names.latitude.clone(),
                longitude: names.longitude.clone(),
            }
        }
    }

    /// The condition that a position is within bounds, or near by;
    /// [`Self::bind_bounds`] binds it.
    pub(super) fn push_bounds(&self, bounds: Bounds, text: &mut String) {
        let _ = match (self, bounds) {
            (Self::Located(location), Bounds::Box { .. }) => write!(
                text,
                " AND MBRIntersects(ST_SRID(MULTIPOINT(POINT(?, ?), POINT(?, ?)), 4326), {location})"
            ),
            // A line around the globe: its bounding box has every longitude.
            (Self::Located(location), Bounds::Band { .. }) => write!(
                text,
                " AND MBRIntersects(ST_SRID(LINESTRING(POINT(0, ?), POINT(90, ?), \
                 POINT(180, ?), POINT(-90, ?), POINT(0, ?)), 4326), {location})"
            ),
            (
                Self::Bare {
                    latitude,
                    longitude,
                },
                Bounds::Box { west, east, .. },
            ) => {
                let either = if west <= east { "AND" } else { "OR" };
                // The antimeridian has two names, and the box may know but one.
                let antimeridian = if east == 180.0 || west == -180.0 || west > east {
                    format!(" OR {longitude} IN (-180, 180)")
                } else {
                    String::new()
                };
                write!(
                    text,
                    " AND {latitude} BETWEEN ? AND ? \
                     AND ({longitude} >= ? {either} {longitude} <= ?{antimeridian})"
                )
            }
            (Self::Bare { latitude, .. }, Bounds::Band { .. }) => {
                write!(text, " AND {latitude} BETWEEN ? AND ?")
            }
            (_, Bounds::Globe) => Ok(()),
        };
    }

    /// Binds what [`Self::push_bounds`] asks for.
    pub(super) fn bind_bounds<'q>(&self, query: MySqlQuery<'q>, bounds: Bounds) -> MySqlQuery<'q> {
        match (self, bounds) {
            (
                Self::Located(_),
                Bounds::Box {
                    west,
                    south,
                    east,
                    north,
                },
            ) => query.bind(west).bind(south).bind(east).bind(north),
            (Self::Located(_), Bounds::Band { south, north }) => query
                .bind(south)
                .bind(south)
                .bind(south)
                .bind(south)
                .bind(north),
            (
                Self::Bare { .. },
                Bounds::Box {
                    west,
                    south,
                    east,
                    north,
                },
            ) => query.bind(south).bind(north).bind(west).bind(east),
            (Self::Bare { .. }, Bounds::Band { south, north }) => query.bind(south).bind(north),
            (_, Bounds::Globe) => query,
        }
    }
}

pub(super) type MySqlQuery<'q> = Query<'q, MySql, MySqlArguments>;

impl MySqlStore {
    /// Hands on the centers of a circle with their distances in metres, nearest
    /// first, ties by id, beyond the search's cursor. Gives whether these are all:
    /// a trial may have taken too long.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find(
        &self,
        near: &Near<'_>,
        each: impl FnMut(f64, Summary<'_>) + Send,
    ) -> Result<bool, StoreError> {
        match self.find_all(near, each).await {
            Ok(()) => Ok(true),
            Err(error) if near.is_trial && error.is_out_of_time() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn find_all(
        &self,
        near: &Near<'_>,
        mut each: impl FnMut(f64, Summary<'_>) + Send,
    ) -> Result<(), StoreError> {
        let sql = &self.statements.search;
        let query = sqlx::query(AssertSqlSafe(sql.find(near)));
        let mut rows = sql.bind_find(query, near).fetch(&self.pool);
        while let Some(row) = rows.try_next().await? {
            let distance_m: f64 = row.try_get(7)?;
            rows::summary(&row, |summary| each(distance_m, summary))?;
        }
        Ok(())
    }

    /// Counts the centers within the cover of a circle that are not before the
    /// search's cursor, up to `near.rows`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_near(&self, near: &Near<'_>) -> Result<usize, StoreError> {
        let sql = &self.statements.search;
        let query = sqlx::query(AssertSqlSafe(sql.count_near(near)));
        let row = sql
            .bind_count_near(query, near)
            .fetch_one(&self.pool)
            .await?;
        Ok(as_count(row.try_get(0)?))
    }

    /// The organizations that a filter names; asks only where it names any.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn organizations_of(
        &self,
        filter: &Filter,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        self.database().organizations_of(filter).await
    }

    /// Counts the centers that a filter keeps, up to `most`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn matching(
        &self,
        filter: &Filter,
        organizations: &[OrganizationId],
        most: usize,
    ) -> Result<usize, StoreError> {
        let text = self.statements.search.matching(filter, organizations);
        let row = bind_filter(sqlx::query(AssertSqlSafe(text)), filter, organizations)
            .bind(most as u64)
            .fetch_one(&self.pool)
            .await?;
        Ok(as_count(row.try_get(0)?))
    }
}

fn bind_origin<'q>(query: MySqlQuery<'q>, near: &Near<'q>) -> MySqlQuery<'q> {
    // The antimeridian is 180 in every stored point, too.
    let longitude = match near.search.origin.longitude() {
        -180.0 => 180.0,
        longitude => longitude,
    };
    query.bind(longitude).bind(near.search.origin.latitude())
}

/// Binds what [`SearchSql::push_filter`] asks for.
pub(super) fn bind_filter<'q>(
    query: MySqlQuery<'q>,
    filter: &'q Filter,
    organizations: &[OrganizationId],
) -> MySqlQuery<'q> {
    let query = conditions(filter)
        .flat_map(|condition| padded_twice(condition.values))
        .fold(query, Query::bind);
    let query = if filter.organizations.is_empty() {
        query
    } else {
        padded(organizations).fold(query, |query, id| query.bind(id.get()))
    };
    match filter.least_rating() {
        Some(least) => query.bind(least),
        None => query,
    }
}

/// Placeholders for a list of values.
fn marks(count: usize) -> String {
    vec!["?"; padded_length(count)].join(", ")
}

fn padded_length(count: usize) -> usize {
    let longer = PADDED_LENGTHS.into_iter().find(|&length| length >= count);
    if count == 0 {
        0
    } else {
        longer.unwrap_or(count)
    }
}

/// The values, the last of them repeated up to the padded length.
fn padded<T>(values: &[T]) -> impl Iterator<Item = &T> {
    let missing = padded_length(values.len()) - values.len();
    let fill = values.last().into_iter().cycle().take(missing);
    values.iter().chain(fill)
}

/// The values of a filter as [`SearchSql::push_filter`] asks for them.
fn padded_twice(values: &[String]) -> impl Iterator<Item = &String> {
    padded(values).chain(padded(values))
}

fn as_count(count: i64) -> usize {
    usize::try_from(count).expect("a count is not negative")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_one_of_a_few_lengths_and_lose_no_value() {
        for count in 0..=100 {
            let values: Vec<usize> = (0..count).collect();
            let found: Vec<usize> = padded(&values).copied().collect();
            assert!(found.len() == count || PADDED_LENGTHS.contains(&found.len()));
            assert_eq!(found[..count], values);
            assert!(found[count..].iter().all(|&value| value + 1 == count));
            assert_eq!(marks(count).matches('?').count(), found.len());
        }
    }
}
