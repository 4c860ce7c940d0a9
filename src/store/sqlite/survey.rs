//! Looking at a run of rows in SQLite, which cannot take points apart itself.

use sqlx::{AssertSqlSafe, Sqlite, SqliteExecutor};

use super::geopackage;
use crate::domain::Position;
use crate::store::survey::{Fault, Survey};
use crate::store::{Collection, ColumnName, Field};

/// A row as it was read.
#[derive(sqlx::FromRow)]
struct SurveyRow {
    id: i64,
    latitude: Option<f64>,
    longitude: Option<f64>,
    location: Option<Vec<u8>>,
}

/// A row whose location must be written.
pub(in crate::store) struct ToMend {
    pub id: i64,
    pub location: Option<Vec<u8>>,
}

/// What a run of rows holds, and which of them have faults.
#[derive(Default)]
pub(in crate::store) struct Surveyed {
    pub survey: Survey,
    pub to_mend: Vec<ToMend>,
    faults: Vec<(Fault, i64)>,
}

impl Surveyed {
    pub(in crate::store) fn ids_with(&self, fault: Fault) -> impl Iterator<Item = i64> {
        let with = move |&(found, id): &(Fault, i64)| (found == fault).then_some(id);
        self.faults.iter().filter_map(with)
    }

    fn add(&mut self, row: &SurveyRow, is_located: bool) {
        let survey = &mut self.survey;
        survey.rows += 1;
        survey.last_id = Some(row.id);
        survey.without_location += u64::from(row.location.is_none());
        let coordinates = row.latitude.zip(row.longitude);
        let position =
            coordinates.and_then(|(latitude, longitude)| Position::new(latitude, longitude).ok());
        if coordinates.is_none() {
            survey.without_coordinates += 1;
        } else if position.is_none() {
            survey.out_of_range += 1;
            self.faults.push((Fault::OutOfRange, row.id));
        }
        let fault = match (position, &row.location) {
            _ if !is_located => return,
            (Some(position), Some(blob)) if geopackage::is_at(blob, position) => return,
            (None, None) => return,
            (Some(_), _) => {
                survey.drift += 1;
                Fault::Drift
            }
            (None, Some(_)) => {
                survey.stray += 1;
                Fault::Stray
            }
        };
        self.faults.push((fault, row.id));
        self.to_mend.push(ToMend {
            id: row.id,
            location: position.map(geopackage::encode),
        });
    }
}

/// Looks at up to `count` rows with ids beyond `after`.
pub(in crate::store) async fn survey(
    executor: impl SqliteExecutor<'_>,
    collection: &Collection,
    after: i64,
    count: u32,
) -> sqlx::Result<Surveyed> {
    let (id, table) = (collection.id.quoted(), collection.table.quoted());
    // Columns of SQLite hold any type: what is no number is no coordinate.
    let number = |column: String| {
        format!("CASE WHEN typeof({column}) IN ('real', 'integer') THEN CAST({column} AS REAL) END")
    };
    let sql = format!(
        "SELECT {id} AS id, {} AS latitude, {} AS longitude, CAST({} AS BLOB) AS location \
         FROM {table} WHERE {id} > ? ORDER BY {id} LIMIT ?",
        number(collection.latitude.quoted()),
        number(collection.longitude.quoted()),
        collection
            .column(Field::Location)
            .map_or_else(|| "NULL".to_owned(), ColumnName::quoted),
    );
    let rows: Vec<SurveyRow> = sqlx::query_as::<Sqlite, _>(AssertSqlSafe(sql))
        .bind(after)
        .bind(count)
        .fetch_all(executor)
        .await?;
    let mut surveyed = Surveyed::default();
    for row in &rows {
        surveyed.add(row, collection.is_located());
    }
    Ok(surveyed)
}
