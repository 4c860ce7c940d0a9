//! What GPX and KML call the fields of a center.

use std::collections::{BTreeMap, BTreeSet};

use super::record::{Leaf, Record};
use crate::domain::TextField;
use crate::store::BatchItem;
use crate::transfer::read::attribute::parse_attribute;
use crate::transfer::read::error::RowError;
use crate::transfer::read::header::{Field, Properties};
use crate::transfer::read::number::{parse_degrees, parse_id};
use crate::transfer::read::row::{center_text, draft};

/// The most names that are remembered in order to be reported.
const MAX_UNUSED: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Gpx,
    Kml,
}

/// Latitude and longitude, each if it is there.
type Degrees = (Option<f64>, Option<f64>);

impl Dialect {
    pub(super) fn of_root(name: &str) -> Option<Self> {
        match name {
            "gpx" => Some(Self::Gpx),
            "kml" => Some(Self::Kml),
            _ => None,
        }
    }

    /// The element that is a record.
    pub(super) fn record(self) -> &'static str {
        match self {
            Self::Gpx => "wpt",
            Self::Kml => "Placemark",
        }
    }

    /// What is shown on maps too, and is no record.
    pub(super) fn is_passed_over(self, name: &str) -> bool {
        match self {
            Self::Gpx => matches!(name, "trk" | "rte"),
            Self::Kml => matches!(
                name,
                "NetworkLink" | "GroundOverlay" | "ScreenOverlay" | "PhotoOverlay" | "Tour"
            ),
        }
    }

    /// What it calls fields, besides their own names.
    pub(super) fn synonyms(self) -> &'static [(&'static str, TextField)] {
        match self {
            Self::Gpx => &[
                ("desc", TextField::Description),
                ("link", TextField::Website),
                ("url", TextField::Website),
            ],
            Self::Kml => &[
                ("link", TextField::Website),
                ("phoneNumber", TextField::Phone),
            ],
        }
    }

    pub(super) fn center(self, record: &Record, texts: &mut Texts) -> Result<BatchItem, RowError> {
        let (latitude, longitude) = match self {
            Self::Gpx => gpx_degrees(record)?,
            Self::Kml => kml_degrees(record)?,
        };
        let mut found = Found::default();
        for leaf in &record.leaves {
            if let Some((name, synonym)) = self.name_of(leaf) {
                texts.take(&mut found, name, synonym, &leaf.text);
            }
        }
        let id = match found.id {
            Some(id) if !texts.ignores_ids => parse_id(&id)?,
            _ => None,
        };
        let text = center_text(|field| Ok(found.texts[field as usize].take()))?;
        let attributes = found.attributes.into_iter().map(|(place, text)| {
            let attribute = texts.properties.fields.attribute(place);
            Ok((place, parse_attribute(attribute, text.as_deref())?))
        });
        let attributes = attributes.collect::<Result<_, RowError>>()?;
        let draft = draft(text, latitude, longitude)?;
        Ok(BatchItem {
            id,
            draft: draft.with_attributes(attributes),
        })
    }

    /// What a text is called, and the field that this stands for besides a field's
    /// own name; `None` where it says nothing of the center by itself.
    fn name_of(self, leaf: &Leaf) -> Option<(&str, Option<TextField>)> {
        let path: Vec<&str> = leaf.path.iter().map(String::as_str).collect();
        let name = match (self, path.as_slice()) {
            (Self::Kml, ["Point" | "MultiGeometry", ..] | ["ExtendedData", .., "displayName"]) => {
                return None;
            }
            (Self::Kml, ["ExtendedData", .., name]) => leaf.key.as_deref().unwrap_or(*name),
            (Self::Gpx, [name] | ["extensions", .., name]) | (Self::Kml, [name, ..]) => *name,
            // What a link is called, say.
            (Self::Gpx, _) | (_, []) => return None,
        };
        let mut synonyms = self.synonyms().iter();
        let synonym = synonyms.find(|(synonym, _)| path.len() == 1 && *synonym == name);
        Some((name, synonym.map(|(_, field)| *field)))
    }
}

