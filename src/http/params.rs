//! The parts of a search, checked alike whether they come in a query string or
//! in a JSON body.

use std::str::FromStr;

use chrono::{DateTime, Datelike as _, NaiveDateTime, Utc};
use serde_json::Value;

use super::attributes;
use super::code::Code;
use super::cql2;
use super::problem::Problem;
use super::query::{Param, Query};
use super::shape::{COUNT, FACETS};
use crate::domain::{
    Area, Around, CenterId, Condition, Cursor, FieldId, Fields, Filter, IDS, Limit,
    MAX_DUPLICATE_DISTANCE_M, MAX_EXCLUDED, MAX_FILTER_VALUES, MAX_LIMIT, MAX_POLYGON_POSITIONS,
    MAX_RADIUS_M, MAX_ZOOM, MinRating, Moment, OpenAt, Origin, PositionError, Radius, TextField,
    Viewport, Zoom,
};
use crate::store::Referring;
use crate::wire::{JsonId, ShapeError, parse_polygon, polygon_of_json};

/// How many centers an answer holds when the client does not say.
pub const DEFAULT_LIMIT: usize = 25;
/// How far `/nearby` looks when the client does not say.
pub const DEFAULT_RADIUS_M: f64 = 100_000.0;

/// What lies around an origin: a circle, or a ring of it.
pub const CIRCLE_PARAMS: &[Param] = &[
    Param::once("lat"),
    Param::once("lng"),
    Param::once("radius_m"),
    Param::once("radius_km"),
    Param::once("radius_mi"),
    Param::once("min_radius_m"),
];

/// The parameters that say which centers count.
pub const FILTER_PARAMS: &[Param] = &[
    Param::repeatable("country"),
    Param::repeatable("region"),
    Param::repeatable("city"),
    Param::repeatable(ORGANIZATION),
    Param::once(MIN_RATING),
    Param::once("filter"),
    Param::once("filter-lang"),
    Param::once(POLYGON),
    Param::once(OPEN),
];

/// The parameters that say which part of what is found is answered, and how.
pub const SEARCH_PARAMS: &[Param] = &[
    Param::once("limit"),
    Param::repeatable("exclude"),
    Param::once(CURSOR),
    Param::once("fields"),
    Param::once("count"),
    Param::once("facets"),
    Param::once("format"),
];

/// The parameter that keeps the nearest center of each value of a field.
pub const GROUP_PARAMS: &[Param] = &[Param::once(GROUP_BY)];

const GROUP_BY: &str = "group_by";
/// The parameter that says when centers have to be open.
const OPEN: &str = "open";
/// The parameter with a shape that centers have to be in.
const POLYGON: &str = "polygon";
/// The parameter that makes a ring of a circle.
const MIN_RADIUS_M: &str = "min_radius_m";
/// The parameter that names organizations.
pub const ORGANIZATION: &str = "organization";
/// The parameter that a next page begins behind.
pub const CURSOR: &str = "cursor";
/// The parameter that says how well a center is rated at least.
pub const MIN_RATING: &str = "min_rating";
const RATING: &str = "a number from 0 to 10";
const LATITUDE: &str = "a number of degrees from -90 to 90";
const LONGITUDE: &str = "a finite number of degrees; beyond ±180 it is wrapped";

/// Reads a number; NaN and infinities are none.
///
/// # Errors
/// When the text is not a finite number, naming the parameter.
fn finite(name: &'static str, text: &str, allowed: &'static str) -> Result<f64, Problem> {
    f64::from_str(text)
        .ok()
        .filter(|number| number.is_finite())
        .ok_or_else(|| Problem::invalid(name, text, allowed))
}

/// The origin of a search, from `lat` and `lng`.
///
/// # Errors
/// When either is missing or not a number in its range.
pub fn origin_of(query: &Query<'_>) -> Result<Origin, Problem> {
    let required = |name: &'static str, allowed: &'static str| {
        let text = query
            .one(name)
            .ok_or_else(|| Problem::missing(name, allowed))?;
        finite(name, text, allowed)
    };
    origin(required("lat", LATITUDE)?, required("lng", LONGITUDE)?)
}

