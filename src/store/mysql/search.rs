//! Searching around an origin, and within a viewport.
//!
//! The spatial index is reached by `MBRIntersects` only; the distance is
//! measured once a row, in the select list, and compared in HAVING.

use futures_util::TryStreamExt as _;
use sqlx::Row as _;

use super::cells::MapSql;
use super::hint::Hints;
use super::query::query;
use super::statements::Names;
use super::{MySqlStore, rows};
use crate::domain::{
    Area, Around, BY_ID, Bounds, CenterId, FieldId, Filter, HALF_A_MICROMETRE_M, OrganizationId,
    Origin, Summary,
};
use crate::store::condition::ConditionSql;
use crate::store::ids::has_id;
use crate::store::ratings::AVERAGE;
use crate::store::sql::push_degrees_within;
use crate::store::statement::Statement;
use crate::store::{Collection, Look, StoreError};

/// How far a cursor lies before the first center.
const BEFORE_ALL: (f64, i64) = (-1.0, i64::MIN);

/// The parts that searches are put together from.
#[derive(Debug)]
pub(super) struct SearchSql {
    select: String,
    distance: String,
    pub(super) from: String,
    position: PositionSql,
    latitude: String,
    longitude: String,
    pub(super) id: String,
    /// The id, told apart from those of other tables.
    own_id: String,
    pub(super) conditions: ConditionSql,
    pub(super) map: MapSql,
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
        Self {
            select: names.summary_columns(collection),
            distance: format!("ST_Distance_Sphere({location}, ST_SRID(POINT(?, ?), 4326))"),
            from: format!(
                " FROM {table} WHERE {} AND {}{and_shown}",
                has_id(id),
                names.has_position(),
            ),
            position: PositionSql::new(names),
            latitude: names.latitude.clone(),
            longitude: names.longitude.clone(),
            id: id.clone(),
            own_id: format!("{table}.{id}"),
            conditions: super::fields::conditions(collection),
            map: MapSql::new(names),
            hints: Hints::default(),
        }
    }

    /// Appends what a filter asks. Whether few rows are left to look at, as bounds do,
    /// decides how other tables are looked at.
    pub(super) fn push_filter<'a>(
        &self,
        filter: &'a Filter,
        organizations: &[OrganizationId],
        is_bounded: bool,
        statement: &mut Statement<'a>,
    ) {
        self.conditions.push_and(&filter.condition, statement);
        if !filter.organizations.is_empty() {
            self.push_organizations(organizations, is_bounded, statement);
        }
        if let Some(least) = filter.least_rating() {
            self.push_rating(least, is_bounded, statement);
        }
    }

    /// Without the hint the server may begin with the organization's centers and
    /// leave the spatial index alone, as it is to do where there is no box.
    fn push_organizations(
        &self,
        ids: &[OrganizationId],
        is_bounded: bool,
        statement: &mut Statement<'_>,
    ) {
        let hint = if is_bounded {
            "/*+ NO_SEMIJOIN() */"
        } else {
            ""
        };
        statement.push(&format!(
            " AND EXISTS (SELECT {hint} 1 FROM diving_center_organizations m \
             WHERE m.diving_center_id = {} AND m.diving_organization_id IN (",
            self.own_id,
        ));
        statement
            .push_list(ids.iter().map(|id| id.get()))
            .push("))");
    }

    /// Row by row within bounds, from all ratings at once elsewhere.
    fn push_rating(&self, least: f64, is_bounded: bool, statement: &mut Statement<'_>) {
        let id = &self.own_id;
        let text = if is_bounded {
            format!(
                " AND (SELECT {AVERAGE} FROM center_ratings r WHERE r.diving_center_id = {id}) >= ?"
            )
        } else {
            format!(
                " AND {id} IN (SELECT r.diving_center_id FROM center_ratings r \
                 GROUP BY r.diving_center_id HAVING {AVERAGE} >= ?)"
            )
        };
        statement.push_with(&text, [least.into()]);
    }

    pub(super) fn push_conditions<'a>(
        &self,
        look: &Look<'a>,
        bounds: Bounds,
        statement: &mut Statement<'a>,
    ) {
        if let Area::Within(viewport) = &look.search.area {
            push_degrees_within(viewport, &self.latitude, &self.longitude, statement);
        }
        let filter = &look.search.filter;
        self.push_filter_within(filter, look.organizations, bounds, statement);
        self.push_covers(look, statement);
        if !look.search.exclude.is_empty() {
            let ids = look.search.exclude.iter();
            statement.push(&format!(" AND {} NOT IN (", self.id));
            statement
                .push_list(ids.map(|&id| CenterId::get(id)))
                .push(")");
        }
    }

    /// Appends that a row is within bounds, or near by, and what a filter asks.
    pub(super) fn push_filter_within<'a>(
        &self,
        filter: &'a Filter,
        organizations: &[OrganizationId],
        bounds: Bounds,
        statement: &mut Statement<'a>,
    ) {
        self.position.push_bounds(bounds, statement);
        let is_bounded = !matches!(bounds, Bounds::Globe);
        self.push_filter(filter, organizations, is_bounded, statement);
    }

    fn push_distance(&self, origin: Origin, statement: &mut Statement<'_>) {
        // The antimeridian is 180 in every stored point, too.
        let longitude = match origin.longitude() {
            -180.0 => 180.0,
            longitude => longitude,
        };
        let latitude = origin.latitude();
        statement.push_with(&self.distance, [longitude.into(), latitude.into()]);
    }

    /// Appends that a center is within the circle or ring, where there is one.
    pub(super) fn push_is_near(&self, look: &Look<'_>, statement: &mut Statement<'_>) {
        if let Area::Around(around) = &look.search.area {
            statement.push(" AND ");
            self.push_distance(around.origin, statement);
            statement.push_with(" <= ?", [look.radius_m.into()]);
            if around.min_radius.is_some() {
                statement.push(" AND ");
                self.push_distance(around.origin, statement);
                statement.push_with(" >= ?", [around.least_m().into()]);
            }
        }
    }

    /// Appends that a center reaches the origin, where it has to. Farther than a number says
    /// by no more than [`covers`](crate::domain::covers) allows.
    fn push_covers(&self, look: &Look<'_>, statement: &mut Statement<'_>) {
        if let Area::Around(around) = &look.search.area
            && let Some(field) = around.covered_by
        {
            let read = &self.conditions.field(field).read;
            statement.push(&format!(" AND {read} > 0 AND "));
            self.push_distance(around.origin, statement);
            let reaches = format!(" <= {read} + ?");
            statement.push_with(&reaches, [HALF_A_MICROMETRE_M.into()]);
        }
    }

    fn greatest(&self, field: FieldId) -> Statement<'static> {
        let read = &self.conditions.field(field).read;
        Statement::new(format!("SELECT MAX({read}){}", self.from))
    }

    pub(super) fn find<'a>(&self, look: &Look<'a>) -> Statement<'a> {
        match &look.search.area {
            Area::Around(around) => self.find_around(look, around),
            Area::Within(_) => self.find_by_id(look),
        }
    }

    /// One query for every piece of the cover. What lies on an edge between two is
    /// found by both and kept once, as UNION does.
    fn find_around<'a>(&self, look: &Look<'a>, around: &Around) -> Statement<'a> {
        let after = look.search.after;
        let (passed_m, id) = after.map_or(BEFORE_ALL, |cursor| (cursor.key, cursor.id.get()));
        // It stands in the first piece and holds for all.
        let mut longest = longest(look);
        let mut union = "";
        let mut statement = Statement::default();
        for &bounds in look.cover {
            let hint = self.hint(look, bounds, &std::mem::take(&mut longest));
            statement.push(&format!("{union}SELECT {hint}{}, ", self.select));
            self.push_distance(around.origin, &mut statement);
            statement.push(" AS nearby_distance_m").push(&self.from);
            self.push_conditions(look, bounds, &mut statement);
            statement.push_with(
                " HAVING nearby_distance_m <= ? AND (nearby_distance_m > ? \
                 OR nearby_distance_m = ? AND nearby_id > ?)",
                [
                    look.radius_m.into(),
                    passed_m.into(),
                    passed_m.into(),
                    id.into(),
                ],
            );
            if around.min_radius.is_some() {
                let least_m = around.least_m();
                statement.push_with(" AND nearby_distance_m >= ?", [least_m.into()]);
            }
            union = " UNION ";
        }
        statement.push_with(
            " ORDER BY nearby_distance_m, nearby_id LIMIT ?",
            [(look.rows as u64).into()],
        );
        statement
    }

    /// The cover of a viewport is one piece.
    fn find_by_id<'a>(&self, look: &Look<'a>) -> Statement<'a> {
        let bounds = look.cover.first().copied().unwrap_or(Bounds::Globe);
        let hint = self.hint(look, bounds, &longest(look));
        let mut statement = Statement::new(format!("SELECT {hint}{}, ", self.select));
        statement.push_with("? AS nearby_distance_m", [BY_ID.into()]);
        statement.push(&self.from);
        self.push_conditions(look, bounds, &mut statement);
        self.push_is_after(look, &mut statement);
        statement.push_with(
            &format!(" ORDER BY {} LIMIT ?", self.own_id),
            [(look.rows as u64).into()],
        );
        statement
    }

    /// Appends that a center may come after the search's cursor, where it has one, and is
    /// not too near.
    fn push_is_after(&self, look: &Look<'_>, statement: &mut Statement<'_>) {
        let after = look.search.after;
        match &look.search.area {
            Area::Around(around) if after.is_some() || around.min_radius.is_some() => {
                let passed_m = after.map_or(0.0, |cursor| cursor.key);
                statement.push(" AND ");
                self.push_distance(around.origin, statement);
                statement.push_with(" >= ?", [passed_m.max(around.least_m()).into()]);
            }
            Area::Around(_) => {}
            Area::Within(_) => {
                if let Some(cursor) = after {
                    let text = format!(" AND {} > ?", self.own_id);
                    statement.push_with(&text, [cursor.id.get().into()]);
                }
            }
        }
    }

    /// What lies on an edge between two pieces counts twice: it is but a guess.
    pub(super) fn count<'a>(&self, look: &Look<'a>) -> Statement<'a> {
        let rows = look.rows as u64;
        let mut statement = Statement::new("SELECT COUNT(*) FROM (");
        let mut union = "";
        for &bounds in look.cover {
            let hint = self.hint(look, bounds, "");
            statement.push(&format!("{union}(SELECT {hint}1{}", self.from));
            self.push_conditions(look, bounds, &mut statement);
            self.push_is_after(look, &mut statement);
            statement.push_with(" LIMIT ?)", [rows.into()]);
            union = " UNION ALL ";
        }
        statement.push_with(" LIMIT ?) AS seen", [rows.into()]);
        statement
    }

    pub(super) fn hint(&self, look: &Look<'_>, bounds: Bounds, longest: &str) -> String {
        let index = match bounds {
            Bounds::Globe => String::new(),
            _ => self.hints.within_bounds(!look.search.filter.is_empty()),
        };
        if longest.is_empty() && index.is_empty() {
            String::new()
        } else {
            format!("/*+ {longest}{index}*/ ")
        }
    }

    /// Counts the rows that a filter keeps, up to so many.
    pub(super) fn matching<'a>(
        &self,
        filter: &'a Filter,
        organizations: &[OrganizationId],
        most: u64,
    ) -> Statement<'a> {
        let mut statement = Statement::new(format!("SELECT COUNT(*) FROM (SELECT 1{}", self.from));
        self.push_filter(filter, organizations, false, &mut statement);
        statement.push_with(" LIMIT ?) AS seen", [most.into()]);
        statement
    }
}

