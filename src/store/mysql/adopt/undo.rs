//! What of a table adopting made, and in which order to take it away.
//!
//! Only what says by its comment, or by its whole body, that adopting made it is dropped.
//! Other writers can go on at every moment:
//!
//! 1. What an adoption with `--online` left that was killed: every write pays for it.
//! 2. The index: without triggers, an INSERT that names no columns makes an empty
//!    geometry, which an index refuses.
//! 3. The triggers, before the column that they set.
//! 4. The column.

use std::time::Duration;

use sqlx::{AssertSqlSafe, MySqlPool};

use super::gather::{Gathered, gather};
use super::ways::Ways;
use super::{Action, Locking, Statement, Step, Way, mark, obstacle, obstacles, online, plan};
use crate::store::mysql::schema::{Column, Index};
use crate::store::mysql::{index_pages, survey, triggers};
use crate::store::sql::identifier;
use crate::store::{Collection, Database, Obstacle, StoreError};

/// What adopting a table made, and what it takes to undo it.
#[derive(Debug, Clone, Default)]
pub struct Undoing {
    /// Why it cannot be undone as it is.
    pub obstacles: Vec<Obstacle>,
    /// What to know before.
    pub warnings: Vec<String>,
    /// What is to do, in the order in which to do it.
    pub steps: Vec<Step>,
    /// What stays although adopting may have something to do with it, and why.
    pub stays: Vec<String>,
}

pub(super) async fn inspect_undoing(
    pool: &MySqlPool,
    database: &Database,
    collection: &Collection,
) -> Result<Undoing, StoreError> {
    let mut gathered = gather(pool, collection).await?;
    let mut found = Undoing::default();
    if let Some(obstacle) = obstacles::of_place(&gathered, collection) {
        found.obstacles.push(obstacle);
        return Ok(found);
    }
    let (table, flag) = (collection.table.as_str(), collection.flag());
    if database.is_own(collection).await? {
        found.obstacles.push(obstacle(
            format!("{table} is a table of nearby itself, and was not adopted"),
            "`nearby migrate down` undoes migrations, with the rows of the tables that they made",
        ));
        return Ok(found);
    }
    if let Some(step) = online::finish(pool, collection).await? {
        online::leave_after(&mut gathered.triggers, collection);
        found.steps.push(step);
    }
    drop_indexes(&gathered, collection, &mut found);
    drop_triggers(&gathered, collection, &mut found);
    if let Some(column) = gathered.column(collection.location.as_str()) {
        drop_or_leave_column(&gathered, collection, column, &mut found);
    }
    if found
        .steps
        .iter()
        .any(|step| step.action == Action::DropColumn)
    {
        let rows = survey::count_location_only(pool, collection).await?;
        if rows > 0 {
            found.obstacles.push(obstacle(
                format!("{rows} rows of {table} have nothing but their location to say where they are"),
                format!("`nearby backfill{flag} --from location` writes their coordinates; then run this again"),
            ));
        }
        let users = users_of_location(pool, collection).await?;
        found.obstacles.extend(users.iter().map(|user| {
            obstacle(
                format!(
                    "{user} of {table} needs the column {}",
                    collection.location.as_str()
                ),
                "drop it first, if its application no longer needs it; until then the table stays \
                 adopted",
            )
        }));
        found.warnings.push(format!(
            "a nearby that serves {table} answers no searches of it once the location is gone: stop it before"
        ));
    }
    let command = format!("adopt{flag} --undo");
    found.obstacles.extend(obstacles::of_rights(
        &gathered,
        collection,
        &found.steps,
        &command,
    ));
    Ok(found)
}

/// What of the application's the location could not be dropped without, or would take along.
async fn users_of_location(
    pool: &MySqlPool,
    collection: &Collection,
) -> Result<Vec<String>, StoreError> {
    let names_it = |expression: &str| {
        format!("LOCATE(CONCAT('`', REPLACE(?, '`', '``'), '`'), {expression}) > 0")
    };
    // The server keeps expressions with every column in backticks.
    let sql = format!(
        "SELECT CONCAT('the generated column ', COLUMN_NAME) FROM information_schema.COLUMNS \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND {} \
         UNION SELECT CONCAT('the index ', INDEX_NAME) FROM information_schema.STATISTICS \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND {} \
         UNION SELECT CONCAT('the CHECK ', c.CONSTRAINT_NAME) \
         FROM information_schema.CHECK_CONSTRAINTS c \
         JOIN information_schema.TABLE_CONSTRAINTS t \
             ON t.CONSTRAINT_SCHEMA = c.CONSTRAINT_SCHEMA AND t.CONSTRAINT_NAME = c.CONSTRAINT_NAME \
                 AND t.CONSTRAINT_TYPE = 'CHECK' \
         WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_NAME = ? AND {}",
        names_it("GENERATION_EXPRESSION"),
        names_it("EXPRESSION"),
        names_it("c.CHECK_CLAUSE"),
    );
    let (table, location) = (collection.table.as_str(), collection.location.as_str());
    let query = sqlx::query_scalar::<_, Vec<u8>>(AssertSqlSafe(sql));
    let query = (0..3).fold(query, |query, _| query.bind(table).bind(location));
    let users = query.fetch_all(pool).await?;
    let texts = users
        .iter()
        .map(|user| String::from_utf8_lossy(user).into_owned());
    Ok(texts.collect())
}

