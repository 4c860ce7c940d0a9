//! Writes conditions as CQL2 Text, for tests that read them back.

use crate::domain::{Comparison, Condition, FieldId, FieldValue, Fields, Pattern, Piece};

/// A condition as CQL2 Text, in parentheses wherever it is joined.
pub(super) fn print(condition: &Condition, fields: &Fields) -> String {
    let name = |field: &FieldId| {
        let name = &fields.get(*field).name;
        format!("\"{}\"", name.replace('"', "\"\""))
    };
    let joined = |conditions: &[Condition], keyword: &str| {
        let each = conditions.iter();
        let each = each.map(|condition| format!("({})", print(condition, fields)));
        each.collect::<Vec<_>>().join(keyword)
    };
    match condition {
        Condition::All(none) if none.is_empty() => "TRUE".to_owned(),
        Condition::Any(none) if none.is_empty() => "false".to_owned(),
        Condition::All(conditions) => joined(conditions, " AND "),
        Condition::Any(conditions) => joined(conditions, " or "),
        Condition::Not(inner) => format!("NOT ({})", print(inner, fields)),
        Condition::IsNull(field) => format!("{} IS NULL", name(field)),
        Condition::Compare(field, comparison, against) => {
            format!("{} {} {}", name(field), sign(*comparison), value(against))
        }
        Condition::OneOf(field, values) => {
            let values: Vec<String> = values.iter().map(value).collect();
            format!("{} IN ({})", name(field), values.join(","))
        }
        Condition::Inside(_) | Condition::Open(_) => unreachable!("these are not printed"),
        Condition::Like(field, like) => format!("{} LIKE {}", name(field), text(&pattern(like))),
    }
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::Unequal => "<>",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

fn value(value: &FieldValue) -> String {
    match value {
        FieldValue::Text(content) => text(content),
        FieldValue::Number(number) => format!("{number:?}"),
        FieldValue::Boolean(boolean) => boolean.to_string(),
        FieldValue::Date(day) => format!("DATE('{}')", day.format("%Y-%m-%d")),
    }
}

fn text(content: &str) -> String {
    format!("'{}'", content.replace('\'', "''"))
}

fn pattern(pattern: &Pattern) -> String {
    let pieces = pattern.pieces().iter().map(|piece| match piece {
        Piece::Literal(c @ ('%' | '_' | '\\')) => format!("\\{c}"),
        Piece::Literal(c) => c.to_string(),
        Piece::One => "_".to_owned(),
        Piece::Many => "%".to_owned(),
    });
    pieces.collect()
}
