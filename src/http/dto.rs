//! Centers on the wire: what clients send and what they get.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::attributes;
use super::code::Code;
use super::collections::check_field;
use super::features::links::Link;
use super::problem::Problem;
use crate::domain::{
    Center, CenterDraft, CenterEdit, CenterText, FieldError, PositionError, Rating, TextField,
};
use crate::store::Collection;
use crate::wire::{AttributeMembers, JsonId, WithOthers};

/// A member of a body: left out, null, or there.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Given<T> {
    /// Not mentioned: a new center has none, a patch leaves it alone.
    #[default]
    Absent,
    /// Taken away.
    Null,
    /// Set.
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|value| value.map_or(Self::Null, Self::Value))
    }
}

impl<T> Given<T> {
    /// The value after this was said of it.
    fn over(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Absent => before,
            Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }

    fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// The members that only nearby writes; `id` is another in all but batches.
pub(super) const READ_ONLY: [&str; 3] = ["view_count", "created_at", "updated_at"];

/// What a client says of a center, whole or in part.
#[derive(Debug, Clone, Default)]
pub struct CenterBody {
    /// Only in batches, where it names the center to replace.
    pub id: Given<JsonId>,
    members: Members,
    /// Attributes, or what is nothing at all.
    others: Vec<(String, Value)>,
}

impl<'de> Deserialize<'de> for CenterBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let WithOthers { mut known, others } = WithOthers::<Members>::deserialize(deserializer)?;
        Ok(Self {
            id: std::mem::take(&mut known.id),
            members: known,
            others,
        })
    }
}

/// The members of every center. Those that nearby writes are known here so that refusing
/// them can say why.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename = "CenterBody")]
struct Members {
    id: Given<JsonId>,
    name: Given<String>,
    description: Given<String>,
    address: Given<String>,
    email: Given<String>,
    phone: Given<String>,
    website: Given<String>,
    latitude: Given<f64>,
    longitude: Given<f64>,
    country: Given<String>,
    region: Given<String>,
    city: Given<String>,
    logo_url: Given<String>,
    view_count: Given<serde::de::IgnoredAny>,
    created_at: Given<serde::de::IgnoredAny>,
    updated_at: Given<serde::de::IgnoredAny>,
}

impl CenterBody {
    /// A whole center: what is left out is not there.
    ///
    /// # Errors
    /// When a field cannot be taken, or is not the client's to write.
    pub fn into_draft(self, collection: &Collection) -> Result<CenterDraft, Problem> {
        self.refuse(collection)?;
        let draft = self
            .members
            .over(CenterText::default(), None, &TextField::ALL)?;
        let fields = collection.fields();
        let mut attributes = vec![None; fields.attributes().len()];
        for (place, value) in attributes::written(fields, &self.others)? {
            attributes[place] = value;
        }
        Ok(draft.with_attributes(attributes.into_iter().enumerate().collect()))
    }

    /// A center with these changes (RFC 7396): what is left out stays, null
    /// takes away.
    ///
    /// # Errors
    /// When a field cannot be taken, or is not the client's to write.
    pub fn patch(self, center: &Center) -> Result<CenterEdit, Problem> {
        self.refuse_read_only()?;
        let Self {
            members, others, ..
        } = self;
        let places = !(members.latitude.is_absent() && members.longitude.is_absent());
        let position = center
            .position
            .map(|position| (position.latitude(), position.longitude()));
        let said = members.texts().into_iter();
        let said = said.filter(|(_, given)| !given.is_absent());
        let texts: Vec<TextField> = said.map(|(field, _)| field).collect();
        let draft = members.over(center.text.clone(), position, &texts)?;
        let written = match center.attributes.fields() {
            Some(fields) => attributes::written(fields, &others)?,
            None => Vec::new(),
        };
        Ok(CenterEdit {
            draft: draft.with_attributes(written),
            places,
            texts,
        })
    }

    /// Refuses what only nearby writes, and values that the collection cannot
    /// keep; a patch can be refused before the center is read.
    ///
    /// # Errors
    /// When such a member is there.
    pub fn refuse(&self, collection: &Collection) -> Result<(), Problem> {
        self.refuse_read_only()?;
        for (field, given) in self.members.texts() {
            if matches!(given, Given::Value(_)) {
                check_field(collection, field)?;
            }
        }
        attributes::written(collection.fields(), &self.others).map(drop)
    }

