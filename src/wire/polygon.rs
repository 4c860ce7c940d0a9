//! Shapes as clients send them: GeoJSON, or well-known text.

use std::str::FromStr as _;

use serde::Deserialize;
use thiserror::Error;
use wkt::Wkt;

use crate::domain::{Polygon, PolygonError};

/// A text is not a shape.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ShapeError {
    /// It is not JSON, or not that of a polygon.
    #[error("this is no polygon in GeoJSON: {0}")]
    GeoJson(String),
    /// It is not well-known text.
    #[error("this is no well-known text: {0}")]
    WellKnownText(&'static str),
    /// It is another kind of shape.
    #[error("a polygon or multipolygon is expected")]
    OtherKind,
    /// It is a polygon that cannot be.
    #[error(transparent)]
    Polygon(#[from] PolygonError),
}

/// What is read of GeoJSON; members beside these are passed over.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum GeoJson {
    Polygon { coordinates: Rings },
    MultiPolygon { coordinates: Vec<Rings> },
    Feature { geometry: Box<Geometry> },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Geometry {
    Polygon { coordinates: Rings },
    MultiPolygon { coordinates: Vec<Rings> },
}

type Rings = Vec<Vec<Position>>;

/// Longitude and latitude; a height behind them does not count.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Vec<f64>")]
struct Position([f64; 2]);

impl TryFrom<Vec<f64>> for Position {
    type Error = &'static str;

    fn try_from(numbers: Vec<f64>) -> Result<Self, Self::Error> {
        match numbers[..] {
            [longitude, latitude] | [longitude, latitude, _] => Ok(Self([longitude, latitude])),
            _ => Err("a position is a longitude and a latitude"),
        }
    }
}

/// Reads a polygon or multipolygon: GeoJSON where it begins with a brace, else well-known
/// text.
///
/// # Errors
/// When it is neither, or a polygon that cannot be.
pub fn parse_polygon(text: &str) -> Result<Polygon, ShapeError> {
    if text.trim_start().starts_with('{') {
        let read = serde_json::from_str(text);
        return of_geojson(read.map_err(|error| ShapeError::GeoJson(error.to_string()))?);
    }
    parse_wkt(text)
}

/// Reads a polygon or multipolygon in GeoJSON that was read as JSON already.
///
/// # Errors
/// As [`parse_polygon`].
pub fn polygon_of_json(value: serde_json::Value) -> Result<Polygon, ShapeError> {
    if let serde_json::Value::String(text) = &value {
        return parse_polygon(text);
    }
    let read = serde_json::from_value(value);
    of_geojson(read.map_err(|error| ShapeError::GeoJson(error.to_string()))?)
}

/// Reads a polygon or multipolygon in well-known text.
///
/// # Errors
/// As [`parse_polygon`].
pub fn parse_wkt(text: &str) -> Result<Polygon, ShapeError> {
    // Others may stand inside one another without end.
    let word = text
        .trim_start()
        .split(|c: char| !c.is_ascii_alphabetic())
        .next();
    let word = word.unwrap_or_default().to_ascii_uppercase();
    if !["POLYGON", "MULTIPOLYGON"].contains(&word.as_str()) {
        return Err(ShapeError::OtherKind);
    }
    // What stands behind the shape is not read.
    if text.trim_end().len() > end_of_shape(text) {
        return Err(ShapeError::WellKnownText("nothing is to follow the shape"));
    }
    let rings = |polygon: &wkt::types::Polygon<f64>| -> Vec<Vec<[f64; 2]>> {
        let rings = polygon.rings().iter();
        let positions = rings.map(|ring| ring.coords().iter().map(|at| [at.x, at.y]).collect());
        positions.collect()
    };
    let polygons = match Wkt::from_str(text).map_err(ShapeError::WellKnownText)? {
        Wkt::Polygon(polygon) => vec![rings(&polygon)],
        Wkt::MultiPolygon(polygons) => polygons.polygons().iter().map(rings).collect(),
        _ => return Err(ShapeError::OtherKind),
    };
    Ok(Polygon::new(&polygons)?)
}

/// Where the parenthesis closes that opens first; the end of the text where none does.
fn end_of_shape(text: &str) -> usize {
    let mut open = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => open += 1,
            ')' if open <= 1 => return at + 1,
            ')' => open -= 1,
            _ => {}
        }
    }
    text.len()
}

fn of_geojson(read: GeoJson) -> Result<Polygon, ShapeError> {
    let polygons = match read {
        GeoJson::Polygon { coordinates } => vec![coordinates],
        GeoJson::MultiPolygon { coordinates } => coordinates,
        GeoJson::Feature { geometry } => match *geometry {
            Geometry::Polygon { coordinates } => vec![coordinates],
            Geometry::MultiPolygon { coordinates } => coordinates,
        },
    };
    let plain = |rings: &Rings| -> Vec<Vec<[f64; 2]>> {
        let positions = |ring: &Vec<Position>| ring.iter().map(|position| position.0).collect();
        rings.iter().map(positions).collect()
    };
    let polygons: Vec<_> = polygons.iter().map(plain).collect();
    Ok(Polygon::new(&polygons)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Position;

    #[test]
    fn a_polygon_is_the_same_in_geojson_and_in_well_known_text() {
        let geojson = r#"{"type":"Polygon","coordinates":[[[0,0],[4,0],[4,4],[0,0]]]}"#;
        let feature = format!(r#"{{"type":"Feature","properties":{{}},"geometry":{geojson}}}"#);
        let expected = parse_polygon(geojson).unwrap();
        for same in [
            feature.as_str(),
            r#"{"coordinates":[[[[0,0,9],[4,0,9],[4,4,9],[0,0,9]]]],"type":"MultiPolygon","bbox":[]}"#,
            "POLYGON((0 0,4 0,4 4,0 0))",
            " polygon ((0.0 0, 4e0 0, 4 4, 0 0))",
            "MULTIPOLYGON(((0 0,4 0,4 4,0 0)))",
        ] {
            assert_eq!(parse_polygon(same).as_ref(), Ok(&expected), "{same}");
        }
        assert!(expected.contains(Position::new(1.0, 3.0).unwrap()));
    }

    #[test]
    fn what_is_no_polygon_is_refused() {
        for bad in [
            "",
            "x",
            "{}",
            "{",
            "POINT(0 0)",
            "LINESTRING(0 0,1 1)",
            "POLYGON",
            "POLYGON EMPTY",
            "POLYGON((0 0,1 1",
            "POLYGON((0 0,1 0,1 1,0 0)) x",
            "POLYGON((0 0,1 0,1 1,0 0)),((0 0,1 0,1 1,0 0))",
            "POLYGON)",
            "GEOMETRYCOLLECTION(POLYGON((0 0,4 0,4 4,0 0)))",
            "POLYGON((0 0,nan 0,4 4,0 0))",
            "POLYGON((0 0,4 0,4 4))",
            r#"{"type":"Point","coordinates":[0,0]}"#,
            r#"{"type":"Polygon","coordinates":[[[0],[4,0],[4,4],[0,0]]]}"#,
            r#"{"type":"Polygon","coordinates":[]}"#,
            r#"{"type":"Polygon"}"#,
        ] {
            assert!(parse_polygon(bad).is_err(), "{bad}");
        }
    }
}
