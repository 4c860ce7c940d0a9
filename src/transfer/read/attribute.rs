//! Attributes as files write them.

use super::error::{RowError, quoted};
use super::number::parse_decimal;
use crate::domain::{FieldKind, FieldValue, FilterField, MAX_ATTRIBUTE_CHARS, is_attribute_text};
use crate::wire::parse_date;

/// How files write yes and no: GDAL as 1 and 0, `PostgreSQL` as t and f, people as words.
const YES: [&str; 5] = ["true", "t", "yes", "y", "1"];
const NO: [&str; 5] = ["false", "f", "no", "n", "0"];

/// The value of an attribute from a text; `None`, or blanks where that is no text, is NULL.
pub(super) fn parse_attribute(
    attribute: &FilterField,
    text: Option<&str>,
) -> Result<Option<FieldValue>, RowError> {
    let Some(text) = text else {
        return Ok(None);
    };
    let short = text.trim();
    if attribute.kind != FieldKind::Text && short.is_empty() {
        return Ok(None);
    }
    let value = match attribute.kind {
        FieldKind::Text => is_attribute_text(text).then(|| FieldValue::Text(text.to_owned())),
        FieldKind::Number => parse_decimal(short).map(FieldValue::Number),
        FieldKind::Boolean => {
            let is_in = |words: &[&str]| words.iter().any(|word| short.eq_ignore_ascii_case(word));
            let is_true = is_in(&YES).then_some(true);
            is_true
                .or(is_in(&NO).then_some(false))
                .map(FieldValue::Boolean)
        }
        // GDAL writes days of CSV files with slashes.
        FieldKind::Date => parse_date(&short.replace('/', "-")).map(FieldValue::Date),
    };
    match value {
        Some(value) => Ok(Some(value)),
        None => Err(RowError::Attribute {
            name: attribute.name.clone(),
            expected: match attribute.kind {
                FieldKind::Text => format!(
                    "a text of at most {MAX_ATTRIBUTE_CHARS} characters, without control \
                     characters other than tab and line breaks"
                ),
                FieldKind::Number => "a number with a decimal point".to_owned(),
                FieldKind::Boolean => "true or false".to_owned(),
                FieldKind::Date => "a day as in 2024-01-31".to_owned(),
            },
            got: quoted(text),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: FieldKind, text: &str) -> Result<Option<String>, String> {
        let attribute = FilterField {
            name: "it".to_owned(),
            kind,
            is_there: true,
        };
        let parsed = parse_attribute(&attribute, Some(text));
        let parsed = parsed.map_err(|error| error.to_string())?;
        Ok(parsed.map(|value| format!("{value:?}")))
    }

    #[test]
    fn values_are_taken_as_programs_write_them_and_nothing_is_guessed() {
        for (kind, text, value) in [
            (FieldKind::Text, " a ", "Text(\" a \")"),
            (FieldKind::Text, "", "Text(\"\")"),
            (FieldKind::Number, " -4.50 ", "Number(-4.5)"),
            (FieldKind::Boolean, "Yes", "Boolean(true)"),
            (FieldKind::Boolean, "0", "Boolean(false)"),
            (FieldKind::Date, "2024/02/29", "Date(2024-02-29)"),
        ] {
            assert_eq!(parse(kind, text), Ok(Some(value.to_owned())), "{text}");
        }
        for (kind, text) in [
            (FieldKind::Text, "a\u{7}"),
            (FieldKind::Number, "4,5"),
            (FieldKind::Number, "NaN"),
            (FieldKind::Number, "1e999"),
            (FieldKind::Boolean, "2"),
            (FieldKind::Date, "2023-02-29"),
            (FieldKind::Date, "31.12.2024"),
            (FieldKind::Date, "2024-01-31T10:00:00Z"),
        ] {
            let error = parse(kind, text).expect_err(text);
            assert!(error.starts_with("it must be "), "{error}");
            assert!(error.ends_with(&format!("got `{text}`")), "{error}");
        }
        assert_eq!(parse(FieldKind::Date, " "), Ok(None));
    }
}