/// What makes the server give up a statement, where it is to.
fn longest(look: &Look<'_>) -> String {
    let hint = |ms| format!("MAX_EXECUTION_TIME({ms}) ");
    look.longest_ms.map(hint).unwrap_or_default()
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

    /// Appends the condition that a position is within bounds, or near by.
    pub(super) fn push_bounds(&self, bounds: Bounds, statement: &mut Statement<'_>) {
        match (self, bounds) {
            (
                Self::Located(location),
                Bounds::Box {
                    west,
                    south,
                    east,
                    north,
                },
            ) => {
                statement.push_with(
                    &format!(
                        " AND MBRIntersects(\
                         ST_SRID(MULTIPOINT(POINT(?, ?), POINT(?, ?)), 4326), {location})"
                    ),
                    [west.into(), south.into(), east.into(), north.into()],
                );
            }
            // A line around the globe: its bounding box has every longitude.
            (Self::Located(location), Bounds::Band { south, north }) => {
                statement.push_with(
                    &format!(
                        " AND MBRIntersects(ST_SRID(LINESTRING(POINT(0, ?), POINT(90, ?), \
                         POINT(180, ?), POINT(-90, ?), POINT(0, ?)), 4326), {location})"
                    ),
                    [
                        south.into(),
                        south.into(),
                        south.into(),
                        south.into(),
                        north.into(),
                    ],
                );
            }
            (
                Self::Bare {
                    latitude,
                    longitude,
                },
                Bounds::Box {
                    west,
                    south,
                    east,
                    north,
                },
            ) => {
                let either = if west <= east { "AND" } else { "OR" };
                // The antimeridian has two names, and the box may know but one.
                let antimeridian = if east == 180.0 || west == -180.0 || west > east {
                    format!(" OR {longitude} IN (-180, 180)")
                } else {
                    String::new()
                };
                statement.push_with(
                    &format!(
                        " AND {latitude} BETWEEN ? AND ? \
                         AND ({longitude} >= ? {either} {longitude} <= ?{antimeridian})"
                    ),
                    [south.into(), north.into(), west.into(), east.into()],
                );
            }
            (Self::Bare { latitude, .. }, Bounds::Band { south, north }) => {
                statement.push_with(
                    &format!(" AND {latitude} BETWEEN ? AND ?"),
                    [south.into(), north.into()],
                );
            }
            (_, Bounds::Globe) => {}
        }
    }
}

