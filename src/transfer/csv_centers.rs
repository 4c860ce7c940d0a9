//! Centers as CSV (RFC 4180).

use std::borrow::Cow;
use std::io::{self, Write};

use super::write::time;
use crate::domain::{Center, FieldValue, Position, TextField};
use crate::store::Collection;

/// The columns of the table, in its order; attributes follow.
const COLUMNS: [&str; 16] = [
    "id",
    "name",
    "description",
    "address",
    "email",
    "phone",
    "website",
    "latitude",
    "longitude",
    "country",
    "region",
    "city",
    "logo_url",
    "view_count",
    "created_at",
    "updated_at",
];

/// Writes centers as the records of a CSV file.
#[derive(Debug)]
pub(super) struct CsvWriter<W: Write> {
    csv: csv::Writer<W>,
    /// Whether texts that a spreadsheet would take for formulas get a `'` before them.
    pub(super) is_excel_safe: bool,
}

impl<W: Write> CsvWriter<W> {
    pub(super) fn begin(out: W, collection: &Collection) -> io::Result<Self> {
        let mut csv = csv::Writer::from_writer(out);
        let attributes = collection.fields().attributes().iter();
        let attributes = attributes.map(|attribute| attribute.name.as_str());
        csv.write_record(COLUMNS.into_iter().chain(attributes))
            .map_err(io_error)?;
        Ok(Self {
            csv,
            is_excel_safe: false,
        })
    }

    pub(super) fn write(&mut self, center: &Center) -> io::Result<()> {
        let degrees =
            |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        let is_excel_safe = self.is_excel_safe;
        let field = |field: TextField| shown(center.text.get(field).unwrap_or(""), is_excel_safe);
        let at = center.position;
        let fields = [
            center.id.to_string().into(),
            field(TextField::Name),
            field(TextField::Description),
            field(TextField::Address),
            field(TextField::Email),
            field(TextField::Phone),
            field(TextField::Website),
            degrees(at.map(Position::latitude)).into(),
            degrees(at.map(Position::longitude)).into(),
            field(TextField::Country),
            field(TextField::Region),
            field(TextField::City),
            field(TextField::LogoUrl),
            center.view_count.to_string().into(),
            center
                .created_at
                .as_ref()
                .map(time)
                .unwrap_or_default()
                .into(),
            center
                .updated_at
                .as_ref()
                .map(time)
                .unwrap_or_default()
                .into(),
        ];
        let attributes = center.attributes.values().iter().map(|value| match value {
            None => Cow::Borrowed(""),
            Some(FieldValue::Text(text)) => shown(text, is_excel_safe),
            Some(FieldValue::Number(number)) => number.to_string().into(),
            Some(FieldValue::Boolean(true)) => "true".into(),
            Some(FieldValue::Boolean(false)) => "false".into(),
            Some(FieldValue::Date(date)) => date.to_string().into(),
        });
        for field in fields.into_iter().chain(attributes) {
            self.csv.write_field(field.as_bytes()).map_err(io_error)?;
        }
        // No further field: the end of the record.
        self.csv.write_record(None::<&[u8]>).map_err(io_error)
    }

    pub(super) fn finish(self) -> io::Result<W> {
        let out = self.csv.into_inner();
        out.map_err(csv::IntoInnerError::into_error)
    }
}

/// A text, with a `'` before it where it is to be no formula.
fn shown(text: &str, is_excel_safe: bool) -> Cow<'_, str> {
    if is_excel_safe && is_formula(text) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a spreadsheet takes a text for a formula, or for what is one once it took the first
/// character away (OWASP, CSV injection).
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])
}

/// What is behind an error of the CSV writer, which can fail in no other way
/// here; its own conversion would hide that a pipe was closed.
pub(super) fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}