    fn refuse_read_only(&self) -> Result<(), Problem> {
        let members = &self.members;
        let read_only = [
            ("id", self.id.is_absent()),
            ("view_count", members.view_count.is_absent()),
            ("created_at", members.created_at.is_absent()),
            ("updated_at", members.updated_at.is_absent()),
        ];
        match read_only.iter().find(|(_, is_absent)| !is_absent) {
            None => Ok(()),
            Some((name, _)) => Err(Problem::new(
                Code::FieldReadOnly,
                format!("{name} is written by nearby alone"),
            )
            .at(*name)
            .got("a value")
            .allowed("to be left out")),
        }
    }
}

impl Members {
    fn texts(&self) -> [(TextField, &Given<String>); TextField::ALL.len()] {
        [
            (TextField::Name, &self.name),
            (TextField::Description, &self.description),
            (TextField::Address, &self.address),
            (TextField::Email, &self.email),
            (TextField::Phone, &self.phone),
            (TextField::Website, &self.website),
            (TextField::Country, &self.country),
            (TextField::Region, &self.region),
            (TextField::City, &self.city),
            (TextField::LogoUrl, &self.logo_url),
        ]
    }

    fn over(
        self,
        before: CenterText,
        position: Option<(f64, f64)>,
        said: &[TextField],
    ) -> Result<CenterDraft, Problem> {
        let text = CenterText {
            name: self.name.over(Some(before.name)).unwrap_or_default(),
            description: self.description.over(before.description),
            address: self.address.over(before.address),
            email: self.email.over(before.email),
            phone: self.phone.over(before.phone),
            website: self.website.over(before.website),
            country: self.country.over(before.country),
            region: self.region.over(before.region),
            city: self.city.over(before.city),
            logo_url: self.logo_url.over(before.logo_url),
        };
        let latitude = self.latitude.over(position.map(|(latitude, _)| latitude));
        let longitude = self
            .longitude
            .over(position.map(|(_, longitude)| longitude));
        CenterDraft::edited(text, latitude, longitude, said).map_err(Into::into)
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        let (got, allowed) = match &error {
            FieldError::NameMissing => (
                "nothing".to_owned(),
                format!(
                    "1 to {} characters, not all blank",
                    TextField::Name.max_chars()
                ),
            ),
            FieldError::TooLong { field, got } => (
                format!("{got} characters"),
                format!("at most {} characters", field.max_chars()),
            ),
            FieldError::ControlCharacter { got, .. } => (
                format!("{got:?}"),
                "text without control characters other than tab and line breaks".to_owned(),
            ),
            FieldError::HalfPosition { .. } => (
                "one of latitude and longitude".to_owned(),
                "both or neither".to_owned(),
            ),
            FieldError::Position(PositionError::Latitude(got)) => {
                (got.to_string(), "a number from -90 to 90".to_owned())
            }
            FieldError::Position(
                PositionError::Longitude(got) | PositionError::UnboundedLongitude(got),
            ) => (got.to_string(), "a number from -180 to 180".to_owned()),
        };
        Self::new(Code::ParameterInvalid, error.to_string())
            .at(error.field())
            .got(&got)
            .allowed(allowed)
    }
}

/// A whole center, as it is sent.
#[derive(Debug, Serialize)]
pub struct CenterView<'a> {
    id: JsonId,
    name: &'a str,
    description: Option<&'a str>,
    address: Option<&'a str>,
    email: Option<&'a str>,
    phone: Option<&'a str>,
    website: Option<&'a str>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    country: Option<&'a str>,
    region: Option<&'a str>,
    city: Option<&'a str>,
    #[serde(flatten)]
    attributes: AttributeMembers<'a>,
    logo_url: Option<&'a str>,
    view_count: i64,
    created_at: Option<DateTime<Utc>>,
    updated_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    average_rating: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rating_count: Option<u64>,
}

