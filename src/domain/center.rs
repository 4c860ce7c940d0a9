//! Centers: the places that are searched for.

use std::fmt;
use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::attributes::Attributes;
use super::condition::{Condition, FieldId, FieldValue, ValueRef};
use super::position::{Position, PositionError};

/// The ids of rows, whoever numbered them: every number of 64 bits but the least, at
/// which walks by id begin.
pub const IDS: RangeInclusive<i64> = -i64::MAX..=i64::MAX;
/// The ids that a client may choose for a new row. Beyond the last is room in which
/// every database can number further rows for ever: those whose ids a JSON number
/// holds exactly (RFC 8259, section 6) are seven million million.
pub const CHOSEN_IDS: RangeInclusive<i64> = 1..=9_000_000_000_000_000;

/// The number of a center, one of [`IDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CenterId(i64);

impl CenterId {
    /// Takes one of [`IDS`]; `None` for any other.
    #[must_use]
    pub fn new(id: i64) -> Option<Self> {
        IDS.contains(&id).then_some(Self(id))
    }

    /// Takes one of [`CHOSEN_IDS`]; `None` for any other.
    #[must_use]
    pub fn chosen(id: i64) -> Option<Self> {
        CHOSEN_IDS.contains(&id).then_some(Self(id))
    }

    /// The plain number.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for CenterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text fields of a center, with the lengths that both stores keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TextField {
    /// What the center is called; the only text that must be there.
    Name,
    /// Free text about the center.
    Description,
    /// Street address.
    Address,
    /// E-mail address, not checked beyond its length.
    Email,
    /// Telephone number, as written.
    Phone,
    /// Address of its web site.
    Website,
    /// Country, by name or code, as the operator keeps it.
    Country,
    /// Region, state or island within the country.
    Region,
    /// City or village.
    City,
    /// Address of its logo.
    LogoUrl,
}

impl TextField {
    /// Every text field, in the order of the table's columns.
    pub const ALL: [Self; 10] = [
        Self::Name,
        Self::Description,
        Self::Address,
        Self::Email,
        Self::Phone,
        Self::Website,
        Self::Country,
        Self::Region,
        Self::City,
        Self::LogoUrl,
    ];

    /// The field's name on the wire, in files and in error messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Description => "description",
            Self::Address => "address",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Website => "website",
            Self::Country => "country",
            Self::Region => "region",
            Self::City => "city",
            Self::LogoUrl => "logo_url",
        }
    }

    /// The most characters the field holds. The two long texts are bounded so
    /// that four-byte characters still fit MySQL's 65,535 bytes of `TEXT`.
    #[must_use]
    pub fn max_chars(self) -> usize {
        match self {
            Self::Name | Self::Website => 255,
            Self::Description | Self::Address => 16_000,
            Self::Email | Self::Country | Self::Region | Self::City => 100,
            Self::Phone => 50,
            Self::LogoUrl => 500,
        }
    }
}

/// Why a center cannot be taken.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum FieldError {
    /// The name is missing, empty or blank.
    #[error("name must not be empty")]
    NameMissing,
    /// A text is longer than its column.
    #[error("{} must have at most {} characters, got {got}", field.name(), field.max_chars())]
    TooLong {
        /// The field at fault.
        field: TextField,
        /// How many characters it has.
        got: usize,
    },
    /// A text holds a character that a text column or a log line cannot carry.
    #[error("{} must not contain control characters other than tab and line breaks, got {got:?}", field.name())]
    ControlCharacter {
        /// The field at fault.
        field: TextField,
        /// The character found.
        got: char,
    },
    /// Only one of the two coordinates is there.
    #[error("{missing} is missing: latitude and longitude come together or not at all")]
    HalfPosition {
        /// The coordinate that is not there.
        missing: &'static str,
    },
    /// The coordinates are not a point on the globe.
    #[error(transparent)]
    Position(#[from] PositionError),
}