/// The same from two numbers.
///
/// # Errors
/// When either is out of range.
pub fn origin(lat: f64, lng: f64) -> Result<Origin, Problem> {
    Origin::new(lat, lng).map_err(|error| match error {
        PositionError::Latitude(got) => Problem::invalid("lat", &got.to_string(), LATITUDE),
        PositionError::Longitude(got) | PositionError::UnboundedLongitude(got) => {
            Problem::invalid("lng", &got.to_string(), LONGITUDE)
        }
    })
}

/// A unit that a radius may come in.
struct Unit {
    param: &'static str,
    name: &'static str,
    metres: f64,
}

/// The units of the radius of `/nearby`, each with the parameter that has it.
const UNITS: [Unit; 3] = [
    Unit {
        param: "radius_m",
        name: "metres",
        metres: 1.0,
    },
    Unit {
        param: "radius_km",
        name: "kilometres",
        metres: 1_000.0,
    },
    // The international mile.
    Unit {
        param: "radius_mi",
        name: "miles",
        metres: 1_609.344,
    },
];

/// How far a search looks at most and at least, whatever its origin is.
#[derive(Debug, Clone, Copy)]
pub struct Ring {
    radius: Option<Radius>,
    min_radius: Option<Radius>,
}

impl Ring {
    /// What lies so far from an origin, of each value of a field the nearest.
    #[must_use]
    pub fn around(self, origin: Origin, group_by: Option<FieldId>) -> Area {
        Area::Around(Around {
            origin,
            radius: self.radius,
            min_radius: self.min_radius,
            group_by,
            covered_by: None,
        })
    }
}

/// The ring of `/nearby`, from `radius_m`, `radius_km` or `radius_mi`, and
/// `min_radius_m`.
///
/// # Errors
/// When two radii are there, or one is not a number in its range.
pub fn ring_of(query: &Query<'_>) -> Result<Ring, Problem> {
    let number = |name: &'static str| {
        query
            .one(name)
            .map(|text| finite(name, text, "a number from 0"))
            .transpose()
    };
    let mut radii = [None; UNITS.len()];
    for (radius, unit) in radii.iter_mut().zip(&UNITS) {
        *radius = number(unit.param)?;
    }
    ring(Some(radius(radii)?), number(MIN_RADIUS_M)?)
}

/// A radius from numbers in metres, kilometres and miles, all but one of which are
/// missing.
///
/// # Errors
/// When two are there, or one is out of range.
pub fn radius(given: [Option<f64>; UNITS.len()]) -> Result<Radius, Problem> {
    let given = UNITS.iter().zip(given);
    let mut given = given.filter_map(|(unit, number)| Some((unit, number?)));
    let Some((unit, number)) = given.next() else {
        return Ok(Radius::from_m(DEFAULT_RADIUS_M).expect("the default is within the bounds"));
    };
    if let Some((other, _)) = given.next() {
        let both = format!("{} and {}", unit.param, other.param);
        return Err(Problem::new(
            Code::ParameterConflict,
            format!("{both} exclude each other"),
        )
        .at(other.param)
        .got(&both)
        .allowed("one of the two"));
    }
    Radius::from_m(number * unit.metres).map_err(|_| {
        let most = MAX_RADIUS_M / unit.metres;
        let allowed = format!("a number of {} from 0 to {most}", unit.name);
        Problem::invalid(unit.param, &number.to_string(), allowed)
    })
}

/// A ring up to a radius and from a least one in metres.
///
/// # Errors
/// When the least radius is out of range, or beyond the radius.
pub fn ring(radius: Option<Radius>, min_radius_m: Option<f64>) -> Result<Ring, Problem> {
    let least = |metres: f64| {
        let least = Radius::from_m(metres).ok();
        let fits = least.filter(|least| radius.is_none_or(|radius| *least <= radius));
        fits.ok_or_else(|| {
            let most_m = radius.map_or(MAX_RADIUS_M, Radius::m);
            let allowed = match radius {
                Some(_) => format!("a number of metres from 0 to the radius, which is {most_m}"),
                None => format!("a number of metres from 0 to {most_m}"),
            };
            Problem::invalid(MIN_RADIUS_M, &metres.to_string(), allowed)
        })
    };
    Ok(Ring {
        radius,
        min_radius: min_radius_m.map(least).transpose()?,
    })
}

