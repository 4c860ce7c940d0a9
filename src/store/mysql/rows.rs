//! Rows of MySQL: read into the domain, and written as lists.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde_json::{Map, Value, json};
use sqlx::Row;
use sqlx::mysql::MySqlRow;

use crate::domain::{
    Attributes, Center, CenterDraft, CenterId, CenterText, FieldKind, FieldValue, Fields, Position,
    Summary, TextField,
};
use crate::store::plan::Stored;

/// The place of the first text among the columns of a center, and of what follows
/// the texts.
const FIRST_TEXT: usize = 6;
const OWNERSHIP_STATUS: usize = FIRST_TEXT + TextField::ALL.len();
/// How many columns a center has.
const CENTER_COLUMNS: usize = OWNERSHIP_STATUS + 1;
/// How many columns a center in a search has, its attributes left out.
const SUMMARY_COLUMNS: usize = 7;
/// The place of the first text in a row written as a list.
pub(super) const FIRST_LISTED_TEXT: usize = 5;

/// The place of the distance in a row of a search.
pub(super) fn distance_column(fields: &Fields) -> usize {
    SUMMARY_COLUMNS + fields.attributes().len()
}

/// The sentinel: what location holds where there are no coordinates.
const NOWHERE: (f64, f64) = (0.0, 0.0);

/// Longitude and latitude of the location that belongs to a position. -180 is
/// written as 180, as older servers refuse it.
pub(super) fn point(position: Option<Position>) -> (f64, f64) {
    position.map_or(NOWHERE, |position| {
        let longitude = match position.longitude() {
            -180.0 => 180.0,
            longitude => longitude,
        };
        (longitude, position.latitude())
    })
}

/// Reads the columns of `Names::center_columns`.
pub(super) fn center(row: &MySqlRow, fields: &Arc<Fields>) -> Result<Center, sqlx::Error> {
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
        view_count: row.try_get::<Option<i64>, _>(3)?.unwrap_or(0),
        created_at: time(row, 4),
        updated_at: time(row, 5),
        ownership_status: text(row, OWNERSHIP_STATUS)?.map(Cow::into_owned),
        attributes: Attributes::new(fields, attributes(row, CENTER_COLUMNS, fields)?),
    })
}

/// Reads the attributes, the first of which is in a column.
fn attributes(
    row: &MySqlRow,
    first: usize,
    fields: &Fields,
) -> Result<Vec<Option<FieldValue>>, sqlx::Error> {
    let attributes = (first..).zip(fields.attributes());
    attributes
        .map(|(at, attribute)| {
            Ok(match attribute.kind {
                FieldKind::Text => text(row, at)?.map(|text| FieldValue::Text(text.into_owned())),
                FieldKind::Number => row.try_get::<Option<f64>, _>(at)?.map(FieldValue::Number),
                FieldKind::Boolean => {
                    let number: Option<i64> = row.try_get_unchecked(at)?;
                    number.map(|number| FieldValue::Boolean(number != 0))
                }
                FieldKind::Date => {
                    let days: Option<i64> = row.try_get_unchecked(at)?;
                    days.and_then(FieldValue::of_day)
                }
            })
        })
        .collect()
}

/// Reads the columns of `Names::summary_columns` and hands them on; a row
/// without a position is passed over.
pub(super) fn summary(
    row: &MySqlRow,
    fields: &Fields,
    each: impl FnOnce(Summary<'_>),
) -> Result<(), sqlx::Error> {
    let Some(position) = position(row)? else {
        return Ok(());
    };
    let name = text(row, 3)?.unwrap_or_default();
    let (country, region, city) = (text(row, 4)?, text(row, 5)?, text(row, 6)?);
    let attributes = attributes(row, SUMMARY_COLUMNS, fields)?;
    each(Summary {
        id: id(row)?,
        position,
        name: &name,
        country: country.as_deref(),
        region: region.as_deref(),
        city: city.as_deref(),
        attributes: &attributes,
    });
    Ok(())
}

/// Reads id, coordinates and name and hands them on.
pub(super) fn name(
    row: &MySqlRow,
    each: impl FnOnce(CenterId, &str, Option<Position>),
) -> Result<(), sqlx::Error> {
    each(id(row)?, &text(row, 3)?.unwrap_or_default(), position(row)?);
    Ok(())
}

/// One row of `Names::rows_as_table`.
pub(super) fn listed(id: Option<CenterId>, draft: &CenterDraft, texts: &[TextField]) -> Value {
    let (x, y) = point(draft.position());
    let mut row = vec![
        json!(id.map(CenterId::get)),
        json!(x),
        json!(y),
        json!(draft.position().map(Position::latitude)),
        json!(draft.position().map(Position::longitude)),
    ];
    row.extend(texts.iter().map(|&field| json!(draft.text().get(field))));
    // Those that are not said are not there, which a column of their table tells from NULL.
    let attributes: Map<String, Value> = draft
        .attributes()
        .map(|(place, value)| {
            let value = match value {
                None => Value::Null,
                Some(FieldValue::Text(text)) => json!(text),
                Some(FieldValue::Number(number)) => json!(number),
                Some(FieldValue::Boolean(boolean)) => json!(i64::from(*boolean)),
                Some(FieldValue::Date(date)) => json!(date.to_string()),
            };
            (format!("a{place}"), value)
        })
        .collect();
    if !attributes.is_empty() {
        row.push(attributes.into());
    }
    Value::Array(row)
}

pub(super) fn id(row: &MySqlRow) -> Result<CenterId, sqlx::Error> {
    let id: i64 = row.try_get(0)?;
    CenterId::new(id).ok_or_else(|| sqlx::Error::Decode(format!("{id} is no id").into()))
}

fn position(row: &MySqlRow) -> Result<Option<Position>, sqlx::Error> {
    let latitude: Option<f64> = row.try_get(1)?;
    let longitude: Option<f64> = row.try_get(2)?;
    Ok(latitude
        .zip(longitude)
        .and_then(|(latitude, longitude)| Position::new(latitude, longitude).ok()))
}

/// Whatever type the column has: others' tables may hold bytes.
pub(super) fn text(row: &MySqlRow, at: usize) -> Result<Option<Cow<'_, str>>, sqlx::Error> {
    let bytes: Option<&[u8]> = row.try_get_unchecked(at)?;
    Ok(bytes.map(String::from_utf8_lossy))
}

/// A time, or a day as its first moment. What is missing, zero as old tables have
/// it, or no time at all is not known.
fn time(row: &MySqlRow, at: usize) -> Option<DateTime<Utc>> {
    let time: Option<NaiveDateTime> = row.try_get(at).ok().flatten();
    let day = || -> Option<NaiveDate> { row.try_get(at).ok().flatten() };
    let time = time.or_else(|| Some(day()?.and_time(NaiveTime::MIN)));
    time.map(|time| time.and_utc())
}

/// Reads the columns of `Names::center_columns` and whether the row is in order.
pub(super) fn stored(row: &MySqlRow, fields: &Arc<Fields>) -> Result<Stored, sqlx::Error> {
    let in_order = CENTER_COLUMNS + fields.attributes().len();
    let in_order: Option<bool> = row.try_get_unchecked(in_order)?;
    Ok(Stored {
        center: center(row, fields)?,
        in_order: in_order.unwrap_or(false),
    })
}
