//! The UPDATE of an edit: it names the columns that the edit says something of, as others may
//! hold what a text or a number cannot tell.

use super::rows;
use crate::domain::{CenterEdit, CenterId, Position, TextField};
use crate::store::statement::Statement;

/// How a row of a collection is edited.
#[derive(Debug)]
pub(super) struct EditSql {
    /// `UPDATE … SET location = `
    pub(super) start: String,
    /// The location that belongs to the coordinates which are there.
    pub(super) derived: String,
    pub(super) latitude: String,
    pub(super) longitude: String,
    pub(super) texts: Vec<(TextField, String)>,
    pub(super) attributes: Vec<String>,
    /// What else is set, and `WHERE id = `.
    pub(super) end: String,
    pub(super) and_shown: String,
}

impl EditSql {
    pub(super) fn statement<'a>(&self, id: CenterId, edit: &'a CenterEdit) -> Statement<'a> {
        let mut statement = Statement::new(self.start.as_str());
        let draft = &edit.draft;
        if edit.places {
            let (x, y) = rows::point(draft.position());
            statement.push_with("ST_SRID(POINT(?, ?), 4326)", [x.into(), y.into()]);
            let position = draft.position();
            for (column, degrees) in [
                (&self.latitude, position.map(Position::latitude)),
                (&self.longitude, position.map(Position::longitude)),
            ] {
                statement.push(", ").push(column).push(" = ");
                statement.push_value(degrees);
            }
        } else {
            statement.push(&self.derived);
        }
        for (field, column) in &self.texts {
            if edit.texts.contains(field) {
                statement.push(", ").push(column).push(" = ");
                statement.push_value(draft.text().get(*field));
            }
        }
        for (place, value) in draft.attributes() {
            let column = &self.attributes[place];
            statement.push(", ").push(column).push(" = ");
            statement.push_value(value);
        }
        statement.push_with(&self.end, []);
        statement.push_value(id.get()).push(&self.and_shown);
        statement
    }
}
