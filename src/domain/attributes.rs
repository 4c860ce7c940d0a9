//! The attributes of one center.

use std::sync::Arc;

use super::condition::FieldValue;
use super::fields::{Fields, FilterField};

/// The values of a center's attributes, in the order of its collection's.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attributes {
    /// Of the collection; `None` where it has no attributes.
    fields: Option<Arc<Fields>>,
    values: Vec<Option<FieldValue>>,
}

impl Attributes {
    /// Joins the fields of a collection and a value for each of its attributes.
    #[must_use]
    pub fn new(fields: &Arc<Fields>, values: Vec<Option<FieldValue>>) -> Self {
        debug_assert_eq!(fields.attributes().len(), values.len());
        Self {
            fields: (!values.is_empty()).then(|| Arc::clone(fields)),
            values,
        }
    }

    /// The fields of the collection; `None` where it has no attributes.
    #[must_use]
    pub fn fields(&self) -> Option<&Fields> {
        self.fields.as_deref()
    }

    /// The values.
    #[must_use]
    pub fn values(&self) -> &[Option<FieldValue>] {
        &self.values
    }

    /// Each attribute with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&FilterField, Option<&FieldValue>)> {
        let fields = self.fields.iter().flat_map(|fields| fields.attributes());
        fields.zip(self.values.iter().map(Option::as_ref))
    }
}

/// The most characters that the text of an attribute may have, so that four-byte characters
/// still fit MySQL's 65,535 bytes of `TEXT`.
pub const MAX_ATTRIBUTE_CHARS: usize = 16_000;

/// Whether a text may be written to an attribute.
#[must_use]
pub fn is_attribute_text(text: &str) -> bool {
    let forbidden = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    text.chars().count() <= MAX_ATTRIBUTE_CHARS && !text.contains(forbidden)
}
