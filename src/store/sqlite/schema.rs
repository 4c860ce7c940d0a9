//! Whether a table of a SQLite file is a layer of a GeoPackage.

use rusqlite::Connection;

use super::catalog::table_exists;
use super::triggers;
use crate::store::{Collection, SchemaFinding};

/// `GPKG`: the application id of a GeoPackage.
pub(super) const APPLICATION_ID: i64 = 0x4750_4B47;

/// What is wrong with the layer; its spatial index is looked at elsewhere.
pub(super) fn inspect(
    connection: &Connection,
    collection: &Collection,
) -> rusqlite::Result<Vec<SchemaFinding>> {
    let table = collection.table.as_str();
    if !table_exists(connection, table)? {
        return Ok(vec![SchemaFinding::missing(format!(
            "there is no table {table}: run `nearby migrate up`"
        ))]);
    }
    if !collection.is_located() {
        // No layer of a GeoPackage, and not meant to be one.
        return Ok(Vec::new());
    }
    let mut found = inspect_columns(connection, collection)?;
    let application: i64 = connection.query_row("PRAGMA application_id", (), |row| row.get(0))?;
    if application != APPLICATION_ID {
        found.push(SchemaFinding::wrong(format!(
            "the file does not say that it is a GeoPackage: PRAGMA application_id = {APPLICATION_ID}"
        )));
    }
    found.extend(inspect_metadata(connection, collection)?);
    let flag = collection.flag();
    for (trigger, without) in [
        (
            "stale_location",
            format!(
                "writers that change coordinates and forget the location leave it wrong until \
                 `nearby backfill{flag}` runs"
            ),
        ),
        (
            "moved_location",
            format!(
                "where QGIS or GDAL moves a point, its coordinates stay until `nearby backfill{flag} \
                 --from location` runs"
            ),
        ),
        (
            "drawn_location",
            format!(
                "where QGIS or GDAL draws a point, it has no coordinates until `nearby \
                 backfill{flag} --from location` runs"
            ),
        ),
    ] {
        let trigger = format!("{table}_{trigger}");
        if !triggers::exists(connection, collection, &trigger)? {
            let remedy = if collection.is_ours() {
                String::new()
            } else {
                format!("; `nearby adopt{flag} --apply` makes it")
            };
            found.push(SchemaFinding::warning(format!(
                "no trigger {trigger}: {without}{remedy}"
            )));
        }
    }
    Ok(found)
}

fn inspect_columns(
    connection: &Connection,
    collection: &Collection,
) -> rusqlite::Result<Vec<SchemaFinding>> {
    let table = collection.table.as_str();
    let mut columns =
        connection.prepare_cached("SELECT name, upper(type) FROM pragma_table_info(?)")?;
    let columns = columns.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let columns: Vec<(String, String)> = columns.collect::<Result<_, _>>()?;
    let mut found = Vec::new();
    for (column, kinds) in [
        (&collection.id, &["INTEGER"][..]),
        (&collection.latitude, &["DOUBLE", "REAL"]),
        (&collection.longitude, &["DOUBLE", "REAL"]),
        (&collection.location, &["POINT"]),
    ] {
        let column = column.as_str();
        match columns.iter().find(|(name, _)| name == column) {
            None => found.push(SchemaFinding::missing(format!(
                "{table} has no column {column}"
            ))),
            Some((_, kind)) if !kinds.contains(&kind.as_str()) => {
                found.push(SchemaFinding::wrong(format!(
                    "{table}.{column} is {kind}, not {}",
                    kinds[0]
                )));
            }
            Some(_) => {}
        }
    }
    Ok(found)
}

/// The rows by which QGIS and GDAL find the layer.
fn inspect_metadata(
    connection: &Connection,
    collection: &Collection,
) -> rusqlite::Result<Vec<SchemaFinding>> {
    let (table, location) = (collection.table.as_str(), collection.location.as_str());
    let mut found = Vec::new();
    for metadata in [
        "gpkg_contents",
        "gpkg_geometry_columns",
        "gpkg_spatial_ref_sys",
    ] {
        if !table_exists(connection, metadata)? {
            found.push(SchemaFinding::wrong(format!(
                "there is no table {metadata}: the file is no GeoPackage"
            )));
        }
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let listed: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM gpkg_contents \
         WHERE table_name = ? AND data_type = 'features' AND srs_id = 4326)",
        [table],
        |row| row.get(0),
    )?;
    if !listed {
        found.push(SchemaFinding::wrong(format!(
            "gpkg_contents does not list {table} as features in 4326"
        )));
    }
    let described: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM gpkg_geometry_columns JOIN gpkg_spatial_ref_sys USING (srs_id) \
         WHERE table_name = ? AND column_name = ? AND geometry_type_name = 'POINT' AND srs_id = 4326)",
        [table, location],
        |row| row.get(0),
    )?;
    if !described {
        found.push(SchemaFinding::wrong(format!(
            "gpkg_geometry_columns does not describe {table}.{location} as POINT in 4326"
        )));
    }
    Ok(found)
}
