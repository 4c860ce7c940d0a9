//! Looking at a run of rows in MySQL.

use sqlx::{AssertSqlSafe, FromRow, MySqlPool};

use super::location::{SENTINEL, has_position, is_point, location, taken};
use crate::store::ids::{has_id, reached};
use crate::store::survey::{DriftDistances, Fault, Survey};
use crate::store::{Collection, StoreError};

#[derive(FromRow)]
struct SurveyRow {
    total: i64,
    last_id: Option<i64>,
    without_coordinates: i64,
    latitude_only: i64,
    longitude_only: i64,
    out_of_range: i64,
    without_location: i64,
    drift: i64,
    location_only: i64,
    to_write: i64,
    to_take: i64,
}

/// The conditions on a row, quoted for one collection.
pub(in crate::store) struct Conditions {
    has_position: String,
    has_coordinates: String,
    latitude_only: String,
    longitude_only: String,
    /// The location that the row must have.
    pub expected: String,
    /// Whether it has another.
    pub differs: String,
    /// Whether its location may be written: it has coordinates, or no location yet,
    /// which is not even the sentinel.
    pub may_be_placed: String,
    /// Whether its location says where it is.
    pub says_where: String,
}

impl Conditions {
    pub(in crate::store) fn of(collection: &Collection) -> Self {
        Self::with_location(collection, &held(collection))
    }

    /// As if this expression were the location.
    pub(in crate::store) fn with_location(collection: &Collection, held: &str) -> Self {
        let (latitude, longitude) = (collection.latitude.quoted(), collection.longitude.quoted());
        let expected = location(&latitude, &longitude);
        Self {
            has_position: format!("({}) IS TRUE", has_position(&latitude, &longitude)),
            has_coordinates: format!("({latitude} IS NOT NULL AND {longitude} IS NOT NULL)"),
            latitude_only: format!("({latitude} IS NOT NULL AND {longitude} IS NULL)"),
            longitude_only: format!("({latitude} IS NULL AND {longitude} IS NOT NULL)"),
            differs: format!("NOT ({held} <=> {expected})"),
            may_be_placed: format!(
                "(({}) IS TRUE OR {held} IS NULL)",
                has_position(&latitude, &longitude)
            ),
            says_where: format!("({held} IS NOT NULL AND {held} <> {SENTINEL})"),
            expected,
        }
    }
}

/// The location that a row holds; of a table without such a column, what it
/// would be, which never differs.
fn held(collection: &Collection) -> String {
    if collection.is_located() {
        return collection.location.quoted();
    }
    location(
        &collection.latitude.quoted(),
        &collection.longitude.quoted(),
    )
}

/// Looks at up to `count` rows with ids beyond `after`, without a lock.
pub(in crate::store) async fn survey(
    pool: &MySqlPool,
    collection: &Collection,
    after: i64,
    count: u32,
) -> Result<Survey, StoreError> {
    let mut survey = survey_as(pool, collection, &held(collection), after, count).await?;
    if !collection.is_located() {
        survey.without_location = survey.rows;
    }
    if let (1.., Some(last)) = (survey.drift, survey.last_id) {
        survey.distances = distances(pool, collection, (after, last)).await?;
    }
    Ok(survey)
}

/// How far the rows in drift of a run of ids are off.
async fn distances(
    pool: &MySqlPool,
    collection: &Collection,
    (after, last): (i64, i64),
) -> sqlx::Result<DriftDistances> {
    let Conditions {
        has_position,
        differs,
        expected,
        ..
    } = Conditions::of(collection);
    let (id, table) = (collection.id.quoted(), collection.table.quoted());
    let held = collection.location.quoted();
    // What is no point on the globe is at no distance, and would be refused.
    let (latitude, longitude) = taken(&held);
    let on_the_globe = self::has_position(&latitude, &longitude);
    let band = |from: &str, to: &str| {
        format!("CAST(COALESCE(SUM(distance_m >= {from} AND distance_m < {to}), 0) AS SIGNED)")
    };
    let sql = format!(
        "SELECT {}, {}, {} \
         FROM (SELECT CASE WHEN NOT ({}) THEN NULL WHEN NOT ({on_the_globe}) THEN NULL \
               ELSE ST_Distance_Sphere({held}, {expected}) END AS distance_m \
               FROM {table} WHERE {id} > ? AND {id} <= ? AND {has_position} AND {differs} \
               LIMIT 18446744073709551615) AS chunk",
        band("0", "0.001"),
        band("0.001", "1"),
        band("1", "100"),
        is_point(&held),
    );
    let (millimetre, metre, hundred_metres): (i64, i64, i64) = sqlx::query_as(AssertSqlSafe(sql))
        .bind(after)
        .bind(last)
        .fetch_one(pool)
        .await?;
    Ok(DriftDistances {
        under_1_mm: millimetre.unsigned_abs(),
        under_1_m: metre.unsigned_abs(),
        under_100_m: hundred_metres.unsigned_abs(),
    })
}

