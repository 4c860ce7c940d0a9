//! Why a table of a SQLite file cannot be served as a collection.

use rusqlite::{Connection, OptionalExtension as _};

use super::catalog::all;
use crate::domain::FieldKind;
use crate::store::sql::identifier;
use crate::store::tables::ColumnSql;
use crate::store::{Collection, ColumnName, Field, Obstacle};

/// A column as the file describes it.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub name: String,
    /// The declared type in upper case.
    pub kind: String,
    /// Whether it alone tells rows apart.
    pub is_key: bool,
}

impl Column {
    /// The SQL that reads it as a text, unless it holds texts: SQLite compares numbers
    /// with texts as numbers, or not at all.
    pub(super) fn as_text(&self) -> Option<String> {
        (!is_text(&self.kind)).then(|| format!("CAST({} AS TEXT)", identifier(&self.name)))
    }
}

impl Column {
    /// The SQL that reads it as each kind of value. A column may hold values of every
    /// type.
    /// By the first word of the declared type, which says what it is for.
    fn holds(&self) -> Option<FieldKind> {
        let word = self.kind.split(['(', ' ']).next()?;
        Some(match word {
            "TEXT" | "CHAR" | "VARCHAR" | "NCHAR" | "NVARCHAR" | "CLOB" => FieldKind::Text,
            "BOOLEAN" | "BOOL" => FieldKind::Boolean,
            "DATE" => FieldKind::Date,
            "INT" | "INTEGER" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "BIGINT" | "DOUBLE"
            | "REAL" | "FLOAT" | "NUMERIC" | "DECIMAL" => FieldKind::Number,
            _ => return None,
        })
    }

    pub(super) fn reading(&self) -> ColumnSql {
        let column = identifier(&self.name);
        let trimmed = format!("lower(trim({column}))");
        let day = format!("substr({column}, 1, 10)");
        ColumnSql {
            // Those that are computed are not among the columns that SQLite lists.
            is_computed: false,
            holds: self.holds(),
            text: self.as_text(),
            number: format!(
                "CASE typeof({column}) WHEN 'integer' THEN CAST({column} AS REAL) \
                 WHEN 'real' THEN CASE WHEN abs({column}) < 9e999 THEN {column} END \
                 WHEN 'text' THEN CASE WHEN json_valid({column}) \
                 THEN CASE WHEN json_type({column}) IN ('integer', 'real') \
                 AND abs(CAST({column} AS REAL)) < 9e999 THEN CAST({column} AS REAL) END END END"
            ),
            boolean: format!(
                "CASE WHEN typeof({column}) IN ('integer', 'real') THEN {column} <> 0 \
                 WHEN {trimmed} IN ('true', 't', 'yes', 'y', '1') THEN 1 \
                 WHEN {trimmed} IN ('false', 'f', 'no', 'n', '0') THEN 0 END"
            ),
            // What is no day, as the 31st of February, comes out as another.
            date: format!(
                "CASE WHEN date({day}) = {day} \
                 THEN CAST(julianday({day}) - 1721424.5 AS INTEGER) END"
            ),
        }
    }
}

/// The column of a name, in any case, as SQLite compares them.
fn find<'a>(columns: &'a [Column], name: &str) -> Option<&'a Column> {
    let mut columns = columns.iter();
    columns.find(|column| column.name.eq_ignore_ascii_case(name))
}

/// The columns of a table or view; none where there is no such thing.
pub(super) fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Column>> {
    let mut statement = connection.prepare_cached(
        "SELECT name, upper(type) AS kind, \
                pk = 1 AND (SELECT COUNT(*) FROM pragma_table_info(?1) WHERE pk > 0) = 1 \
                OR EXISTS (SELECT 1 FROM pragma_index_list(?1) AS i \
                           WHERE i.\"unique\" AND NOT i.partial AND c.\"notnull\" \
                           AND (SELECT group_concat(n.name, '/') \
                                FROM pragma_index_info(i.name) AS n) = c.name) AS is_key \
         FROM pragma_table_info(?1) AS c",
    )?;
    let found = statement.query_map([table], |row| {
        Ok(Column {
            name: row.get(0)?,
            kind: row.get(1)?,
            is_key: row.get(2)?,
        })
    })?;
    found.collect()
}

