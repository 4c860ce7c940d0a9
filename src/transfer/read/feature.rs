//! A GeoJSON Feature as a center.

use std::collections::BTreeSet;

use geojson::feature::Id;
use geojson::{GeometryValue, JsonObject, JsonValue};
use serde::{Deserialize, Deserializer};

use super::error::{RowError, quoted, utf8};
use super::header::{Field, Properties};
use super::number::parse_id;
use super::row::{center_text, draft};
use crate::domain::{CenterId, TextField};
use crate::store::BatchItem;
use crate::transfer::axis;
use crate::wire::{JSON_WORDS, Object};

/// The most property names that are remembered in order to be reported.
const MAX_UNUSED: usize = 100;

/// A Feature (RFC 7946, section 3.2), as far as centers need it.
///
/// `geojson::Feature` would do, but it reads a missing geometry as null and
/// collects foreign members.
#[derive(Debug, Deserialize)]
#[expect(
    clippy::option_option,
    reason = "a member that is missing is not a null"
)]
struct Feature {
    r#type: String,
    id: Option<Id>,
    #[serde(default, deserialize_with = "present")]
    geometry: Option<Option<geojson::Geometry>>,
    properties: Option<JsonObject>,
}

fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Turns Features into centers.
#[derive(Debug)]
pub(super) struct Features {
    properties: Properties,
    unused: BTreeSet<String>,
}

impl Features {
    pub(super) fn new(properties: Properties) -> Self {
        Self {
            properties,
            unused: BTreeSet::new(),
        }
    }

    /// Names of properties seen that map to nothing.
    pub(super) fn unused(&self) -> Vec<String> {
        self.unused.iter().cloned().collect()
    }

    pub(super) fn parse(&mut self, bytes: &[u8]) -> Result<BatchItem, RowError> {
        let text = utf8(bytes)?;
        let Object(feature): Object<Feature> = serde_json::from_str(text)
            .map_err(|error| RowError::NotAFeature(JSON_WORDS.message(&error.to_string())))?;
        if feature.r#type != "Feature" {
            let kind = quoted(&feature.r#type);
            return Err(RowError::NotAFeature(format!("its type is `{kind}`")));
        }
        let coordinates = coordinates(feature.geometry.ok_or(RowError::NoGeometry)?)?;
        let (property_id, mut texts) =
            self.take_properties(feature.properties.unwrap_or_default())?;
        let text = center_text(|field| Ok(texts[field as usize].take()))?;
        let (latitude, longitude) = coordinates.unzip();
        Ok(BatchItem {
            id: one_id(feature.id, property_id)?,
            draft: draft(text, latitude, longitude)?,
        })
    }

    fn take_properties(
        &mut self,
        properties: JsonObject,
    ) -> Result<(Option<JsonValue>, [Option<String>; TextField::ALL.len()]), RowError> {
        let mut id = None;
        let mut texts = [const { None }; TextField::ALL.len()];
        for (name, value) in properties {
            match self.properties.field(&name) {
                Some(Field::Id) => id = Some(value),
                Some(Field::Text(field)) => texts[field as usize] = text_of(field, value)?,
                _ => {
                    if self.unused.len() < MAX_UNUSED && !self.unused.contains(&name) {
                        self.unused.insert(name);
                    }
                }
            }
        }
        Ok((id, texts))
    }
}

fn coordinates(geometry: Option<geojson::Geometry>) -> Result<Option<(f64, f64)>, RowError> {
    match geometry.map(|geometry| geometry.value) {
        None => Ok(None),
        Some(GeometryValue::Point { coordinates }) => axis::from_geojson(coordinates.as_slice())
            .map(Some)
            .ok_or(RowError::Coordinates(coordinates.len())),
        Some(other) => Err(RowError::NotAPoint(other.type_name())),
    }
}

fn text_of(field: TextField, value: JsonValue) -> Result<Option<String>, RowError> {
    match value {
        JsonValue::Null => Ok(None),
        JsonValue::String(text) => Ok(Some(text)),
        JsonValue::Number(number) => Ok(Some(number.to_string())),
        JsonValue::Bool(truth) => Ok(Some(truth.to_string())),
        JsonValue::Array(_) | JsonValue::Object(_) => Err(RowError::NotAText {
            field: field.name(),
        }),
    }
}

