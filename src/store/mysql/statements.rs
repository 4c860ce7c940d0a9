//! The SQL of a collection in MySQL, built once.

use std::fmt::Write as _;

use super::edit::EditSql;
use super::listing::ListingSql;
use super::location::{has_position, location as derived};
use super::search::SearchSql;
use crate::domain::{FieldKind, TextField};
use crate::store::ids::has_id;
use crate::store::sql::{Sql, and_attributes, quoted_or_null, text_columns, text_or_null};
use crate::store::{Collection, ColumnName, SHOWN_STATUS};

/// Longest text, in characters, that travels as VARCHAR in a list of rows.
const VARCHAR_CHARS: usize = 1_000;

/// The statements of one collection.
#[derive(Debug)]
pub(super) struct Statements {
    /// Fields with a column, in the order of their placeholders.
    pub(super) texts: Vec<TextField>,
    /// How many attributes there are; their placeholders follow.
    pub(super) attributes: usize,
    pub(super) insert: Sql,
    pub(super) insert_many: Sql,
    pub(super) edit: EditSql,
    pub(super) update_many: UpdateManySql,
    pub(super) delete: Sql,
    pub(super) read: Sql,
    pub(super) read_to_update: Sql,
    pub(super) read_many: Sql,
    pub(super) read_many_to_update: Sql,
    pub(super) summaries: Sql,
    pub(super) positions: Sql,
    pub(super) names: Sql,
    pub(super) count: Sql,
    /// `SELECT … WHERE id > ? AND id BETWEEN …`, to be followed by filters.
    pub(super) list: String,
    /// `SELECT COUNT(*) … WHERE id BETWEEN …`, to be followed by filters.
    pub(super) count_list: String,
    /// The end of a list: order and `LIMIT ?`.
    pub(super) list_end: String,
    pub(super) search: SearchSql,
    pub(super) listing: ListingSql,
}

impl Statements {
    #[expect(clippy::too_many_lines, reason = "one list of statements")]
    pub(super) fn new(collection: &Collection) -> Self {
        let names = Names::new(collection);
        let Names {
            table,
            id,
            latitude,
            longitude,
            location,
            ..
        } = &names;
        let center = names.center_columns(collection);
        let in_order = names.in_order();
        // A name that no column of the table has, as conditions name those alone.
        let wanted =
            "JSON_TABLE(?, '$[*]' COLUMNS (nearby_wanted BIGINT PATH '$' ERROR ON ERROR)) AS v";
        let many = format!("{wanted} STRAIGHT_JOIN {table} ON {table}.{id} = v.nearby_wanted");
        let rows = names.rows_as_table();
        let point = "ST_SRID(POINT(?, ?), 4326)";
        let row_point = "ST_SRID(POINT(v.x, v.y), 4326)";
        let written = names.written_columns();
        let values = |value: &dyn Fn(usize, &str) -> String| -> String {
            let texts = names.texts.iter().enumerate();
            texts
                .map(|(place, (_, column))| value(place, column))
                .collect()
        };
        let attributes = |value: &dyn Fn(usize, &str) -> String| -> String {
            let columns = names.attributes.iter().enumerate();
            columns
                .map(|(place, (_, column))| value(place, column))
                .collect()
        };
        let attribute_columns = names.attributes.iter();
        let attribute_columns: Vec<String> = attribute_columns
            .map(|(_, column)| column.clone())
            .collect();
        let now = names.new_values();
        let shown = &names.and_shown;
        let touch = names.touch();
        let has_id = has_id(id);
        Self {
            texts: names.texts.iter().map(|(field, _)| *field).collect(),
            attributes: names.attributes.len(),
            insert: Sql::new(format!(
                "INSERT INTO {table} ({written}) VALUES (?, {point}, ?, ?{texts}{attributes}{now})",
                texts = values(&|_, _| ", ?".to_owned()),
                attributes = attributes(&|_, _| ", ?".to_owned()),
            )),
            insert_many: Sql::new(format!(
                "INSERT INTO {table} ({written}) \
                 SELECT v.id, {row_point}, v.latitude, v.longitude{texts}{attributes}{now} FROM {rows}",
                texts = values(&|place, _| format!(", v.t{place}")),
                attributes = attributes(&|place, _| format!(", v.a{place}")),
            )),
            edit: EditSql {
                start: format!("UPDATE {table} SET {location} = "),
                derived: derived(latitude, longitude),
                latitude: latitude.clone(),
                longitude: longitude.clone(),
                texts: names.texts.clone(),
                attributes: attribute_columns.clone(),
                end: format!("{touch} WHERE {id} = "),
                and_shown: shown.clone(),
            },
            update_many: UpdateManySql {
                start: format!(
                    "UPDATE {rows} STRAIGHT_JOIN {table} AS t ON t.{id} = v.id \
                     SET t.{location} = {row_point}, t.{latitude} = v.latitude, \
                     t.{longitude} = v.longitude{texts}",
                    texts = values(&|place, column| format!(", t.{column} = v.t{place}")),
                ),
                attributes: attribute_columns,
                end: touch.replacen(", ", ", t.", 1),
            },
            delete: Sql::new(match &collection.deleted_at {
                None => format!("DELETE FROM {table} WHERE {id} = ?{shown}"),
                Some(deleted_at) => format!(
                    "UPDATE {table} SET {} = UTC_TIMESTAMP(){touch} WHERE {id} = ?{shown}",
                    deleted_at.quoted(),
                ),
            }),
            read: Sql::new(format!(
                "SELECT {center} FROM {table} WHERE {id} = ?{shown}"
            )),
            read_to_update: Sql::new(format!(
                "SELECT {center} FROM {table} WHERE {id} = ?{shown} FOR UPDATE"
            )),
            read_many: Sql::new(format!("SELECT {center} FROM {many} WHERE TRUE{shown}")),
            read_many_to_update: Sql::new(format!(
                "SELECT {center}, {in_order} FROM {many} FOR UPDATE OF {table}"
            )),
            summaries: Sql::new(format!(
                "SELECT {} FROM {table} WHERE {has_id} AND {}{shown}",
                names.summary_columns(collection),
                names.has_position(),
            )),
            positions: Sql::new(format!(
                "SELECT CAST({latitude} AS DOUBLE), CAST({longitude} AS DOUBLE), {} FROM {table} \
                 WHERE {has_id} AND {}{shown}",
                text_or_null(collection, TextField::Country),
                names.has_position(),
            )),
            names: Sql::new(format!(
                "SELECT CAST({id} AS SIGNED), CAST({latitude} AS DOUBLE), \
                 CAST({longitude} AS DOUBLE), {name} FROM {table} \
                 WHERE {has_id}{shown}",
                name = text_or_null(collection, TextField::Name),
            )),
            count: Sql::new(format!("SELECT COUNT(*) FROM {table}")),
            list: format!("SELECT {center} FROM {table} WHERE {id} > ? AND {has_id}{shown}"),
            count_list: format!("SELECT COUNT(*) FROM {table} WHERE {has_id}{shown}"),
            list_end: format!(" ORDER BY {id} LIMIT ?"),
            search: SearchSql::new(collection, &names),
            listing: ListingSql::new(collection, &names),
        }
    }
}

