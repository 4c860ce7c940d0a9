//! A GeoJSON Feature as a center.

use std::collections::BTreeSet;

use geojson::feature::Id;
use geojson::{JsonObject, JsonValue};
use serde::{Deserialize, Deserializer};

use super::attribute::parse_attribute;
use super::error::{RowError, quoted, utf8};
use super::header::{Field, Properties};
use super::number::parse_id;
use super::reference::other_than_wgs84;
use super::row::{SaidAttributes, center_text, draft};
use crate::domain::{CenterId, TextField};
use crate::store::BatchItem;
use crate::transfer::axis;
use crate::wire::{JSON_WORDS, Object};

/// The most property names that are remembered in order to be reported.
const MAX_UNUSED: usize = 100;

/// A Feature (RFC 7946, section 3.2), as far as centers need it.
///
/// `geojson::Feature` would do, but it reads a missing geometry as null, knows no
/// empty Point, and collects foreign members.
#[derive(Debug, Deserialize)]
#[expect(
    clippy::option_option,
    reason = "a member that is missing is not a null"
)]
struct Feature {
    r#type: String,
    id: Option<Id>,
    #[serde(default, deserialize_with = "present")]
    geometry: Option<Option<Geometry>>,
    properties: Option<JsonObject>,
    crs: Option<JsonValue>,
}

#[derive(Debug, Deserialize)]
struct Geometry {
    r#type: String,
    #[serde(default)]
    coordinates: JsonValue,
    crs: Option<JsonValue>,
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
    ignores_ids: bool,
    unused: BTreeSet<String>,
}

impl Features {
    pub(super) fn new(properties: Properties, ignores_ids: bool) -> Self {
        Self {
            properties,
            ignores_ids,
            unused: BTreeSet::new(),
        }
    }

    /// How rows are made of Features.
    pub(super) fn recipe(&self) -> String {
        let properties = self.properties.recipe(&[]);
        format!("ignores ids {} {properties}", self.ignores_ids)
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
        let geometry = feature.geometry.ok_or(RowError::NoGeometry)?;
        let of_geometry = geometry.as_ref().and_then(|geometry| geometry.crs.as_ref());
        for crs in [feature.crs.as_ref(), of_geometry] {
            other_than_wgs84(crs).map_err(RowError::Reference)?;
        }
        let coordinates = geometry.map_or(Ok(None), coordinates)?;
        let mut said = self.take_properties(feature.properties.unwrap_or_default())?;
        let text = center_text(|field| Ok(said.texts[field as usize].take()))?;
        let (latitude, longitude) = coordinates.unzip();
        let id = if self.ignores_ids {
            None
        } else {
            one_id(feature.id, said.id)?
        };
        let draft = draft(text, latitude, longitude)?;
        Ok(BatchItem {
            id,
            draft: draft.with_attributes(said.attributes),
        })
    }

    fn take_properties(&mut self, properties: JsonObject) -> Result<Said, RowError> {
        let mut said = Said::default();
        for (name, value) in properties {
            match self.properties.field(&name) {
                Some(Field::Id) => said.id = Some(value),
                Some(Field::Text(field)) => {
                    said.texts[field as usize] = text_of(field.name(), value)?;
                }
                Some(Field::Attribute(place)) => {
                    let attribute = self.properties.fields.attribute(place);
                    let text = text_of(&attribute.name, value)?;
                    let value = parse_attribute(attribute, text.as_deref())?;
                    said.attributes.push((place, value));
                }
                _ => {
                    if self.unused.len() < MAX_UNUSED && !self.unused.contains(&name) {
                        self.unused.insert(name);
                    }
                }
            }
        }
        Ok(said)
    }
}

/// What the properties of a Feature say.
#[derive(Debug, Default)]
struct Said {
    id: Option<JsonValue>,
    texts: [Option<String>; TextField::ALL.len()],
    attributes: SaidAttributes,
}

/// Where a geometry is: a Point, or a `MultiPoint` of one. An empty one is nowhere.
fn coordinates(geometry: Geometry) -> Result<Option<(f64, f64)>, RowError> {
    let wrong = |what: &str| RowError::NotAFeature(format!("its geometry {what}"));
    let JsonValue::Array(coordinates) = geometry.coordinates else {
        return match other_geometry(&geometry.r#type) {
            Some(kind) => Err(RowError::NotAPoint(kind)),
            None => Err(wrong("has no list of coordinates")),
        };
    };
    let point = match (geometry.r#type.as_str(), coordinates.as_slice()) {
        ("Point" | "MultiPoint", []) => return Ok(None),
        ("Point", point) => point,
        ("MultiPoint", [JsonValue::Array(point)]) => point.as_slice(),
        ("MultiPoint", several) if several.iter().all(JsonValue::is_array) => {
            return Err(RowError::SeveralPoints(several.len()));
        }
        ("MultiPoint", _) => return Err(wrong("has a point that is no list")),
        (kind, _) => {
            return Err(match other_geometry(kind) {
                Some(kind) => RowError::NotAPoint(kind),
                None => wrong(&format!("has the type `{}`", quoted(kind))),
            });
        }
    };
    let numbers: Option<Vec<f64>> = point.iter().map(JsonValue::as_f64).collect();
    let numbers = numbers.ok_or_else(|| wrong("has coordinates that are no numbers"))?;
    if numbers.len() < 2 {
        return Err(wrong("has fewer than two coordinates"));
    }
    let place = axis::from_geojson(&numbers).ok_or(RowError::Coordinates(numbers.len()))?;
    Ok(Some(place))
}