impl<'a> From<&'a Center> for CenterView<'a> {
    fn from(center: &'a Center) -> Self {
        let text = &center.text;
        Self {
            id: center.id.into(),
            name: &text.name,
            description: text.description.as_deref(),
            address: text.address.as_deref(),
            email: text.email.as_deref(),
            phone: text.phone.as_deref(),
            website: text.website.as_deref(),
            latitude: center.position.map(crate::domain::Position::latitude),
            longitude: center.position.map(crate::domain::Position::longitude),
            country: text.country.as_deref(),
            region: text.region.as_deref(),
            city: text.city.as_deref(),
            attributes: AttributeMembers(&center.attributes),
            logo_url: text.logo_url.as_deref(),
            view_count: center.view_count,
            created_at: center.created_at,
            updated_at: center.updated_at,
            average_rating: None,
            rating_count: None,
        }
    }
}

impl CenterView<'_> {
    /// With how the center is rated.
    #[must_use]
    pub fn rated(self, rating: Option<Rating>) -> Self {
        Self {
            average_rating: rating.map(|rating| rating.average),
            rating_count: rating.map(|rating| rating.count),
            ..self
        }
    }
}

/// A center as a GeoJSON feature; its geometry is null without a position (RFC
/// 7946, section 3.2).
#[derive(Debug, Serialize)]
pub struct CenterFeature<'a> {
    r#type: &'static str,
    id: JsonId,
    geometry: Option<Point>,
    properties: CenterView<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<Link>,
}

#[derive(Debug, Serialize)]
struct Point {
    r#type: &'static str,
    /// Longitude first (RFC 7946, section 3.1.1).
    coordinates: [f64; 2],
}

impl<'a> From<&'a Center> for CenterFeature<'a> {
    fn from(center: &'a Center) -> Self {
        Self {
            r#type: "Feature",
            id: center.id.into(),
            geometry: center.position.map(|position| Point {
                r#type: "Point",
                coordinates: [position.longitude(), position.latitude()],
            }),
            properties: center.into(),
            links: Vec::new(),
        }
    }
}

impl CenterFeature<'_> {
    /// With how the center is rated.
    #[must_use]
    pub fn rated(self, rating: Option<Rating>) -> Self {
        Self {
            properties: self.properties.rated(rating),
            ..self
        }
    }

    /// With links to other resources.
    #[must_use]
    pub(super) fn linked(self, links: Vec<Link>) -> Self {
        Self { links, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Attributes, CenterId, Position};

    fn center() -> Center {
        Center {
            id: CenterId::new(7).unwrap(),
            text: CenterText {
                name: "Blue".into(),
                phone: Some("1".into()),
                ..CenterText::default()
            },
            position: Position::new(1.0, 2.0).ok(),
            view_count: 0,
            created_at: Some(DateTime::UNIX_EPOCH),
            updated_at: Some(DateTime::UNIX_EPOCH),
            ownership_status: None,
            attributes: Attributes::default(),
        }
    }

    fn body(text: &str) -> CenterBody {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_patch_changes_what_it_names_and_null_takes_away() {
        let edit = body(r#"{"phone":null,"city":"Athens","latitude":3}"#)
            .patch(&center())
            .unwrap();
        let draft = &edit.draft;
        assert_eq!(draft.text().name, "Blue");
        assert_eq!(draft.text().phone, None);
        assert_eq!(draft.text().city.as_deref(), Some("Athens"));
        assert_eq!(draft.position(), Position::new(3.0, 2.0).ok());
        let gone = body(r#"{"latitude":null,"longitude":null}"#)
            .patch(&center())
            .unwrap();
        assert_eq!((gone.draft.position(), gone.places), (None, true));
        let elsewhere = body(r#"{"city":"Athens"}"#).patch(&center()).unwrap();
        assert!(edit.places && !elsewhere.places);
    }

    #[test]
    fn a_name_or_half_a_position_cannot_be_taken_away() {
        for (patch, code) in [
            (r#"{"name":null}"#, Code::ParameterInvalid),
            (r#"{"latitude":null}"#, Code::ParameterInvalid),
            (r#"{"id":7}"#, Code::FieldReadOnly),
            (r#"{"created_at":null}"#, Code::FieldReadOnly),
        ] {
            let refused = body(patch).patch(&center()).unwrap_err();
            assert_eq!(refused.code(), code, "{patch}");
        }
    }

    #[test]
    fn a_feature_without_a_position_has_a_null_geometry() {
        let center = Center {
            position: None,
            ..center()
        };
        let value = serde_json::to_value(CenterFeature::from(&center)).unwrap();
        assert!(value["geometry"].is_null());
    }
}