/// The UPDATE of many rows that say the same attributes.
#[derive(Debug)]
pub(super) struct UpdateManySql {
    start: String,
    /// Their columns.
    attributes: Vec<String>,
    end: String,
}

impl UpdateManySql {
    /// Takes a JSON array of rows that say the attributes in these places. Others stay.
    pub(super) fn of(&self, places: &[usize]) -> String {
        let mut text = self.start.clone();
        for &place in places {
            let _ = write!(text, ", t.{} = v.a{place}", self.attributes[place]);
        }
        text + &self.end
    }
}

/// The quoted names of a collection.
pub(super) struct Names {
    pub(super) table: String,
    pub(super) id: String,
    pub(super) latitude: String,
    pub(super) longitude: String,
    /// The stored point, or the one that the coordinates say where the table
    /// has no column for it.
    pub(super) location: String,
    /// Whether it is stored, so that an index may find it.
    pub(super) is_located: bool,
    /// The condition that a row is shown, to follow another one.
    pub(super) and_shown: String,
    status: Option<String>,
    view_count: Option<String>,
    pub(super) created_at: Option<String>,
    pub(super) updated_at: Option<String>,
    texts: Vec<(TextField, String)>,
    attributes: Vec<(FieldKind, String)>,
}

impl Names {
    fn new(collection: &Collection) -> Self {
        let optional = |name: &Option<ColumnName>| name.as_ref().map(ColumnName::quoted);
        let (latitude, longitude) = (collection.latitude.quoted(), collection.longitude.quoted());
        Self {
            table: collection.table.quoted(),
            id: collection.id.quoted(),
            location: if collection.is_located() {
                collection.location.quoted()
            } else {
                derived(&latitude, &longitude)
            },
            latitude,
            longitude,
            is_located: collection.is_located(),
            and_shown: collection.and_shown(),
            status: optional(&collection.status),
            view_count: optional(&collection.view_count),
            created_at: optional(&collection.created_at),
            updated_at: optional(&collection.updated_at),
            texts: text_columns(collection),
            attributes: collection
                .attributes()
                .iter()
                .map(|attribute| (attribute.kind, attribute.column.quoted()))
                .collect(),
        }
    }

