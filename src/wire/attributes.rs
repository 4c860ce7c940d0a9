//! Values of attributes as JSON.

use chrono::NaiveDate;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::domain::{Attributes, Fields, ValueRef};

/// Appends the attributes of a center, each after a comma, by their places among the
/// attributes.
pub fn push_attributes<'v>(
    fields: &Fields,
    value_of: impl Fn(usize) -> Option<ValueRef<'v>>,
    out: &mut Vec<u8>,
) {
    for (place, field) in fields.attributes().iter().enumerate() {
        out.push(b',');
        push_json(&field.name, out);
        out.push(b':');
        push_json(&value_of(place).map(JsonValue), out);
    }
}

fn push_json(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("writing to memory cannot fail");
}

/// A value as it stands in JSON.
struct JsonValue<'a>(ValueRef<'a>);

impl Serialize for JsonValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            ValueRef::Text(text) => serializer.serialize_str(text),
            ValueRef::Number(number) => serializer.serialize_f64(number),
            ValueRef::Boolean(boolean) => serializer.serialize_bool(boolean),
            ValueRef::Date(date) => serializer.collect_str(&date),
        }
    }
}

/// The attributes of a center as members of its object.
#[derive(Debug)]
pub struct AttributeMembers<'a>(pub &'a Attributes);

impl Serialize for AttributeMembers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        for (field, value) in self.0.iter() {
            let value = value.map(|value| JsonValue(value.borrowed()));
            members.serialize_entry(&field.name, &value)?;
        }
        members.end()
    }
}

/// Reads a day, as in 2024-01-31.
#[must_use]
pub fn parse_date(text: &str) -> Option<NaiveDate> {
    let has_form = text.len() == 10;
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .filter(|_| has_form)
}