/// The ring of `/nearest`, from `max_radius_m` and `min_radius_m`.
///
/// # Errors
/// When one is not a number in its range.
pub fn nearest_ring_of(query: &Query<'_>) -> Result<Ring, Problem> {
    let least = query.one(MIN_RADIUS_M);
    let least = least.map(|text| finite(MIN_RADIUS_M, text, "a number of metres from 0"));
    ring(max_radius_of(query)?, least.transpose()?)
}

fn max_radius_of(query: &Query<'_>) -> Result<Option<Radius>, Problem> {
    let Some(text) = query.one("max_radius_m") else {
        return Ok(None);
    };
    let metres = finite("max_radius_m", text, "a number of metres from 0")?;
    radius_m("max_radius_m", metres).map(Some)
}

/// How far from others of a similar name a new center has to be, from
/// `min_distance_m`.
///
/// # Errors
/// When it is not a number in its range.
pub fn min_distance_of(query: &Query<'_>) -> Result<Option<Radius>, Problem> {
    const NAME: &str = "min_distance_m";
    const DISTANCE: &str = "a number of metres from 0 to 10000";
    let Some(text) = query.one(NAME) else {
        return Ok(None);
    };
    let distance = Radius::from_m(finite(NAME, text, DISTANCE)?).ok();
    let near = distance.filter(|distance| distance.m() <= MAX_DUPLICATE_DISTANCE_M);
    near.map(Some)
        .ok_or_else(|| Problem::invalid(NAME, text, DISTANCE))
}

fn radius_m(name: &'static str, metres: f64) -> Result<Radius, Problem> {
    Radius::from_m(metres).map_err(|_| {
        Problem::invalid(
            name,
            &metres.to_string(),
            format!("a number of metres from 0 to {MAX_RADIUS_M}"),
        )
    })
}

/// What a map shows, from `bbox`: west, south, east, north. Latitudes beyond the poles
/// end there. Without it, what shows the shape that a filter asks for.
///
/// # Errors
/// When it is missing and there is no shape, not four finite numbers, or south is above
/// north.
pub fn viewport_of(query: &Query<'_>, filter: &Filter) -> Result<Viewport, Problem> {
    const BBOX: &str = "bbox";
    const ALLOWED: &str = "west,south,east,north: four numbers of degrees with south up to north; \
                           west > east crosses the antimeridian";
    let Some(text) = query.one(BBOX) else {
        let shape = filter.condition.shapes().next();
        let shape = shape.ok_or_else(|| Problem::missing(BBOX, ALLOWED))?;
        return Ok(*shape.viewport());
    };
    let edges = text
        .split(',')
        .map(|edge| finite(BBOX, edge.trim(), ALLOWED));
    let edges: Vec<f64> = edges.collect::<Result<_, _>>()?;
    let viewport = match edges[..] {
        // Six are a box with heights (RFC 7946, section 5), of which a place on a map has none.
        [west, south, east, north] | [west, south, _, east, north, _] if south <= north => {
            let [south, north] = [south, north].map(|latitude| latitude.clamp(-90.0, 90.0));
            Viewport::new(north, south, east, west)
        }
        _ => None,
    };
    viewport.ok_or_else(|| Problem::invalid(BBOX, text, ALLOWED))
}

/// How far a map is zoomed in, from `zoom`.
///
/// # Errors
/// When it is missing or no zoom.
pub fn zoom_of(query: &Query<'_>) -> Result<Zoom, Problem> {
    let allowed = || format!("a whole number from 0 to {MAX_ZOOM}");
    let text = query
        .one("zoom")
        .ok_or_else(|| Problem::missing("zoom", allowed()))?;
    let zoom = text.parse().ok().and_then(Zoom::new);
    zoom.ok_or_else(|| Problem::invalid("zoom", text, allowed()))
}

/// The field of whose values only the nearest center each is to be kept, from `group_by`.
///
/// # Errors
/// When there is no such field, or with what pages and counts centers, not groups.
pub fn group_by_of(query: &Query<'_>, fields: &Fields) -> Result<Option<FieldId>, Problem> {
    let Some(name) = query.one(GROUP_BY) else {
        return Ok(None);
    };
    let mut others = [CURSOR, COUNT, FACETS].into_iter();
    match others.find(|other| query.one(other).is_some()) {
        Some(other) => Err(group_conflict(other)),
        None => group_by(name, fields).map(Some),
    }
}