/// The id of the Feature itself or among its properties.
fn one_id(feature: Option<Id>, property: Option<JsonValue>) -> Result<Option<CenterId>, RowError> {
    let of_feature = match feature {
        None => None,
        Some(Id::Number(number)) => parse_id(&number.to_string())?,
        Some(Id::String(text)) => parse_id(&text)?,
    };
    let of_property = match property {
        None | Some(JsonValue::Null) => None,
        Some(JsonValue::String(text)) => parse_id(&text)?,
        Some(other) => parse_id(&other.to_string())?,
    };
    match (of_feature, of_property) {
        (Some(feature), Some(property)) if feature != property => Err(RowError::TwoIds {
            feature: feature.to_string(),
            property: property.to_string(),
        }),
        (of_feature, of_property) => Ok(of_feature.or(of_property)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<BatchItem, RowError> {
        Features::new(Properties::new(&[]).unwrap()).parse(text.as_bytes())
    }

    fn with_geometry(geometry: &str) -> Result<BatchItem, RowError> {
        parse(&format!(
            r#"{{"type":"Feature","geometry":{geometry},"properties":{{"name":"A"}}}}"#
        ))
    }

    #[test]
    fn a_point_is_turned_round() {
        let item = with_geometry(r#"{"type":"Point","coordinates":[23.7275,37.9838]}"#).unwrap();
        let position = item.draft.position().unwrap();
        assert_eq!(
            (position.latitude(), position.longitude()),
            (37.9838, 23.7275)
        );
    }

    #[test]
    fn a_null_geometry_is_a_center_without_coordinates_and_none_at_all_is_an_error() {
        assert_eq!(with_geometry("null").unwrap().draft.position(), None);
        assert_eq!(
            parse(r#"{"type":"Feature","properties":{"name":"A"}}"#),
            Err(RowError::NoGeometry)
        );
    }

    #[test]
    fn other_geometries_and_wrong_points_are_refused() {
        assert_eq!(
            with_geometry(r#"{"type":"LineString","coordinates":[[1,2],[3,4]]}"#),
            Err(RowError::NotAPoint("LineString"))
        );
        assert_eq!(
            with_geometry(r#"{"type":"Point","coordinates":[1,2,3,4]}"#),
            Err(RowError::Coordinates(4))
        );
        for geometry in [
            r#"{"type":"Point","coordinates":["1","2"]}"#,
            r#"{"type":"Point","coordinates":[1]}"#,
            r#"{"type":"Point","coordinates":[]}"#,
            r#"{"type":"Point","coordinates":[1e400,2]}"#,
            r#"{"type":"Point"}"#,
            "7",
        ] {
            assert!(
                matches!(with_geometry(geometry), Err(RowError::NotAFeature(_))),
                "{geometry}"
            );
        }
        assert!(matches!(
            with_geometry(r#"{"type":"Point","coordinates":[-33.9,151.2]}"#),
            Err(RowError::Swapped(_))
        ));
    }

    #[test]
    fn an_array_is_no_feature_and_what_is_wrong_is_told_without_types_of_rust() {
        for (text, told) in [
            (
                r#"["Feature",7,null,{"name":"A"}]"#,
                "an array, expected an object",
            ),
            ("7", "expected an object"),
            (
                r#"{"type":"Feature","geometry":null,"properties":[]}"#,
                "an array, expected an object",
            ),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn an_id_may_stand_in_either_place_but_not_differ() {
        let id = |member: &str, property: &str| {
            parse(&format!(
                r#"{{"type":"Feature"{member},"geometry":null,"properties":{{"name":"A"{property}}}}}"#
            ))
            .map(|item| item.id.map(CenterId::get))
        };
        assert_eq!(id("", ""), Ok(None));
        assert_eq!(id(r#","id":7"#, ""), Ok(Some(7)));
        assert_eq!(id(r#","id":"7""#, r#","id":7"#), Ok(Some(7)));
        assert_eq!(id("", r#","id":7"#), Ok(Some(7)));
        assert!(matches!(
            id(r#","id":8"#, r#","id":7"#),
            Err(RowError::TwoIds { .. })
        ));
        assert!(matches!(id(r#","id":"node/8""#, ""), Err(RowError::Id(_))));
        assert!(matches!(id(r#","id":8.5"#, ""), Err(RowError::Id(_))));
    }

    #[test]
    fn numbers_are_texts_and_lists_are_not() {
        let parsed = parse(
            r#"{"type":"Feature","geometry":null,"properties":{"name":7,"phone":302101234567,"city":null}}"#,
        )
        .unwrap();
        assert_eq!(parsed.draft.text().name, "7");
        assert_eq!(parsed.draft.text().phone.as_deref(), Some("302101234567"));
        assert_eq!(parsed.draft.text().city, None);
        assert_eq!(
            parse(r#"{"type":"Feature","geometry":null,"properties":{"name":["A"]}}"#),
            Err(RowError::NotAText { field: "name" })
        );
    }

    #[test]
    fn properties_that_map_to_nothing_are_remembered() {
        let mut features =
            Features::new(Properties::new(&["name=title".parse().unwrap()]).unwrap());
        let item = features
            .parse(br#"{"type":"Feature","geometry":null,"properties":{"title":"A","name":"B","mood":1}}"#)
            .unwrap();
        assert_eq!(item.draft.text().name, "A");
        assert_eq!(features.unused(), ["mood", "name"]);
    }
}
