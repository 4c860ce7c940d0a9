//! Attributes of a collection in requests: what is asked of them, and what is written.

use std::collections::BTreeMap;

use serde_json::Value;

use super::code::Code;
use super::problem::Problem;
use super::query::Query;
use crate::domain::{
    Comparison, Condition, FieldId, FieldKind, FieldValue, Fields, FilterField,
    MAX_ATTRIBUTE_CHARS, MAX_FILTER_VALUES, TextField, is_attribute_text,
};
use crate::wire::parse_date;

/// The longest text that is compared with an attribute.
const MAX_TEXT_CHARS: usize = 1_000;
/// What stands for an attribute that is NULL.
const NULL: &str = "null";
/// What stands between the ends of a range.
const RANGE: &str = "..";

/// What a query asks of attributes: of each of them any of its values.
///
/// # Errors
/// When a value is none of the kind, or there are too many.
pub fn condition_of(query: &Query<'_>) -> Result<Condition, Problem> {
    let Some((fields, attributes)) = query.attributes() else {
        return Ok(Condition::default());
    };
    let mut asked = Asked::of(fields);
    for attribute in attributes {
        asked.add(attribute.field, attribute.is_negated, &attribute.value)?;
    }
    Ok(asked.condition())
}

/// The same from the members of an object, each a value or a list of values.
///
/// # Errors
/// When a member is no attribute, a value is none of the kind, or there are too many.
pub fn condition_of_members(
    fields: &Fields,
    members: &[(String, Value)],
) -> Result<Condition, Problem> {
    let mut asked = Asked::of(fields);
    for (name, value) in members {
        let plain = name.strip_suffix('!');
        let field = fields.find(plain.unwrap_or(name));
        let field = field
            .filter(|field| field.attribute().is_some())
            .ok_or_else(|| unknown_member(fields, name))?;
        let values = match value {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Array(_) | Value::Object(_) => {
                    let allowed = "a value or a list of values";
                    return Err(Problem::invalid(name, kind_of(value), allowed));
                }
                plain => plain.to_string(),
            };
            asked.add(field, plain.is_some(), &text)?;
        }
    }
    Ok(asked.condition())
}

/// A member that is neither known nor an attribute.
pub fn unknown_member(fields: &Fields, name: &str) -> Problem {
    let names: Vec<&str> = attribute_names(fields).collect();
    let allowed = match names.len() {
        0 => "the members that the documentation lists".to_owned(),
        _ => format!(
            "the members that the documentation lists, and the attributes {}",
            names.join(", ")
        ),
    };
    unknown(name, allowed)
}

/// Refuses a member of a center that is nothing which a client can write.
fn unwritable_member(fields: &Fields, name: &str) -> Problem {
    let own = TextField::ALL.map(TextField::name).into_iter();
    let names = own
        .chain(["latitude", "longitude"])
        .chain(attribute_names(fields));
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let allowed = format!("one of {}, and `id` in a batch", names.join(", "));
    unknown(name, allowed)
}

fn attribute_names(fields: &Fields) -> impl Iterator<Item = &str> {
    let attributes = fields.attributes().iter();
    attributes.map(|attribute| attribute.name.as_str())
}

fn unknown(name: &str, allowed: String) -> Problem {
    let short: String = name.chars().take(40).collect();
    let detail = format!("there is no member `{short}`, expected {allowed}");
    Problem::new(Code::ParameterUnknown, detail)
        .at(short.clone())
        .got(&format!("unknown field `{short}`"))
        .allowed(allowed)
}

/// What the members of an object say of attributes, by their places among them.
///
/// # Errors
/// When a member is no attribute, or a value is none of its kind.
pub fn written(
    fields: &Fields,
    members: &[(String, Value)],
) -> Result<Vec<(usize, Option<FieldValue>)>, Problem> {
    let written = |(name, value): &(String, Value)| {
        let id = fields.find(name);
        let place = id.and_then(FieldId::attribute);
        let place = place.ok_or_else(|| unwritable_member(fields, name))?;
        let kind = fields.attributes()[place].kind;
        let refused = || {
            let got = match value {
                Value::String(text) => text.clone(),
                Value::Array(_) | Value::Object(_) => kind_of(value).to_owned(),
                plain => plain.to_string(),
            };
            Problem::invalid(name, &got, written_kind(kind))
        };
        let read = match (kind, value) {
            (_, Value::Null) => return Ok((place, None)),
            (FieldKind::Text, Value::String(text)) => {
                is_attribute_text(text).then(|| text.clone().into())
            }
            (FieldKind::Number, Value::Number(number)) => number.as_f64().map(FieldValue::Number),
            (FieldKind::Boolean, Value::Bool(boolean)) => Some(FieldValue::Boolean(*boolean)),
            (FieldKind::Date, Value::String(text)) => parse_date(text).map(FieldValue::Date),
            _ => None,
        };
        Ok((place, Some(read.ok_or_else(refused)?)))
    };
    members.iter().map(written).collect()
}