/// The same from its name.
///
/// # Errors
/// When there is no such field.
pub fn group_by(name: &str, fields: &Fields) -> Result<FieldId, Problem> {
    let mut shared = fields.shared();
    let found = shared.find(|(_, field)| field.name == name);
    let allowed = || format!("one of these: {}", names_of_shared(fields));
    found
        .map(|(field, _)| field)
        .ok_or_else(|| Problem::invalid(GROUP_BY, name, allowed()))
}

/// Says that a parameter is about all centers, and groups are not paged or counted.
pub fn group_conflict(other: &'static str) -> Problem {
    let both = format!("{GROUP_BY} and {other}");
    Problem::new(
        Code::ParameterConflict,
        format!("{both} exclude each other: a grouped answer is one page, and is not counted"),
    )
    .at(other)
    .got(&both)
    .allowed("one of the two")
}

/// The fields that centers can be grouped and counted by, with commas between them.
pub fn names_of_shared(fields: &Fields) -> String {
    let names: Vec<&str> = fields
        .shared()
        .map(|(_, field)| field.name.as_str())
        .collect();
    names.join(", ")
}

/// The most centers to answer, from `limit`.
///
/// # Errors
/// When it is not a whole number in its range.
pub fn limit_of(query: &Query<'_>) -> Result<Limit, Problem> {
    let Some(text) = query.one("limit") else {
        return limit(None);
    };
    let count = u64::from_str(text).map_err(|_| limit_problem(text))?;
    limit(Some(count))
}

/// The same from a number that may be missing.
///
/// # Errors
/// When it is out of range.
pub fn limit(count: Option<u64>) -> Result<Limit, Problem> {
    let Some(count) = count else {
        return Ok(Limit::new(DEFAULT_LIMIT).expect("the default is within the bounds"));
    };
    usize::try_from(count)
        .ok()
        .and_then(|count| Limit::new(count).ok())
        .ok_or_else(|| limit_problem(&count.to_string()))
}

fn limit_problem(got: &str) -> Problem {
    Problem::invalid(
        "limit",
        got,
        format!("a whole number from 1 to {MAX_LIMIT}"),
    )
}

/// The filters, from `country`, `region`, `city`, `organization` and attributes, each
/// repeatable, `min_rating` and `filter`.
///
/// # Errors
/// When there are too many values of one, or one is too long or no mark.
pub fn filter_of(query: &Query<'_>, fields: &Fields) -> Result<Filter, Problem> {
    let values = |field: TextField| query.all(field.name()).map(str::to_owned).collect();
    filter(
        values(TextField::Country),
        values(TextField::Region),
        values(TextField::City),
        query.all(ORGANIZATION).map(str::to_owned).collect(),
        query
            .one(MIN_RATING)
            .map(|text| finite(MIN_RATING, text, RATING))
            .transpose()?,
        attributes::condition_of(query)?
            .and(cql2::condition_of(query, fields)?)
            .and(inside_of(query)?)
            .and(open(query.one(OPEN), fields)?),
    )
}

/// That centers are open, at the moment that a text says if there is one.
///
/// # Errors
/// When it says none, or nothing says when centers of the collection are open.
pub fn open(text: Option<&str>, fields: &Fields) -> Result<Condition, Problem> {
    let Some(text) = text else {
        return Ok(Condition::default());
    };
    let opening = fields.opening().ok_or_else(|| {
        let why = "this collection does not say when its rows are open: name the columns as \
                   `opening_hours` and `time_zone` in the collections file";
        Problem::new(Code::ParameterUnknown, why)
            .at(OPEN)
            .got(text)
            .allowed("to be left out")
    })?;
    let moment = moment(text).ok_or_else(|| {
        Problem::invalid(
            OPEN,
            text,
            "now, a local time as in 2026-12-24T18:00, or one with an offset as in \
             2026-12-24T18:00Z, of the years 1900 to 9999; in a URL `+` is written %2B",
        )
    })?;
    Ok(Condition::Open(OpenAt { opening, moment }))
}

