//! Why a table cannot be adopted as it is.

use super::gather::{Gathered, Values};
use super::{listed, obstacle};
use crate::store::mysql::adopt::{Action, Rows, Step};
use crate::store::mysql::location::location;
use crate::store::mysql::schema::{ANOTHER_COLUMN, Column};
use crate::store::mysql::triggers;
use crate::store::sql::identifier;
use crate::store::{Collection, ColumnName, Obstacle};

const INTEGERS: [&str; 5] = ["tinyint", "smallint", "mediumint", "int", "bigint"];
const COORDINATES: [&str; 3] = ["decimal", "double", "float"];
/// Whether `COUNT(*)` by key can be asked.
pub(super) fn can_be_counted(gathered: &Gathered, collection: &Collection) -> bool {
    gathered.table.is_some()
        && gathered.rights.has("SELECT")
        && gathered
            .column(collection.id.as_str())
            .is_some_and(|id| INTEGERS.contains(&id.kind.as_str()))
}

/// That there is no table.
pub(super) fn of_place(gathered: &Gathered, collection: &Collection) -> Option<Obstacle> {
    let table = collection.table.as_str();
    let Some(kind) = &gathered.table else {
        return Some(obstacle(
            format!(
                "there is no table {table} in {}, or this user may not see it",
                gathered.server.name
            ),
            format!(
                "name one of its tables ({}), or GRANT SELECT ON {table} TO the user",
                listed(&gathered.others)
            ),
        ));
    };
    kind.is_view.then(|| {
        obstacle(
            format!("{table} is a view: it can have neither a key, a location nor an index"),
            format!("adopt the table under it ({})", listed(&gathered.others)),
        )
    })
}

/// What is in the way whatever the rows hold.
pub(super) fn of_table(gathered: &Gathered, collection: &Collection) -> Vec<Obstacle> {
    if let Some(found) = of_place(gathered, collection) {
        return vec![found];
    }
    let (table, quoted) = (collection.table.as_str(), collection.table.quoted());
    let kind = gathered.table.as_ref().expect("it is in its place");
    let mut found = Vec::new();
    if !gathered.rights.has("SELECT") {
        found.push(obstacle(
            format!("{} may not read {table}", gathered.server.user),
            grant(&["SELECT"], gathered, collection),
        ));
    }
    if kind.engine.as_deref() != Some("InnoDB") {
        found.push(obstacle(
            format!(
                "{table} is kept by {}, which has no row locks",
                kind.engine.as_deref().unwrap_or("an unknown engine")
            ),
            format!("ALTER TABLE {quoted} ENGINE=InnoDB (others wait until it is copied)"),
        ));
    }
    if kind.is_partitioned {
        found.push(obstacle(
            format!("{table} is partitioned, and MySQL has no spatial index for such tables"),
            format!("ALTER TABLE {quoted} REMOVE PARTITIONING (others wait until it is copied)"),
        ));
    }
    found.extend(of_columns(gathered, collection));
    let location = gathered.column(collection.location.as_str());
    found.extend(location.and_then(|column| of_location(table, column, collection)));
    found.extend(of_triggers(gathered, collection));
    found
}

/// Triggers of others with which every write fails, as ours are made again; and triggers of
/// ours that went to another table.
fn of_triggers(gathered: &Gathered, collection: &Collection) -> Vec<Obstacle> {
    let ours = triggers::wanted(collection);
    let elsewhere = gathered.triggers_elsewhere.iter().map(|(name, table)| {
        obstacle(
            format!(
                "the trigger {name} is on the table {table}, as after a RENAME TABLE, and a database \
                 has a name once"
            ),
            format!(
                "{}, if {table} is not served by nearby any more",
                triggers::drop(name)
            ),
        )
    });
    let others = gathered.triggers.iter();
    others
        .filter(|trigger| !ours.iter().any(|our| our.name == trigger.name))
        .filter_map(|trigger| {
            let remedy = trigger.failure_remedy(collection.table.as_str());
            Some(obstacle(trigger.failure()?, remedy))
        })
        .chain(elsewhere)
        .collect()
}

/// What is in the way of all columns but the location.
pub(super) fn of_columns(gathered: &Gathered, collection: &Collection) -> Vec<Obstacle> {
    let table = collection.table.as_str();
    let mut found: Vec<Obstacle> = of_key(gathered, collection).into_iter().collect();
    found.extend(
        collection
            .optional_columns()
            .filter(|name| gathered.column(name.as_str()).is_none())
            .map(|name| missing(gathered, table, name)),
    );
    for name in [&collection.latitude, &collection.longitude] {
        found.extend(of_coordinate(gathered, collection, name));
    }
    found
}

