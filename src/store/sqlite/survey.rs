//! Looking at a run of rows in SQLite, which cannot take points apart itself.

use rusqlite::{Connection, Row, params};

use super::columns::Columns as _;
use super::geopackage;
use crate::domain::{Position, distance_m_of};
use crate::store::ids::{has_id, reached};
use crate::store::survey::{BackfillFrom, Fault, Survey};
use crate::store::{Collection, ColumnName, Field, StoreError};

/// Where a row says that it is.
pub(super) struct Held {
    pub(super) id: i64,
    latitude: Option<f64>,
    longitude: Option<f64>,
    location: Option<Vec<u8>>,
}

impl Held {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.integer(0)?.unwrap_or(0),
            latitude: row.real(1)?,
            longitude: row.real(2)?,
            location: row
                .bytes(3)?
                .filter(|blob| !geopackage::is_empty(blob))
                .map(<[u8]>::to_vec),
        })
    }

    pub(super) fn has_location(&self) -> bool {
        self.location.is_some()
    }

    fn position(&self) -> Option<Position> {
        Position::new(self.latitude?, self.longitude?).ok()
    }

    /// How far apart location and coordinates are, where both say where.
    fn apart_m(&self) -> Option<f64> {
        let held = geopackage::decode(self.location.as_deref()?)?.unit_vector();
        let expected = self.position()?.unit_vector();
        Some(distance_m_of(held.chord_squared(expected)))
    }

    /// Whether location and coordinates disagree.
    fn differs(&self) -> bool {
        match (self.position(), &self.location) {
            (Some(position), Some(blob)) => !geopackage::is_at(blob, position),
            (position, location) => position.is_some() || location.is_some(),
        }
    }

    /// Where the row has to be written to be; `None` where it agrees, or lacks what
    /// counts.
    pub(super) fn to_be_at(&self, from: BackfillFrom) -> Option<Position> {
        let position = match from {
            BackfillFrom::Coordinates => self.position(),
            BackfillFrom::Location => self.location.as_deref().and_then(geopackage::decode),
        };
        position.filter(|_| self.differs())
    }
}

/// What a run of rows holds, and which of them have faults.
#[derive(Default)]
struct Surveyed {
    survey: Survey,
    faults: Vec<(Fault, i64)>,
}

impl Surveyed {
    fn add(&mut self, row: &Held, is_located: bool) {
        let survey = &mut self.survey;
        survey.rows += 1;
        survey.last_id = Some(row.id);
        survey.without_location += u64::from(row.location.is_none());
        let position = row.position();
        match (row.latitude, row.longitude) {
            (Some(_), Some(_)) if position.is_none() => {
                survey.out_of_range += 1;
                self.faults.push((Fault::OutOfRange, row.id));
            }
            (Some(_), Some(_)) | (None, None) => {}
            (Some(_), None) => {
                survey.latitude_only += 1;
                self.faults.push((Fault::LatitudeOnly, row.id));
            }
            (None, Some(_)) => {
                survey.longitude_only += 1;
                self.faults.push((Fault::LongitudeOnly, row.id));
            }
        }
        survey.without_coordinates += u64::from(row.latitude.is_none() || row.longitude.is_none());
        if !is_located || !row.differs() {
            return;
        }
        let writes = |from| u64::from(row.to_be_at(from).is_some());
        survey.to_write += writes(BackfillFrom::Coordinates);
        survey.to_take += writes(BackfillFrom::Location);
        let fault = if position.is_some() {
            survey.drift += 1;
            if let Some(apart_m) = row.apart_m() {
                survey.distances.add(apart_m);
            }
            Fault::Drift
        } else {
            survey.location_only += 1;
            Fault::LocationOnly
        };
        self.faults.push((fault, row.id));
    }
}

/// Looks at up to `count` rows with ids beyond `after`.
pub(super) fn survey(
    connection: &Connection,
    collection: &Collection,
    after: i64,
    count: u32,
) -> Result<Survey, StoreError> {
    let mut surveyed = Surveyed::default();
    let mut statement = connection.prepare_cached(&survey_sql(collection))?;
    let mut rows = statement.query(params![after, count])?;
    while let Some(row) = rows.next()? {
        surveyed.add(&Held::read(row)?, collection.is_located());
    }
    if let Some(last) = surveyed.survey.last_id {
        reached(collection, after, last)?;
    }
    Ok(surveyed.survey)
}

/// The first ids with a fault, beyond `after` and up to `last`.
pub(super) fn faults_in(
    connection: &Connection,
    collection: &Collection,
    fault: Fault,
    (after, last): (i64, i64),
    count: usize,
) -> rusqlite::Result<Vec<i64>> {
    let mut surveyed = Surveyed::default();
    let mut statement = connection.prepare_cached(&survey_sql(collection))?;
    let mut rows = statement.query([after, i64::MAX])?;
    while let Some(row) = rows.next()? {
        let held = Held::read(row)?;
        if held.id > last {
            break;
        }
        surveyed.add(&held, collection.is_located());
    }
    let with = |(found, id): (Fault, i64)| (found == fault).then_some(id);
    let ids = surveyed.faults.into_iter().filter_map(with);
    Ok(ids.take(count).collect())
}

/// What [`Held`] reads, of rows with ids beyond the first parameter; at most as many
/// as the second says.
pub(super) fn survey_sql(collection: &Collection) -> String {
    let id = collection.id.quoted();
    format!(
        "{} WHERE {id} > ? AND {} ORDER BY {id} LIMIT ?",
        held_sql(collection),
        has_id(&id),
    )
}

/// What [`Held`] reads, of every row.
pub(super) fn held_sql(collection: &Collection) -> String {
    // Columns of SQLite hold any type: what is no number is no coordinate.
    let number = |column: String| {
        format!("CASE WHEN typeof({column}) IN ('real', 'integer') THEN CAST({column} AS REAL) END")
    };
    format!(
        "SELECT {}, {}, {}, CAST({} AS BLOB) FROM {}",
        collection.id.quoted(),
        number(collection.latitude.quoted()),
        number(collection.longitude.quoted()),
        collection
            .column(Field::Location)
            .map_or_else(|| "NULL".to_owned(), ColumnName::quoted),
        collection.table.quoted(),
    )
}