impl FieldError {
    /// The name of the field at fault.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::NameMissing => TextField::Name.name(),
            Self::TooLong { field, .. } | Self::ControlCharacter { field, .. } => field.name(),
            Self::HalfPosition { missing } => missing,
            Self::Position(PositionError::Latitude(_)) => "latitude",
            Self::Position(PositionError::Longitude(_) | PositionError::UnboundedLongitude(_)) => {
                "longitude"
            }
        }
    }
}

/// The texts of a center, as anybody may hand them in: not yet checked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CenterText {
    /// See [`TextField::Name`].
    pub name: String,
    /// See [`TextField::Description`].
    pub description: Option<String>,
    /// See [`TextField::Address`].
    pub address: Option<String>,
    /// See [`TextField::Email`].
    pub email: Option<String>,
    /// See [`TextField::Phone`].
    pub phone: Option<String>,
    /// See [`TextField::Website`].
    pub website: Option<String>,
    /// See [`TextField::Country`].
    pub country: Option<String>,
    /// See [`TextField::Region`].
    pub region: Option<String>,
    /// See [`TextField::City`].
    pub city: Option<String>,
    /// See [`TextField::LogoUrl`].
    pub logo_url: Option<String>,
}

impl CenterText {
    /// The value of one field.
    #[must_use]
    pub fn get(&self, field: TextField) -> Option<&str> {
        match field {
            TextField::Name => Some(&self.name),
            TextField::Description => self.description.as_deref(),
            TextField::Address => self.address.as_deref(),
            TextField::Email => self.email.as_deref(),
            TextField::Phone => self.phone.as_deref(),
            TextField::Website => self.website.as_deref(),
            TextField::Country => self.country.as_deref(),
            TextField::Region => self.region.as_deref(),
            TextField::City => self.city.as_deref(),
            TextField::LogoUrl => self.logo_url.as_deref(),
        }
    }
}

/// What a client says of a center, checked: everything but what the store
/// assigns (id, times, view count).
#[derive(Debug, Clone, PartialEq)]
pub struct CenterDraft {
    text: CenterText,
    position: Option<Position>,
    attributes: Vec<(usize, Option<FieldValue>)>,
}

impl CenterDraft {
    /// Checks the texts against their columns.
    ///
    /// # Errors
    /// When the name is blank, a text is too long or holds a control character.
    pub fn new(text: CenterText, position: Option<Position>) -> Result<Self, FieldError> {
        Self::checked(text, position, &TextField::ALL)
    }

    fn checked(
        text: CenterText,
        position: Option<Position>,
        said: &[TextField],
    ) -> Result<Self, FieldError> {
        if said.contains(&TextField::Name) && text.name.trim().is_empty() {
            return Err(FieldError::NameMissing);
        }
        for &field in said {
            let Some(value) = text.get(field) else {
                continue;
            };
            check_text(field, value)?;
        }
        Ok(Self {
            text,
            position,
            attributes: Vec::new(),
        })
    }

    /// The same with attributes, by their places among its collection's. Those that are
    /// missing are NULL in a new row, and stay in a row that is there.
    #[must_use]
    pub fn with_attributes(self, mut attributes: Vec<(usize, Option<FieldValue>)>) -> Self {
        // However they were said: drafts that say the same are written together.
        attributes.sort_unstable_by_key(|(place, _)| *place);
        Self { attributes, ..self }
    }

    /// The same from two coordinates that may each be missing.
    ///
    /// # Errors
    /// As [`CenterDraft::new`], and when only one coordinate is there or they
    /// are out of range.
    pub fn with_coordinates(
        text: CenterText,
        latitude: Option<f64>,
        longitude: Option<f64>,
    ) -> Result<Self, FieldError> {
        Self::edited(text, latitude, longitude, &TextField::ALL)
    }

