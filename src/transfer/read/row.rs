//! What every format does with the fields of a row.

use super::attribute::parse_attribute;
use super::error::RowError;
use super::header::Columns;
use crate::domain::{CenterDraft, CenterText, FieldError, FieldValue, PositionError, TextField};

/// Collects the texts of a center; a missing name is found by [`draft`].
pub(super) fn center_text(
    mut value: impl FnMut(TextField) -> Result<Option<String>, RowError>,
) -> Result<CenterText, RowError> {
    Ok(CenterText {
        name: value(TextField::Name)?.unwrap_or_default(),
        description: value(TextField::Description)?,
        address: value(TextField::Address)?,
        email: value(TextField::Email)?,
        phone: value(TextField::Phone)?,
        website: value(TextField::Website)?,
        country: value(TextField::Country)?,
        region: value(TextField::Region)?,
        city: value(TextField::City)?,
        logo_url: value(TextField::LogoUrl)?,
    })
}

/// What a row says of attributes, by their places.
pub(super) type SaidAttributes = Vec<(usize, Option<FieldValue>)>;

/// Collects the attributes that a file has columns for; `value` takes a column and the name
/// of its attribute.
pub(super) fn attributes<'a>(
    columns: &Columns,
    value: impl Fn(usize, &str) -> Result<Option<&'a str>, RowError>,
) -> Result<SaidAttributes, RowError> {
    let said = columns.attributes.iter();
    said.map(|&(place, column)| {
        let attribute = columns.fields.attribute(place);
        let text = value(column, &attribute.name)?;
        Ok((place, parse_attribute(attribute, text)?))
    })
    .collect()
}

/// Checks a center and, where its latitude is impossible, whether the
/// coordinates are possible the other way round.
pub(super) fn draft(
    text: CenterText,
    latitude: Option<f64>,
    longitude: Option<f64>,
) -> Result<CenterDraft, RowError> {
    CenterDraft::with_coordinates(text, latitude, longitude).map_err(|error| match error {
        FieldError::Position(error @ PositionError::Latitude(latitude))
            if latitude.abs() <= 180.0 && longitude.is_some_and(|lng| lng.abs() <= 90.0) =>
        {
            RowError::Swapped(error)
        }
        error => error.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(latitude: f64, longitude: f64) -> String {
        let text = CenterText {
            name: "A".to_owned(),
            ..CenterText::default()
        };
        draft(text, Some(latitude), Some(longitude))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn swapped_coordinates_are_suspected_only_where_swapping_helps() {
        assert!(refused(151.2, -33.9).ends_with("are latitude and longitude the wrong way round?"));
        assert!(refused(151.2, 133.9).ends_with("got 151.2"));
        assert!(refused(200.0, 10.0).ends_with("got 200"));
    }
}
