//! Whether a MySQL table can hold locations right.

use sqlx::{FromRow, MySqlExecutor, MySqlPool};

use super::adopt::grant_to_see_triggers;
use super::triggers;
use crate::domain::FieldKind;
use crate::store::sql::identifier;
use crate::store::tables::ColumnSql;
use crate::store::{Collection, ColumnName, SchemaFinding};

/// A column as the server describes it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(in crate::store) struct Column {
    pub name: String,
    /// The bare type in lower case, as `decimal`.
    pub kind: String,
    /// The whole type, as `decimal(10,8)`.
    pub full_kind: String,
    pub nullable: bool,
    pub srid: Option<i64>,
    /// `STORED GENERATED`, `INVISIBLE` and the like.
    pub extra: String,
    /// The expression of its default, if it has one.
    pub default_value: Option<String>,
    pub comment: String,
    /// The character set, where it holds texts.
    pub charset: Option<String>,
}

impl Column {
    pub(super) fn is_generated(&self) -> bool {
        self.extra.contains("VIRTUAL GENERATED") || self.is_stored_generated()
    }

    /// Whether it changes by itself when its row is written.
    pub(super) fn touches_itself(&self) -> bool {
        self.extra.to_ascii_lowercase().contains("on update")
    }

    /// The SQL that reads it as a text, unless it holds one: the server sends numbers
    /// and times in its own form, and compares them with texts as numbers. A text of
    /// another character set is compared in ours, as no value that it lacks could be
    /// brought into its own (error 3988).
    pub(in crate::store) fn as_text(&self) -> Option<String> {
        let column = identifier(&self.name);
        Some(match self.kind.as_str() {
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum"
            | "set" => {
                self.charset.as_deref().filter(|&set| set != "utf8mb4")?;
                format!("CONVERT({column} USING utf8mb4)")
            }
            "bit" => format!("CAST({column} + 0 AS CHAR)"),
            // Filled up with zeros.
            "binary" => text_or_hex(&format!("TRIM(TRAILING x'00' FROM {column})"), &column),
            "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
                text_or_hex(&column, &column)
            }
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "float"
            | "double" | "date" | "datetime" | "timestamp" | "time" | "year" | "json" => {
                format!("CAST({column} AS CHAR)")
            }
            _ => format!("HEX({column})"),
        })
    }

    fn holds(&self) -> Option<FieldKind> {
        Some(match self.kind.as_str() {
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => FieldKind::Text,
            "tinyint" if self.full_kind == "tinyint(1)" => FieldKind::Boolean,
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "float"
            | "double" => FieldKind::Number,
            "date" => FieldKind::Date,
            _ => return None,
        })
    }

    /// The SQL that reads it as each kind of value.
    pub(in crate::store) fn reading(&self) -> ColumnSql {
        let column = identifier(&self.name);
        let text = self.as_text();
        let as_text = text.as_deref().unwrap_or(&column);
        let trimmed = format!("LOWER(TRIM({as_text}))");
        let (number, boolean) = match self.kind.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "double"
            | "year" | "bit" => (
                format!("CAST({column} + 0 AS DOUBLE)"),
                format!("CAST({column} + 0 <> 0 AS SIGNED)"),
            ),
            // As the server shows it: 4.3, and not the nearest number of 24 bits, which
            // nobody asks for.
            "float" => (
                format!("CAST(CAST({column} AS CHAR) AS DOUBLE)"),
                format!("CAST({column} <> 0 AS SIGNED)"),
            ),
            _ => (
                // With few digits in its exponent it is finite.
                format!(
                    "CASE WHEN {trimmed} REGEXP '^[-+]{{0,1}}([0-9]{{1,99}}[.]{{0,1}}[0-9]{{0,99}}|\
                     [.][0-9]{{1,99}})(e[-+]{{0,1}}[0-9]{{1,2}}){{0,1}}$' \
                     THEN CAST({as_text} AS DOUBLE) END"
                ),
                format!(
                    "CASE WHEN {trimmed} IN ('true', 't', 'yes', 'y', '1') THEN 1 \
                     WHEN {trimmed} IN ('false', 'f', 'no', 'n', '0') THEN 0 END"
                ),
            ),
        };
        // TO_DAYS counts from a day in the year 0, and gives NULL for what is no day.
        let date = match self.kind.as_str() {
            "date" | "datetime" | "timestamp" => format!("CAST(TO_DAYS({column}) - 365 AS SIGNED)"),
            _ => format!(
                "CASE WHEN {as_text} REGEXP '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([^0-9]|$)' \
                 THEN CAST(TO_DAYS(LEFT({as_text}, 10)) - 365 AS SIGNED) END"
            ),
        };
        ColumnSql {
            is_computed: self.is_generated(),
            holds: self.holds(),
            text,
            number,
            boolean,
            date,
        }
    }

    pub(super) fn is_stored_generated(&self) -> bool {
        self.extra.contains("STORED GENERATED")
    }
}