    /// The same of a center that is edited: only the texts that the edit says are checked.
    /// The others are as another application may have written them.
    ///
    /// # Errors
    /// As [`CenterDraft::with_coordinates`].
    pub fn edited(
        text: CenterText,
        latitude: Option<f64>,
        longitude: Option<f64>,
        said: &[TextField],
    ) -> Result<Self, FieldError> {
        let position = match (latitude, longitude) {
            (Some(latitude), Some(longitude)) => Some(Position::new(latitude, longitude)?),
            (None, None) => None,
            (Some(_), None) => {
                return Err(FieldError::HalfPosition {
                    missing: "longitude",
                });
            }
            (None, Some(_)) => {
                return Err(FieldError::HalfPosition {
                    missing: "latitude",
                });
            }
        };
        Self::checked(text, position, said)
    }

    /// The texts.
    #[must_use]
    pub fn text(&self) -> &CenterText {
        &self.text
    }

    /// Where the center stands, if that is known.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// The attributes that it says something of, be it that they are NULL, by their places
    /// among its collection's.
    pub fn attributes(&self) -> impl Iterator<Item = (usize, Option<&FieldValue>)> {
        let said = self.attributes.iter();
        said.map(|(place, value)| (*place, value.as_ref()))
    }

    /// An attribute, by its place among its collection's; `None` where it is NULL or not said.
    #[must_use]
    pub fn attribute(&self, place: usize) -> Option<&FieldValue> {
        let mut said = self.attributes();
        said.find_map(|(other, value)| value.filter(|_| other == place))
    }
}

/// A center after an edit.
#[derive(Debug, Clone, PartialEq)]
pub struct CenterEdit {
    /// What is said of it then. Attributes that it does not say stay as they are stored, which
    /// may be more than their kind can tell, as a time of day.
    pub draft: CenterDraft,
    /// Whether the edit says where it stands. Otherwise its coordinates stay as they
    /// are stored, whatever they are: others write halves, and what is no point on
    /// the globe, and may come back to them.
    pub places: bool,
    /// The texts that the edit says something of. Others stay as they are stored, which may
    /// be more than a text can tell, as bytes.
    pub texts: Vec<TextField>,
}

impl CenterEdit {
    /// One that says everything that a client may say.
    #[must_use]
    pub fn whole(draft: CenterDraft) -> Self {
        Self {
            draft,
            places: true,
            texts: TextField::ALL.to_vec(),
        }
    }
}

fn check_text(field: TextField, value: &str) -> Result<(), FieldError> {
    let forbidden = |c: &char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    if let Some(got) = value.chars().find(forbidden) {
        return Err(FieldError::ControlCharacter { field, got });
    }
    // Bytes bound characters, so only long texts are counted.
    if value.len() > field.max_chars() {
        let got = value.chars().count();
        if got > field.max_chars() {
            return Err(FieldError::TooLong { field, got });
        }
    }
    Ok(())
}

/// A center as the store holds it.
///
/// The texts may be what another application wrote, so they are not a
/// [`CenterDraft`]; coordinates that are incomplete or out of range read as no
/// position.
#[derive(Debug, Clone, PartialEq)]
pub struct Center {
    /// Its number.
    pub id: CenterId,
    /// Its texts.
    pub text: CenterText,
    /// Where it stands, if that is known.
    pub position: Option<Position>,
    /// How often it was viewed, counted by the application that owns the table.
    pub view_count: i64,
    /// When it was created; `None` where that is not known.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was last written; `None` where that is not known.
    pub updated_at: Option<DateTime<Utc>>,
    /// Whether it is claimed, in the words of the application that owns the table;
    /// `None` where nobody keeps that.
    pub ownership_status: Option<String>,
    /// Its attributes.
    pub attributes: Attributes,
}

