//! Points as GeoPackage holds them (OGC 12-128r19, clause 2.1.3): a header and
//! well-known binary, `[longitude, latitude]`.

use geo::BoundingRect as _;
use geozero::wkb::GpkgWkb;
use geozero::{CoordDimensions, ToGeo, ToWkb};

use crate::domain::{Origin, Position};

/// WGS 84.
pub(super) const SRID: i32 = 4326;

/// The location that a row at this position must have. Longitude -180 is written
/// as 180, the same meridian, as on MySQL.
pub(super) fn encode(position: Position) -> Vec<u8> {
    let longitude = if position.longitude() == -180.0 {
        180.0
    } else {
        position.longitude()
    };
    let point: geo::Geometry<f64> = geo::Point::new(longitude, position.latitude()).into();
    point
        .to_gpkg_wkb(CoordDimensions::xy(), Some(SRID), Vec::new())
        .expect("a point can be written to memory")
}

/// The position of a stored point in WGS 84; `None` of anything else. Maps that
/// scroll around the globe draw beyond ±180 degrees, which is wrapped.
pub(super) fn decode(blob: &[u8]) -> Option<Position> {
    if srid(blob) != Some(SRID) {
        return None;
    }
    let point = point(blob)?;
    let origin = Origin::new(point.y(), point.x()).ok()?;
    Position::new(origin.latitude(), origin.longitude()).ok()
}

/// Whether a stored blob is the point at this position, in WGS 84. Others may
/// write the same point in other bytes, with an envelope or big-endian.
pub(super) fn is_at(blob: &[u8], position: Position) -> bool {
    let expected = encode(position);
    if blob == expected {
        return true;
    }
    srid(blob) == Some(SRID) && point(blob).is_some() && point(blob) == point(&expected)
}

/// The smallest box around a stored geometry of any kind; `None` of an empty one and
/// of what is none.
pub(super) fn bounds(blob: &[u8]) -> Option<geo::Rect> {
    let bounds = GpkgWkb(blob).to_geo().ok()?.bounding_rect()?;
    // An empty point has no numbers.
    [bounds.min(), bounds.max()]
        .iter()
        .all(|corner| corner.x.is_finite() && corner.y.is_finite())
        .then_some(bounds)
}

/// Whether a stored blob is a geometry without a place, as some programs write where others
/// write NULL: its flags say so.
pub(super) fn is_empty(blob: &[u8]) -> bool {
    const EMPTY: u8 = 1 << 4;
    blob.starts_with(b"GP") && blob.get(3).is_some_and(|flags| flags & EMPTY != 0)
}

fn point(blob: &[u8]) -> Option<geo::Point<f64>> {
    match GpkgWkb(blob).to_geo() {
        Ok(geo::Geometry::Point(point)) => Some(point),
        _ => None,
    }
}

/// The header names the reference system after magic, version and flags.
pub(super) fn srid(blob: &[u8]) -> Option<i32> {
    let flags = *blob.get(3)?;
    let bytes: [u8; 4] = blob.get(4..8)?.try_into().ok()?;
    Some(if flags & 1 == 1 {
        i32::from_le_bytes(bytes)
    } else {
        i32::from_be_bytes(bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(latitude: f64, longitude: f64) -> Position {
        Position::new(latitude, longitude).unwrap()
    }

    #[test]
    fn a_point_has_the_bytes_that_the_standard_says() {
        let mut expected = b"GP\x00\x01".to_vec();
        expected.extend(4326_i32.to_le_bytes());
        expected.extend([1, 1, 0, 0, 0]);
        expected.extend(23.5_f64.to_le_bytes());
        expected.extend(37.25_f64.to_le_bytes());
        assert_eq!(encode(at(37.25, 23.5)), expected);
    }

    #[test]
    fn both_names_of_the_antimeridian_are_the_same_point() {
        assert_eq!(encode(at(1.0, -180.0)), encode(at(1.0, 180.0)));
    }

    #[test]
    fn the_same_point_in_other_bytes_is_at_the_same_place() {
        let mut big_endian = b"GP\x00\x00".to_vec();
        big_endian.extend(4326_i32.to_be_bytes());
        big_endian.extend([0, 0, 0, 0, 1]);
        big_endian.extend(23.5_f64.to_be_bytes());
        big_endian.extend(37.25_f64.to_be_bytes());
        assert!(is_at(&big_endian, at(37.25, 23.5)));

        let mut with_envelope = b"GP\x00\x03".to_vec();
        with_envelope.extend(4326_i32.to_le_bytes());
        for edge in [23.5_f64, 23.5, 37.25, 37.25] {
            with_envelope.extend(edge.to_le_bytes());
        }
        with_envelope.extend(&encode(at(37.25, 23.5))[8..]);
        assert!(is_at(&with_envelope, at(37.25, 23.5)));
    }

    #[test]
    fn a_box_is_around_whatever_is_stored_and_around_nothing_there_is_none() {
        let header = [&b"GP\x00\x01"[..], &4326_i32.to_le_bytes()].concat();
        let wkb = |kind: u32, numbers: &[f64]| {
            let mut blob = header.clone();
            blob.push(1);
            blob.extend(kind.to_le_bytes());
            if kind == 2 {
                blob.extend(2_u32.to_le_bytes());
            }
            blob.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
            blob
        };
        let edges = |blob: &[u8]| bounds(blob).map(|b| (b.min().x_y(), b.max().x_y()));
        let here = (23.5, 37.25);
        assert_eq!(edges(&encode(at(37.25, 23.5))), Some((here, here)));
        let line = wkb(2, &[5.0, 1.0, -3.0, 2.0]);
        assert_eq!(edges(&line), Some(((-3.0, 1.0), (5.0, 2.0))));
        for nothing in [&b"GP"[..], b"", &wkb(1, &[f64::NAN, f64::NAN])] {
            assert_eq!(edges(nothing), None);
        }
    }

    #[test]
    fn anything_else_is_elsewhere() {
        let here = at(37.25, 23.5);
        let mut other_system = encode(here);
        other_system[4..8].copy_from_slice(&3857_i32.to_le_bytes());
        let cut = &encode(here)[..20];
        for blob in [
            &[][..],
            b"GP",
            b"nonsense of some length",
            cut,
            &other_system,
        ] {
            assert!(!is_at(blob, here));
        }
        assert!(!is_at(&encode(at(37.25, 23.500_000_01)), here));
    }
}
