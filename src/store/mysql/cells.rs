//! Summing up what stands in cells of the map.
//!
//! Coordinates on the map are computed as [`MapPoint`] does, step by step, in doubles.

use futures_util::TryStreamExt as _;
use sqlx::Row as _;
use sqlx::mysql::MySqlRow;

use super::query::query;
use super::search::SearchSql;
use super::statements::Names;
use super::{MySqlStore, rows};
use crate::domain::{Bounds, Cell, CellSum, CenterId, MAP_EDGE_LATITUDE, MAP_SIDE, MapPoint};
use crate::store::statement::Statement;
use crate::store::{InCells, StoreError};

/// What makes the server give up, after so many milliseconds.
const LONGEST: &str = "/*+ MAX_EXECUTION_TIME(2000) */";

/// What reads where a row is on the map.
#[derive(Debug)]
pub(super) struct MapSql {
    x: String,
    y: String,
}

impl MapSql {
    pub(super) fn new(names: &Names) -> Self {
        let (latitude, longitude) = (&names.latitude, &names.longitude);
        let edge = MAP_EDGE_LATITUDE;
        let degrees = format!("CAST({longitude} AS DOUBLE)");
        let longitude = format!("CASE {degrees} WHEN 180 THEN -180e0 ELSE {degrees} END");
        let latitude = format!("LEAST(GREATEST(CAST({latitude} AS DOUBLE), -{edge}e0), {edge}e0)");
        let sine = format!("SIN(RADIANS({latitude}))");
        let four_pi = 4.0 * std::f64::consts::PI;
        let units = |part: &str| {
            let last = MAP_SIDE - 1;
            format!(
                "CAST(LEAST(GREATEST(FLOOR({part} * {MAP_SIDE}e0), 0e0), {last}e0) AS UNSIGNED)"
            )
        };
        Self {
            x: units(&format!("(({longitude} + 180e0) / 360e0)")),
            y: units(&format!(
                "(0.5e0 - LN((1e0 + {sine}) / (1e0 - {sine})) / {four_pi}e0)"
            )),
        }
    }
}

impl SearchSql {
    /// The rows of some cells with where they are on the map, to be selected from.
    fn push_in_cells<'a>(&self, asked: &InCells<'a>, statement: &mut Statement<'a>) {
        let bounds = asked.cells.viewport().bounds();
        let hint = match bounds {
            Bounds::Globe => String::new(),
            _ => self.hints.within_bounds(!asked.filter.is_empty()),
        };
        let hint = if hint.is_empty() {
            hint
        } else {
            format!("/*+ {hint}*/ ")
        };
        let MapSql { x, y } = &self.map;
        statement.push(&format!(
            " FROM (SELECT {hint}CAST({} AS SIGNED) AS nearby_id, {x} AS nearby_x, {y} AS nearby_y{}",
            self.id, self.from
        ));
        self.push_filter_within(asked.filter, asked.organizations, bounds, statement);
        let [(west, east), (north, south)] = asked.cells.units();
        let either = if west <= east { "AND" } else { "OR" };
        statement.push_with(
            &format!(
                ") AS found WHERE nearby_y BETWEEN ? AND ? \
                 AND (nearby_x >= ? {either} nearby_x <= ?)"
            ),
            [north, south, west, east].map(|units| i64::from(units).into()),
        );
    }

    fn cell_sums<'a>(&self, asked: &InCells<'a>) -> Statement<'a> {
        let shift = asked.cells.shift();
        let mut statement = Statement::new(format!(
            "SELECT {LONGEST} MIN(nearby_id), nearby_x >> {shift} AS nearby_column, \
             nearby_y >> {shift} AS nearby_row, CAST(COUNT(*) AS UNSIGNED), \
             CAST(SUM(nearby_x) AS UNSIGNED), \
             CAST(SUM(nearby_y) AS UNSIGNED), MIN(nearby_x), MAX(nearby_x), MIN(nearby_y), \
             MAX(nearby_y)"
        ));
        self.push_in_cells(asked, &mut statement);
        statement.push(" GROUP BY nearby_column, nearby_row");
        statement
    }

    fn ids_in_cells<'a>(
        &self,
        asked: &InCells<'a>,
        after: Option<CenterId>,
        most: usize,
    ) -> Statement<'a> {
        let mut statement = Statement::new(format!("SELECT {LONGEST} nearby_id"));
        self.push_in_cells(asked, &mut statement);
        if let Some(after) = after {
            statement.push_with(" AND nearby_id > ?", [after.get().into()]);
        }
        statement.push_with(" ORDER BY nearby_id LIMIT ?", [(most as u64).into()]);
        statement
    }
}

impl MySqlStore {
    pub(super) async fn cell_sums(
        &self,
        asked: &InCells<'_>,
    ) -> Result<Option<Vec<CellSum>>, StoreError> {
        let statement = self.statements.search.cell_sums(asked);
        let mut rows = query(statement).fetch(&self.pool);
        let mut sums = Vec::new();
        loop {
            match rows.try_next().await.map_err(StoreError::from) {
                Ok(Some(row)) => sums.push(sum_of(&row, asked)?),
                Ok(None) => return Ok(Some(sums)),
                Err(error) if error.is_out_of_time() => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) async fn ids_in_cells(
        &self,
        asked: &InCells<'_>,
        after: Option<CenterId>,
        most: usize,
    ) -> Result<Option<Vec<CenterId>>, StoreError> {
        let statement = self.statements.search.ids_in_cells(asked, after, most);
        let read = query(statement).fetch_all(&self.pool).await;
        match read.map_err(StoreError::from) {
            Ok(found) => {
                let ids = found.iter().map(rows::id);
                Ok(Some(ids.collect::<Result<_, _>>()?))
            }
            Err(error) if error.is_out_of_time() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn sum_of(row: &MySqlRow, asked: &InCells<'_>) -> Result<CellSum, StoreError> {
    let number = |place: usize| row.try_get::<u64, _>(place);
    let units = |place: usize| {
        let units = number(place)?;
        let units = u32::try_from(units).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok::<_, sqlx::Error>(units)
    };
    let cell = Cell {
        zoom: asked.cells.zoom(),
        x: units(1)?,
        y: units(2)?,
    };
    let corners = [(6, 8), (7, 9)].map(|(x, y)| {
        Ok::<_, sqlx::Error>(MapPoint {
            x: units(x)?,
            y: units(y)?,
        })
    });
    let [least, greatest] = corners;
    let one = (rows::id(row)?, least?);
    let sums = [number(4)?, number(5)?];
    Ok(CellSum::new(cell, number(3)?, one, sums, greatest?))
}
