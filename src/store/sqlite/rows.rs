//! Rows of SQLite, read into the domain.
//!
//! Columns hold values of any type in SQLite, so texts are read as whatever
//! bytes they are.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::domain::{Center, CenterId, CenterText, Position, TextField};

/// The place of the first text among the columns of a center.
const FIRST_TEXT: usize = 6;

/// Reads the columns of a center.
pub(super) fn center(row: &SqliteRow) -> Result<Center, sqlx::Error> {
    let owned = |field: TextField| -> Result<Option<String>, sqlx::Error> {
        Ok(text(row, FIRST_TEXT + field as usize)?.map(Cow::into_owned))
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
        view_count: row.try_get_unchecked::<Option<i64>, _>(3)?.unwrap_or(0),
        created_at: time(row, 4)?,
        updated_at: time(row, 5)?,
    })
}

fn id(row: &SqliteRow) -> Result<CenterId, sqlx::Error> {
    let id: i64 = row.try_get_unchecked(0)?;
    CenterId::new(id).ok_or_else(|| sqlx::Error::Decode(format!("{id} is no id").into()))
}

fn position(row: &SqliteRow) -> Result<Option<Position>, sqlx::Error> {
    let latitude: Option<f64> = row.try_get_unchecked(1)?;
    let longitude: Option<f64> = row.try_get_unchecked(2)?;
    Ok(latitude
        .zip(longitude)
        .and_then(|(latitude, longitude)| Position::new(latitude, longitude).ok()))
}

pub(super) fn text(row: &SqliteRow, at: usize) -> Result<Option<Cow<'_, str>>, sqlx::Error> {
    let bytes: Option<&[u8]> = row.try_get_unchecked(at)?;
    Ok(bytes.map(String::from_utf8_lossy))
}

/// A time that is missing or cannot be read is the epoch.
fn time(row: &SqliteRow, at: usize) -> Result<DateTime<Utc>, sqlx::Error> {
    let time = text(row, at)?.and_then(|time| DateTime::parse_from_rfc3339(&time).ok());
    Ok(time.unwrap_or_default().to_utc())
}
