//! Which indexes searches are answered by.
//!
//! Left alone, the server goes by estimates of how many rows a box holds, and for
//! a wide box over an empty ocean rather reads the whole table. A hint that names
//! an index that is not there is passed over, so an old one does no harm.

use parking_lot::RwLock;

use super::MySqlStore;
use super::schema::{Index, indexes};
use crate::domain::{FieldKind, TextField};
use crate::store::sql::identifier;
use crate::store::{Collection, ColumnName, StoreError};

/// Hints for the searches of one collection; empty until they are learned.
#[derive(Debug, Default)]
pub(super) struct Hints {
    learned: RwLock<Learned>,
}

#[derive(Debug, Clone, Default)]
struct Learned {
    location: String,
    location_and_filters: String,
}

impl Hints {
    /// For a search within bounds: to use the spatial index, or where there is a
    /// filter one of its indexes.
    pub(super) fn within_bounds(&self, is_filtered: bool) -> String {
        let learned = self.learned.read();
        if is_filtered {
            learned.location_and_filters.clone()
        } else {
            learned.location.clone()
        }
    }
}

impl MySqlStore {
    pub(super) async fn learn_indexes(&self) -> Result<(), StoreError> {
        let indexes = indexes(&self.pool, &self.collection).await?;
        *self.statements.search.hints.learned.write() = learned(&self.collection, &indexes);
        Ok(())
    }
}

fn learned(collection: &Collection, indexes: &[Index]) -> Learned {
    let led_by = |kind: &'static str, column: &ColumnName| {
        let column = column.as_str().to_owned();
        let leads = move |index: &&Index| {
            index.kind == kind
                && index.place == 1
                && index.column_name.eq_ignore_ascii_case(&column)
        };
        let usable = indexes.iter().filter(leads);
        usable.filter(|index| index.visible && is_plain(&index.name))
    };
    let spatial = led_by("SPATIAL", &collection.location);
    let location: Vec<String> = spatial.map(|index| identifier(&index.name)).collect();
    if location.is_empty() {
        return Learned::default();
    }
    let filters = [TextField::Country, TextField::Region, TextField::City];
    let texts = filters
        .into_iter()
        .filter_map(|field| collection.text(field));
    let attributes = collection.attributes().iter();
    let attributes = attributes.filter(|attribute| attribute.kind == FieldKind::Text);
    let columns = texts.chain(attributes.map(|attribute| &attribute.column));
    let mut all = location.clone();
    all.extend(
        columns
            .flat_map(|column| led_by("BTREE", column))
            .map(|index| identifier(&index.name)),
    );
    let hint =
        |names: &[String]| format!("INDEX({} {}) ", collection.table.quoted(), names.join(", "));
    Learned {
        location: hint(&location),
        location_and_filters: hint(&all),
    }
}

/// Whether a name may stand in a comment, which hints are.
fn is_plain(name: &str) -> bool {
    ColumnName::new(name).is_ok()
}