/// Bytes as a text if they are one; CONVERT gives NULL where they are not.
fn text_or_hex(text: &str, bytes: &str) -> String {
    format!("IFNULL(CONVERT({text} USING utf8mb4), HEX({bytes}))")
}

/// A column's place in an index.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(super) struct Index {
    pub name: String,
    pub kind: String,
    pub visible: bool,
    pub is_unique: bool,
    pub column_name: String,
    /// From 1.
    pub place: i64,
    pub comment: String,
}

impl Index {
    /// Whether it is a spatial index on a column, whose name MySQL compares so.
    pub(super) fn is_spatial_on(&self, column: &str) -> bool {
        self.kind == "SPATIAL" && self.column_name.eq_ignore_ascii_case(column)
    }
}

pub(in crate::store) async fn inspect(
    pool: &MySqlPool,
    collection: &Collection,
) -> sqlx::Result<Vec<SchemaFinding>> {
    let columns = columns(pool, collection).await?;
    let table = collection.table.as_str();
    if columns.is_empty() {
        return Ok(vec![SchemaFinding::missing(format!(
            "there is no table {table}, or this user may not read it: run `nearby migrate up`, or grant SELECT"
        ))]);
    }
    let mut found = Vec::new();
    let mut find = |name: &ColumnName| {
        let column = columns
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(name.as_str()));
        if column.is_none() {
            found.push(SchemaFinding::missing(format!(
                "{table} has no column {}",
                name.as_str()
            )));
        }
        column
    };
    find(&collection.id);
    let coordinates = [find(&collection.latitude), find(&collection.longitude)];
    let location = if collection.is_located() {
        find(&collection.location)
    } else {
        None
    };
    for name in collection.optional_columns() {
        if !columns
            .iter()
            .any(|column| column.name.eq_ignore_ascii_case(name.as_str()))
        {
            found.push(SchemaFinding::misleading(format!(
                "{table} has no column {}",
                name.as_str()
            )));
        }
    }
    for column in coordinates.into_iter().flatten() {
        found.extend(inspect_coordinate(table, column));
    }
    if let Some(column) = location {
        found.extend(inspect_location(table, column));
    }
    found.extend(inspect_indexes(pool, collection).await?);
    found.extend(triggers::failures(pool, collection).await?);
    // A generated location needs no guard.
    if collection.is_located() && !location.is_some_and(Column::is_generated) {
        found.extend(inspect_guard(pool, collection).await?);
    }
    Ok(found)
}

async fn inspect_guard(
    pool: &MySqlPool,
    collection: &Collection,
) -> sqlx::Result<Option<SchemaFinding>> {
    let there = triggers::installed(pool, collection).await?;
    let (mut missing, mut earlier) = (Vec::new(), Vec::new());
    for wanted in triggers::wanted(collection) {
        if there.iter().any(|there| there.is_earlier(&wanted)) {
            earlier.push(wanted.name);
        } else if !there.iter().any(|there| there.is(&wanted)) {
            missing.push(wanted.name);
        }
    }
    let flag = collection.flag();
    if !missing.is_empty()
        && let Some(grant) = grant_to_see_triggers(pool, collection).await?
    {
        return Ok(Some(SchemaFinding::warning(format!(
            "the triggers {} cannot be seen by this user: `{grant}` shows whether they are there. \
             Where they are missing, writers that forget the location leave it wrong until `nearby \
             backfill{flag}` runs",
            missing.join(" and "),
        ))));
    }
    let mut said = Vec::new();
    if !missing.is_empty() {
        said.push(format!(
            "no trigger {} (or another one): writers that forget the location leave it wrong until \
             `nearby backfill{flag}` runs",
            missing.join(" and "),
        ));
    }
    if !earlier.is_empty() {
        said.push(format!(
            "the trigger {} is one of an earlier nearby: whoever writes a row that has only a \
             location takes it away",
            earlier.join(" and "),
        ));
    }
    Ok((!said.is_empty()).then(|| {
        SchemaFinding::warning(format!(
            "{}; `nearby adopt{flag} --apply` makes what is missing where the server allows it",
            said.join("; ")
        ))
    }))
}

