//! The SQL of a collection in SQLite, built once.

use std::sync::Arc;

use serde_json::json;

use super::backfill::MendingSql;
use super::edit::EditSql;
use super::listing::ListingSql;
use super::moved::MovedSql;
use super::{extent, fields};
use crate::domain::{CenterId, Fields, Filter, OrganizationId, TextField};
use crate::store::condition::ConditionSql;
use crate::store::ids::has_id;
use crate::store::ratings::AVERAGE;
use crate::store::sql::{Sql, and_attributes, json_of, quoted_or_null, text_columns, text_or_null};
use crate::store::statement::Statement;
use crate::store::{Collection, ColumnName, SHOWN_STATUS};

/// Times are kept in the form that GeoPackage demands (OGC 12-128r19, table 1).
const TIME_FORMAT: &str = "%Y-%m-%dT%H:%M:%fZ";

/// The statements of one collection.
#[derive(Debug)]
pub(super) struct Statements {
    /// Fields with a column, in the order of their placeholders.
    pub(super) texts: Vec<TextField>,
    /// How many of the inserted values are times; they come last.
    pub(super) times: usize,
    pub(super) insert: Sql,
    pub(super) update: Sql,
    pub(super) edit: EditSql,
    /// [`Self::update`] of a row that differs, shown or not.
    pub(super) update_changed: Sql,
    pub(super) delete: Sql,
    pub(super) read: Sql,
    pub(super) read_many: Sql,
    /// Which of a JSON array of ids have a row, shown or not.
    pub(super) ids_there: Sql,
    /// Id, coordinates and texts, for [`super::scan`].
    pub(super) summaries: Sql,
    /// Id, coordinates and name, for [`super::scan`].
    pub(super) names: Sql,
    /// Id, coordinates and name of rows with a position between two latitudes.
    pub(super) between_latitudes: Sql,
    pub(super) count: Sql,
    /// Takes west, south, east and north of what was written, each a number or NULL.
    pub(super) mark_changed: Sql,
    pub(super) listing: ListingSql,
    pub(super) mending: MendingSql,
    pub(super) moved: MovedSql,
    /// Finds the extent of the layer out.
    pub(super) measure: Sql,
    /// What rows are read by.
    pub(super) fields: Arc<Fields>,
    list: String,
    count_list: String,
    list_by_organization: String,
    list_by_rating: String,
    list_end: String,
    conditions: ConditionSql,
}

