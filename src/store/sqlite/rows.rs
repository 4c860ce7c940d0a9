//! Rows of SQLite, read into the domain.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use super::columns::{Columns, NoId};
use crate::domain::{Center, CenterId, CenterText, Position, TextField};

/// The place of the first text among the columns of a center, and of what follows
/// the texts.
const FIRST_TEXT: usize = 6;
const OWNERSHIP_STATUS: usize = FIRST_TEXT + TextField::ALL.len();

/// Reads the columns of a center.
pub(super) fn center<R: Columns>(row: &R) -> Result<Center, R::Error> {
    let owned = |field: TextField| -> Result<Option<String>, R::Error> {
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
    })
}

/// The id, which is the first column.
pub(super) fn id<R: Columns>(row: &R) -> Result<CenterId, R::Error> {
    let number = row.integer(0)?.unwrap_or(0);
    CenterId::new(number).ok_or_else(|| NoId(number).into())
}

/// The position, whose latitude and longitude follow the id.
pub(super) fn position<R: Columns>(row: &R) -> Result<Option<Position>, R::Error> {
    Ok(row
        .real(1)?
        .zip(row.real(2)?)
        .and_then(|(latitude, longitude)| Position::new(latitude, longitude).ok()))
}

/// A time that is missing or cannot be read is not known.
fn time<R: Columns>(row: &R, at: usize) -> Result<Option<DateTime<Utc>>, R::Error> {
    let time = row.text(at)?;
    let time = time.and_then(|time| DateTime::parse_from_rfc3339(&time).ok());
    Ok(time.map(|time| time.to_utc()))
}
