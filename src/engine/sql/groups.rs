//! Groups of centers, of which the nearest is kept, as rows come nearest first.

use std::collections::HashSet;

use crate::domain::{Condition, FieldId, FieldValue, Summary, ValueKey};

/// The values of a field that rows were met with.
pub(super) struct Met {
    field: FieldId,
    values: HashSet<ValueKey>,
}

impl Met {
    pub(super) fn none_of(field: FieldId) -> Self {
        Self {
            field,
            values: HashSet::new(),
        }
    }

    /// Whether a center is the first of its value, which is noted; one whose field is NULL
    /// always is.
    pub(super) fn is_first(&mut self, center: &Summary<'_>) -> bool {
        match center.value(self.field) {
            None => true,
            Some(value) => self.values.insert(FieldValue::from(value).into()),
        }
    }

    /// That a center has none of the values, so that the rows that are asked for next are of
    /// others.
    pub(super) fn is_of_others(&self) -> Condition {
        if self.values.is_empty() {
            return Condition::default();
        }
        let values = self.values.iter().cloned().map(FieldValue::from);
        let is_met = Condition::OneOf(self.field, values.collect());
        Condition::Any(vec![
            Condition::IsNull(self.field),
            Condition::Not(is_met.into()),
        ])
    }
}