fn moment(text: &str) -> Option<Moment> {
    const LOCAL: [&str; 2] = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
    if text == "now" {
        return Some(Moment::Now(Utc::now()));
    }
    let is_in_range = |year: i32| (1900..=9999).contains(&year);
    let local = |text: &str| {
        let mut read = LOCAL
            .iter()
            .filter_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
        read.find(|local| is_in_range(local.year()))
    };
    if let Some(local) = local(text) {
        return Some(Moment::Local(local));
    }
    if let Some(local) = text.strip_suffix('Z').and_then(local) {
        return Some(Moment::At(local.and_utc()));
    }
    let mut read = LOCAL
        .iter()
        .filter_map(|form| DateTime::parse_from_str(text, &format!("{form}%:z")).ok());
    read.find(|at| is_in_range(at.year()))
        .map(|at| Moment::At(at.to_utc()))
}

/// That centers are in a shape, from `polygon`.
///
/// # Errors
/// When it is no polygon.
fn inside_of(query: &Query<'_>) -> Result<Condition, Problem> {
    let Some(text) = query.one(POLYGON) else {
        return Ok(Condition::default());
    };
    let polygon = parse_polygon(text).map_err(|error| polygon_problem(&error, text))?;
    Ok(Condition::Inside(polygon.into()))
}

/// The same from a member that may be missing: an object in GeoJSON, or a text.
///
/// # Errors
/// When it is no polygon.
pub fn inside(member: Option<Value>) -> Result<Condition, Problem> {
    let Some(member) = member else {
        return Ok(Condition::default());
    };
    let text = member.to_string();
    let polygon = polygon_of_json(member).map_err(|error| polygon_problem(&error, &text))?;
    Ok(Condition::Inside(polygon.into()))
}

fn polygon_problem(error: &ShapeError, got: &str) -> Problem {
    Problem::new(Code::ParameterInvalid, format!("{POLYGON}, {error}"))
        .at(POLYGON)
        .got(got)
        .allowed(format!(
            "a Polygon or MultiPolygon in GeoJSON, or POLYGON or MULTIPOLYGON in well-known text, \
             longitude first, of at most {MAX_POLYGON_POSITIONS} positions"
        ))
}

/// The same from lists.
///
/// # Errors
/// When there are too many values of one, or one is too long.
pub fn filter(
    countries: Vec<String>,
    regions: Vec<String>,
    cities: Vec<String>,
    organizations: Vec<String>,
    min_rating: Option<f64>,
    others: Condition,
) -> Result<Filter, Problem> {
    let mut conditions = Vec::new();
    for (id, field, values) in [
        (FieldId::COUNTRY, TextField::Country, countries),
        (FieldId::REGION, TextField::Region, regions),
        (FieldId::CITY, TextField::City, cities),
    ] {
        check_texts(field.name(), &values, field.max_chars())?;
        if !values.is_empty() {
            conditions.push(Condition::texts(id, values));
        }
    }
    check_texts(ORGANIZATION, &organizations, TextField::Name.max_chars())?;
    Ok(Filter {
        condition: Condition::All(conditions).and(others),
        organizations,
        min_rating: min_rating.map(least_rating).transpose()?,
        ..Filter::default()
    })
}

fn check_texts(name: &'static str, values: &[String], most_chars: usize) -> Result<(), Problem> {
    at_most(name, values.len(), MAX_FILTER_VALUES)?;
    let fits = |value: &&String| !value.is_empty() && value.chars().count() <= most_chars;
    match values.iter().find(|value| !fits(value)) {
        None => Ok(()),
        Some(value) => Err(Problem::invalid(
            name,
            value,
            format!("a text of 1 to {most_chars} characters"),
        )),
    }
}

fn least_rating(average: f64) -> Result<MinRating, Problem> {
    MinRating::new(average)
        .ok_or_else(|| Problem::invalid(MIN_RATING, &average.to_string(), RATING))
}

/// The centers to leave out, from `exclude`, repeatable.
///
/// # Errors
/// When there are too many or one is not an id.
pub fn exclude_of(query: &Query<'_>) -> Result<Vec<CenterId>, Problem> {
    let ids = query
        .all("exclude")
        .map(|text| center_id("exclude", text))
        .collect::<Result<Vec<_>, _>>()?;
    at_most("exclude", ids.len(), MAX_EXCLUDED)?;
    Ok(ids)
}

