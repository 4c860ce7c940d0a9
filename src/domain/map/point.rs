//! Points on the map.

use std::f64::consts::PI;

use crate::domain::Position;

/// The side of the map in units: three times a power of two, so that a tile has six cells
/// a side at every zoom, which is 43 pixels on tiles of 256 and 85 on those of 512. A unit
/// is 12 mm at the equator.
pub const MAP_SIDE: u32 = 3 << 30;

/// Where the square map ends in the north, in degrees; it ends in the south at the same
/// distance from the equator. What stands beyond is shown on the edge.
pub const MAP_EDGE_LATITUDE: f64 = 85.051_128_779_806_6;

/// Decimals of a degree that say as much as a unit of the map.
const DECIMALS_FACTOR: f64 = 1e7;

/// A point on the map in units of its side, from the north-western corner: below 3 · 2^30
/// eastwards and southwards. The antimeridian is the western edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MapPoint {
    /// Eastwards.
    pub x: u32,
    /// Southwards.
    pub y: u32,
}

impl MapPoint {
    /// Where a position is on the map.
    #[must_use]
    pub fn of(position: Position) -> Self {
        Self::of_degrees(position.latitude(), position.longitude())
    }

    /// The same of a latitude, which may lie beyond the poles, and a longitude within
    /// ±180.
    pub(super) fn of_degrees(latitude: f64, longitude: f64) -> Self {
        let longitude = if longitude == 180.0 {
            -180.0
        } else {
            longitude
        };
        let sine = latitude
            .clamp(-MAP_EDGE_LATITUDE, MAP_EDGE_LATITUDE)
            .to_radians()
            .sin();
        Self {
            x: units((longitude + 180.0) / 360.0),
            y: units(0.5 - ((1.0 + sine) / (1.0 - sine)).ln() / (4.0 * PI)),
        }
    }

    /// The position in the middle of its unit, to 7 decimals.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the map ends before the poles")]
    pub fn position(self) -> Position {
        let part = |units: u32| (f64::from(units) + 0.5) / f64::from(MAP_SIDE);
        let latitude = latitude_of(part(self.y));
        let longitude = part(self.x) * 360.0 - 180.0;
        let rounded = |degrees: f64| (degrees * DECIMALS_FACTOR).round() / DECIMALS_FACTOR;
        Position::new(rounded(latitude), rounded(longitude)).expect("the map ends before the poles")
    }

    /// Its place on a curve that goes through each quarter of the map before the next, and
    /// so through each cell of any zoom.
    #[must_use]
    pub fn place_on_curve(self) -> u64 {
        spread(self.x) | spread(self.y) << 1
    }
}

/// The latitude at a part of the map's height.
pub(super) fn latitude_of(part: f64) -> f64 {
    (PI * (1.0 - 2.0 * part)).sinh().atan().to_degrees()
}

/// Units of a part of the side.
fn units(part: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "what is out of range becomes the nearest that is in it"
    )]
    let units = (part * f64::from(MAP_SIDE)) as u32;
    units.min(MAP_SIDE - 1)
}

/// Bits with a zero before each.
fn spread(number: u32) -> u64 {
    let mut bits = u64::from(number);
    bits = (bits | bits << 16) & 0x0000_ffff_0000_ffff;
    bits = (bits | bits << 8) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits << 2) & 0x3333_3333_3333_3333;
    (bits | bits << 1) & 0x5555_5555_5555_5555
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(latitude: f64, longitude: f64) -> MapPoint {
        MapPoint::of(Position::new(latitude, longitude).unwrap())
    }

    #[test]
    fn the_map_begins_in_the_north_west_and_takes_all_of_the_globe() {
        assert_eq!(point(90.0, -180.0), MapPoint { x: 0, y: 0 });
        assert_eq!(point(90.0, 180.0), MapPoint { x: 0, y: 0 });
        let middle = MAP_SIDE / 2;
        assert_eq!(
            point(0.0, 0.0),
            MapPoint {
                x: middle,
                y: middle
            }
        );
        let corner = point(-90.0, 179.999_999_99);
        assert_eq!(
            corner,
            MapPoint {
                x: MAP_SIDE - 1,
                y: MAP_SIDE - 1
            }
        );
    }

    #[test]
    fn a_point_is_where_others_have_it() {
        // Athens is in this tile of OpenStreetMap.
        let athens = point(37.983_81, 23.727_539);
        let tile = |units: u32| u64::from(units) * (1 << 14) / u64::from(MAP_SIDE);
        assert_eq!((tile(athens.x), tile(athens.y)), (9_271, 6_320));
    }

    #[test]
    fn a_position_comes_back_to_a_unit() {
        for (latitude, longitude) in [
            (37.983_81, 23.727_539),
            (-85.0, -180.0),
            (85.0, 179.9),
            (0.0, 0.0),
            (1e-8, -1e-8),
        ] {
            let back = point(latitude, longitude).position();
            assert!((back.latitude() - latitude).abs() < 2e-7);
            assert!((back.longitude() - longitude).abs() < 2e-7);
            assert_eq!(MapPoint::of(back), point(latitude, longitude));
        }
    }

    #[test]
    fn the_curve_goes_through_a_quarter_before_the_next() {
        let place = |x, y| MapPoint { x, y }.place_on_curve();
        assert_eq!(
            [place(0, 0), place(1, 0), place(0, 1), place(1, 1)],
            [0, 1, 2, 3]
        );
        assert_eq!(place(u32::MAX, 0), 0x5555_5555_5555_5555);
        assert_eq!(place(u32::MAX, u32::MAX), u64::MAX);
    }
}