impl Statements {
    pub(super) fn new(collection: &Collection) -> Self {
        let table = collection.table.quoted();
        let id = collection.id.quoted();
        let latitude = collection.latitude.quoted();
        let longitude = collection.longitude.quoted();
        let texts = text_columns(collection);
        let shown = collection.and_shown();

        // Text and bytes sort after every number, so they are not between any.
        let has_position =
            format!("{latitude} BETWEEN -90 AND 90 AND {longitude} BETWEEN -180 AND 180");
        let ours = format!("{}{shown}", has_id(&id));
        let center = center_columns(collection, &has_position);
        let text = |field| text_or_null(collection, field);
        let bytes = |field| format!("CAST({} AS TEXT)", text(field));
        let mark_changed = format!(
            "UPDATE gpkg_contents SET last_change = strftime('{TIME_FORMAT}', 'now'), \
             min_x = coalesce(min(min_x, ?1), min_x, ?1), \
             min_y = coalesce(min(min_y, ?2), min_y, ?2), \
             max_x = coalesce(max(max_x, ?3), max_x, ?3), \
             max_y = coalesce(max(max_y, ?4), max_y, ?4) \
             WHERE table_name = '{}'",
            collection.table.as_str()
        );
        let edited = edited_columns(collection);
        let attributes = attribute_columns(collection);
        let set = |columns: &[String]| {
            // The values of attributes come first, then whether each is written.
            let first = columns.len() + 1;
            let edited = (first..).zip(&attributes).map(|(value, column)| {
                let is_written = value + attributes.len();
                format!("{column} = IIF(?{is_written}, ?{value}, {column})")
            });
            let all: Vec<String> = placed(columns, "=").into_iter().chain(edited).collect();
            format!(
                "UPDATE {table} SET {}{} WHERE {id} = ?{}",
                all.join(", "),
                touch(collection),
                first + 2 * attributes.len(),
            )
        };
        let edit = set(&edited);
        Self {
            texts: texts.iter().map(|(field, _)| *field).collect(),
            times: times(collection).count(),
            insert: Sql::new(insert(collection)),
            update: Sql::new(format!("{edit}{shown}")),
            edit: EditSql::new(collection, touch(collection)),
            update_changed: Sql::new(format!(
                "{edit} AND NOT ({})",
                unchanged(&edited, &attributes)
            )),
            delete: Sql::new(delete(collection)),
            read: Sql::new(format!(
                "SELECT {center} FROM {table} WHERE {id} = ?{shown}"
            )),
            read_many: Sql::new(format!(
                "SELECT {center} FROM {table} WHERE {id} IN (SELECT value FROM json_each(?)){shown}"
            )),
            ids_there: Sql::new(format!(
                "SELECT {id} FROM {table} WHERE {id} IN (SELECT value FROM json_each(?))"
            )),
            summaries: Sql::new(format!(
                "SELECT {id}, {latitude}, {longitude}, {}, {}, {}, {} FROM {table} \
                 WHERE {ours} AND {has_position}",
                bytes(TextField::Name),
                bytes(TextField::Country),
                bytes(TextField::Region),
                bytes(TextField::City) + &and_attributes(collection),
            )),
            names: Sql::new(format!(
                "SELECT {id}, IIF({has_position}, {latitude}, NULL), \
                 IIF({has_position}, {longitude}, NULL), {} FROM {table} WHERE {ours}",
                bytes(TextField::Name),
            )),
            between_latitudes: Sql::new(format!(
                "SELECT {id}, {latitude}, {longitude}, {} FROM {table} \
                 WHERE {latitude} BETWEEN ? AND ? AND {ours} AND {has_position}",
                bytes(TextField::Name),
            )),
            count: Sql::new(format!("SELECT COUNT(*) FROM {table}")),
            mark_changed: Sql::new(mark_changed),
            listing: ListingSql::new(collection, &ours, &has_position),
            mending: MendingSql::new(collection),
            moved: MovedSql::new(collection),
            measure: extent::measure(collection, &has_position),
            list: format!("SELECT {center} FROM {table} WHERE {id} > ? AND {ours}"),
            count_list: format!("SELECT COUNT(*) FROM {table} WHERE {ours}"),
            list_by_organization: format!(
                " AND EXISTS (SELECT 1 FROM diving_center_organizations m \
                 WHERE m.diving_center_id = {table}.{id} \
                 AND m.diving_organization_id IN (SELECT value FROM json_each(?)))"
            ),
            list_by_rating: format!(
                " AND (SELECT {AVERAGE} FROM center_ratings r \
                 WHERE r.diving_center_id = {table}.{id}) >= ?"
            ),
            list_end: format!(" ORDER BY {id} LIMIT ?"),
            conditions: fields::conditions(collection),
            fields: Arc::clone(collection.fields()),
        }
    }

    /// Centers with ids beyond `after` that a filter keeps, up to `count`.
    pub(super) fn list<'a>(
        &self,
        filter: &'a Filter,
        organizations: &[OrganizationId],
        after: i64,
        count: u64,
    ) -> Statement<'a> {
        let mut statement = Statement::default();
        statement.push_with(&self.list, [after.into()]);
        self.push_filter(filter, organizations, &mut statement);
        statement.push_with(&self.list_end, [count.into()]);
        statement
    }

    /// Those of some centers that a filter keeps.
    pub(super) fn read_kept<'a>(
        &self,
        ids: &[CenterId],
        filter: &'a Filter,
        organizations: &[OrganizationId],
    ) -> Statement<'a> {
        let mut statement = Statement::default();
        statement.push_with(&self.read_many.text().0, [json_of(ids).into()]);
        self.push_filter(filter, organizations, &mut statement);
        statement
    }

    /// How many centers a filter keeps.
    pub(super) fn count_filtered<'a>(
        &self,
        filter: &'a Filter,
        organizations: &[OrganizationId],
    ) -> Statement<'a> {
        let mut statement = Statement::new(self.count_list.as_str());
        self.push_filter(filter, organizations, &mut statement);
        statement
    }

    fn push_filter<'a>(
        &self,
        filter: &'a Filter,
        organizations: &[OrganizationId],
        statement: &mut Statement<'a>,
    ) {
        self.conditions.push_and(&filter.condition, statement);
        if !filter.organizations.is_empty() {
            let ids: Vec<i64> = organizations.iter().map(|id| id.get()).collect();
            let ids = json!(ids).to_string();
            statement.push_with(&self.list_by_organization, [ids.into()]);
        }
        if let Some(least) = filter.least_rating() {
            statement.push_with(&self.list_by_rating, [least.into()]);
        }
    }
}

