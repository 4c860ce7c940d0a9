//! Which tables can be rebuilt beside their writers, and why others cannot.

use sqlx::MySqlPool;

use super::super::gather::Gathered;
use super::super::obstacle;
use super::super::rights::{every_table_of, rights};
use super::super::ways::Ways;
use super::super::{Locking, Step};
use super::foreign_keys::{self, ForeignKey};
use super::leftovers::there;
use super::names::{MAX_KEY_NAME, Names, key_in_the_end};
use crate::store::Collection;
use crate::store::Obstacle;
use crate::store::mysql::triggers;

/// The way out of what is in the way of `--online` alone.
const WITHOUT: &str =
    "adopt it without --online, at an hour when its writers can wait for the index";

/// What the copy takes, on the whole database: it is a table of another name.
const WANTED: [&str; 7] = [
    "SELECT",
    "INSERT",
    "DELETE",
    "CREATE",
    "DROP",
    "ALTER",
    "LOCK TABLES",
];

/// What is in the way of an online build. What an earlier one left (`is_left`) is none of it:
/// that is taken away first.
pub(in super::super) async fn obstacles(
    pool: &MySqlPool,
    gathered: &Gathered,
    collection: &Collection,
    is_left: bool,
) -> sqlx::Result<Vec<Obstacle>> {
    let table = collection.table.as_str();
    let own = in_the_end(foreign_keys::of(pool, table).await?);
    let children = in_the_end(foreign_keys::to(pool, table).await?);
    let mut found = Vec::new();
    found.extend(of_rights(pool, gathered, collection, &own, &children).await?);
    found.extend(of_triggers(gathered, collection));
    found.extend(of_foreign_keys(table, &own, &children));
    found.extend(of_checks(pool, table).await?);
    if !is_left {
        found.extend(of_names(pool, collection).await?);
    }
    Ok(found)
}

/// Foreign keys by the names that finishing an earlier build gives them.
fn in_the_end(mut keys: Vec<ForeignKey>) -> Vec<ForeignKey> {
    for key in &mut keys {
        if let Some(name) = key_in_the_end(&key.name) {
            key.name = name.to_owned();
        }
    }
    keys
}

async fn of_rights(
    pool: &MySqlPool,
    gathered: &Gathered,
    collection: &Collection,
    own: &[ForeignKey],
    children: &[ForeignKey],
) -> sqlx::Result<Vec<Obstacle>> {
    let mut found = Vec::new();
    let user = &gathered.server.user;
    if gathered.rights.has("TRIGGER") && !gathered.may_make_triggers() {
        found.push(obstacle(
            format!("{user} may not make triggers, which --online needs"),
            "let an administrator run SET PERSIST log_bin_trust_function_creators = 1, or run this \
             as a user with SUPER",
        ));
    }
    let schema = &gathered.server.name;
    let mut wanted = WANTED.to_vec();
    wanted.push("TRIGGER");
    if !own.is_empty() || !children.is_empty() {
        wanted.push("REFERENCES");
    }
    let shadow = Names::of(collection).shadow;
    let lacking = rights(pool, schema, &shadow).await?;
    let lacking = lacking.lacking(&wanted);
    if !lacking.is_empty() {
        found.push(obstacle(
            format!(
                "{user} lacks {} on the database, which the copy that --online makes needs",
                lacking.join(", ")
            ),
            format!(
                "GRANT {} ON {} TO {}, or {WITHOUT}",
                lacking.join(", "),
                every_table_of(pool, schema).await?,
                triggers::account(user)
            ),
        ));
    }
    for child in children {
        let held = rights(pool, &child.schema, &child.table).await?;
        let lacking = held.lacking(&["SELECT", "ALTER", "LOCK TABLES"]);
        if !lacking.is_empty() {
            found.push(obstacle(
                format!(
                    "{user} lacks {} on {}.{}, whose foreign key {} refers to the table",
                    lacking.join(", "),
                    child.schema,
                    child.table,
                    child.name
                ),
                format!(
                    "GRANT {} ON {} TO {}, or {WITHOUT}",
                    lacking.join(", "),
                    every_table_of(pool, &child.schema).await?,
                    triggers::account(user)
                ),
            ));
        }
    }
    Ok(found)
}

