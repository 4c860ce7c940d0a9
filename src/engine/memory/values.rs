//! What centers can be filtered by, as the index holds it: texts and booleans as numbers of
//! values that are kept once, numbers and dates as they are.

use std::sync::Arc;

use chrono::Datelike as _;

use super::vocabulary::{FIELDS, ValueId, Vocabulary};
use crate::domain::{FieldId, FieldKind, FieldValue, Fields, ValueRef};

/// Where the index holds the values of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// In a vocabulary.
    Interned(usize),
    /// Among the numbers, in this place.
    Number(usize),
}

/// Where the index holds what.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    fields: Arc<Fields>,
    attributes: Vec<Held>,
    interned: usize,
    numbers: usize,
}

impl Layout {
    pub(super) fn of(fields: &Arc<Fields>) -> Self {
        let mut layout = Self {
            fields: Arc::clone(fields),
            ..Self::default()
        };
        for attribute in fields.attributes() {
            let (count, held): (_, fn(usize) -> Held) = match attribute.kind {
                FieldKind::Text | FieldKind::Boolean => {
                    (&mut layout.interned, |place| Held::Interned(FIELDS + place))
                }
                FieldKind::Number | FieldKind::Date => (&mut layout.numbers, Held::Number),
            };
            layout.attributes.push(held(*count));
            *count += 1;
        }
        layout
    }

    pub(super) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Empty vocabularies of all fields that have one.
    pub(super) fn vocabularies(&self) -> Vec<Vocabulary> {
        let count = FIELDS + self.interned;
        (0..count).map(|_| Vocabulary::default()).collect()
    }

    /// How many numbers each center has.
    pub(super) fn numbers(&self) -> usize {
        self.numbers
    }

    /// Where a field is held; `None` of the name, which only the text of a center has.
    pub(super) fn held(&self, field: FieldId) -> Option<Held> {
        match field.attribute() {
            Some(place) => Some(self.attributes[place]),
            None => usize::from(field.0).checked_sub(1).map(Held::Interned),
        }
    }

    /// The attributes of a center in numbers.
    pub(super) fn values(
        &self,
        built_in: [ValueId; FIELDS],
        attributes: &[Option<FieldValue>],
        vocabularies: &mut [Vocabulary],
    ) -> Values {
        let mut values = Values {
            built_in,
            interned: Vec::with_capacity(self.interned),
            numbers: Vec::with_capacity(self.numbers),
        };
        for (held, value) in self.attributes.iter().zip(attributes) {
            match held {
                Held::Interned(vocabulary) => {
                    let text = value.as_ref().and_then(text_of);
                    values.interned.push(vocabularies[*vocabulary].intern(text));
                }
                Held::Number(_) => {
                    let number = value.as_ref().and_then(number_of);
                    values.numbers.push(number.unwrap_or(f64::NAN));
                }
            }
        }
        values
    }

    /// A value of an attribute, from its numbers.
    pub(super) fn attribute<'v>(
        &self,
        place: usize,
        values: ValuesRef<'_>,
        vocabularies: &'v [Vocabulary],
    ) -> Option<ValueRef<'v>> {
        let kind = self.fields.attributes()[place].kind;
        match self.attributes[place] {
            Held::Interned(vocabulary) => {
                let text = vocabularies[vocabulary].text(values.interned[vocabulary - FIELDS])?;
                Some(of_text(kind, text))
            }
            Held::Number(at) => of_number(kind, values.numbers[at]),
        }
    }
}

/// The text that a vocabulary keeps of a value.
pub(super) fn text_of(value: &FieldValue) -> Option<&str> {
    match value {
        FieldValue::Text(text) => Some(text),
        FieldValue::Boolean(true) => Some(TRUE),
        FieldValue::Boolean(false) => Some("false"),
        FieldValue::Number(_) | FieldValue::Date(_) => None,
    }
}

const TRUE: &str = "true";

pub(super) fn of_text(kind: FieldKind, text: &str) -> ValueRef<'_> {
    match kind {
        FieldKind::Boolean => ValueRef::Boolean(text == TRUE),
        _ => ValueRef::Text(text),
    }
}

/// The number that the index holds of a value: that of its day, for a date.
pub(super) fn number_of(value: &FieldValue) -> Option<f64> {
    match value {
        FieldValue::Number(number) => Some(*number),
        FieldValue::Date(date) => Some(f64::from(date.num_days_from_ce())),
        FieldValue::Text(_) | FieldValue::Boolean(_) => None,
    }
}

/// `None` of NaN, which stands for NULL.
pub(super) fn of_number(kind: FieldKind, number: f64) -> Option<ValueRef<'static>> {
    if number.is_nan() {
        return None;
    }
    match kind {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it was made of a whole number"
        )]
        FieldKind::Date => match FieldValue::of_day(number as i64)? {
            FieldValue::Date(date) => Some(ValueRef::Date(date)),
            _ => None,
        },
        _ => Some(ValueRef::Number(number)),
    }
}

/// What a center can be filtered by.
#[derive(Debug, Clone)]
pub(super) struct Values {
    /// Its country, region, city, organizations and rating.
    pub(super) built_in: [ValueId; FIELDS],
    /// Its attributes of texts and booleans.
    pub(super) interned: Vec<ValueId>,
    /// Its attributes of numbers and dates.
    pub(super) numbers: Vec<f64>,
}

impl Values {
    pub(super) fn borrowed(&self) -> ValuesRef<'_> {
        ValuesRef {
            built_in: self.built_in,
            interned: &self.interned,
            numbers: &self.numbers,
        }
    }
}

/// The same, borrowed from wherever it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct ValuesRef<'a> {
    pub(super) built_in: [ValueId; FIELDS],
    pub(super) interned: &'a [ValueId],
    pub(super) numbers: &'a [f64],
}

impl<'a> ValuesRef<'a> {
    pub(super) fn owned(self) -> Values {
        Values {
            built_in: self.built_in,
            interned: self.interned.to_vec(),
            numbers: self.numbers.to_vec(),
        }
    }

    /// Every value of a vocabulary with the number of that.
    pub(super) fn interned(self) -> impl Iterator<Item = (usize, ValueId)> + use<'a> {
        let all = self
            .built_in
            .into_iter()
            .chain(self.interned.iter().copied());
        all.enumerate()
    }
}