impl Center {
    /// What search answers say of it; `None` without a position.
    #[must_use]
    pub fn summary(&self) -> Option<Summary<'_>> {
        Some(self.summary_at(self.position?))
    }

    /// Whether a condition holds for it.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "that is a position")]
    pub fn fulfils(&self, condition: &Condition) -> bool {
        // Where it stands is not asked of its fields.
        let anywhere = Position::new(0.0, 0.0).expect("that is a position");
        let summary = self.summary_at(anywhere);
        condition.holds(&|field| summary.value(field), &|| self.position) == Some(true)
    }

    fn summary_at(&self, position: Position) -> Summary<'_> {
        Summary {
            id: self.id,
            position,
            name: &self.text.name,
            country: self.text.country.as_deref(),
            region: self.text.region.as_deref(),
            city: self.text.city.as_deref(),
            attributes: self.attributes.values(),
        }
    }
}

/// What search answers say of a center, borrowed from wherever it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary<'a> {
    /// Its number.
    pub id: CenterId,
    /// Where it stands.
    pub position: Position,
    /// What it is called.
    pub name: &'a str,
    /// See [`TextField::Country`].
    pub country: Option<&'a str>,
    /// See [`TextField::Region`].
    pub region: Option<&'a str>,
    /// See [`TextField::City`].
    pub city: Option<&'a str>,
    /// Its attributes, in the order of its collection's.
    pub attributes: &'a [Option<FieldValue>],
}

impl<'a> Summary<'a> {
    /// The value of a field that can be filtered by; `None` where it is NULL.
    #[must_use]
    pub fn value(&self, field: FieldId) -> Option<ValueRef<'a>> {
        let text = match field {
            FieldId::NAME => Some(self.name),
            FieldId::COUNTRY => self.country,
            FieldId::REGION => self.region,
            FieldId::CITY => self.city,
            other => {
                let value = self.attributes.get(other.attribute()?)?;
                return value.as_ref().map(FieldValue::borrowed);
            }
        };
        text.map(ValueRef::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> CenterText {
        CenterText {
            name: name.to_owned(),
            ..CenterText::default()
        }
    }

    #[test]
    fn any_number_is_an_id_and_those_that_clients_choose_leave_room_for_more() {
        for id in [-i64::MAX, -1, 0, 1, (1 << 53) + 1, i64::MAX] {
            assert_eq!(CenterId::new(id).map(CenterId::get), Some(id));
        }
        assert_eq!(CenterId::new(i64::MIN), None);
        let last = 9_000_000_000_000_000;
        assert!(
            [1, last]
                .into_iter()
                .all(|id| CenterId::chosen(id).is_some())
        );
        for id in [-1, 0, last + 1, (1 << 53) - 1] {
            assert_eq!(CenterId::chosen(id), None);
        }
    }

    #[test]
    fn a_blank_name_is_refused() {
        for name in ["", "  \t"] {
            assert_eq!(
                CenterDraft::new(named(name), None),
                Err(FieldError::NameMissing)
            );
        }
    }

    #[test]
    fn lengths_are_counted_in_characters_at_the_limit_and_one_past_it() {
        let at_limit = "é".repeat(255);
        assert!(CenterDraft::new(named(&at_limit), None).is_ok());
        let refused = CenterDraft::new(named(&(at_limit + "é")), None).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "name must have at most 255 characters, got 256"
        );
    }

    #[test]
    fn a_control_character_is_refused_and_a_line_break_is_not() {
        assert!(CenterDraft::new(named("two\nlines"), None).is_ok());
        let refused = CenterDraft::new(named("nul\0"), None).unwrap_err();
        assert_eq!(refused.field(), "name");
    }

    #[test]
    fn half_a_position_is_refused_by_the_name_of_what_is_missing() {
        let refused = CenterDraft::with_coordinates(named("a"), Some(1.0), None).unwrap_err();
        assert_eq!(refused.field(), "longitude");
        let refused = CenterDraft::with_coordinates(named("a"), None, Some(1.0)).unwrap_err();
        assert_eq!(refused.field(), "latitude");
    }

    #[test]
    fn a_center_at_zero_zero_has_a_position() {
        let draft = CenterDraft::with_coordinates(named("a"), Some(0.0), Some(0.0)).unwrap();
        assert_eq!(draft.position(), Some(Position::new(0.0, 0.0).unwrap()));
    }
}