pub(in crate::store) async fn columns(
    server: impl MySqlExecutor<'_>,
    collection: &Collection,
) -> sqlx::Result<Vec<Column>> {
    sqlx::query_as(
        "SELECT CAST(COLUMN_NAME AS CHAR) AS name, LOWER(CAST(DATA_TYPE AS CHAR)) AS kind, \
                CAST(COLUMN_TYPE AS CHAR) AS full_kind, IS_NULLABLE = 'YES' AS nullable, \
                CAST(SRS_ID AS SIGNED) AS srid, CAST(EXTRA AS CHAR) AS extra, \
                CAST(COLUMN_DEFAULT AS CHAR) AS default_value, \
                CAST(COLUMN_COMMENT AS CHAR) AS comment, \
                CAST(CHARACTER_SET_NAME AS CHAR) AS charset \
         FROM information_schema.COLUMNS \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION",
    )
    .bind(collection.table.as_str())
    .fetch_all(server)
    .await
}

fn inspect_coordinate(table: &str, column: &Column) -> Option<SchemaFinding> {
    let Column { name, kind, .. } = column;
    match kind.as_str() {
        "decimal" | "double" => None,
        "float" => Some(SchemaFinding::warning(format!(
            "{table}.{name} is FLOAT, which keeps about 7 digits: make it DECIMAL(11,8)"
        ))),
        _ => Some(SchemaFinding::wrong(format!(
            "{table}.{name} is {kind}: make it DECIMAL(11,8)"
        ))),
    }
}

/// What to do where the location is somebody else's affair.
pub(super) const ANOTHER_COLUMN: &str = "leave it to its application and name another column as the \
                              collection's location; `nearby adopt` adds it";

fn inspect_location(table: &str, column: &Column) -> Vec<SchemaFinding> {
    let name = &column.name;
    let mend = format!("ALTER TABLE {table} MODIFY {name} POINT NOT NULL SRID 4326");
    if !matches!(column.kind.as_str(), "point" | "geometry") {
        return vec![SchemaFinding::missing(format!(
            "{table}.{name} is {}, not POINT: {ANOTHER_COLUMN}",
            column.full_kind
        ))];
    }
    let mut found = Vec::new();
    if column.kind != "point" {
        found.push(SchemaFinding::misleading(format!(
            "{table}.{name} is {}, not POINT: {mend}",
            column.kind
        )));
    }
    if column.nullable {
        found.push(SchemaFinding::misleading(format!(
            "{table}.{name} may be NULL, so no spatial index serves it: {mend}"
        )));
    }
    match column.srid {
        Some(4326) => {}
        Some(srid) => found.push(SchemaFinding::wrong(format!(
            "{table}.{name} has SRID {srid}, another reference system: {ANOTHER_COLUMN}"
        ))),
        None => found.push(SchemaFinding::wrong(format!(
            "{table}.{name} has SRID none, so no spatial index serves it: {mend}"
        ))),
    }
    if column.is_generated() {
        found.push(SchemaFinding::warning(format!(
            "{table}.{name} is a generated column: searches are right, and nearby's own writes are \
             refused"
        )));
    }
    found
}

pub(super) async fn indexes(pool: &MySqlPool, collection: &Collection) -> sqlx::Result<Vec<Index>> {
    sqlx::query_as(
        "SELECT CAST(INDEX_NAME AS CHAR) AS name, CAST(INDEX_TYPE AS CHAR) AS kind, \
                IS_VISIBLE = 'YES' AS visible, NON_UNIQUE = 0 AS is_unique, \
                CAST(COLUMN_NAME AS CHAR) AS column_name, CAST(SEQ_IN_INDEX AS SIGNED) AS place, \
                CAST(INDEX_COMMENT AS CHAR) AS comment \
         FROM information_schema.STATISTICS \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND COLUMN_NAME IS NOT NULL",
    )
    .bind(collection.table.as_str())
    .fetch_all(pool)
    .await
}

async fn inspect_indexes(
    pool: &MySqlPool,
    collection: &Collection,
) -> sqlx::Result<Vec<SchemaFinding>> {
    let indexes = indexes(pool, collection).await?;
    let (table, location) = (collection.table.as_str(), collection.location.as_str());
    let mut found = Vec::new();
    match indexes.iter().find(|index| index.is_spatial_on(location)) {
        _ if !collection.is_located() => {}
        None => found.push(SchemaFinding::wrong(format!(
            "{table}.{location} has no spatial index, so searches read every row: \
             ALTER TABLE {table} ADD SPATIAL INDEX ({location})"
        ))),
        Some(index) if !index.visible => found.push(SchemaFinding::wrong(format!(
            "the spatial index {name} is invisible, so searches read every row: \
             ALTER TABLE {table} ALTER INDEX {name} VISIBLE",
            name = index.name
        ))),
        Some(_) => {}
    }
    let id = collection.id.as_str();
    let leads = |index: &Index| {
        index.kind == "BTREE" && index.place == 1 && index.column_name.eq_ignore_ascii_case(id)
    };
    if !indexes.iter().any(leads) {
        found.push(SchemaFinding::wrong(format!(
            "{table}.{id} is not indexed, so rows cannot be gone through in order: make it the primary key"
        )));
    }
    Ok(found)
}
