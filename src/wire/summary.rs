//! A center in a search answer, rendered once and completed with its distance.

use std::borrow::Cow;

use super::JsonId;
use crate::domain::{Position, Rating, Summary};

const NAME: &[u8] = br#","name":"#;
const AFTER_NAME: &[u8] = br#","latitude":"#;
const AFTER_LATITUDE: &[u8] = br#","longitude":"#;
const AFTER_LONGITUDE: &[u8] = br#","country":"#;
const CITY: &[u8] = br#","city":"#;
const AVERAGE: &str = r#","average_rating":"#;
const COUNT: &str = r#","rating_count":"#;
/// With room for eight digits, a point, eight digits and the end of the object.
const DISTANCE: &[u8; METRES_AT + 18] = br#","distance_m":                  "#;
const METRES_AT: usize = 14;
/// What eight digits of metres and six of a fraction can say. Nothing on Earth is as
/// far from anything.
const MOST_MICROMETRES: u64 = 99_999_999_999_999;
/// 2^52: from here on doubles lie one apart, so their bits count by one.
const APART_BY_ONE: f64 = 4_503_599_627_370_496.0;

/// Appends a center as the beginning of a JSON object, which [`push_distance`]
/// completes.
pub fn render_summary(center: &Summary<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"id":"#);
    JsonId::from(center.id).push(out);
    out.extend_from_slice(NAME);
    push_json_text(out, center.name);
    out.extend_from_slice(AFTER_NAME);
    push_number(out, center.position.latitude());
    out.extend_from_slice(AFTER_LATITUDE);
    push_number(out, center.position.longitude());
    out.extend_from_slice(AFTER_LONGITUDE);
    push_json_optional(out, center.country);
    out.extend_from_slice(br#","region":"#);
    push_json_optional(out, center.region);
    out.extend_from_slice(CITY);
    push_json_optional(out, center.city);
}

/// Appends the distance in metres to a rendered center and completes it. The
/// distance has six decimals (one micrometre) at most, without trailing zeros.
#[inline]
pub fn push_distance(out: &mut Vec<u8>, distance_m: f64) {
    let rounded = distance_m * 1e6 + APART_BY_ONE;
    let micrometres = (rounded.to_bits() - APART_BY_ONE.to_bits()).min(MOST_MICROMETRES);
    let metres = eight_digits(micrometres / 1_000_000);
    let decimals = eight_digits(micrometres % 1_000_000 * 100);
    // A distance always reads as a fraction: the one bit keeps a digit on either side.
    let leading_zeros = (metres | 1 << 56).trailing_zeros() as usize / 8;
    let trailing_zeros = (decimals | 1).leading_zeros() as usize / 8;
    // Written in its place: reading together at once what was written in pieces
    // makes the processor wait.
    let start = out.len();
    out.extend_from_slice(DISTANCE);
    let text = &mut out[start..][..DISTANCE.len()];
    text[METRES_AT..][..8].copy_from_slice(&ascii(metres >> (8 * leading_zeros)));
    let point = METRES_AT + 8 - leading_zeros;
    text[point] = b'.';
    text[point + 1..][..8].copy_from_slice(&ascii(decimals));
    let end = point + 1 + 8 - trailing_zeros;
    text[end] = b'}';
    out.truncate(start + end + 1);
}

/// The decimal digits of a number below 10^8, a byte each, the first one lowest.
///
/// All pairs of digits are divided at once (D. Lemire, "Converting integers to
/// fix-digit representations quickly", 2021): n * 10,486 / 2^20 is n / 100 for n below
/// 10,000, and n * 103 / 2^10 is n / 10 for n below 100.
fn eight_digits(number: u64) -> u64 {
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | ((fours - 100 * hundreds) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((pairs - 10 * tens) << 8)
}

fn ascii(digits: u64) -> [u8; 8] {
    (digits | 0x3030_3030_3030_3030).to_le_bytes()
}

/// How a center is rated, as it stands between a rendered center and its distance.
#[must_use]
pub fn render_rating(Rating { average, count }: Rating) -> String {
    let average = zmij::Buffer::new().format_finite(average).to_owned();
    format!("{AVERAGE}{average}{COUNT}{count}")
}

/// The average of a rendered rating, to the last bit; `None` for anything else.
#[must_use]
pub fn average_of(rendered: &str) -> Option<f64> {
    let (average, _) = rendered.strip_prefix(AVERAGE)?.split_once(COUNT)?;
    average.parse().ok()
}

/// The texts of a rendered center that other formats put elsewhere.
///
/// Quotes inside JSON strings are escaped, so the keys are found where they are
/// keys and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SummaryParts<'a> {
    /// The id, as JSON.
    pub id: &'a [u8],
    /// Degrees north, as JSON.
    pub latitude: &'a [u8],
    /// Degrees east, as JSON.
    pub longitude: &'a [u8],
}

impl<'a> SummaryParts<'a> {
    /// Takes apart what [`render_summary`] wrote; `None` for anything else.
    #[must_use]
    pub fn of(rendered: &'a [u8]) -> Option<Self> {
        let after_key = rendered.strip_prefix(br#"{"id":"#)?;
        let (id, after_id) = split_at(after_key, b",")?;
        let (_, after_name) = split_at(after_id, AFTER_NAME)?;
        let (latitude, after_latitude) = split_at(after_name, AFTER_LATITUDE)?;
        let (longitude, _) = split_at(after_latitude, AFTER_LONGITUDE)?;
        Some(Self {
            id,
            latitude,
            longitude,
        })
    }
}

impl SummaryParts<'_> {
    /// Where it stands, to the last decimal.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        let degrees = |json| serde_json::from_slice(json).ok();
        Position::new(degrees(self.latitude)?, degrees(self.longitude)?).ok()
    }
}