fn step(action: Action, text: String, statements: Vec<Statement>) -> Step {
    Step {
        action,
        text,
        locking: Locking::Instant,
        expected: Duration::ZERO,
        statements,
    }
}

fn alter(collection: &Collection, clause: &str, way: Way) -> Vec<Statement> {
    let table = collection.table.quoted();
    vec![Statement::alter(
        format!("ALTER TABLE {table} {clause}"),
        way,
    )]
}

fn on_location<'a>(gathered: &'a Gathered, collection: &Collection) -> Vec<&'a Index> {
    let location = collection.location.as_str();
    let all = gathered.indexes.iter();
    all.filter(|index| index.column_name.eq_ignore_ascii_case(location))
        .collect()
}

fn drop_indexes(gathered: &Gathered, collection: &Collection, found: &mut Undoing) {
    for index in on_location(gathered, collection) {
        let name = &index.name;
        if mark::is_made_index(index) {
            let clause = format!("DROP INDEX {}", identifier(name));
            found.steps.push(step(
                Action::DropIndex,
                format!("drop the spatial index {name}"),
                alter(collection, &clause, Way::Online),
            ));
        } else if index.comment == index_pages::COMMENT {
            found.stays.push(format!(
                "the spatial index {name}: an earlier nearby may have made it, or somebody else; if \
                 nobody needs it, ALTER TABLE {} DROP INDEX {}",
                collection.table.quoted(),
                identifier(name)
            ));
        } else {
            found
                .stays
                .push(format!("the index {name}: adopting did not make it"));
        }
    }
}

fn drop_triggers(gathered: &Gathered, collection: &Collection, found: &mut Undoing) {
    let wanted = triggers::wanted(collection);
    let stand_in = triggers::stand_in(collection);
    let mut statements = Vec::new();
    if gathered.rights.has("TRIGGER") {
        for trigger in &gathered.triggers {
            if is_ours(trigger, collection) {
                statements.push(triggers::drop(&trigger.name));
            } else if wanted.iter().any(|ours| ours.name == trigger.name) {
                found.stays.push(format!(
                    "the trigger {}: it has a name of ours, and does something else",
                    trigger.name
                ));
            }
        }
    } else {
        // Whether they are there is not to be seen.
        let names = wanted.iter().map(|trigger| &trigger.name);
        statements.extend(names.chain([&stand_in]).map(|name| triggers::drop(name)));
    }
    if !statements.is_empty() {
        found.steps.push(step(
            Action::DropTriggers,
            "drop the triggers that keep locations right".to_owned(),
            statements.into_iter().map(Statement::plain).collect(),
        ));
    }
}

/// Whether a trigger does what ours do, and is called as they are.
fn is_ours(trigger: &triggers::Installed, collection: &Collection) -> bool {
    let stand_in = triggers::stand_in(collection);
    let wanted = triggers::wanted(collection);
    wanted.iter().any(|ours| {
        trigger.does_what(ours) && (trigger.name == ours.name || trigger.name == stand_in)
    })
}

fn drop_or_leave_column(
    gathered: &Gathered,
    collection: &Collection,
    column: &Column,
    found: &mut Undoing,
) {
    let name = &column.name;
    let quoted = identifier(name);
    if !mark::is_made_column(column) {
        if let Some(definition) = plan::without_note(column) {
            found.steps.push(step(
                Action::ForgetAdoption,
                "take the note of adopting out of the comment of the location".to_owned(),
                alter(
                    collection,
                    &format!("MODIFY COLUMN {quoted} {definition}"),
                    Way::Instant,
                ),
            ));
        }
        found.stays.push(format!(
            "the column {name}, as it is, and the locations in it: nothing says that adopting made \
             it. If adopting did and nobody needs it, ALTER TABLE {} DROP COLUMN {quoted}",
            collection.table.quoted()
        ));
        return;
    }
    let mut needed_by = Vec::new();
    let indexes = on_location(gathered, collection).into_iter();
    for index in indexes.filter(|index| !mark::is_made_index(index)) {
        needed_by.push(format!("the index {}", index.name));
    }
    let others = gathered.triggers.iter();
    for trigger in others.filter(|trigger| !is_ours(trigger, collection)) {
        if trigger.mentions(name) {
            needed_by.push(format!("the trigger {}", trigger.name));
        }
    }
    if needed_by.is_empty() {
        let ways = Ways::of(gathered, collection);
        let way = ways.of_column();
        let rows = gathered.table.as_ref().map_or(0, |table| table.rows);
        found.steps.push(Step {
            action: Action::DropColumn,
            text: format!("drop the column {name}, which adopting made"),
            locking: way.locking(),
            expected: ways.expected(way, rows),
            statements: alter(collection, &format!("DROP COLUMN {quoted}"), way),
        });
    } else {
        found.stays.push(format!(
            "the column {name}, which adopting made: {} may need it",
            needed_by.join(" and ")
        ));
    }
}