/// The same from numbers.
///
/// # Errors
/// When there are too many or one is not an id.
pub fn exclude(ids: &[JsonId]) -> Result<Vec<CenterId>, Problem> {
    at_most("exclude", ids.len(), MAX_EXCLUDED)?;
    ids.iter()
        .map(|JsonId(id)| CenterId::new(*id).ok_or_else(|| id_problem("exclude", &id.to_string())))
        .collect()
}

fn at_most(name: &'static str, got: usize, most: usize) -> Result<(), Problem> {
    if got > most {
        return Err(Problem::invalid(
            name,
            &format!("{got} values"),
            format!("at most {most} values"),
        ));
    }
    Ok(())
}

/// The number of a center.
///
/// # Errors
/// When the text is not one.
pub fn center_id(name: &'static str, text: &str) -> Result<CenterId, Problem> {
    i64::from_str(text)
        .ok()
        .and_then(CenterId::new)
        .ok_or_else(|| id_problem(name, text))
}

/// A text is no id.
pub fn id_problem(name: impl Into<String>, got: &str) -> Problem {
    let (first, last) = (IDS.start(), IDS.end());
    Problem::invalid(name, got, format!("a whole number from {first} to {last}"))
}

/// What becomes of what refers to a row that is deleted, from `cascade`.
///
/// # Errors
/// When it is neither true nor false.
pub fn referring_of(query: &Query<'_>) -> Result<Referring, Problem> {
    match query.one("cascade") {
        None | Some("false") => Ok(Referring::Keeps),
        Some("true") => Ok(Referring::GoesAlong),
        Some(other) => Err(Problem::invalid("cascade", other, "true or false")),
    }
}

/// Where the previous page of a search ended, from `cursor`.
///
/// # Errors
/// When it is not one that nearby gave.
pub fn cursor_of(query: &Query<'_>) -> Result<Option<Cursor>, Problem> {
    query.one(CURSOR).map(cursor).transpose()
}