/// The name of a rendered center; `None` for anything else.
#[must_use]
pub fn name_of(rendered: &[u8]) -> Option<Cow<'_, str>> {
    let (_, after_id) = split_at(rendered, NAME)?;
    let (name, _) = split_at(after_id, AFTER_NAME)?;
    let text = name.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if text.contains(&b'\\') {
        return serde_json::from_slice(name).ok().map(Cow::Owned);
    }
    std::str::from_utf8(text).ok().map(Cow::Borrowed)
}

/// A rendered center in two parts that leave out its position and its attributes: up to
/// its name, and from its country up to its city; `None` for anything else.
#[must_use]
pub fn without_position(rendered: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, after_name) = split_at(rendered, AFTER_NAME)?;
    let (_, after_longitude) = split_at(after_name, AFTER_LONGITUDE)?;
    let place_begins = rendered.len() - after_longitude.len() - AFTER_LONGITUDE.len();
    let (_, after_city) = split_at(after_longitude, CITY)?;
    let place_ends = rendered.len() - after_city.len() + value_len(after_city);
    Some((name, &rendered[place_begins..place_ends]))
}

/// How long the text, or the null, at the beginning is.
fn value_len(json: &[u8]) -> usize {
    let Some(text) = json.strip_prefix(b"\"") else {
        return json.len().min(b"null".len());
    };
    let mut is_escaped = false;
    let end = text.iter().position(|byte| {
        let is_end = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(json.len(), |end| end + 2)
}

fn split_at<'a>(text: &'a [u8], key: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(key.len()).position(|window| window == key)?;
    Some((&text[..at], &text[at + key.len()..]))
}

fn push_number(out: &mut Vec<u8>, degrees: f64) {
    out.extend_from_slice(zmij::Buffer::new().format_finite(degrees).as_bytes());
}

fn push_json_optional(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => push_json_text(out, text),
        None => out.extend_from_slice(b"null"),
    }
}