/// The geometries of RFC 7946 that are no points.
fn other_geometry(kind: &str) -> Option<&'static str> {
    [
        "LineString",
        "MultiLineString",
        "Polygon",
        "MultiPolygon",
        "GeometryCollection",
    ]
    .into_iter()
    .find(|other| *other == kind)
}

fn text_of(field: &str, value: JsonValue) -> Result<Option<String>, RowError> {
    match value {
        JsonValue::Null => Ok(None),
        JsonValue::String(text) => Ok(Some(text)),
        JsonValue::Number(number) => Ok(Some(number.to_string())),
        JsonValue::Bool(truth) => Ok(Some(truth.to_string())),
        JsonValue::Array(_) | JsonValue::Object(_) => Err(RowError::NotAText {
            field: field.to_owned(),
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
    use crate::transfer::read::ImportFields;

    fn parse(text: &str) -> Result<BatchItem, RowError> {
        Features::new(
            Properties::new(&ImportFields::default(), &[]).unwrap(),
            false,
        )
        .parse(text.as_bytes())
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
            r#"{"type":"Point","coordinates":[1e400,2]}"#,
            r#"{"type":"Point","coordinates":[null,null]}"#,
            r#"{"type":"MultiPoint","coordinates":[1,2]}"#,
            r#"{"type":"Pont","coordinates":[1,2]}"#,
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
    fn a_multipoint_of_one_is_a_point_and_an_empty_point_is_nowhere() {
        let place = |geometry: &str| {
            let item = with_geometry(geometry)?;
            Ok(item
                .draft
                .position()
                .map(|at| (at.latitude(), at.longitude())))
        };
        for (geometry, expected) in [
            (
                r#"{"type":"MultiPoint","coordinates":[[1,2]]}"#,
                Ok(Some((2.0, 1.0))),
            ),
            (r#"{"type":"Point","coordinates":[]}"#, Ok(None)),
            (r#"{"type":"MultiPoint","coordinates":[]}"#, Ok(None)),
            (
                r#"{"type":"MultiPoint","coordinates":[[1,2],[3,4]]}"#,
                Err(RowError::SeveralPoints(2)),
            ),
        ] {
            assert_eq!(place(geometry), expected, "{geometry}");
        }
    }

    #[test]
    fn a_crs_inside_of_a_feature_is_heeded() {
        let parsed = |crs_of_feature: &str, crs_of_geometry: &str| {
            parse(&format!(
                r#"{{"type":"Feature","crs":{crs_of_feature},"geometry":{{"type":"Point","coordinates":[1,2],"crs":{crs_of_geometry}}},"properties":{{"name":"A"}}}}"#
            ))
        };
        let wgs84 = r#"{"type":"name","properties":{"name":"EPSG:4326"}}"#;
        let mercator = r#"{"type":"EPSG","properties":{"code":3857}}"#;
        assert!(parsed("null", wgs84).is_ok());
        let refused = Err(RowError::Reference("EPSG:3857".to_owned()));
        assert_eq!(parsed(wgs84, mercator), refused);
        assert_eq!(parsed(mercator, "null"), refused);
    }

    #[test]
    fn ids_that_are_to_be_ignored_are_not_looked_at() {
        let mut features = Features::new(
            Properties::new(&ImportFields::default(), &[]).unwrap(),
            true,
        );
        for id in [
            "0",
            "\"node/5\"",
            "\"0b0e3c1e-8f6e-4f7b-9d53-3c0f6a9f1a11\"",
            "-1.5",
        ] {
            let text = format!(
                r#"{{"type":"Feature","id":{id},"geometry":null,"properties":{{"name":"A","id":7}}}}"#
            );
            assert_eq!(features.parse(text.as_bytes()).unwrap().id, None);
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
        assert_eq!(id(r#","id":8.0"#, r#","id":"8.0""#), Ok(Some(8)));
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
            Err(RowError::NotAText {
                field: "name".to_owned()
            })
        );
    }

    #[test]
    fn properties_that_map_to_nothing_are_remembered() {
        let mut features = Features::new(
            Properties::new(&ImportFields::default(), &["name=title".parse().unwrap()]).unwrap(),
            false,
        );
        let item = features
            .parse(br#"{"type":"Feature","geometry":null,"properties":{"title":"A","name":"B","mood":1}}"#)
            .unwrap();
        assert_eq!(item.draft.text().name, "A");
        assert_eq!(features.unused(), ["mood", "name"]);
    }
}
