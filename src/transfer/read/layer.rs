//! Rows of a layer of points in a `GeoPackage`.

use serde_json::{Map, Value, json};

use super::error::{InputError, RowError};
use super::header::Columns;
use super::number::parse_id;
use super::reference::is_wgs84;
use super::row::{attributes, center_text, draft};
use super::source::OnDisk;
use super::{RawRow, ReadOptions, Row};
use crate::store::{BatchItem, LayerPlace, LayerRow, LayerValue, PointLayer};

/// The rows of a layer.
#[derive(Debug)]
pub(super) struct LayerRows {
    layer: PointLayer,
    columns: Columns,
    /// How many rows were read.
    number: u64,
    /// The row that came last, as a GeoJSON Feature.
    raw: Vec<u8>,
    /// Removed with the rows, where it is a copy.
    _file: OnDisk,
}

impl LayerRows {
    pub(super) fn open(file: OnDisk, options: &ReadOptions) -> Result<Self, InputError> {
        let layer = PointLayer::open(file.path(), options.layer.as_deref())?;
        if !is_wgs84(&layer.system) {
            return Err(InputError::Reference(layer.system));
        }
        let names: Vec<&str> = layer.columns.iter().map(String::as_str).collect();
        let mut columns = Columns::of_layer(&names, &options.fields, &options.mappings)?;
        if options.ignores_ids {
            columns.id = None;
        }
        Ok(Self {
            layer,
            columns,
            number: 0,
            raw: Vec::new(),
            _file: file,
        })
    }

    pub(super) fn next_row(&mut self) -> Result<Option<Row>, InputError> {
        let Some(row) = self.layer.next_row()? else {
            return Ok(None);
        };
        self.number += 1;
        self.raw = feature(&self.layer.columns, &row);
        Ok(Some(Row {
            line: self.number,
            item: self.item(&row),
        }))
    }

    fn item(&self, row: &LayerRow) -> Result<BatchItem, RowError> {
        let coordinates = match row.place {
            LayerPlace::Nowhere => None,
            LayerPlace::Point {
                latitude,
                longitude,
            } => Some((latitude, longitude)),
            LayerPlace::Several(count) => return Err(RowError::SeveralPoints(count)),
            LayerPlace::Other(kind) => return Err(RowError::NotAPoint(kind)),
            LayerPlace::OtherSystem(srs_id) => {
                return Err(RowError::Reference(format!("srs_id {srs_id}")));
            }
            LayerPlace::Broken => return Err(RowError::Geometry),
        };
        let value = |column: usize, field: &str| match &row.values[column] {
            LayerValue::Null => Ok(None),
            LayerValue::Text(text) => Ok(Some(text.as_str())),
            LayerValue::NotUtf8(byte) => Err(RowError::NotUtf8 { byte: *byte }),
            LayerValue::Blob => Err(RowError::NotAText {
                field: field.to_owned(),
            }),
        };
        let id = match self.columns.id {
            Some(column) => value(column, "id")?.map_or(Ok(None), parse_id)?,
            None => None,
        };
        let text = center_text(|field| {
            let column = self.columns.text(field);
            let text = column.map_or(Ok(None), |column| value(column, field.name()))?;
            Ok(text.map(str::to_owned))
        })?;
        let (latitude, longitude) = coordinates.unzip();
        let attributes = attributes(&self.columns, value)?;
        let draft = draft(text, latitude, longitude)?;
        Ok(BatchItem {
            id,
            draft: draft.with_attributes(attributes),
        })
    }

    pub(super) fn raw(&self) -> RawRow<'_> {
        RawRow {
            bytes: &self.raw,
            is_whole: true,
        }
    }

    /// How rows are made of the file.
    pub(super) fn recipe(&self) -> String {
        format!("layer {:?} {}", self.layer.name, self.columns.recipe())
    }

    pub(super) fn unused(&self) -> Vec<String> {
        self.columns.unused.clone()
    }
}

/// A row as a text, for the report of rows that were not taken.
fn feature(columns: &[String], row: &LayerRow) -> Vec<u8> {
    let geometry = match &row.place {
        LayerPlace::Point {
            latitude,
            longitude,
        } => json!({"type": "Point", "coordinates": [longitude, latitude]}),
        _ => Value::Null,
    };
    let values = columns.iter().zip(&row.values);
    let properties: Map<String, Value> = values
        .map(|(name, value)| {
            let value = match value {
                LayerValue::Text(text) => Value::from(text.as_str()),
                LayerValue::Null | LayerValue::NotUtf8(_) | LayerValue::Blob => Value::Null,
            };
            (name.clone(), value)
        })
        .collect();
    json!({"type": "Feature", "geometry": geometry, "properties": properties})
        .to_string()
        .into_bytes()
}