/// What may be written to a field.
fn written_kind(kind: FieldKind) -> String {
    match kind {
        FieldKind::Text => format!(
            "a text of at most {MAX_ATTRIBUTE_CHARS} characters without control characters other \
             than tab and line breaks, or null"
        ),
        FieldKind::Number => "a number, or null".to_owned(),
        FieldKind::Boolean => "true, false or null".to_owned(),
        FieldKind::Date => "a day as in 2024-01-31, or null".to_owned(),
    }
}

/// What is asked of attributes so far.
struct Asked<'a> {
    fields: &'a Fields,
    of_field: BTreeMap<FieldId, Vec<Condition>>,
    not_null: Vec<Condition>,
}

impl<'a> Asked<'a> {
    fn of(fields: &'a Fields) -> Self {
        Self {
            fields,
            of_field: BTreeMap::new(),
            not_null: Vec::new(),
        }
    }

    fn add(&mut self, id: FieldId, is_negated: bool, text: &str) -> Result<(), Problem> {
        let field = self.fields.get(id);
        if is_negated {
            if text != NULL {
                let name = format!("{}!", field.name);
                return Err(Problem::invalid(name, text, NULL));
            }
            let is_null = Condition::IsNull(id);
            self.not_null.push(Condition::Not(is_null.into()));
            return Ok(());
        }
        let ways = self.of_field.entry(id).or_default();
        if ways.len() == MAX_FILTER_VALUES {
            return Err(Problem::invalid(
                &field.name,
                &format!("more than {MAX_FILTER_VALUES} values"),
                format!("at most {MAX_FILTER_VALUES} values"),
            ));
        }
        ways.push(way(id, field, text)?);
        Ok(())
    }

    fn condition(self) -> Condition {
        let of_fields = self.of_field.into_iter();
        let conditions = of_fields.map(|(field, ways)| any_of(field, ways));
        Condition::All(conditions.chain(self.not_null).collect())
    }
}

/// Any of some ways in which a field may be; single values become one list, which an
/// index finds.
fn any_of(field: FieldId, ways: Vec<Condition>) -> Condition {
    let mut values = Vec::new();
    let mut others = Vec::new();
    for way in ways {
        match way {
            Condition::Compare(_, Comparison::Equal, value) => values.push(value),
            other => others.push(other),
        }
    }
    if !values.is_empty() {
        others.push(Condition::OneOf(field, values));
    }
    match others.len() {
        1 => others.remove(0),
        _ => Condition::Any(others),
    }
}

/// One value, range or NULL.
fn way(id: FieldId, field: &FilterField, text: &str) -> Result<Condition, Problem> {
    if text == NULL {
        return Ok(Condition::IsNull(id));
    }
    let refused = || Problem::invalid(&field.name, text, asked_kind(field.kind));
    let value = |text: &str| value_of(field.kind, text).ok_or_else(refused);
    let is_ordered = matches!(field.kind, FieldKind::Number | FieldKind::Date);
    let (from, to) = match text.split_once(RANGE) {
        Some(ends) if is_ordered => ends,
        _ => return Ok(Condition::Compare(id, Comparison::Equal, value(text)?)),
    };
    let end = |text: &str| (!text.is_empty()).then(|| value(text)).transpose();
    let (from, to) = (end(from)?, end(to)?);
    if let (Some(from), Some(to)) = (&from, &to)
        && from
            .borrowed()
            .compare(to.borrowed())
            .is_none_or(std::cmp::Ordering::is_gt)
    {
        return Err(refused());
    }
    let compare = |comparison| move |value| Condition::Compare(id, comparison, value);
    let from = from.map(compare(Comparison::GreaterOrEqual));
    let to = to.map(compare(Comparison::LessOrEqual));
    match (from, to) {
        (None, None) => Err(refused()),
        (Some(end), None) | (None, Some(end)) => Ok(end),
        (Some(from), Some(to)) => Ok(Condition::All(vec![from, to])),
    }
}

/// What may be asked of a field.
fn asked_kind(kind: FieldKind) -> String {
    match kind {
        FieldKind::Text => format!("a text of 1 to {MAX_TEXT_CHARS} characters, or null"),
        FieldKind::Number => {
            "a number, a range of numbers as in 4.., ..3.5 or 1..2, or null".to_owned()
        }
        FieldKind::Boolean => "true, false or null".to_owned(),
        FieldKind::Date => "a day as in 2024-01-31, a range of days as in 2024-01-01.., \
                            ..2024-01-31 or 2024-01-01..2024-01-31, or null"
            .to_owned(),
    }
}