/// What [`super::rows::center`] reads.
fn center_columns(collection: &Collection, has_position: &str) -> String {
    let view_count = match &collection.view_count {
        Some(name) => format!("CAST({} AS INTEGER)", name.quoted()),
        None => "NULL".to_owned(),
    };
    format!(
        "{id}, IIF({has_position}, {latitude}, NULL), IIF({has_position}, {longitude}, NULL), \
         {view_count}, {}, {}, {}, {}",
        time_or_null(collection.created_at.as_ref()),
        time_or_null(collection.updated_at.as_ref()),
        TextField::ALL
            .map(|field| text_or_null(collection, field))
            .join(", "),
        quoted_or_null(collection.ownership_status.as_ref()) + &and_attributes(collection),
        id = collection.id.quoted(),
        latitude = collection.latitude.quoted(),
        longitude = collection.longitude.quoted(),
    )
}

/// How many of [`edited_columns`] say where a row is; they come first.
const PLACE_COLUMNS: usize = 3;

/// The columns that a draft says something of: location, coordinates and texts.
fn edited_columns(collection: &Collection) -> Vec<String> {
    let Collection {
        location,
        latitude,
        longitude,
        ..
    } = collection;
    let place: [_; PLACE_COLUMNS] = [location, latitude, longitude].map(ColumnName::quoted);
    let texts = text_columns(collection);
    let texts = texts.into_iter().map(|(_, column)| column);
    place.into_iter().chain(texts).collect()
}

/// The condition that an edit changes nothing; its placeholders are those of the edit.
fn unchanged(edited: &[String], attributes: &[String]) -> String {
    let first = edited.len() + 1;
    let unwritten = (first..).zip(attributes).map(|(value, column)| {
        let is_written = value + attributes.len();
        format!("({column} IS ?{value} OR NOT ?{is_written})")
    });
    let same: Vec<String> = placed(edited, "IS").into_iter().chain(unwritten).collect();
    same.join(" AND ")
}

/// The columns of attributes.
fn attribute_columns(collection: &Collection) -> Vec<String> {
    let attributes = collection.attributes().iter();
    attributes
        .map(|attribute| attribute.column.quoted())
        .collect()
}

/// Columns beside their placeholders, from `?1` on.
fn placed(columns: &[String], operator: &str) -> Vec<String> {
    let numbered = columns.iter().zip(1..);
    numbered
        .map(|(column, number)| format!("{column} {operator} ?{number}"))
        .collect()
}

/// Takes an id or NULL, the edited columns and times.
fn insert(collection: &Collection) -> String {
    let mut columns = vec![collection.id.quoted()];
    columns.extend(edited_columns(collection));
    columns.extend(attribute_columns(collection));
    columns.extend(times(collection).map(ColumnName::quoted));
    let mut values = vec!["?".to_owned(); columns.len()];
    if let Some(status) = &collection.status {
        columns.push(status.quoted());
        values.push(format!("'{SHOWN_STATUS}'"));
    }
    format!(
        "INSERT INTO {} ({}) VALUES ({})",
        collection.table.quoted(),
        columns.join(", "),
        values.join(", "),
    )
}

/// The columns of times that are written.
fn times(collection: &Collection) -> impl Iterator<Item = &ColumnName> {
    collection.created_at.iter().chain(&collection.updated_at)
}

/// The end of what an UPDATE sets.
fn touch(collection: &Collection) -> String {
    collection
        .updated_at
        .as_ref()
        .map_or(String::new(), |name| {
            format!(", {} = strftime('{TIME_FORMAT}', 'now')", name.quoted())
        })
}

fn delete(collection: &Collection) -> String {
    let (table, id) = (collection.table.quoted(), collection.id.quoted());
    let shown = collection.and_shown();
    match &collection.deleted_at {
        None => format!("DELETE FROM {table} WHERE {id} = ?{shown}"),
        Some(deleted_at) => format!(
            "UPDATE {table} SET {} = strftime('{TIME_FORMAT}', 'now'){} WHERE {id} = ?{shown}",
            deleted_at.quoted(),
            touch(collection),
        ),
    }
}

/// A time in whatever form SQLite reads, in ours; NULL for what it cannot read.
pub(super) fn time_or_null(name: Option<&ColumnName>) -> String {
    name.map_or("NULL".to_owned(), |name| {
        format!("strftime('{TIME_FORMAT}', {})", name.quoted())
    })
}
