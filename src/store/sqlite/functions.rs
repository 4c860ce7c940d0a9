//! The functions that a GeoPackage's spatial index calls (OGC 12-128r19, annex F.3):
//! GDAL and QGIS make it with triggers that every writer of the table has to obey.

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};

use super::geopackage;

/// Teaches a connection the functions.
pub(super) fn add_to(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("ST_IsEmpty", 1, flags, |context| {
        Ok(blob(context).map(|blob| geopackage::bounds(blob).is_none()))
    })?;
    for (name, edge) in EDGES {
        connection.create_scalar_function(name, 1, flags, move |context| {
            Ok(blob(context).and_then(geopackage::bounds).map(edge))
        })?;
    }
    Ok(())
}

type Edge = fn(geo::Rect) -> f64;

const EDGES: [(&str, Edge); 4] = [
    ("ST_MinX", |bounds| bounds.min().x),
    ("ST_MaxX", |bounds| bounds.max().x),
    ("ST_MinY", |bounds| bounds.min().y),
    ("ST_MaxY", |bounds| bounds.max().y),
];

/// The geometry; `None` of anything else.
fn blob<'a>(context: &'a Context<'_>) -> Option<&'a [u8]> {
    context.get_raw(0).as_blob().ok()
}