fn push_json_text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("writing a string to memory cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CenterId, Position};

    fn rendered(name: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let center = Summary {
            id: CenterId::new(7).unwrap(),
            position: Position::new(37.9, -1e-8).unwrap(),
            name,
            country: Some("GR"),
            region: None,
            city: None,
            attributes: &[],
        };
        render_summary(&center, &mut out);
        out
    }

    fn distance(metres: f64) -> String {
        let mut out = Vec::new();
        push_distance(&mut out, metres);
        let text = String::from_utf8(out).unwrap();
        let number = text.strip_prefix(r#","distance_m":"#).unwrap();
        number.strip_suffix('}').unwrap().to_owned()
    }

    #[test]
    fn a_rendered_center_with_a_distance_is_json() {
        let mut out = rendered("\"Blue\" \\ \u{1f41f}\n");
        push_distance(&mut out, 878.2);
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["id"], 7);
        assert_eq!(value["name"], "\"Blue\" \\ \u{1f41f}\n");
        assert_eq!(value["longitude"], -1e-8);
        assert_eq!(value["country"], "GR");
        assert_eq!(value["region"], serde_json::Value::Null);
        assert_eq!(value["distance_m"], 878.2);
    }

    #[test]
    fn distances_have_micrometres_and_no_trailing_zeros() {
        for (metres, text) in [
            (0.0, "0.0"),
            (0.000_001, "0.000001"),
            (0.000_000_4, "0.0"),
            (1.05, "1.05"),
            (878.2, "878.2"),
            (24_999.999_999_9, "25000.0"),
            (20_015_114.442_035_9, "20015114.442036"),
            (99_999_999.999_999, "99999999.999999"),
        ] {
            assert_eq!(distance(metres), text);
        }
    }

    #[test]
    fn every_four_digits_are_divided_into_single_ones() {
        for number in 0..10_000_u64 {
            for (number, text) in [
                (number, format!("{number:08}")),
                (number * 10_000 + 9_999, format!("{number:04}9999")),
            ] {
                assert_eq!(ascii(eight_digits(number)), text.as_bytes());
            }
        }
    }

    #[test]
    fn a_rating_is_rendered_and_its_average_comes_back_to_the_last_bit() {
        for (average, text) in [
            (0.0, "0.0"),
            (10.0, "10.0"),
            (1.0 / 3.0, "0.3333333333333333"),
            (8.0 + 2.0 / 3.0, "8.666666666666666"),
            (0.1 + 0.2, "0.30000000000000004"),
        ] {
            let rendered = render_rating(Rating { average, count: 3 });
            let expected = format!(r#","average_rating":{text},"rating_count":3"#);
            assert_eq!(rendered, expected);
            assert_eq!(average_of(&rendered), Some(average));
        }
        assert_eq!(average_of("8.5"), None);
    }

    #[test]
    fn a_name_that_looks_like_a_key_does_not_confuse_the_parts() {
        let rendered = rendered(r#"x,"latitude":1,"longitude":2,"country":"#);
        let parts = SummaryParts::of(&rendered).unwrap();
        assert_eq!(parts.id, b"7");
        assert_eq!(parts.latitude, b"37.9");
        assert_eq!(parts.longitude, b"-1e-8");
    }

    #[test]
    fn a_center_without_its_position_is_still_json() {
        let name = r#"x,"latitude":1,"longitude":2,"country":"#;
        let rendered = rendered(name);
        assert_eq!(name_of(&rendered).unwrap(), name);
        let with_attribute = [&rendered, &br#","city_2":"x""#[..]].concat();
        for rendered in [rendered, with_attribute] {
            let (head, place) = without_position(&rendered).unwrap();
            let value: serde_json::Value =
                serde_json::from_slice(&[head, place, b"}"].concat()).unwrap();
            let expected = serde_json::json!(
                { "id": 7, "name": name, "country": "GR", "region": null, "city": null }
            );
            assert_eq!(value, expected);
        }
    }

    #[test]
    fn a_city_ends_where_its_text_does() {
        for (json, len) in [
            (r#"null,"a":1"#, 4),
            (r#""Rome","a":1"#, 6),
            (r#""a\"b\\","a":1"#, 8),
            (r#""""#, 2),
        ] {
            assert_eq!(value_len(json.as_bytes()), len, "{json}");
        }
    }
}
