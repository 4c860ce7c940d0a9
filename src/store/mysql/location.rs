//! The one rule by which MySQL derives a location from coordinates.

/// Whether a row has a position; never NULL-safe to negate.
pub(in crate::store) fn has_position(latitude: &str, longitude: &str) -> String {
    format!("{latitude} BETWEEN -90 AND 90 AND {longitude} BETWEEN -180 AND 180")
}

/// The sentinel: the location of rows without a position, which a NOT NULL
/// column must have.
pub(in crate::store) const SENTINEL: &str = "ST_SRID(POINT(0, 0), 4326)";

/// The location that a row with these coordinates must have. `POINT(x, y)` takes
/// the longitude first. Longitude -180 is written as 180, the same meridian:
/// older servers refuse it.
///
/// The result compares with a stored location byte for byte, so every double
/// must agree. `ST_Longitude(location)` would not do: it goes through radians
/// and back, and comes out one bit off.
pub(in crate::store) fn location(latitude: &str, longitude: &str) -> String {
    location_or(latitude, longitude, SENTINEL)
}

/// The same, and what a row without a position gets.
pub(in crate::store) fn location_or(latitude: &str, longitude: &str, otherwise: &str) -> String {
    format!(
        "IF({}, ST_SRID(POINT(IF({longitude} = -180, 180, {longitude}), {latitude}), 4326), {otherwise})",
        has_position(latitude, longitude)
    )
}

/// Whether a value is a point of SRID 4326, by its first bytes: the functions that ask
/// for type and reference system refuse the empty geometry which MySQL stores for whoever
/// inserts without naming columns.
pub(in crate::store) fn is_point(location: &str) -> String {
    format!("LEFT({location}, 9) = x'E61000000101000000'")
}

/// The latitude and the longitude that a location says, as they are kept. Without
/// its reference system a point's x and y are what was stored, to the last bit.
pub(in crate::store) fn taken(location: &str) -> (String, String) {
    let kept = |axis: &str| format!("ROUND({axis}(ST_SRID({location}, 0)), 8)");
    (kept("ST_Y"), kept("ST_X"))
}
