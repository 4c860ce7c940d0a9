//! The one place where GeoJSON's `[lng, lat]` is turned round.

use crate::domain::Position;

/// Latitude and longitude of GeoJSON coordinates (RFC 7946, section 3.1.1:
/// longitude, latitude and perhaps an altitude, which centers do not have).
/// `None` unless there are two or three numbers.
pub(super) fn from_geojson(coordinates: &[f64]) -> Option<(f64, f64)> {
    match *coordinates {
        [longitude, latitude] | [longitude, latitude, _] => Some((latitude, longitude)),
        _ => None,
    }
}

/// A position as GeoJSON coordinates.
pub(super) fn to_geojson(position: Position) -> [f64; 2] {
    [position.longitude(), position.latitude()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn athens_is_north_of_the_equator_in_both_directions() {
        let athens = Position::new(37.9838, 23.7275).unwrap();
        assert_eq!(to_geojson(athens), [23.7275, 37.9838]);
        assert_eq!(from_geojson(&[23.7275, 37.9838]), Some((37.9838, 23.7275)));
        assert_eq!(
            from_geojson(&[23.7275, 37.9838, 170.0]),
            Some((37.9838, 23.7275))
        );
    }

    #[test]
    fn coordinates_have_two_or_three_numbers() {
        for wrong in [&[][..], &[1.0], &[1.0, 2.0, 3.0, 4.0]] {
            assert_eq!(from_geojson(wrong), None);
        }
    }
}