/// The same from its text.
///
/// # Errors
/// When it is not one that nearby gave.
pub fn cursor(text: &str) -> Result<Cursor, Problem> {
    Cursor::decode(text).map_err(|error| {
        Problem::new(Code::CursorInvalid, error.to_string())
            .at(CURSOR)
            .got(text)
            .allowed("`next` of the previous answer, unchanged")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::query::Params;

    #[test]
    fn a_moment_is_local_unless_it_says_where() {
        assert!(matches!(moment("now"), Some(Moment::Now(_))));
        for local in [
            "2026-12-24T18:00",
            "2026-12-24T18:00:59",
            "1900-01-01T00:00",
        ] {
            assert!(matches!(moment(local), Some(Moment::Local(_))), "{local}");
        }
        let same = [
            "2026-12-24T18:00Z",
            "2026-12-24T20:00+02:00",
            "2026-12-24T13:00:00-05:00",
        ];
        let at = same.map(|text| moment(text).unwrap());
        assert!(matches!(at[0], Moment::At(_)) && at.iter().all(|other| *other == at[0]));
        for wrong in [
            "",
            "later",
            "2026-12-24",
            "18:00",
            "2026-02-30T18:00",
            "2026-12-24T18:00 02:00",
            "1899-12-31T00:00",
            "12026-12-24T18:00",
            "2026-12-24T25:00",
        ] {
            assert_eq!(moment(wrong), None, "{wrong}");
        }
    }

    const KNOWN: Params = &[
        CIRCLE_PARAMS,
        &[
            Param::once("limit"),
            Param::once("bbox"),
            Param::repeatable("country"),
            Param::repeatable("exclude"),
        ],
    ];

    fn query(text: &str) -> Query<'_> {
        Query::parse(text, KNOWN).unwrap()
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        for lat in [
            "NaN",
            "inf",
            "-infinity",
            "1e400",
            "91",
            "x",
            "1,5",
            "0x1",
            " 1",
        ] {
            let text = format!("lat={lat}&lng=0");
            assert!(origin_of(&query(&text)).is_err(), "{lat}");
        }
        assert!(origin_of(&query("lng=0")).is_err());
        assert!(origin_of(&query("lat=0&lng=1e400")).is_err());
    }

    #[test]
    fn an_origin_may_lie_beyond_the_antimeridian() {
        let origin = origin_of(&query("lat=1&lng=190")).unwrap();
        assert_eq!(origin.longitude(), -170.0);
    }

    #[test]
    fn a_radius_comes_in_one_unit_and_may_be_that_of_a_ring() {
        let ring = |text: &str| ring_of(&query(text));
        let radius_m = |text: &str| ring(text).unwrap().radius.unwrap().m();
        assert_eq!(radius_m("radius_m=25000"), 25_000.0);
        assert_eq!(radius_m("radius_km=25"), 25_000.0);
        assert_eq!(radius_m("radius_mi=10"), 16_093.44);
        assert_eq!(radius_m(""), DEFAULT_RADIUS_M);
        for bad in [
            "radius_m=-1",
            "radius_m=20100001",
            "radius_km=20101",
            "radius_mi=12490",
            "min_radius_m=-1",
            "min_radius_m=NaN",
            "radius_km=1&min_radius_m=1000.1",
        ] {
            assert!(ring(bad).is_err(), "{bad}");
        }
        for both in ["radius_m=1&radius_km=1", "radius_mi=1&radius_m=1"] {
            assert_eq!(ring(both).unwrap_err().code(), Code::ParameterConflict);
        }
        assert!(ring("radius_km=1&min_radius_m=1000").is_ok());
    }

    #[test]
    fn a_bbox_is_four_numbers_with_south_up_to_north() {
        let viewport = |bbox: &str| {
            let text = format!("bbox={bbox}");
            viewport_of(&query(&text), &Filter::default())
        };
        assert_eq!(
            viewport("170,-10,-170,10").unwrap(),
            Viewport::new(10.0, -10.0, -170.0, 170.0).unwrap()
        );
        assert_eq!(
            viewport("1,-91,%202,95").unwrap(),
            Viewport::new(90.0, -90.0, 2.0, 1.0).unwrap()
        );
        assert!(viewport("1,1,1,1").is_ok());
        for bad in [
            "1,2,3",
            "1,2,3,4,5",
            "1,2,3,NaN",
            "1,2,inf,4",
            "1,2,3,",
            "1;2;3;4",
            "1,4,3,2",
            "1,2,1e400,4",
            "x",
        ] {
            let problem = viewport(bad).unwrap_err();
            assert_eq!(problem.code(), Code::ParameterInvalid, "{bad}");
        }
        assert_eq!(
            viewport_of(&query(""), &Filter::default())
                .unwrap_err()
                .code(),
            Code::ParameterMissing
        );
    }

    #[test]
    fn a_limit_is_a_whole_number_from_one_to_a_thousand() {
        assert_eq!(limit_of(&query("limit=1")).unwrap().get(), 1);
        assert_eq!(limit_of(&query("limit=1000")).unwrap().get(), 1_000);
        assert_eq!(limit_of(&query("")).unwrap().get(), DEFAULT_LIMIT);
        for bad in ["0", "1001", "-1", "1.0", "1e2", "99999999999999999999"] {
            assert!(limit_of(&query(&format!("limit={bad}"))).is_err(), "{bad}");
        }
    }

    #[test]
    fn lists_are_bounded_at_the_limit_and_one_past_it() {
        let countries = |count| vec!["country=GR"; count].join("&");
        assert!(filter_of(&query(&countries(MAX_FILTER_VALUES)), &Fields::default()).is_ok());
        assert!(
            filter_of(
                &query(&countries(MAX_FILTER_VALUES + 1)),
                &Fields::default()
            )
            .is_err()
        );
        let excluded = |count| vec!["exclude=7"; count].join("&");
        assert!(exclude_of(&query(&excluded(MAX_EXCLUDED))).is_ok());
        assert!(exclude_of(&query(&excluded(MAX_EXCLUDED + 1))).is_err());
        let long = format!("country={}", "a".repeat(101));
        assert!(filter_of(&query(&long), &Fields::default()).is_err());
    }
}