fn missing(gathered: &Gathered, table: &str, name: &ColumnName) -> Obstacle {
    let columns: Vec<String> = gathered.columns.iter().map(|c| c.name.clone()).collect();
    obstacle(
        format!("{table} has no column {}", name.as_str()),
        format!(
            "declare the collection with the columns that it has: {}",
            listed(&columns)
        ),
    )
}

fn of_key(gathered: &Gathered, collection: &Collection) -> Option<Obstacle> {
    let (table, id) = (collection.table.as_str(), collection.id.as_str());
    let Some(column) = gathered.column(id) else {
        return Some(missing(gathered, table, &collection.id));
    };
    if !INTEGERS.contains(&column.kind.as_str()) {
        return Some(obstacle(
            format!(
                "{table}.{id} is {}, and ids are whole numbers",
                column.full_kind
            ),
            "name a unique column of whole numbers, or add one: ADD COLUMN … BIGINT NOT NULL \
             AUTO_INCREMENT UNIQUE",
        ));
    }
    if column.nullable || gathered.unique_index(id).is_none() {
        return Some(obstacle(
            format!("{table}.{id} is no key: rows cannot be told apart by it"),
            making_a_key(gathered, collection, column),
        ));
    }
    None
}

/// What makes a column a key that is none, whatever the table has otherwise.
fn making_a_key(gathered: &Gathered, collection: &Collection, column: &Column) -> String {
    let (table, id) = (collection.table.quoted(), collection.id.quoted());
    let (mut first, mut changes) = (String::new(), Vec::new());
    if column.nullable {
        first = format!("give the rows WHERE {id} IS NULL an id of their own, then ");
        changes.push(format!("MODIFY {id} {} NOT NULL", column.full_kind));
    }
    if gathered.unique_index(column.name.as_str()).is_none() {
        let mut indexes = gathered.indexes.iter();
        let kind = if indexes.any(|index| index.name == "PRIMARY") {
            "UNIQUE"
        } else {
            "PRIMARY KEY"
        };
        changes.push(format!("ADD {kind} ({id})"));
    }
    format!(
        "{first}ALTER TABLE {table} {}, or name its key",
        changes.join(", ")
    )
}

fn of_coordinate(
    gathered: &Gathered,
    collection: &Collection,
    name: &ColumnName,
) -> Option<Obstacle> {
    let table = collection.table.as_str();
    let Some(column) = gathered.column(name.as_str()) else {
        return Some(missing(gathered, table, name));
    };
    if COORDINATES.contains(&column.kind.as_str()) {
        return None;
    }
    Some(obstacle(
        format!(
            "{table}.{} is {}, no number of degrees",
            column.name, column.full_kind
        ),
        making_degrees(collection, column),
    ))
}

/// What makes a column one of degrees.
fn making_degrees(collection: &Collection, column: &Column) -> String {
    let (table, id) = (collection.table.quoted(), collection.id.quoted());
    let name = identifier(&column.name);
    // MySQL refuses to alter the column while one text is no number.
    let first = if column.charset.is_some() {
        format!(
            "look at the texts that are no numbers (SELECT {id}, {name} FROM {table} WHERE {name} \
             NOT REGEXP '^[-+]?[0-9]+([.][0-9]*)?$') and mend them or make them NULL; then "
        )
    } else {
        String::new()
    };
    let null = if column.nullable { "" } else { " NOT NULL" };
    format!(
        "{first}make it one: ALTER TABLE {table} MODIFY {name} DECIMAL(11,8){null}, or name \
         another column"
    )
}

/// A location that cannot become `POINT NOT NULL SRID 4326`.
pub(super) fn of_location(
    table: &str,
    column: &Column,
    collection: &Collection,
) -> Option<Obstacle> {
    let name = &column.name;
    let what = format!("{table}.{name} is {}", column.full_kind);
    if !matches!(column.kind.as_str(), "point" | "geometry") {
        return Some(obstacle(format!("{what}, not POINT"), ANOTHER_COLUMN));
    }
    if let Some(srid) = column.srid.filter(|&srid| srid != 4326) {
        return Some(obstacle(
            format!(
                "{what} SRID {srid}: its application writes points of another reference system"
            ),
            ANOTHER_COLUMN,
        ));
    }
    let as_wanted = column.kind == "point"
        && column.srid == Some(4326)
        && !column.nullable
        && column.is_stored_generated();
    if column.is_generated() && !as_wanted {
        return Some(obstacle(
            format!("{what}, generated in a way that no spatial index serves"),
            generated(collection),
        ));
    }
    None
}

