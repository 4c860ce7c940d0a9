//! What kinds of values the columns of a file hold.

use std::io::Read;

use super::read::{InputError, RowReader};
use crate::domain::{FieldKind, FieldValue};
use crate::wire::parse_date;

/// Finds out, from all rows of a file that is read with these attributes as texts, what kind
/// each of them has: the first of date, number and boolean that every value is, or else text.
/// `None` where no row says anything of it.
///
/// # Errors
/// When the file cannot be read on.
pub fn find_kinds<R: Read>(
    mut reader: RowReader<R>,
    places: &[usize],
) -> Result<Vec<Option<FieldKind>>, InputError> {
    let mut found: Vec<Option<Possible>> = vec![None; places.len()];
    while let Some(row) = reader.next_row()? {
        let Ok(item) = row.item else {
            continue;
        };
        for (place, value) in item.draft.attributes() {
            let Some(at) = places.iter().position(|other| *other == place) else {
                continue;
            };
            let possible = found[at].get_or_insert_with(Possible::default);
            if let Some(FieldValue::Text(text)) = value {
                possible.narrow(text);
            }
        }
    }
    let kinds = found.iter();
    Ok(kinds
        .map(|possible| possible.as_ref().map(Possible::kind))
        .collect())
}

/// The kinds but text, the first of which goes before the others.
const KINDS: [FieldKind; 3] = [FieldKind::Date, FieldKind::Number, FieldKind::Boolean];

/// Which kinds all values so far can have.
#[derive(Debug, Clone, Default)]
struct Possible {
    has_values: bool,
    ruled_out: Vec<FieldKind>,
}

impl Possible {
    fn narrow(&mut self, text: &str) {
        let text = text.trim();
        // Of every kind but text an empty one is NULL.
        if text.is_empty() {
            return;
        }
        self.has_values = true;
        let can_be = |kind| match kind {
            FieldKind::Text => true,
            FieldKind::Number => is_plain_number(text),
            FieldKind::Boolean => ["true", "false"]
                .iter()
                .any(|word| text.eq_ignore_ascii_case(word)),
            FieldKind::Date => parse_date(text).is_some(),
        };
        let others = KINDS.into_iter().filter(|kind| !can_be(*kind));
        for kind in others {
            if !self.ruled_out.contains(&kind) {
                self.ruled_out.push(kind);
            }
        }
    }

    fn kind(&self) -> FieldKind {
        let mut possible = KINDS.into_iter().filter(|_| self.has_values);
        let first = possible.find(|kind| !self.ruled_out.contains(kind));
        first.unwrap_or(FieldKind::Text)
    }
}

/// Whether a text is a number and nothing else: one with a zero in front is a postal code or
/// the like, as is one of more digits than a number of 64 bits keeps.
fn is_plain_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let whole = digits.split(['.', 'e', 'E']).next().unwrap_or(digits);
    let is_plain = digits
        .bytes()
        .next()
        .is_some_and(|first| first.is_ascii_digit())
        && (whole == "0" || !whole.starts_with('0'))
        && whole.len() <= 15;
    is_plain && text.parse::<f64>().is_ok_and(f64::is_finite)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(values: &[&str]) -> FieldKind {
        let mut possible = Possible::default();
        for value in values {
            possible.narrow(value);
        }
        possible.kind()
    }

    #[test]
    fn a_kind_is_what_every_value_is() {
        for (values, kind) in [
            (&["1", "-2.5", "", "3e2"][..], FieldKind::Number),
            (&["0", "0.5"], FieldKind::Number),
            (&["1", "a"], FieldKind::Text),
            (&["10115", "01067"], FieldKind::Text),
            (&["12345678901234567890"], FieldKind::Text),
            (&["+30210"], FieldKind::Text),
            (&["inf"], FieldKind::Text),
            (&["2024-01-31", "2024-02-29"], FieldKind::Date),
            (&["2024-01-31", "2023-02-29"], FieldKind::Text),
            (&["true", "FALSE", ""], FieldKind::Boolean),
            (&["true", "1"], FieldKind::Text),
            (&["", " "], FieldKind::Text),
            (&[], FieldKind::Text),
        ] {
            assert_eq!(kind_of(values), kind, "{values:?}");
        }
    }
}
