//! Whether a table of a SQLite file is a layer of a GeoPackage.

use sqlx::SqlitePool;

use super::{rtree, table_exists, triggers};
use crate::store::database::SqlitePools;
use crate::store::{Collection, SchemaFinding, StoreError};

/// `GPKG`: the application id of a GeoPackage.
pub(in crate::store) const APPLICATION_ID: i64 = 0x4750_4B47;

pub(in crate::store) async fn inspect(
    pools: &SqlitePools,
    collection: &Collection,
) -> Result<Vec<SchemaFinding>, StoreError> {
    let pool = &pools.readers;
    let table = collection.table.as_str();
    if !table_exists(pool, table).await? {
        return Ok(vec![SchemaFinding::missing(format!(
            "there is no table {table}: run `nearby migrate up`"
        ))]);
    }
    if !collection.is_located() {
        // No layer of a GeoPackage, and not meant to be one.
        return Ok(Vec::new());
    }
    let mut found = inspect_columns(pool, collection).await?;
    let application: i64 = sqlx::query_scalar("PRAGMA application_id")
        .fetch_one(pool)
        .await?;
    if application != APPLICATION_ID {
        found.push(SchemaFinding::wrong(format!(
            "the file does not say that it is a GeoPackage: PRAGMA application_id = {APPLICATION_ID}"
        )));
    }
    found.extend(inspect_metadata(pool, collection).await?);
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
        if !triggers::exists(pools, collection, &trigger).await? {
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
    if !found.iter().any(|finding| finding.misleads) {
        found.extend(rtree::inspect(pools, collection).await?);
    }
    Ok(found)
}

async fn inspect_columns(
    pool: &SqlitePool,
    collection: &Collection,
) -> sqlx::Result<Vec<SchemaFinding>> {
    let table = collection.table.as_str();
    let columns: Vec<(String, String)> =
        sqlx::query_as("SELECT name, upper(type) FROM pragma_table_info(?)")
            .bind(table)
            .fetch_all(pool)
            .await?;
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
async fn inspect_metadata(
    pool: &SqlitePool,
    collection: &Collection,
) -> sqlx::Result<Vec<SchemaFinding>> {
    let (table, location) = (collection.table.as_str(), collection.location.as_str());
    let mut found = Vec::new();
    for metadata in [
        "gpkg_contents",
        "gpkg_geometry_columns",
        "gpkg_spatial_ref_sys",
    ] {
        if !table_exists(pool, metadata).await? {
            found.push(SchemaFinding::wrong(format!(
                "there is no table {metadata}: the file is no GeoPackage"
            )));
        }
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let listed: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM gpkg_contents \
         WHERE table_name = ? AND data_type = 'features' AND srs_id = 4326)",
    )
    .bind(table)
    .fetch_one(pool)
    .await?;
    if !listed {
        found.push(SchemaFinding::wrong(format!(
            "gpkg_contents does not list {table} as features in 4326"
        )));
    }
    let described: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM gpkg_geometry_columns JOIN gpkg_spatial_ref_sys USING (srs_id) \
         WHERE table_name = ? AND column_name = ? AND geometry_type_name = 'POINT' AND srs_id = 4326)",
    )
    .bind(table)
    .bind(location)
    .fetch_one(pool)
    .await?;
    if !described {
        found.push(SchemaFinding::wrong(format!(
            "gpkg_geometry_columns does not describe {table}.{location} as POINT in 4326"
        )));
    }
    Ok(found)
}
