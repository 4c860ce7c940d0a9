//! Centers as `FlatGeobuf` (<https://flatgeobuf.org>), with its spatial index.
//!
//! The index comes before the features and in another order than the ids: features
//! wait in a temporary file, and some 150 bytes of each in memory.

use std::fmt;
use std::io::{self, Write};

use flatgeobuf::{ColumnType, FgbCrs, FgbWriter, FgbWriterOptions, GeometryType};
use geozero::error::GeozeroError;
use geozero::{ColumnValue, GeomProcessor, GeozeroGeometry, PropertyProcessor as _};

use super::write::time;
use crate::domain::{Center, FieldKind, FieldValue, Position, TextField};
use crate::store::Collection;

/// Collects centers and writes them at the end.
pub(super) struct FlatGeobufWriter(FgbWriter<'static>);

impl FlatGeobufWriter {
    pub(super) fn new(collection: &Collection) -> io::Result<Self> {
        let name = collection.name.as_str();
        let options = FgbWriterOptions {
            crs: FgbCrs {
                org: Some("EPSG"),
                code: 4326,
                name: Some("WGS 84"),
                ..FgbCrs::default()
            },
            detect_type: false,
            ..FgbWriterOptions::default()
        };
        let mut writer = FgbWriter::create_with_options(name, GeometryType::Point, options)
            .map_err(io::Error::other)?;
        let texts = TextField::ALL.map(|field| (field.name(), ColumnType::String));
        let columns = [("id", ColumnType::Long)].into_iter().chain(texts).chain([
            ("view_count", ColumnType::Long),
            ("created_at", ColumnType::DateTime),
            ("updated_at", ColumnType::DateTime),
        ]);
        let attributes = collection.fields().attributes().iter();
        let attributes = attributes.map(|attribute| {
            let kind = match attribute.kind {
                // The format has no type for days.
                FieldKind::Text | FieldKind::Date => ColumnType::String,
                FieldKind::Number => ColumnType::Double,
                FieldKind::Boolean => ColumnType::Bool,
            };
            (attribute.name.as_str(), kind)
        });
        for (name, kind) in columns.chain(attributes) {
            writer.add_column(name, kind, |_, _| {});
        }
        Ok(Self(writer))
    }

    pub(super) fn write(&mut self, center: &Center) -> io::Result<()> {
        let [created_at, updated_at] =
            [center.created_at, center.updated_at].map(|at| at.as_ref().map(time));
        let texts = TextField::ALL.map(|field| center.text.get(field).map(ColumnValue::String));
        let values = [Some(ColumnValue::Long(center.id.get()))]
            .into_iter()
            .chain(texts)
            .chain([
                Some(ColumnValue::Long(center.view_count)),
                created_at.as_deref().map(ColumnValue::DateTime),
                updated_at.as_deref().map(ColumnValue::DateTime),
            ]);
        let attributes = center.attributes.values().iter();
        let days: Vec<Option<String>> = attributes
            .clone()
            .map(|value| match value {
                Some(FieldValue::Date(day)) => Some(day.to_string()),
                _ => None,
            })
            .collect();
        let attributes = attributes.zip(&days).map(|(value, day)| match value {
            None => None,
            Some(FieldValue::Text(text)) => Some(ColumnValue::String(text)),
            Some(FieldValue::Number(number)) => Some(ColumnValue::Double(*number)),
            Some(FieldValue::Boolean(boolean)) => Some(ColumnValue::Bool(*boolean)),
            Some(FieldValue::Date(_)) => day.as_deref().map(ColumnValue::String),
        });
        let mut written = Ok(());
        self.0
            .add_feature_geom(Place(center.position), |feature| {
                for (column, value) in values.chain(attributes).enumerate() {
                    if let (Some(value), Ok(())) = (value, &written) {
                        written = feature.property(column, "", &value).map(drop);
                    }
                }
            })
            .and(written)
            .map_err(failed)
    }

    pub(super) fn finish(self, out: impl Write) -> io::Result<()> {
        self.0.write(out).map_err(|error| match error {
            flatgeobuf::Error::IO(error) => error,
            other => io::Error::other(other.to_string()),
        })
    }
}

impl fmt::Debug for FlatGeobufWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FlatGeobufWriter")
    }
}

fn failed(error: GeozeroError) -> io::Error {
    match error {
        GeozeroError::IoError(error) => error,
        other => io::Error::other(other.to_string()),
    }
}

/// Where a center is; an empty point where that is not known.
struct Place(Option<Position>);

impl GeozeroGeometry for Place {
    fn process_geom<P: GeomProcessor>(&self, processor: &mut P) -> Result<(), GeozeroError> {
        processor.point_begin(0)?;
        let (x, y) = self.0.map_or((f64::NAN, f64::NAN), |position| {
            (position.longitude(), position.latitude())
        });
        processor.xy(x, y, 0)?;
        processor.point_end(0)
    }
}