/// As [`survey()`], with an expression in the place of the location: `NULL`
/// where the table has no such column yet.
pub(in crate::store) async fn survey_as(
    pool: &MySqlPool,
    collection: &Collection,
    location: &str,
    after: i64,
    count: u32,
) -> Result<Survey, StoreError> {
    let Conditions {
        has_position,
        has_coordinates,
        latitude_only,
        longitude_only,
        differs,
        may_be_placed,
        says_where,
        ..
    } = Conditions::with_location(collection, location);
    let (id, table) = (collection.id.quoted(), collection.table.quoted());
    let sum = |condition: &str| format!("CAST(COALESCE(SUM({condition}), 0) AS SIGNED)");
    let sql = format!(
        "SELECT COUNT(*) AS total, CAST(MAX(id) AS SIGNED) AS last_id, \
         {} AS without_coordinates, {} AS latitude_only, {} AS longitude_only, \
         {} AS out_of_range, {} AS without_location, \
         {} AS drift, {} AS location_only, {} AS to_write, {} AS to_take \
         FROM (SELECT {id} AS id, {has_coordinates} AS full, {has_position} AS placed, \
               {latitude_only} AS latitude_only, {longitude_only} AS longitude_only, \
               {location} <=> {SENTINEL} AS none, {differs} AS differs, \
               {may_be_placed} AS may_be_placed, {says_where} AS says_where \
               FROM {table} WHERE {id} > ? AND {} ORDER BY {id} LIMIT ?) AS chunk",
        sum("NOT full"),
        sum("latitude_only"),
        sum("longitude_only"),
        sum("full AND NOT placed"),
        sum("none"),
        sum("placed AND differs"),
        sum("NOT placed AND differs"),
        sum("differs AND may_be_placed"),
        sum("differs AND says_where"),
        has_id(&id),
    );
    let row: SurveyRow = sqlx::query_as(AssertSqlSafe(sql))
        .bind(after)
        .bind(count)
        .fetch_one(pool)
        .await?;
    Ok(Survey {
        rows: row.total.unsigned_abs(),
        last_id: row
            .last_id
            .map(|last| reached(collection, after, last))
            .transpose()?,
        without_coordinates: row.without_coordinates.unsigned_abs(),
        latitude_only: row.latitude_only.unsigned_abs(),
        longitude_only: row.longitude_only.unsigned_abs(),
        out_of_range: row.out_of_range.unsigned_abs(),
        without_location: row.without_location.unsigned_abs(),
        drift: row.drift.unsigned_abs(),
        distances: DriftDistances::default(),
        location_only: row.location_only.unsigned_abs(),
        to_write: row.to_write.unsigned_abs(),
        to_take: row.to_take.unsigned_abs(),
    })
}

/// How many rows have a location that says where they are, and no position by their
/// coordinates.
pub(in crate::store) async fn count_location_only(
    pool: &MySqlPool,
    collection: &Collection,
) -> sqlx::Result<u64> {
    let Conditions {
        has_position,
        says_where,
        ..
    } = Conditions::of(collection);
    let table = collection.table.quoted();
    let sql = format!("SELECT COUNT(*) FROM {table} WHERE NOT {has_position} AND {says_where}");
    let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(pool)
        .await?;
    Ok(count.unsigned_abs())
}

/// The first ids with a fault, beyond `after` and up to `last`.
pub(in crate::store) async fn ids_with(
    pool: &MySqlPool,
    collection: &Collection,
    fault: Fault,
    (after, last): (i64, i64),
    count: usize,
) -> sqlx::Result<Vec<i64>> {
    let Conditions {
        has_position,
        has_coordinates,
        latitude_only,
        longitude_only,
        differs,
        ..
    } = Conditions::of(collection);
    let condition = match fault {
        Fault::LatitudeOnly => latitude_only,
        Fault::LongitudeOnly => longitude_only,
        Fault::Drift => format!("{has_position} AND {differs}"),
        Fault::LocationOnly => format!("NOT ({has_position}) AND {differs}"),
        Fault::OutOfRange => format!("{has_coordinates} AND NOT ({has_position})"),
    };
    let (id, table) = (collection.id.quoted(), collection.table.quoted());
    let sql = format!(
        "SELECT CAST({id} AS SIGNED) FROM {table} \
         WHERE {id} > ? AND {id} <= ? AND {condition} ORDER BY {id} LIMIT ?"
    );
    sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(after)
        .bind(last)
        .bind(count as u64)
        .fetch_all(pool)
        .await
}
