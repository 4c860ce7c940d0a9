//! A `GeoPackage` of one layer, written from nothing.

use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use geozero::{CoordDimensions, ToWkb};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::domain::{Center, Position, TextField};
use crate::store::Collection;
use crate::store::attributes::column_type;
use crate::store::sql::identifier;
use crate::store::sqlite::geopackage::SRID;
use crate::store::sqlite::write::stored;

/// What makes a file a `GeoPackage`: the same for a file that is served.
const GEOPACKAGE: &str =
    include_str!("../../../../migrations/sqlite/0001_create_geopackage.up.sql");

/// Writes centers as the rows of a layer.
#[derive(Debug)]
pub struct LayerWriter {
    connection: Connection,
    layer: String,
    /// The column of the points.
    geometry: &'static str,
    insert: String,
    extent: Option<[f64; 4]>,
}

impl LayerWriter {
    /// Begins a layer in a file that is empty or not there.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn create(path: &Path, collection: &Collection) -> rusqlite::Result<Self> {
        let layer = collection.name.as_str();
        let connection = Connection::open(path)?;
        // The file is nobody's until it is whole; whoever makes it whole syncs it.
        connection.pragma_update(None, "journal_mode", "OFF")?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.execute_batch(GEOPACKAGE)?;
        let texts = TextField::ALL.map(|field| {
            let need = if field == TextField::Name {
                " NOT NULL"
            } else {
                ""
            };
            format!("{} TEXT{need}", field.name())
        });
        let attributes = collection.fields().attributes().iter();
        let attributes = attributes.map(|attribute| {
            let name = identifier(&attribute.name);
            format!(", {name} {}", column_type(attribute.kind))
        });
        // An attribute may be called so; none is called `geometry`.
        let mut names = collection.fields().attributes().iter();
        let is_taken = names.any(|attribute| attribute.name.eq_ignore_ascii_case("geom"));
        let geometry = if is_taken { "geometry" } else { "geom" };
        let quoted = identifier(layer);
        connection.execute_batch(&format!(
            "BEGIN; CREATE TABLE {quoted} (id INTEGER NOT NULL PRIMARY KEY, {geometry} POINT, {}, \
             view_count INTEGER NOT NULL, created_at DATETIME, updated_at DATETIME{})",
            texts.join(", "),
            attributes.collect::<String>()
        ))?;
        let columns = 5 + TextField::ALL.len() + collection.fields().attributes().len();
        let placeholders = vec!["?"; columns].join(", ");
        Ok(Self {
            connection,
            layer: layer.to_owned(),
            geometry,
            insert: format!("INSERT INTO {quoted} VALUES ({placeholders})"),
            extent: None,
        })
    }

    /// Writes a center.
    ///
    /// # Errors
    /// When the file takes no more.
    pub fn write(&mut self, center: &Center) -> rusqlite::Result<()> {
        let mut insert = self.connection.prepare_cached(&self.insert)?;
        let text =
            |text: Option<&str>| text.map_or(Value::Null, |text| Value::Text(text.to_owned()));
        let place = center.position.map(encode);
        let values = [
            Value::Integer(center.id.get()),
            place.map_or(Value::Null, Value::Blob),
        ]
        .into_iter()
        .chain(TextField::ALL.map(|field| text(center.text.get(field))))
        .chain([Value::Integer(center.view_count)])
        .chain([center.created_at, center.updated_at].map(time))
        .chain(
            center
                .attributes
                .values()
                .iter()
                .map(|value| value.as_ref().map_or(Value::Null, stored)),
        );
        insert.execute(params_from_iter(values))?;
        if let Some(position) = center.position {
            let (x, y) = (position.longitude(), position.latitude());
            let [west, south, east, north] = self.extent.unwrap_or([x, y, x, y]);
            self.extent = Some([west.min(x), south.min(y), east.max(x), north.max(y)]);
        }
        Ok(())
    }

    /// Ends the layer and describes it.
    ///
    /// # Errors
    /// When the file takes no more.
    pub fn finish(self) -> rusqlite::Result<()> {
        let [west, south, east, north] = match self.extent {
            Some(extent) => extent.map(Some),
            None => [None; 4],
        };
        self.connection.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, min_x, min_y, max_x, max_y, srs_id) \
             VALUES (?1, 'features', ?1, 'Centers exported by nearby', ?2, ?3, ?4, ?5, ?6)",
            (&self.layer, west, south, east, north, SRID),
        )?;
        self.connection.execute(
            "INSERT INTO gpkg_geometry_columns (table_name, column_name, geometry_type_name, srs_id, z, m) \
             VALUES (?1, ?2, 'POINT', ?3, 0, 0)",
            (&self.layer, self.geometry, SRID),
        )?;
        self.connection.execute_batch("COMMIT")?;
        self.connection.close().map_err(|(_, error)| error)
    }
}

/// A time as the standard has it.
fn time(time: Option<DateTime<Utc>>) -> Value {
    time.map_or(Value::Null, |time| {
        Value::Text(time.to_rfc3339_opts(SecondsFormat::Millis, true))
    })
}

/// A point with the longitude that it has: -180 comes back as -180.
fn encode(position: Position) -> Vec<u8> {
    let point: geo::Geometry<f64> =
        geo::Point::new(position.longitude(), position.latitude()).into();
    point
        .to_gpkg_wkb(CoordDimensions::xy(), Some(SRID), Vec::new())
        .expect("a point can be written to memory")
}
