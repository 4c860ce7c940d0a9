//! How the fields that can be filtered by are read.

use crate::domain::{FieldId, FieldKind};
use crate::store::Collection;
use crate::store::collection::text_of;
use crate::store::condition::{ConditionSql, FieldSql, PatternSql};
use crate::store::sql::text_or_null;

/// How the fields of a collection stand in conditions.
pub(super) fn conditions(collection: &Collection) -> ConditionSql {
    let built_in = FieldId::BUILT_IN.into_iter().filter_map(text_of);
    let built_in = built_in.map(|field| exact_text(text_or_null(collection, field)));
    let mut fields: Vec<FieldSql> = built_in.collect();
    // A row without a name is called nothing.
    let name = &mut fields[usize::from(FieldId::NAME.0)];
    *name = FieldSql {
        read: format!("COALESCE({}, '')", name.read),
        indexed: None,
    };
    let attributes = collection.attributes().iter();
    fields.extend(attributes.map(|attribute| match attribute.kind {
        FieldKind::Text => exact_text(attribute.read()),
        FieldKind::Number | FieldKind::Boolean | FieldKind::Date => FieldSql {
            read: attribute.read(),
            indexed: None,
        },
    }));
    ConditionSql {
        fields,
        pattern: PatternSql::Like,
        coordinates: [collection.latitude.quoted(), collection.longitude.quoted()],
    }
}

/// The collation of a column finds candidates by its index; this one tells all apart.
fn exact_text(column: String) -> FieldSql {
    FieldSql {
        read: format!("CONVERT({column} USING utf8mb4) COLLATE utf8mb4_0900_bin"),
        indexed: Some(column),
    }
}