fn gpx_degrees(record: &Record) -> Result<Degrees, RowError> {
    let attribute = |name: &str| {
        let mut attributes = record.attributes.iter();
        attributes.find_map(|(found, value)| (found == name).then_some(value.as_str()))
    };
    Ok((
        parse_degrees("latitude", attribute("lat").unwrap_or(""))?,
        parse_degrees("longitude", attribute("lon").unwrap_or(""))?,
    ))
}

/// Of a Point, by itself or alone in a `MultiGeometry`: `longitude,latitude` and
/// perhaps an altitude.
fn kml_degrees(record: &Record) -> Result<Degrees, RowError> {
    let has = |part: &str| {
        record
            .leaves
            .iter()
            .any(|leaf| leaf.path.iter().any(|p| p == part))
    };
    for other in [
        "LineString",
        "LinearRing",
        "Polygon",
        "Model",
        "Track",
        "MultiTrack",
    ] {
        if has(other) {
            return Err(RowError::NotAPoint(other));
        }
    }
    let mut points = record
        .leaves
        .iter()
        .filter(|leaf| {
            leaf.path
                .ends_with(&["Point".to_owned(), "coordinates".to_owned()])
        })
        .flat_map(|leaf| tuples(&leaf.text));
    let (Some(point), others) = (points.next(), points.count()) else {
        return Ok((None, None));
    };
    if others > 0 {
        return Err(RowError::SeveralPoints(1 + others));
    }
    let numbers: Vec<&str> = point.split(',').collect();
    let ([longitude, latitude] | [longitude, latitude, _]) = numbers[..] else {
        return Err(RowError::Coordinates(numbers.len()));
    };
    Ok((
        parse_degrees("latitude", latitude)?,
        parse_degrees("longitude", longitude)?,
    ))
}

/// The tuples of `coordinates`. Blanks stand between tuples, and people write them around the
/// commas within one as well.
fn tuples(text: &str) -> Vec<String> {
    let mut tuples: Vec<String> = Vec::new();
    for word in text.split_ascii_whitespace() {
        match tuples.last_mut() {
            Some(last) if last.ends_with(',') || word.starts_with(',') => last.push_str(word),
            _ => tuples.push(word.to_owned()),
        }
    }
    tuples
}

/// What a record says of its center.
#[derive(Debug, Default)]
struct Found {
    id: Option<String>,
    texts: [Option<String>; TextField::ALL.len()],
    /// By their places.
    attributes: BTreeMap<usize, Option<String>>,
}

/// Puts texts where they belong and remembers the names of the others.
#[derive(Debug)]
pub(super) struct Texts {
    properties: Properties,
    ignores_ids: bool,
    unused: BTreeSet<String>,
}

impl Texts {
    pub(super) fn new(properties: Properties, ignores_ids: bool) -> Self {
        Self {
            properties,
            ignores_ids,
            unused: BTreeSet::new(),
        }
    }

    /// Names seen that map to nothing.
    pub(super) fn unused(&self) -> Vec<String> {
        self.unused.iter().cloned().collect()
    }

    /// How rows are made of texts.
    pub(super) fn recipe(&self, dialect: Dialect) -> String {
        let properties = self.properties.recipe(dialect.synonyms());
        format!("ignores ids {} {properties}", self.ignores_ids)
    }

    pub(super) fn pass_over(&mut self, name: &str) {
        if self.unused.len() < MAX_UNUSED && !self.unused.contains(name) {
            self.unused.insert(name.to_owned());
        }
    }

    /// The first of several texts for one field is taken.
    fn take(&mut self, found: &mut Found, name: &str, synonym: Option<TextField>, text: &str) {
        let slot = match self.properties.field_or(name, synonym) {
            Some(Field::Id) => Some(&mut found.id),
            Some(Field::Text(field)) => Some(&mut found.texts[field as usize]),
            Some(Field::Attribute(place)) => Some(found.attributes.entry(place).or_default()),
            _ => None,
        };
        match slot {
            Some(slot) if slot.is_none() => *slot = (!text.is_empty()).then(|| text.to_owned()),
            _ if text.is_empty() => {}
            _ => self.pass_over(name),
        }
    }
}
