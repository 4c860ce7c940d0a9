//! The rows of a layer, one at a time.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use geozero::ToGeo;
use geozero::wkb::GpkgWkb;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::LayerError;
use crate::store::sql::identifier;
use crate::store::sqlite::connection::open_to_read;
use crate::store::sqlite::geopackage;

/// How many rows come at once from the thread that reads.
const CHUNK_ROWS: usize = 256;
/// How many of those wait to be taken.
const WAITING_CHUNKS: usize = 2;

/// A row of a layer.
#[derive(Debug)]
pub struct LayerRow {
    /// Where it is.
    pub place: LayerPlace,
    /// What stands in the columns, in their order.
    pub values: Vec<LayerValue>,
}

/// What a geometry is, as far as points go.
#[derive(Debug, Clone, PartialEq)]
pub enum LayerPlace {
    /// NULL, or empty.
    Nowhere,
    /// A point, or one alone in a `MultiPoint`.
    Point {
        /// Degrees north, unchecked.
        latitude: f64,
        /// Degrees east, unchecked.
        longitude: f64,
    },
    /// So many points.
    Several(usize),
    /// No point.
    Other(&'static str),
    /// In another reference system than its layer.
    OtherSystem(i32),
    /// No geometry at all.
    Broken,
}

/// A value of a column.
#[derive(Debug)]
pub enum LayerValue {
    /// NULL.
    Null,
    /// A text, or a number as text.
    Text(String),
    /// A text that is not UTF-8, by its first byte at fault.
    NotUtf8(u8),
    /// Bytes.
    Blob,
}

/// A layer of points that is being read.
#[derive(Debug)]
pub struct PointLayer {
    /// Its table.
    pub name: String,
    /// The names of its columns, without that of the geometry.
    pub columns: Vec<String>,
    /// Its reference system, as `EPSG:4326`.
    pub system: String,
    chunks: Receiver<Result<Vec<LayerRow>, LayerError>>,
    chunk: std::vec::IntoIter<LayerRow>,
}

/// A layer as the file describes it.
#[derive(Debug)]
struct Described {
    table: String,
    geometry: String,
    kind: String,
    srs_id: i32,
}

impl PointLayer {
    /// Opens a layer: the one that is asked for, or the only one of points.
    ///
    /// # Errors
    /// When the file is no `GeoPackage`, or has no such layer.
    pub fn open(path: &Path, asked: Option<&str>) -> Result<Self, LayerError> {
        let connection = open_to_read(path)?;
        let layer = choose(described(&connection)?, asked)?;
        let system = system(&connection, layer.srs_id)?;
        let columns = columns(&connection, &layer)?;
        let (sender, chunks) = sync_channel(WAITING_CHUNKS);
        let select = {
            let columns = columns.iter().chain([&layer.geometry]);
            let columns: Vec<String> = columns.map(|name| identifier(name)).collect();
            format!(
                "SELECT {} FROM {}",
                columns.join(", "),
                identifier(&layer.table)
            )
        };
        // A statement borrows its connection: both live on a thread of their own.
        thread::spawn(move || {
            if let Err(error) = send_rows(&connection, &select, layer.srs_id, &sender) {
                // Nobody listens after a stop.
                let _ = sender.send(Err(error));
            }
        });
        Ok(Self {
            name: layer.table,
            columns,
            system,
            chunks,
            chunk: Vec::new().into_iter(),
        })
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// When the file cannot be read on.
    pub fn next_row(&mut self) -> Result<Option<LayerRow>, LayerError> {
        loop {
            if let Some(row) = self.chunk.next() {
                return Ok(Some(row));
            }
            match self.chunks.recv() {
                Ok(chunk) => self.chunk = chunk?.into_iter(),
                Err(_) => return Ok(None),
            }
        }
    }
}

fn described(connection: &Connection) -> Result<Vec<Described>, LayerError> {
    let tables: i64 = connection.query_row(
        "SELECT count(*) FROM sqlite_master WHERE name IN ('gpkg_contents', 'gpkg_geometry_columns')",
        (),
        |row| row.get(0),
    )?;
    if tables < 2 {
        return Err(LayerError::NotAGeoPackage);
    }
    let mut layers = connection.prepare(
        "SELECT table_name, column_name, upper(geometry_type_name), gc.srs_id \
         FROM gpkg_contents JOIN gpkg_geometry_columns AS gc USING (table_name) \
         WHERE data_type = 'features' ORDER BY table_name",
    )?;
    let layers = layers.query_map((), |row| {
        Ok(Described {
            table: row.get(0)?,
            geometry: row.get(1)?,
            kind: row.get(2)?,
            srs_id: row.get(3)?,
        })
    })?;
    Ok(layers.collect::<Result<_, _>>()?)
}

fn choose(layers: Vec<Described>, asked: Option<&str>) -> Result<Described, LayerError> {
    let (mut points, others): (Vec<_>, Vec<_>) = layers
        .into_iter()
        .partition(|layer| matches!(layer.kind.as_str(), "POINT" | "MULTIPOINT" | "GEOMETRY"));
    let names = |layers: &[Described]| layers.iter().map(|layer| layer.table.clone()).collect();
    if let Some(asked) = asked {
        return match points.iter().position(|layer| layer.table == asked) {
            Some(place) => Ok(points.swap_remove(place)),
            None => Err(LayerError::NoSuchLayer {
                asked: asked.to_owned(),
                has: names(&points),
            }),
        };
    }
    match points.pop() {
        Some(layer) if points.is_empty() => Ok(layer),
        Some(last) => {
            points.push(last);
            Err(LayerError::Several {
                has: names(&points),
            })
        }
        None => Err(LayerError::NoPoints {
            others: names(&others),
        }),
    }
}

fn system(connection: &Connection, srs_id: i32) -> Result<String, LayerError> {
    let found = connection
        .query_row(
            "SELECT organization || ':' || organization_coordsys_id, definition \
             FROM gpkg_spatial_ref_sys WHERE srs_id = ?1",
            [srs_id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((name, definition)): Option<(String, String)> = found else {
        return Ok(format!("srs_id {srs_id}, which the file does not describe"));
    };
    let is_nameless = name.to_ascii_uppercase().starts_with("NONE:");
    Ok(if is_nameless && defines_crs84(&definition) {
        "OGC:CRS84".to_owned()
    } else {
        name
    })
}

/// Whether well-known text is that of WGS 84 with the longitude first, which GDAL writes
/// without a name.
fn defines_crs84(definition: &str) -> bool {
    let parts = [
        r#"SPHEROID["WGS 84",6378137,298.257223563"#,
        r#"PRIMEM["Greenwich",0"#,
        r#"UNIT["degree",0.01745329251"#,
        r#"AXIS["Longitude",EAST],AXIS["Latitude",NORTH]"#,
    ];
    definition.starts_with(r#"GEOGCS["WGS 84""#)
        && parts.iter().all(|part| definition.contains(part))
}

fn columns(connection: &Connection, layer: &Described) -> Result<Vec<String>, LayerError> {
    let mut columns = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let columns = columns.query_map([&layer.table], |row| row.get(0))?;
    let columns: Vec<String> = columns.collect::<Result<_, _>>()?;
    Ok(columns
        .into_iter()
        .filter(|name| *name != layer.geometry)
        .collect())
}

fn send_rows(
    connection: &Connection,
    select: &str,
    srs_id: i32,
    sender: &SyncSender<Result<Vec<LayerRow>, LayerError>>,
) -> Result<(), LayerError> {
    let mut select = connection.prepare(select)?;
    let geometry = select.column_count() - 1;
    let mut rows = select.query(())?;
    let mut chunk = Vec::with_capacity(CHUNK_ROWS);
    while let Some(row) = rows.next()? {
        chunk.push(layer_row(row, geometry, srs_id)?);
        if chunk.len() == CHUNK_ROWS && sender.send(Ok(std::mem::take(&mut chunk))).is_err() {
            return Ok(());
        }
    }
    // An error would only say that nobody waits for the rest.
    let _ = sender.send(Ok(chunk));
    Ok(())
}

fn layer_row(row: &Row<'_>, geometry: usize, srs_id: i32) -> rusqlite::Result<LayerRow> {
    let place = match row.get_ref(geometry)? {
        ValueRef::Null => LayerPlace::Nowhere,
        ValueRef::Blob(blob) => place(blob, srs_id),
        _ => LayerPlace::Broken,
    };
    let values = (0..geometry).map(|column| {
        Ok(match row.get_ref(column)? {
            ValueRef::Null => LayerValue::Null,
            ValueRef::Integer(number) => LayerValue::Text(number.to_string()),
            ValueRef::Real(number) => LayerValue::Text(number.to_string()),
            ValueRef::Text(bytes) => match str::from_utf8(bytes) {
                Ok(text) => LayerValue::Text(text.to_owned()),
                Err(error) => LayerValue::NotUtf8(bytes[error.valid_up_to()]),
            },
            ValueRef::Blob(_) => LayerValue::Blob,
        })
    });
    Ok(LayerRow {
        place,
        values: values.collect::<rusqlite::Result<_>>()?,
    })
}

fn place(blob: &[u8], srs_id: i32) -> LayerPlace {
    /// A flag in the header of a geometry.
    const EMPTY: u8 = 1 << 4;
    match geopackage::srid(blob) {
        None => return LayerPlace::Broken,
        Some(other) if other != srs_id => return LayerPlace::OtherSystem(other),
        Some(_) if !blob.starts_with(b"GP") => return LayerPlace::Broken,
        Some(_) if blob[3] & EMPTY != 0 => return LayerPlace::Nowhere,
        Some(_) => {}
    }
    let at = |point: geo::Point<f64>| {
        if point.x().is_nan() && point.y().is_nan() {
            return LayerPlace::Nowhere;
        }
        LayerPlace::Point {
            latitude: point.y(),
            longitude: point.x(),
        }
    };
    match GpkgWkb(blob).to_geo() {
        Ok(geo::Geometry::Point(point)) => at(point),
        Ok(geo::Geometry::MultiPoint(points)) => match points.0.as_slice() {
            [] => LayerPlace::Nowhere,
            &[point] => at(point),
            several => LayerPlace::Several(several.len()),
        },
        Ok(geo::Geometry::LineString(_)) => LayerPlace::Other("LineString"),
        Ok(geo::Geometry::MultiLineString(_)) => LayerPlace::Other("MultiLineString"),
        Ok(geo::Geometry::Polygon(_)) => LayerPlace::Other("Polygon"),
        Ok(geo::Geometry::MultiPolygon(_)) => LayerPlace::Other("MultiPolygon"),
        Ok(geo::Geometry::GeometryCollection(_)) => LayerPlace::Other("GeometryCollection"),
        Ok(_) | Err(_) => LayerPlace::Broken,
    }
}