/// A value as it is written in a query; `None` of another kind.
fn value_of(kind: FieldKind, text: &str) -> Option<FieldValue> {
    match kind {
        FieldKind::Text => {
            let fits = (1..=MAX_TEXT_CHARS).contains(&text.chars().count());
            fits.then(|| FieldValue::Text(text.to_owned()))
        }
        FieldKind::Number => {
            let number: f64 = text.parse().ok()?;
            number.is_finite().then_some(FieldValue::Number(number))
        }
        FieldKind::Boolean => text.parse().ok().map(FieldValue::Boolean),
        FieldKind::Date => parse_date(text).map(FieldValue::Date),
    }
}

/// What a value of JSON is.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => NULL,
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::query::{Param, Params};

    fn fields() -> Fields {
        let attributes = [
            ("category", FieldKind::Text),
            ("stars", FieldKind::Number),
            ("open", FieldKind::Boolean),
            ("since", FieldKind::Date),
        ];
        let attributes = attributes.map(|(name, kind)| (name.to_owned(), kind));
        Fields::new(|_| true, attributes)
    }

    const KNOWN: Params = &[&[Param::once("limit")]];

    fn asked(text: &str) -> Result<Condition, Problem> {
        let fields = fields();
        condition_of(&Query::parse_with_attributes(text, KNOWN, &fields)?)
    }

    #[test]
    fn values_of_an_attribute_are_alternatives_and_attributes_must_all_hold() {
        let (category, stars) = (FieldId::of_attribute(0), FieldId::of_attribute(1));
        assert_eq!(
            asked("stars=1..2&category=b&category=a&stars=4").unwrap(),
            Condition::All(vec![
                Condition::texts(category, ["b", "a"]),
                Condition::Any(vec![
                    Condition::All(vec![
                        at_least(stars, 1.0),
                        Condition::Compare(stars, Comparison::LessOrEqual, FieldValue::Number(2.0)),
                    ]),
                    Condition::OneOf(stars, vec![FieldValue::Number(4.0)]),
                ]),
            ])
        );
        let not_null = Condition::Not(Condition::IsNull(category).into());
        let null = Condition::IsNull(category);
        assert_eq!(asked("category!=null").unwrap().conjuncts(), [not_null]);
        assert_eq!(asked("category=null").unwrap().conjuncts(), [null]);
        assert!(asked("limit=1").unwrap().conjuncts().is_empty());
    }

    fn at_least(field: FieldId, number: f64) -> Condition {
        Condition::Compare(
            field,
            Comparison::GreaterOrEqual,
            FieldValue::Number(number),
        )
    }

    #[test]
    fn members_of_an_object_ask_as_parameters_do() {
        let fields = fields();
        let of = |value: Value| {
            let members: Vec<_> = value.as_object().unwrap().clone().into_iter().collect();
            condition_of_members(&fields, &members)
        };
        let members = json!({"category": ["a", null], "stars": 4, "since": "..2024-01-31"});
        let text = "category=a&category=null&stars=4&since=..2024-01-31";
        assert_eq!(of(members).unwrap(), asked(text).unwrap());
        let unknown = of(json!({"colour": 1})).unwrap_err();
        assert_eq!(unknown.code(), Code::ParameterUnknown);
        let nested = of(json!({"stars": [[1]]})).unwrap_err();
        assert_eq!(nested.code(), Code::ParameterInvalid);
    }

    #[test]
    fn what_is_none_of_the_kind_is_refused() {
        for bad in [
            "stars=x",
            "stars=..",
            "stars=2..1",
            "stars=NaN",
            "stars=1e400",
            "stars=1..x",
            "open=yes",
            "open=1",
            "since=2024",
            "since=2024-02-30",
            "since=2024-1-1",
            "since=2024-02-01..2024-01-01",
            "category!=a",
            "stars!=4",
            "category=",
        ] {
            let refused = asked(bad).expect_err(bad);
            assert_eq!(refused.code(), Code::ParameterInvalid, "{bad}");
        }
        let long = format!("category={}", "a".repeat(MAX_TEXT_CHARS + 1));
        assert!(asked(&long).is_err());
        let many = vec!["stars=1"; MAX_FILTER_VALUES + 1].join("&");
        assert!(asked(&many).is_err() && asked(&many[8..]).is_ok());
        for unknown in ["colour=red", "name=x", "country=GR"] {
            let refused = asked(unknown).expect_err(unknown);
            assert_eq!(refused.code(), Code::ParameterUnknown, "{unknown}");
        }
    }
}
