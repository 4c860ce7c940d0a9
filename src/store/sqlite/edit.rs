//! The UPDATE of an edit: it names the columns that the edit says something of, as others may
//! hold what a text or a number cannot tell.

use super::geopackage;
use crate::domain::{CenterEdit, CenterId, Position, TextField};
use crate::store::Collection;
use crate::store::sql::text_columns;
use crate::store::statement::{Statement, Value};

/// How a row of a collection is edited.
#[derive(Debug)]
pub(super) struct EditSql {
    /// `UPDATE … SET `
    start: String,
    id: String,
    location: String,
    latitude: String,
    longitude: String,
    texts: Vec<(TextField, String)>,
    attributes: Vec<String>,
    /// What else is set, which begins with a comma.
    touch: String,
    and_shown: String,
}

impl EditSql {
    /// What else is set begins with a comma.
    pub(super) fn new(collection: &Collection, touch: String) -> Self {
        let attributes = collection.attributes().iter();
        Self {
            start: format!("UPDATE {} SET ", collection.table.quoted()),
            id: collection.id.quoted(),
            location: collection.location.quoted(),
            latitude: collection.latitude.quoted(),
            longitude: collection.longitude.quoted(),
            texts: text_columns(collection),
            attributes: attributes
                .map(|attribute| attribute.column.quoted())
                .collect(),
            touch,
            and_shown: collection.and_shown(),
        }
    }

    pub(super) fn statement<'a>(&self, id: CenterId, edit: &'a CenterEdit) -> Statement<'a> {
        let draft = &edit.draft;
        // Something has to be set, whatever is said.
        let mut statement = Statement::new(format!("{}{id} = {id}", self.start, id = self.id));
        let mut set = |column: &str, value: Value<'a>| {
            statement.push(", ").push(column).push(" = ");
            statement.push_value(value);
        };
        let position = draft.position();
        // Where there is a position its location is made right.
        if edit.places || position.is_some() {
            let location = position.map(geopackage::encode);
            set(&self.location, location.map_or(Value::Null, Value::Bytes));
        }
        if edit.places {
            set(&self.latitude, position.map(Position::latitude).into());
            set(&self.longitude, position.map(Position::longitude).into());
        }
        for (field, column) in &self.texts {
            if edit.texts.contains(field) {
                set(column, draft.text().get(*field).into());
            }
        }
        for (place, value) in draft.attributes() {
            set(&self.attributes[place], value.into());
        }
        statement.push(&self.touch).push(" WHERE ").push(&self.id);
        statement.push(" = ").push_value(id.get());
        statement.push(&self.and_shown);
        statement
    }
}
