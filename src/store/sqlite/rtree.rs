//! The spatial index that GDAL or QGIS made of a layer, against its rows.

use rusqlite::Connection;

use super::SqliteDatabase;
use crate::store::{Collection, SchemaFinding, StoreError};

/// How far a box may reach beyond its point, in degrees: the index keeps single
/// precision, rounded outwards.
const SLACK: f64 = 1e-4;

/// What is wrong with the index; nothing where there is none.
pub(super) async fn inspect(
    file: &SqliteDatabase,
    collection: &Collection,
) -> Result<Vec<SchemaFinding>, StoreError> {
    let collection = collection.clone();
    let looking = file.read(move |connection| Ok(inspect_here(connection, &collection)?));
    looking.await
}

fn inspect_here(
    connection: &Connection,
    collection: &Collection,
) -> rusqlite::Result<Vec<SchemaFinding>> {
    let table = collection.table.as_str();
    let column = collection.location.as_str();
    let index = format!("rtree_{table}_{column}");
    let has = |kind: &str, name: &str| {
        connection
            .prepare("SELECT 1 FROM sqlite_master WHERE type = ? AND name LIKE ? ESCAPE '\\'")?
            .exists([kind, &name.replace('_', "\\_")])
    };
    if !has("table", &index)? {
        return Ok(Vec::new());
    }
    let mut wrong = Vec::new();
    for trigger in ["insert", "update%", "delete"] {
        if !has("trigger", &format!("{index}_{trigger}"))? {
            wrong.push(format!("{index} lacks its trigger {index}_{trigger}"));
        }
    }
    let (rows, id) = (collection.table.quoted(), collection.id.quoted());
    let location = format!("t.{}", collection.location.quoted());
    let edges = [
        ("MinX", "minx", 1),
        ("MaxX", "maxx", -1),
        ("MinY", "miny", 1),
        ("MaxY", "maxy", -1),
    ];
    let outside = edges.map(|(edge, bound, sign)| {
        format!("(ST_{edge}({location}) - r.{bound}) * {sign} NOT BETWEEN 0 AND {SLACK}")
    });
    let is_there = format!("{location} IS NOT NULL AND NOT ST_IsEmpty({location})");
    let (misplaced, first): (i64, Option<i64>) = connection.query_row(
        &format!(
            "SELECT COUNT(*), MIN(t.{id}) FROM {rows} t LEFT JOIN \"{index}\" r ON r.id = t.{id} \
             WHERE {is_there} AND (r.id IS NULL OR {})",
            outside.join(" OR ")
        ),
        (),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if let Some(first) = first {
        wrong.push(format!(
            "{index} leaves out or misplaces {misplaced} rows, {first} the first"
        ));
    }
    let of_none: i64 = connection.query_row(
        &format!(
            "SELECT COUNT(*) FROM \"{index}\" r LEFT JOIN {rows} t ON t.{id} = r.id \
             WHERE t.{id} IS NULL OR NOT ({is_there})"
        ),
        (),
        |row| row.get(0),
    )?;
    if of_none > 0 {
        wrong.push(format!(
            "{index} has {of_none} entries of rows that are nowhere"
        ));
    }
    let remedy = format!(
        "make it anew: `ogrinfo FILE -sql \"SELECT DisableSpatialIndex('{table}', '{column}')\"`, \
         then the same with CreateSpatialIndex"
    );
    let finding = |what| SchemaFinding::wrong(format!("{what}; {remedy}"));
    Ok(wrong.into_iter().map(finding).collect())
}