fn of_triggers(gathered: &Gathered, collection: &Collection) -> Option<Obstacle> {
    let ours = triggers::wanted(collection);
    let stand_in = triggers::stand_in(collection);
    let others: Vec<&str> = gathered
        .triggers
        .iter()
        .map(|trigger| trigger.name.as_str())
        .filter(|name| *name != stand_in && !ours.iter().any(|our| our.name == *name))
        .collect();
    if others.is_empty() {
        return None;
    }
    Some(obstacle(
        format!(
            "{} has triggers of its own ({}), which stay with the table that --online replaces: \
             rows would be written without them until they are made again",
            collection.table.as_str(),
            others.join(", ")
        ),
        WITHOUT,
    ))
}

fn of_foreign_keys(table: &str, own: &[ForeignKey], children: &[ForeignKey]) -> Vec<Obstacle> {
    let mut found = Vec::new();
    for key in own {
        if key.to_table.eq_ignore_ascii_case(table) {
            found.push(obstacle(
                format!("{table} refers to itself by the foreign key {}", key.name),
                WITHOUT,
            ));
        } else if key.cascades() {
            found.push(obstacle(
                format!(
                    "the foreign key {} changes rows of {table} together with rows of {} (ON DELETE \
                     {}, ON UPDATE {}), and no trigger sees that: the copy would miss it",
                    key.name, key.to_table, key.on_delete, key.on_update
                ),
                WITHOUT,
            ));
        }
    }
    for key in own.iter().chain(children) {
        if key.name.len() > MAX_KEY_NAME {
            found.push(obstacle(
                format!(
                    "the name of the foreign key {} of {} is longer than {MAX_KEY_NAME} bytes, which \
                     leaves no room for the one that it has while the tables change places",
                    key.name, key.table
                ),
                WITHOUT,
            ));
        }
    }
    found
}

/// The server names the checks of a copy anew, and by number after it has the table's name.
async fn of_checks(pool: &MySqlPool, table: &str) -> sqlx::Result<Option<Obstacle>> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT CAST(CONSTRAINT_NAME AS CHAR) FROM information_schema.TABLE_CONSTRAINTS \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND CONSTRAINT_TYPE = 'CHECK'",
    )
    .bind(table)
    .fetch_all(pool)
    .await?;
    let by_number: Vec<String> = (1..=names.len())
        .map(|number| format!("{table}_chk_{number}"))
        .collect();
    let renamed: Vec<&str> = names
        .iter()
        .filter(|name| !by_number.contains(name))
        .map(String::as_str)
        .collect();
    Ok((!renamed.is_empty()).then(|| {
        obstacle(
            format!(
                "{table} has checks with names of their own ({}), which a copy cannot have",
                renamed.join(", ")
            ),
            WITHOUT,
        )
    }))
}

/// Steps before the index in which writers wait: it would not be beside them.
pub(in super::super) fn of_steps(
    gathered: &Gathered,
    collection: &Collection,
    steps: &[Step],
) -> Option<Obstacle> {
    let mut steps = steps.iter();
    let step = steps.find(|step| step.locking == Locking::BlocksWrites)?;
    let table = collection.table.as_str();
    let location = gathered.column(collection.location.as_str());
    let untyped = location.filter(|column| column.kind != "point" || column.srid != Some(4326));
    let why = match untyped {
        Some(column) => format!(
            "{table}.{} is {}{}, and giving it a type and SRID 4326 copies the table",
            column.name,
            column.full_kind,
            column.srid.map_or_else(
                || " without SRID".to_owned(),
                |srid| format!(" SRID {srid}")
            )
        ),
        None => format!(
            "{table} has {}, with which the server does this only while writers wait: {}",
            Ways::of(gathered, collection)
                .blocking_index()
                .unwrap_or_default(),
            step.text
        ),
    };
    Some(obstacle(
        format!(
            "{why}. They wait about {} s for it, --online or not",
            step.expected.as_secs().max(1)
        ),
        WITHOUT,
    ))
}

/// Tables that are not ours and have the names that we need.
async fn of_names(pool: &MySqlPool, collection: &Collection) -> sqlx::Result<Vec<Obstacle>> {
    let taken = there(pool, &Names::of(collection)).await?;
    let taken = taken.into_iter();
    Ok(taken
        .map(|(name, _)| {
            obstacle(
                format!("there is a table {name} already, the name that --online needs"),
                format!("rename or drop it if it is of no use, or {WITHOUT}"),
            )
        })
        .collect())
}