pub(super) fn obstacles(
    connection: &Connection,
    collection: &Collection,
) -> rusqlite::Result<Vec<Obstacle>> {
    let table = collection.table.as_str();
    let kind = connection.query_row(
        "SELECT type FROM sqlite_master WHERE type IN ('table', 'view') AND name = ? COLLATE NOCASE",
        [table],
        |row| row.get::<_, String>(0),
    );
    let kind = kind.optional()?;
    match kind.as_deref() {
        None => {
            return Ok(vec![Obstacle::new(
                format!("there is no table {table} in the file"),
                format!("name one of its tables: {}", tables(connection)?.join(", ")),
            )]);
        }
        Some("view") => {
            return Ok(vec![Obstacle::new(
                format!("{table} is a view: it has no key to tell rows apart by"),
                "name the table under it",
            )]);
        }
        Some(_) => {}
    }
    let columns = columns(connection, table)?;
    let mut found = of_columns(collection, &columns);
    if found.is_empty() && collection.is_located() {
        found.extend(of_location(connection, collection, &columns)?);
    }
    Ok(found)
}

/// The tables that can hold rows to search.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    all(
        connection,
        "SELECT name FROM sqlite_master WHERE type = 'table' \
         AND name NOT GLOB 'sqlite_*' AND name NOT GLOB 'gpkg_*' AND name NOT GLOB 'rtree_*' \
         AND name NOT GLOB '_sqlx_*' ORDER BY name",
        (),
    )
}

fn of_columns(collection: &Collection, columns: &[Column]) -> Vec<Obstacle> {
    let table = collection.table.as_str();
    let of_name = |name: &ColumnName| find(columns, name.as_str());
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let mut found: Vec<Obstacle> = collection
        .columns()
        .filter(|(_, name)| of_name(name).is_none())
        .map(|(field, name)| {
            let remedy = match field {
                Field::Location => "leave `location` out, or name one of its columns",
                _ => "declare the collection with the columns that it has",
            };
            Obstacle::new(
                format!("{table} has no column {}", name.as_str()),
                format!("{remedy}: {}", names.join(", ")),
            )
        })
        .collect();
    if let Some(id) = of_name(&collection.id)
        && !(id.is_key && id.kind.contains("INT"))
    {
        found.push(Obstacle::new(
            format!("{table}.{} is no key of whole numbers", id.name),
            "name the INTEGER PRIMARY KEY of the table, or make a unique index over a column \
             INTEGER NOT NULL",
        ));
    }
    let coordinates = [&collection.latitude, &collection.longitude];
    for column in coordinates.into_iter().filter_map(of_name) {
        if is_text(&column.kind) {
            found.push(Obstacle::new(
                format!(
                    "{table}.{} is {}, no number of degrees",
                    column.name, column.kind
                ),
                "make it DOUBLE, or name another column",
            ));
        }
    }
    found
}

/// Whether SQLite turns numbers into text in such a column (its documentation,
/// "Determination Of Column Affinity").
fn is_text(kind: &str) -> bool {
    !kind.contains("INT")
        && ["CHAR", "CLOB", "TEXT"]
            .iter()
            .any(|text| kind.contains(text))
}

/// What a GeoPackage says of a geometry column.
struct Geometry {
    kind: String,
    srs_id: i64,
}

fn of_location(
    connection: &Connection,
    collection: &Collection,
    columns: &[Column],
) -> rusqlite::Result<Option<Obstacle>> {
    let (table, name) = (collection.table.as_str(), collection.location.as_str());
    let remedy = "name another column, or leave `location` out";
    let column = find(columns, name);
    if let Some(column) = column
        && !matches!(column.kind.as_str(), "POINT" | "GEOMETRY" | "BLOB")
    {
        let what = format!("{table}.{name} is {}, not POINT", column.kind);
        return Ok(Some(Obstacle::new(what, remedy)));
    }
    let described = connection.query_row(
        "SELECT upper(geometry_type_name), srs_id FROM gpkg_geometry_columns \
         WHERE table_name = ? COLLATE NOCASE AND column_name = ? COLLATE NOCASE",
        [table, name],
        |row| {
            Ok(Geometry {
                kind: row.get(0)?,
                srs_id: row.get(1)?,
            })
        },
    );
    Ok(match described.optional()? {
        Some(Geometry { kind, .. }) if !matches!(kind.as_str(), "POINT" | "GEOMETRY") => {
            let what = format!("{table}.{name} holds {kind}, not POINT");
            Some(Obstacle::new(what, remedy))
        }
        Some(Geometry { srs_id, .. }) if srs_id != 4326 => {
            let what = format!("{table}.{name} is in the reference system {srs_id}, not 4326");
            Some(Obstacle::new(what, remedy))
        }
        _ => None,
    })
}
