//! Attributes: columns of a table beside those that nearby knows by itself.

use super::ColumnName;
use crate::domain::{FieldKind, OPENING_HOURS, SERVICE_RADIUS, TIME_ZONE};

/// A column that a collection declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// What it is called in parameters, bodies, answers and files.
    pub name: ColumnName,
    /// What it holds.
    pub kind: FieldKind,
    /// The column.
    pub column: ColumnName,
    /// What reads it: a value of its kind, or NULL. Not known before the table was
    /// looked at.
    pub(in crate::store) read: Option<String>,
}

impl Attribute {
    /// An attribute that is in a column.
    #[must_use]
    pub fn new(name: ColumnName, kind: FieldKind, column: ColumnName) -> Self {
        Self {
            name,
            kind,
            column,
            read: None,
        }
    }

    /// How far rows reach, in metres, which is in a column.
    #[must_use]
    pub fn service_radius(column: ColumnName) -> Self {
        let name = ColumnName(SERVICE_RADIUS.to_owned());
        Self::new(name, FieldKind::Number, column)
    }

    /// When rows are open, as OpenStreetMap writes it, which is in a column.
    #[must_use]
    pub fn opening_hours(column: ColumnName) -> Self {
        let name = ColumnName(OPENING_HOURS.to_owned());
        Self::new(name, FieldKind::Text, column)
    }

    /// In which time zone of the IANA database rows are, which is in a column.
    #[must_use]
    pub fn time_zone(column: ColumnName) -> Self {
        let name = ColumnName(TIME_ZONE.to_owned());
        Self::new(name, FieldKind::Text, column)
    }

    /// The SQL that reads it, as the database says [`crate::domain::FieldValue`]s of its
    /// kind.
    pub(in crate::store) fn read(&self) -> String {
        self.read.clone().unwrap_or_else(|| self.column.quoted())
    }
}

/// Names that are those of parameters, or of members of answers, already.
pub const RESERVED_NAMES: &[&str] = &[
    "average_rating",
    "bbox",
    "cascade",
    "count",
    "created_at",
    "cursor",
    "datetime",
    "distance_m",
    "exclude",
    "f",
    "facets",
    "fields",
    "filter",
    "format",
    "geometry",
    "group_by",
    "lat",
    "limit",
    "lng",
    "match",
    "max_radius_m",
    "min_distance_m",
    "min_radius_m",
    "min_rating",
    "open",
    "organization",
    "polygon",
    "q",
    "radius_km",
    "radius_m",
    "radius_mi",
    "rating_count",
    "total",
    "type",
    "zoom",
];
