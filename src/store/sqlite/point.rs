//! Points as a GeoPackage holds them.

use geozero::wkb::{WkbDialect, WkbWriter};
use geozero::{CoordDimensions, GeozeroGeometry};

use crate::domain::Position;

/// WGS 84, longitude before latitude.
const SRS_ID: i32 = 4326;
/// Header and point: 8 bytes and 21.
const LENGTH: usize = 29;

/// The blob that `location` holds for a position (OGC 12-128r19, clause 2.1.3).
/// -180 is written as 180, as on MySQL.
pub(super) fn blob(position: Position) -> Vec<u8> {
    let longitude = match position.longitude() {
        -180.0 => 180.0,
        longitude => longitude,
    };
    let point = geo::Point::new(longitude, position.latitude());
    let mut blob = Vec::with_capacity(LENGTH);
    let mut writer = WkbWriter::with_opts(
        &mut blob,
        WkbDialect::Geopackage,
        CoordDimensions::xy(),
        Some(SRS_ID),
        Vec::new(),
    );
    geo::Geometry::Point(point)
        .process_geom(&mut writer)
        .expect("writing a point to memory cannot fail");
    blob
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_hand(longitude: f64, latitude: f64) -> Vec<u8> {
        // Magic, version 1, flags (little endian, no envelope), SRS; byte order, type.
        let mut bytes = b"GP\0\x01".to_vec();
        bytes.extend(4326_i32.to_le_bytes());
        bytes.push(1);
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(longitude.to_le_bytes());
        bytes.extend(latitude.to_le_bytes());
        bytes
    }

    #[test]
    fn a_point_has_the_bytes_of_the_standard() {
        for (latitude, longitude) in [(37.9838, 23.7275), (-90.0, 180.0), (0.0, 0.0)] {
            let position = Position::new(latitude, longitude).unwrap();
            assert_eq!(blob(position), by_hand(longitude, latitude));
        }
    }

    #[test]
    fn the_antimeridian_is_180() {
        let position = Position::new(10.0, -180.0).unwrap();
        assert_eq!(blob(position), by_hand(180.0, 10.0));
    }
}
