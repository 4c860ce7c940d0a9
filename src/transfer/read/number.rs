//! Numbers as files write them, taken strictly.

use super::error::{RowError, quoted};
use crate::domain::CenterId;

/// Degrees from a text; `None` where it is blank.
///
/// A decimal number, nothing else: `NaN`, `inf`, thousands separators and degree signs are
/// refused, not guessed at.
pub(super) fn parse_degrees(field: &'static str, text: &str) -> Result<Option<f64>, RowError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    match parse_decimal(text) {
        Some(number) => Ok(Some(number)),
        None if has_decimal_comma(text) => Err(RowError::DecimalComma {
            field,
            got: quoted(text),
        }),
        None => Err(RowError::NotANumber {
            field,
            got: quoted(text),
        }),
    }
}

/// A decimal number with a point and perhaps an exponent; `None` for anything else.
pub(super) fn parse_decimal(text: &str) -> Option<f64> {
    let is_plain = text
        .bytes()
        .all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    let number: Option<f64> = if is_plain { text.parse().ok() } else { None };
    number.filter(|number| number.is_finite())
}

/// A center's id from a text; `None` where it is blank. `7.0` is 7, as programs
/// that keep numbers as floats write it.
pub(super) fn parse_id(text: &str) -> Result<Option<CenterId>, RowError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let whole = match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|digit| digit == b'0') => whole,
        _ => text,
    };
    whole
        .parse()
        .ok()
        .and_then(CenterId::chosen)
        .map(Some)
        .ok_or_else(|| RowError::Id(quoted(text)))
}

fn has_decimal_comma(text: &str) -> bool {
    text.matches(',').count() == 1 && text.replacen(',', ".", 1).parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_numbers_are_taken_with_blanks_around_them() {
        for (text, number) in [
            ("37.98380001", 37.983_800_01),
            (" -7 ", -7.0),
            ("+1.5", 1.5),
            ("1e1", 10.0),
        ] {
            assert_eq!(parse_degrees("latitude", text), Ok(Some(number)));
        }
        assert_eq!(parse_degrees("latitude", " "), Ok(None));
    }

    #[test]
    fn what_only_looks_like_a_number_is_refused() {
        for text in [
            "NaN",
            "inf",
            "-infinity",
            "1e400",
            "1 000",
            "1'000",
            "0x10",
            "37°58'",
            "1.2.3",
            "-",
            "٣",
        ] {
            assert!(
                matches!(
                    parse_degrees("latitude", text),
                    Err(RowError::NotANumber { .. })
                ),
                "{text}"
            );
        }
    }

    #[test]
    fn a_decimal_comma_is_named_as_such() {
        let error = parse_degrees("longitude", "23,7275").unwrap_err();
        assert_eq!(
            error.to_string(),
            "longitude must be written with a decimal point, got `23,7275`"
        );
    }

    #[test]
    fn an_id_is_a_whole_number_in_range() {
        for text in ["7", "7.0", "7.000", " 7. "] {
            assert_eq!(parse_id(text).unwrap().map(CenterId::get), Some(7));
        }
        assert_eq!(parse_id("  "), Ok(None));
        for text in [
            "0",
            "-1",
            "1.5",
            "0.0",
            ".0",
            "1.0.0",
            "9000000000000001",
            "node/7",
            "1e3",
        ] {
            assert!(matches!(parse_id(text), Err(RowError::Id(_))), "{text}");
        }
    }
}