    /// The condition that a row has a position; false for NULL.
    pub(super) fn has_position(&self) -> String {
        has_position(&self.latitude, &self.longitude)
    }

    /// Whether coordinates are whole or NULL and the location says the same.
    fn in_order(&self) -> String {
        let (latitude, longitude) = (&self.latitude, &self.longitude);
        format!(
            "({has} OR {latitude} IS NULL AND {longitude} IS NULL) AND {} <=> {}",
            self.location,
            derived(latitude, longitude),
            has = self.has_position(),
        )
    }

    /// What [`super::rows::center`] reads.
    fn center_columns(&self, collection: &Collection) -> String {
        let texts = TextField::ALL.map(|field| text_or_null(collection, field));
        let or_null = |name: &Option<String>, kind: &str| match name {
            Some(name) => format!("CAST({name} AS {kind})"),
            None => "NULL".to_owned(),
        };
        format!(
            "CAST({} AS SIGNED), CAST({} AS DOUBLE), CAST({} AS DOUBLE), {}, {}, {}, {}, {}",
            self.id,
            self.latitude,
            self.longitude,
            // As far as a count goes here.
            or_null(
                &self
                    .view_count
                    .as_ref()
                    .map(|count| format!("LEAST({count}, {})", i64::MAX)),
                "SIGNED"
            ),
            or_null(&self.created_at, "DATETIME"),
            or_null(&self.updated_at, "DATETIME"),
            texts.join(", "),
            quoted_or_null(collection.ownership_status.as_ref()) + &and_attributes(collection),
        )
    }

    /// What [`super::rows::summary`] reads.
    pub(super) fn summary_columns(&self, collection: &Collection) -> String {
        format!(
            "CAST({} AS SIGNED) AS nearby_id, CAST({} AS DOUBLE), CAST({} AS DOUBLE), {}, {}, {}, {}",
            self.id,
            self.latitude,
            self.longitude,
            text_or_null(collection, TextField::Name),
            text_or_null(collection, TextField::Country),
            text_or_null(collection, TextField::Region),
            text_or_null(collection, TextField::City) + &and_attributes(collection),
        )
    }

    /// The columns of an INSERT, in the order of its values.
    fn written_columns(&self) -> String {
        let mut columns = vec![
            self.id.as_str(),
            &self.location,
            &self.latitude,
            &self.longitude,
        ];
        columns.extend(self.texts.iter().map(|(_, column)| column.as_str()));
        columns.extend(self.attributes.iter().map(|(_, column)| column.as_str()));
        columns.extend(self.created_at.as_deref());
        columns.extend(self.updated_at.as_deref());
        columns.extend(self.status.as_deref());
        columns.join(", ")
    }

    /// What every new row has, whatever its center: the last of the columns.
    fn new_values(&self) -> String {
        let times = self.created_at.iter().chain(&self.updated_at);
        let times = ", UTC_TIMESTAMP()".repeat(times.count());
        match self.status {
            Some(_) => format!("{times}, '{SHOWN_STATUS}'"),
            None => times,
        }
    }

    fn touch(&self) -> String {
        match &self.updated_at {
            Some(updated_at) => format!(", {updated_at} = UTC_TIMESTAMP()"),
            None => String::new(),
        }
    }

    /// A JSON array of rows as a table: one placeholder, however many rows.
    fn rows_as_table(&self) -> String {
        let at = super::rows::FIRST_LISTED_TEXT + self.texts.len();
        let attributes = self.attributes.iter().enumerate();
        let attributes = attributes.map(|(place, (kind, _))| {
            let kind = match kind {
                FieldKind::Text => "TEXT",
                FieldKind::Number => "DOUBLE",
                FieldKind::Boolean => "TINYINT",
                FieldKind::Date => "DATE",
            };
            format!("a{place} {kind} PATH '$[{at}].a{place}' ERROR ON ERROR")
        });
        let mut texts: Vec<String> = self
            .texts
            .iter()
            .enumerate()
            .map(|(place, (field, _))| {
                let kind = match field.max_chars() {
                    chars if chars <= VARCHAR_CHARS => format!("VARCHAR({chars})"),
                    _ => "TEXT".to_owned(),
                };
                let at = place + super::rows::FIRST_LISTED_TEXT;
                format!("t{place} {kind} PATH '$[{at}]' ERROR ON ERROR")
            })
            .collect();
        texts.extend(attributes);
        format!(
            "JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$[0]' ERROR ON ERROR, \
             x DOUBLE PATH '$[1]' ERROR ON ERROR, y DOUBLE PATH '$[2]' ERROR ON ERROR, \
             latitude DOUBLE PATH '$[3]' ERROR ON ERROR, \
             longitude DOUBLE PATH '$[4]' ERROR ON ERROR, {})) AS v",
            texts.join(", "),
        )
    }
}