/// The generated column as it would be right.
fn generated(collection: &Collection) -> String {
    let expression = location(
        &collection.latitude.quoted(),
        &collection.longitude.quoted(),
    );
    let name = collection.location.quoted();
    format!(
        "generate it as STORED from the coordinates (others wait until the table is copied): \
         ALTER TABLE {} DROP COLUMN {name}, ADD COLUMN {name} POINT \
         GENERATED ALWAYS AS ({expression}) STORED NOT NULL SRID 4326",
        collection.table.quoted()
    )
}

/// What is in the way because of what rows hold.
pub(super) fn of_values(
    gathered: &Gathered,
    collection: &Collection,
    rows: &Rows,
    values: &Values,
) -> Vec<Obstacle> {
    let table = collection.table.as_str();
    let Some(column) = gathered.column(collection.location.as_str()) else {
        return Vec::new();
    };
    let (name, quoted) = (&column.name, identifier(&column.name));
    let mut found = Vec::new();
    if column.is_generated() && rows.drift.count + rows.location_only.count > 0 {
        found.push(obstacle(
            format!(
                "{table}.{name} is generated otherwise than from the coordinates: {} rows differ",
                rows.drift.count + rows.location_only.count
            ),
            generated(collection),
        ));
    }
    if values.not_points > 0 {
        found.push(obstacle(
            format!(
                "{} rows of {table} hold other shapes than points in {name}",
                values.not_points
            ),
            ANOTHER_COLUMN,
        ));
    } else if column.srid.is_none() && values.other_srid > 0 {
        found.push(obstacle(
            format!(
                "{table}.{name} has no SRID, and {} rows hold points of another than 4326: once \
                 the column has SRID 4326, whoever writes such points is refused",
                values.other_srid
            ),
            format!(
                "let the application write SRID 4326 (ST_SRID(POINT(longitude, latitude), 4326)), \
                 then UPDATE {} SET {quoted} = ST_SRID({quoted}, 4326) and run this again; \
                 or {ANOTHER_COLUMN}",
                collection.table.quoted()
            ),
        ));
    }
    found
}

/// Rows that no backfill writes, and that keep the location from becoming NOT NULL.
pub(super) fn of_ids(rows: &str, collection: &Collection) -> Obstacle {
    obstacle(
        format!("{rows} and no location, and `--apply` writes no location of such rows"),
        format!(
            "give them smaller ones, or run what `nearby adopt{} --sql` prints, which writes their locations as well",
            collection.flag()
        ),
    )
}

/// What this user lacks for the steps of a command, which prints them as well.
pub(super) fn of_rights(
    gathered: &Gathered,
    collection: &Collection,
    steps: &[Step],
    command: &str,
) -> Option<Obstacle> {
    let mut wanted = Vec::new();
    for step in steps {
        wanted.extend_from_slice(match step.action {
            Action::Backfill => &["UPDATE"],
            Action::MakeTriggers | Action::DropTriggers => &["TRIGGER"],
            // ALTER TABLE asks for all three.
            _ => &["ALTER", "CREATE", "INSERT"],
        });
    }
    wanted.sort_unstable();
    wanted.dedup();
    let lacking = gathered.rights.lacking(&wanted);
    if lacking.is_empty() {
        return None;
    }
    Some(obstacle(
        format!(
            "{} lacks {} for what is to do",
            gathered.server.user,
            lacking.join(", ")
        ),
        format!(
            "{}, or let an administrator run what `nearby {command} --sql` prints",
            grant(&lacking, gathered, collection)
        ),
    ))
    .filter(|_| !steps.is_empty())
}

pub(super) fn grant(rights: &[&str], gathered: &Gathered, collection: &Collection) -> String {
    let Gathered { server, .. } = gathered;
    format!(
        "GRANT {} ON {}.{} TO {}",
        rights.join(", "),
        identifier(&server.name),
        collection.table.quoted(),
        triggers::account(&server.user)
    )
}
