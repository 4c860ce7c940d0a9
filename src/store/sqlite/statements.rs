//! The SQL of a collection in SQLite, built once.

use super::listing::ListingSql;
use crate::domain::{MAX_CENTER_ID, TextField};
use crate::store::sql::{Condition, Sql, text_columns, text_or_null};
use crate::store::{Collection, ColumnName};

/// Rows of the statement that inserts many: their placeholders stay far below
/// SQLite's limit of 32,766.
pub(super) const BLOCK: usize = 64;

/// Times are kept in the form that GeoPackage demands (OGC 12-128r19, table 1).
const TIME_FORMAT: &str = "%Y-%m-%dT%H:%M:%fZ";

/// The statements of one collection.
#[derive(Debug)]
pub(super) struct Statements {
    /// Fields with a column, in the order of their placeholders.
    pub(super) texts: Vec<TextField>,
    insert: String,
    /// How many of the written columns are times; they come last.
    pub(super) times: usize,
    pub(super) insert_one: Sql,
    pub(super) insert_block: Sql,
    pub(super) update: Sql,
    pub(super) delete: Sql,
    pub(super) read: Sql,
    pub(super) read_many: Sql,
    /// Id, coordinates and texts, for [`super::scan`].
    pub(super) summaries: Sql,
    /// Id, coordinates and name, for [`super::scan`].
    pub(super) names: Sql,
    pub(super) count: Sql,
    pub(super) mark_changed: Sql,
    pub(super) listing: ListingSql,
    list: String,
    list_end: String,
    filters: [(TextField, String); 3],
}

impl Statements {
    pub(super) fn new(collection: &Collection) -> Self {
        let table = collection.table.quoted();
        let id = collection.id.quoted();
        let latitude = collection.latitude.quoted();
        let longitude = collection.longitude.quoted();
        let location = collection.location.quoted();
        let texts = text_columns(collection);
        let times = [&collection.created_at, &collection.updated_at];
        let times: Vec<String> = times
            .into_iter()
            .flatten()
            .map(ColumnName::quoted)
            .collect();

        let mut written = vec![
            id.clone(),
            location.clone(),
            latitude.clone(),
            longitude.clone(),
        ];
        written.extend(texts.iter().map(|(_, column)| column.clone()));
        written.extend(times.iter().cloned());

        // Text and bytes sort after every number, so they are not between any.
        let has_position =
            format!("{latitude} BETWEEN -90 AND 90 AND {longitude} BETWEEN -180 AND 180");
        let ours = format!("{id} BETWEEN 1 AND {MAX_CENTER_ID}");
        let center = format!(
            "{id}, IIF({has_position}, {latitude}, NULL), IIF({has_position}, {longitude}, NULL), \
             {}, {}, {}, {}",
            collection
                .view_count
                .as_ref()
                .map_or("NULL".to_owned(), |name| format!(
                    "CAST({} AS INTEGER)",
                    name.quoted()
                )),
            time_or_null(collection.created_at.as_ref()),
            time_or_null(collection.updated_at.as_ref()),
            TextField::ALL
                .map(|field| text_or_null(collection, field))
                .join(", "),
        );
        let text = |field| text_or_null(collection, field);
        let bytes = |field| format!("CAST({} AS TEXT)", text(field));
        let set: Vec<String> = texts
            .iter()
            .map(|(_, column)| format!("{column} = ?"))
            .collect();
        let set = set.join(", ");
        let touch = collection
            .updated_at
            .as_ref()
            .map_or(String::new(), |name| {
                format!(", {} = strftime('{TIME_FORMAT}', 'now')", name.quoted())
            });
        let mut statements = Self {
            texts: texts.iter().map(|(field, _)| *field).collect(),
            insert: format!("INSERT INTO {table} ({}) VALUES ", written.join(", ")),
            times: times.len(),
            insert_one: Sql::new(String::new()),
            insert_block: Sql::new(String::new()),
            update: Sql::new(format!(
                "UPDATE {table} SET {location} = ?, {latitude} = ?, {longitude} = ?, {set}{touch} \
                 WHERE {id} = ?"
            )),
            delete: Sql::new(format!("DELETE FROM {table} WHERE {id} = ?")),
            read: Sql::new(format!("SELECT {center} FROM {table} WHERE {id} = ?")),
            read_many: Sql::new(format!(
                "SELECT {center}, {location}, {latitude} IS NULL AND {longitude} IS NULL \
                 FROM {table} WHERE {id} IN (SELECT value FROM json_each(?))"
            )),
            summaries: Sql::new(format!(
                "SELECT {id}, {latitude}, {longitude}, {}, {}, {}, {} FROM {table} \
                 WHERE {ours} AND {has_position}",
                bytes(TextField::Name),
                bytes(TextField::Country),
                bytes(TextField::Region),
                bytes(TextField::City),
            )),
            names: Sql::new(format!(
                "SELECT {id}, IIF({has_position}, {latitude}, NULL), \
                 IIF({has_position}, {longitude}, NULL), {} FROM {table} WHERE {ours}",
                bytes(TextField::Name),
            )),
            count: Sql::new(format!("SELECT COUNT(*) FROM {table}")),
            mark_changed: Sql::new(format!(
                "UPDATE gpkg_contents SET last_change = strftime('{TIME_FORMAT}', 'now') \
                 WHERE table_name = '{}'",
                collection.table.as_str()
            )),
            listing: ListingSql::new(collection, &ours, &has_position),
            list: format!("SELECT {center} FROM {table} WHERE {id} > ? AND {ours}"),
            list_end: format!(" ORDER BY {id} LIMIT ?"),
            filters: [TextField::Country, TextField::Region, TextField::City]
                .map(|field| (field, text(field))),
        };
        statements.insert_one = Sql::new(statements.insert_many(1));
        statements.insert_block = Sql::new(statements.insert_many(BLOCK));
        statements
    }

    /// An INSERT of so many rows. Its placeholders have no numbers: SQLite looks
    /// numbered ones up one after the other, which takes longer than the rows do.
    pub(super) fn insert_many(&self, rows: usize) -> String {
        let columns = 4 + self.texts.len() + self.times;
        let row = format!("({})", vec!["?"; columns].join(", "));
        format!("{}{}", self.insert, vec![row; rows].join(", "))
    }

    /// A list with conditions, each of which takes a JSON array of values.
    pub(super) fn list<'a>(&self, conditions: impl Iterator<Item = Condition<'a>>) -> String {
        let mut text = self.list.clone();
        for condition in conditions {
            for (_, column) in self
                .filters
                .iter()
                .filter(|(field, _)| *field == condition.field)
            {
                text.push_str(" AND ");
                text.push_str(column);
                text.push_str(" IN (SELECT value FROM json_each(?))");
            }
        }
        text.push_str(&self.list_end);
        text
    }
}

/// A time in whatever form SQLite reads, in ours; NULL for what it cannot read.
pub(super) fn time_or_null(name: Option<&ColumnName>) -> String {
    name.map_or("NULL".to_owned(), |name| {
        format!("strftime('{TIME_FORMAT}', {})", name.quoted())
    })
}
