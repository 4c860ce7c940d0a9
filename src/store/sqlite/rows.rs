//! Rows of SQLite, read into the domain.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rusqlite::Row;

use super::columns::{Columns as _, no_id};
use crate::domain::{
    Attributes, Center, CenterId, CenterText, FieldKind, FieldValue, Fields, Position, TextField,
};

/// The place of the first text among the columns of a center, and of what follows
/// the texts.
const FIRST_TEXT: usize = 6;
const OWNERSHIP_STATUS: usize = FIRST_TEXT + TextField::ALL.len();
/// How many columns a center has, its attributes left out.
const CENTER_COLUMNS: usize = OWNERSHIP_STATUS + 1;

/// Reads the columns of a center.
pub(super) fn center(row: &Row<'_>, fields: &Arc<Fields>) -> rusqlite::Result<Center> {
    let owned = |field: TextField| -> rusqlite::Result<Option<String>> {
        Ok(row.text(FIRST_TEXT + field as usize)?.map(Cow::into_owned))
    };
    Ok(Center {
        id: id(row)?,
        text: CenterText {
            name: owned(TextField::Name)?.unwrap_or_default(),
            description: owned(TextField::Description)?,
            address: owned(TextField::Address)?,
            email: owned(TextField::Email)?,
            phone: owned(TextField::Phone)?,
            website: owned(TextField::Website)?,
            country: owned(TextField::Country)?,
            region: owned(TextField::Region)?,
            city: owned(TextField::City)?,
            logo_url: owned(TextField::LogoUrl)?,
        },
        position: position(row)?,
        view_count: row.integer(3)?.unwrap_or(0),
        created_at: time(row, 4)?,
        updated_at: time(row, 5)?,
        ownership_status: row.text(OWNERSHIP_STATUS)?.map(Cow::into_owned),
        attributes: Attributes::new(fields, attributes(row, CENTER_COLUMNS, fields)?),
    })
}

/// Reads the attributes, the first of which is in a column.
pub(super) fn attributes(
    row: &Row<'_>,
    first: usize,
    fields: &Fields,
) -> rusqlite::Result<Vec<Option<FieldValue>>> {
    let attributes = (first..).zip(fields.attributes());
    attributes
        .map(|(at, attribute)| {
            Ok(match attribute.kind {
                FieldKind::Text => {
                    let text = row.text(at)?;
                    text.map(|text| FieldValue::Text(text.into_owned()))
                }
                FieldKind::Number => row.real(at)?.map(FieldValue::Number),
                FieldKind::Boolean => {
                    let number = row.integer(at)?;
                    number.map(|number| FieldValue::Boolean(number != 0))
                }
                FieldKind::Date => row.integer(at)?.and_then(FieldValue::of_day),
            })
        })
        .collect()
}

/// The id, which is the first column.
pub(super) fn id(row: &Row<'_>) -> rusqlite::Result<CenterId> {
    let number = row.integer(0)?.unwrap_or(0);
    CenterId::new(number).ok_or_else(|| no_id(number))
}

/// The position, whose latitude and longitude follow the id.
pub(super) fn position(row: &Row<'_>) -> rusqlite::Result<Option<Position>> {
    Ok(row
        .real(1)?
        .zip(row.real(2)?)
        .and_then(|(latitude, longitude)| Position::new(latitude, longitude).ok()))
}

/// A time that is missing or cannot be read is not known.
fn time(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<DateTime<Utc>>> {
    let time = row.text(at)?;
    let time = time.and_then(|time| DateTime::parse_from_rfc3339(&time).ok());
    Ok(time.map(|time| time.to_utc()))
}
