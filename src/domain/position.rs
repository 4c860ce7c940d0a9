//! Points on the globe, validated once.

use thiserror::Error;

use super::distance::UnitVector;

/// Decimals kept of a stored coordinate, in degrees (about 1 mm), as
/// `DECIMAL(10,8)` and `DECIMAL(11,8)` hold them.
const STORED_DECIMALS_FACTOR: f64 = 1e8;

/// Why a pair of numbers is not a point on the globe.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum PositionError {
    /// The latitude is not a number within ±90 degrees.
    #[error("latitude must be a number from -90 to 90 degrees, got {0}")]
    Latitude(f64),
    /// The longitude is not a number within ±180 degrees.
    #[error("longitude must be a number from -180 to 180 degrees, got {0}")]
    Longitude(f64),
    /// The longitude of an origin is not finite.
    #[error("longitude must be a finite number of degrees, got {0}")]
    UnboundedLongitude(f64),
}

/// Where a center stands: a latitude within ±90 and a longitude within ±180
/// degrees, kept to 8 decimals.
///
/// Longitude -180 is kept as it was given; it is the same meridian as 180, and
/// [`Position::unit_vector`] is the same for both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    latitude: f64,
    longitude: f64,
}

impl Position {
    /// Validates a pair of coordinates in degrees and rounds them to 8 decimals.
    ///
    /// # Errors
    /// When either is NaN, infinite or out of range.
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, PositionError> {
        if !(-90.0..=90.0).contains(&latitude) {
            return Err(PositionError::Latitude(latitude));
        }
        if !(-180.0..=180.0).contains(&longitude) {
            return Err(PositionError::Longitude(longitude));
        }
        Ok(Self {
            latitude: round_to_stored(latitude),
            longitude: round_to_stored(longitude),
        })
    }

    /// Degrees north, within ±90.
    #[must_use]
    pub fn latitude(self) -> f64 {
        self.latitude
    }

    /// Degrees east, within ±180.
    #[must_use]
    pub fn longitude(self) -> f64 {
        self.longitude
    }

    /// The same point on the unit sphere.
    #[must_use]
    pub fn unit_vector(self) -> UnitVector {
        UnitVector::from_degrees(self.latitude, self.longitude)
    }
}

/// Where a search starts: like a [`Position`], but at full precision and with
/// any finite longitude, which is wrapped (maps that scroll around the globe
/// send such values).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Origin {
    latitude: f64,
    longitude: f64,
}

impl Origin {
    /// Validates an origin in degrees and wraps its longitude into ±180.
    ///
    /// # Errors
    /// When the latitude is not within ±90 or the longitude is not finite.
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, PositionError> {
        if !(-90.0..=90.0).contains(&latitude) {
            return Err(PositionError::Latitude(latitude));
        }
        if !longitude.is_finite() {
            return Err(PositionError::UnboundedLongitude(longitude));
        }
        Ok(Self {
            latitude: latitude + 0.0,
            longitude: wrap_longitude(longitude),
        })
    }

    /// Degrees north, within ±90.
    #[must_use]
    pub fn latitude(self) -> f64 {
        self.latitude
    }

    /// Degrees east, within ±180.
    #[must_use]
    pub fn longitude(self) -> f64 {
        self.longitude
    }

    /// The same point on the unit sphere.
    #[must_use]
    pub fn unit_vector(self) -> UnitVector {
        UnitVector::from_degrees(self.latitude, self.longitude)
    }
}

impl From<Position> for Origin {
    fn from(position: Position) -> Self {
        Self {
            latitude: position.latitude,
            longitude: position.longitude,
        }
    }
}

/// The double nearest to the decimal with 8 places: the quotient of two exact
/// integers is correctly rounded, so this equals parsing the decimal text, and
/// reading the column back gives the same double. Negative zero becomes zero.
fn round_to_stored(degrees: f64) -> f64 {
    (degrees * STORED_DECIMALS_FACTOR).round() / STORED_DECIMALS_FACTOR + 0.0
}

fn wrap_longitude(degrees: f64) -> f64 {
    if (-180.0..=180.0).contains(&degrees) {
        return degrees + 0.0;
    }
    let wrapped = degrees.rem_euclid(360.0);
    if wrapped > 180.0 {
        wrapped - 360.0
    } else {
        wrapped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_takes_the_whole_globe_and_nothing_beyond() {
        assert!(Position::new(90.0, 180.0).is_ok());
        assert!(Position::new(-90.0, -180.0).is_ok());
        for latitude in [90.000_001, -91.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(
                Position::new(latitude, 0.0),
                Err(PositionError::Latitude(_))
            ));
        }
        for longitude in [180.000_001, -181.0, f64::NAN, f64::NEG_INFINITY] {
            assert!(matches!(
                Position::new(0.0, longitude),
                Err(PositionError::Longitude(_))
            ));
        }
    }

    #[test]
    fn coordinates_are_kept_to_eight_decimals_as_their_decimal_text_parses() {
        let position = Position::new(37.983_810_004_9, -122.419_415_519).unwrap();
        assert_eq!(position.latitude(), 37.983_81);
        assert_eq!(position.longitude(), -122.419_415_52);
    }

    #[test]
    fn negative_zero_becomes_zero() {
        let position = Position::new(-0.0, -0.000_000_001).unwrap();
        assert!(position.latitude().is_sign_positive());
        assert!(position.longitude().is_sign_positive());
        let origin = Origin::new(-0.0, -0.0).unwrap();
        assert!(origin.latitude().is_sign_positive());
        assert!(origin.longitude().is_sign_positive());
    }

    #[test]
    fn an_origin_beyond_the_antimeridian_is_wrapped() {
        for (given, wrapped) in [
            (190.0, -170.0),
            (-190.0, 170.0),
            (360.0, 0.0),
            (540.0, 180.0),
            (-540.0, 180.0),
            (180.0, 180.0),
            (-180.0, -180.0),
            (725.5, 5.5),
        ] {
            assert_eq!(Origin::new(10.0, given).unwrap().longitude(), wrapped);
        }
        assert!(Origin::new(10.0, f64::INFINITY).is_err());
        assert!(Origin::new(90.5, 0.0).is_err());
    }
}