impl MySqlStore {
    pub(super) async fn find(
        &self,
        look: &Look<'_>,
        each: impl FnMut(f64, Summary<'_>) + Send,
    ) -> Result<bool, StoreError> {
        match self.find_all(look, each).await {
            Ok(()) => Ok(true),
            Err(error) if look.longest_ms.is_some() && error.is_out_of_time() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn find_all(
        &self,
        look: &Look<'_>,
        mut each: impl FnMut(f64, Summary<'_>) + Send,
    ) -> Result<(), StoreError> {
        let statement = self.statements.search.find(look);
        let mut rows = query(statement).fetch(&self.pool);
        let fields = self.collection.fields();
        while let Some(row) = rows.try_next().await? {
            let distance_m: f64 = row.try_get(rows::distance_column(fields))?;
            rows::summary(&row, fields, |summary| each(distance_m, summary))?;
        }
        Ok(())
    }

    pub(super) async fn count_there(&self, look: &Look<'_>) -> Result<usize, StoreError> {
        let statement = self.statements.search.count(look);
        let row = query(statement).fetch_one(&self.pool).await?;
        Ok(as_count(row.try_get(0)?))
    }

    pub(super) async fn greatest(&self, field: FieldId) -> Result<Option<f64>, StoreError> {
        let statement = self.statements.search.greatest(field);
        let row = query(statement).fetch_one(&self.pool).await?;
        Ok(row.try_get(0)?)
    }

    pub(super) async fn matching(
        &self,
        filter: &Filter,
        organizations: &[OrganizationId],
        most: usize,
    ) -> Result<usize, StoreError> {
        let sql = &self.statements.search;
        let statement = sql.matching(filter, organizations, most as u64);
        let row = query(statement).fetch_one(&self.pool).await?;
        Ok(as_count(row.try_get(0)?))
    }
}

fn as_count(count: i64) -> usize {
    usize::try_from(count).expect("a count is not negative")
}
