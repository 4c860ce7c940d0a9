//! Triggers that set the location on every insert and update, whoever writes.
//!
//! They are no migration: creating one needs a right or a setting that many
//! servers do not give, and a migration that fails would stop all others. They
//! go with their table.

use sqlx::{AssertSqlSafe, Executor, FromRow, MySqlPool};

use super::adopt::grant_to_see_triggers;
use super::catalog::table_exists;
use super::definers::{Ailment, accounts};
use super::location::{SENTINEL, has_position, is_point, location, location_or};
use super::schema::columns;
use crate::store::refusal::{
    Meaning, NO_SUCH_ACCOUNT, TABLE_ACCESS_DENIED, TRIGGER_NEEDS_SUPER, number, of_mysql,
};
use crate::store::sql::{identifier, literal};
use crate::store::{Collection, ColumnName, Guard, SchemaFinding, StoreError};

/// How many characters the longest name has that MySQL allows.
pub(super) const MAX_NAME: usize = 64;

/// One trigger as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Trigger {
    pub name: String,
    event: &'static str,
    body: String,
    /// What it did in releases that took away the location of rows which have nothing else.
    earlier_body: String,
}

/// The triggers that guard a collection.
///
/// A row with a position gets the location that says the same: where that is what it was,
/// the server finds the bytes equal and writes nothing. A row without one keeps its
/// location, which is all that says where it is, unless this very update takes its
/// coordinates away.
pub(in crate::store) fn wanted(collection: &Collection) -> [Trigger; 2] {
    let of = |row: &str, column: &ColumnName| format!("{row}.{}", column.quoted());
    let new = of("NEW", &collection.location);
    let (latitude, longitude) = (
        of("NEW", &collection.latitude),
        of("NEW", &collection.longitude),
    );
    let had_position = has_position(
        &of("OLD", &collection.latitude),
        &of("OLD", &collection.longitude),
    );
    let kept = is_point(&new);
    let kept_in_update = format!("({had_position}) IS NOT TRUE AND {kept}");
    [("INSERT", kept), ("UPDATE", kept_in_update)].map(|(event, kept)| {
        let otherwise = format!("IF({kept}, {new}, {SENTINEL})");
        let set = |location: String| format!("SET {new} = {location}");
        Trigger {
            name: name(
                collection.table.as_str(),
                &format!("_location_{}", event.to_ascii_lowercase()),
            ),
            event,
            body: set(location_or(&latitude, &longitude, &otherwise)),
            earlier_body: set(location(&latitude, &longitude)),
        }
    })
}

/// The table's name and the suffix, cut where it is too long; a checksum keeps
/// apart what is cut alike.
pub(super) fn name(table: &str, suffix: &str) -> String {
    if table.chars().count() + suffix.len() <= MAX_NAME {
        return format!("{table}{suffix}");
    }
    let kept: String = table.chars().take(MAX_NAME - suffix.len() - 9).collect();
    format!("{kept}_{:08x}{suffix}", crc32fast::hash(table.as_bytes()))
}

/// The triggers of a collection that are missing or differ. All of them where
/// this user may not see any.
pub(in crate::store) async fn missing(
    pool: &MySqlPool,
    collection: &Collection,
) -> sqlx::Result<Vec<Trigger>> {
    let there = installed(pool, collection).await?;
    let mut triggers: Vec<Trigger> = wanted(collection).into();
    triggers.retain(|trigger| !there.iter().any(|there| there.is(trigger)));
    Ok(triggers)
}

/// A trigger that a table has.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(super) struct Installed {
    schema: String,
    pub name: String,
    event: String,
    timing: String,
    /// Without blanks and `;` at its end: a client that sends several statements at once
    /// leaves them there.
    body: String,
    /// The account in whose name it runs.
    definer: String,
    /// What ails that account: whatever fires the trigger is refused.
    #[sqlx(skip)]
    ailment: Option<Ailment>,
    /// The column that it uses, as ours do, and its table no longer has: whatever fires
    /// the trigger is refused.
    #[sqlx(skip)]
    pub lacks: Option<ColumnName>,
}

impl Installed {
    /// Why writes fail with it for what ails its account, where they do.
    pub(super) fn failure(&self) -> Option<String> {
        let (error, ailment) = match self.ailment? {
            Ailment::Gone => (NO_SUCH_ACCOUNT, "an account that is gone".to_owned()),
            Ailment::Lacks(right) => (
                TABLE_ACCESS_DENIED,
                format!("an account without the right {right} on the table"),
            ),
        };
        Some(format!(
            "every {} fails with error {error}: the trigger {} runs as {}, {ailment}",
            self.event, self.name, self.definer
        ))
    }

    /// Why writes fail with it for want of a column, and what to do.
    fn failure_by_column(&self, collection: &Collection) -> Option<String> {
        let lacks = self.lacks.as_ref()?;
        let remedy = if *lacks == collection.location {
            format!(
                "`nearby adopt{} --apply` adds the column again",
                collection.flag()
            )
        } else {
            format!("add the column again, or {}", drop(&self.name))
        };
        Some(format!(
            "every {} fails with error 1054: the trigger {} uses the column {}, which is gone: \
             {remedy}",
            self.event,
            self.name,
            lacks.as_str()
        ))
    }

    /// What its owner can do about it.
    pub(super) fn failure_remedy(&self, table: &str) -> String {
        let account = account(&self.definer);
        let remedy = match self.ailment {
            Some(Ailment::Lacks(right)) => {
                let (schema, table) = (identifier(&self.schema), identifier(table));
                format!("GRANT {right} ON {schema}.{table} TO {account}")
            }
            _ => format!(
                "make the account again (CREATE USER {account} ACCOUNT LOCK, and what the trigger \
                 needs granted to it)"
            ),
        };
        format!(
            "{remedy}, or make the trigger again as another: SHOW CREATE TRIGGER {}",
            identifier(&self.name)
        )
    }

    pub(super) fn is(&self, wanted: &Trigger) -> bool {
        self.fires_as(wanted) && self.body == wanted.body && self.ailment.is_none()
    }

    /// Whether an earlier release made it.
    pub(super) fn is_earlier(&self, wanted: &Trigger) -> bool {
        self.fires_as(wanted) && self.body == wanted.earlier_body
    }

    /// Whether it does the same, now or as an earlier release had it, whatever its name.
    pub(super) fn does_what(&self, wanted: &Trigger) -> bool {
        self.event == wanted.event
            && self.timing == "BEFORE"
            && (self.body == wanted.body || self.body == wanted.earlier_body)
    }

    /// Whether it may use a column.
    pub(super) fn mentions(&self, column: &str) -> bool {
        let body = self.body.to_ascii_lowercase();
        body.contains(&column.to_ascii_lowercase())
    }

    fn fires_as(&self, wanted: &Trigger) -> bool {
        self.name == wanted.name && self.event == wanted.event && self.timing == "BEFORE"
    }
}

/// The triggers of a table that this user may see.
pub(super) async fn installed(
    pool: &MySqlPool,
    collection: &Collection,
) -> sqlx::Result<Vec<Installed>> {
    let mut installed: Vec<Installed> = sqlx::query_as(
        "SELECT CAST(TRIGGER_SCHEMA AS CHAR) AS `schema`, CAST(TRIGGER_NAME AS CHAR) AS name, \
                CAST(EVENT_MANIPULATION AS CHAR) AS event, \
                CAST(ACTION_TIMING AS CHAR) AS timing, CAST(ACTION_STATEMENT AS CHAR) AS body, \
                CAST(DEFINER AS CHAR) AS definer \
         FROM information_schema.TRIGGERS \
         WHERE TRIGGER_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = ?",
    )
    .bind(collection.table.as_str())
    .fetch_all(pool)
    .await?;
    for trigger in &mut installed {
        let ends = |last: char| last == ';' || last.is_whitespace();
        trigger
            .body
            .truncate(trigger.body.trim_end_matches(ends).len());
    }
    let ours = wanted(collection);
    let is_ours = |trigger: &Installed| ours.iter().any(|our| trigger.does_what(our));
    if !installed.is_empty()
        && let Some(accounts) = accounts(pool, collection).await?
    {
        for trigger in &mut installed {
            // What the triggers of others need beside this, nobody knows.
            let needed = if is_ours(trigger) {
                &["TRIGGER", "SELECT", "UPDATE"][..]
            } else {
                &["TRIGGER"]
            };
            trigger.ailment = accounts.ailment(&trigger.definer, needed);
        }
    }
    if installed.iter().any(is_ours) {
        let lacks = lacked(pool, collection).await?;
        for trigger in installed.iter_mut().filter(|trigger| is_ours(trigger)) {
            trigger.lacks.clone_from(&lacks);
        }
    }
    Ok(installed)
}

/// Triggers with the names of ours on other tables, each with its table: they go along when a
/// table is renamed, and a database has a name of a trigger once.
pub(super) async fn elsewhere(
    pool: &MySqlPool,
    collection: &Collection,
) -> sqlx::Result<Vec<(String, String)>> {
    let ours = wanted(collection);
    let names = ours.iter().map(|trigger| &trigger.name);
    let names: Vec<&String> = names.collect();
    sqlx::query_as(
        "SELECT CAST(TRIGGER_NAME AS CHAR), CAST(EVENT_OBJECT_TABLE AS CHAR) \
         FROM information_schema.TRIGGERS \
         WHERE TRIGGER_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE <> ? \
             AND TRIGGER_NAME IN (SELECT name FROM JSON_TABLE(?, '$[*]' \
                 COLUMNS (name VARCHAR(64) PATH '$')) AS ours) ORDER BY 1",
    )
    .bind(collection.table.as_str())
    .bind(serde_json::json!(names).to_string())
    .fetch_all(pool)
    .await
}

/// The first column that our triggers use and the table lacks.
async fn lacked(pool: &MySqlPool, collection: &Collection) -> sqlx::Result<Option<ColumnName>> {
    let columns = columns(pool, collection).await?;
    let is_there = |name: &ColumnName| {
        let mut columns = columns.iter();
        columns.any(|column| column.name.eq_ignore_ascii_case(name.as_str()))
    };
    let used = [
        &collection.latitude,
        &collection.longitude,
        &collection.location,
    ];
    Ok(used.into_iter().find(|name| !is_there(name)).cloned())
}

/// What is wrong with triggers of a table with which every write fails, and what to do.
pub(in crate::store) async fn failures(
    pool: &MySqlPool,
    collection: &Collection,
) -> sqlx::Result<Vec<SchemaFinding>> {
    let ours = wanted(collection);
    let there = installed(pool, collection).await?;
    let failures = there.iter().filter_map(|trigger| {
        let Some(failure) = trigger.failure() else {
            let failure = trigger.failure_by_column(collection)?;
            return Some(SchemaFinding::wrong(failure));
        };
        let remedy = if ours.iter().any(|our| our.name == trigger.name) {
            format!("`nearby adopt{} --apply` makes it again", collection.flag())
        } else {
            trigger.failure_remedy(collection.table.as_str())
        };
        Some(SchemaFinding::wrong(format!("{failure}: {remedy}")))
    });
    Ok(failures.collect())
}

/// `u@%` as SQL names it.
pub(super) fn account(user: &str) -> String {
    match user.rsplit_once('@') {
        Some((name, host)) => format!("{}@{}", literal(name), literal(host)),
        None => literal(user),
    }
}

/// Makes the triggers that are missing or differ.
pub(in crate::store) async fn ensure(
    pool: &MySqlPool,
    collection: &Collection,
) -> Result<Option<Guard>, StoreError> {
    if !table_exists(pool, collection.table.as_str()).await? {
        return Ok(None);
    }
    let missing = missing(pool, collection).await?;
    if missing.is_empty() {
        return Ok(Some(Guard::InPlace));
    }
    if let Some(grant) = grant_to_see_triggers(pool, collection).await? {
        return Ok(Some(Guard::Unseen { grant }));
    }
    for trigger in missing {
        if let Err(error) = make(pool, collection, &trigger).await {
            return match refusal(&error) {
                Some(guard) => Ok(Some(guard)),
                None => Err(error.into()),
            };
        }
    }
    Ok(Some(Guard::Installed))
}

async fn make(pool: &MySqlPool, collection: &Collection, trigger: &Trigger) -> sqlx::Result<()> {
    let mut connection = pool.acquire().await?;
    for statement in trigger.replace(collection) {
        // As text: the protocol for prepared statements knows no triggers.
        connection.execute(AssertSqlSafe(statement)).await?;
    }
    Ok(())
}

impl Trigger {
    /// Makes the trigger where there is none of its name.
    pub(super) fn create(&self, collection: &Collection) -> String {
        self.create_as(&self.name, collection)
    }

    /// Puts the trigger in place of one that differs. A stand-in is made first,
    /// so that a refusal leaves the old one, and no write goes by unguarded.
    pub(super) fn replace(&self, collection: &Collection) -> [String; 5] {
        let stand_in = stand_in(collection);
        [
            drop(&stand_in),
            self.create_as(&stand_in, collection),
            drop(&self.name),
            self.create(collection),
            drop(&stand_in),
        ]
    }

    fn create_as(&self, name: &str, collection: &Collection) -> String {
        self.create_on(name, &collection.table.quoted())
    }

    /// Makes it under another name on a table that is quoted.
    pub(super) fn create_on(&self, name: &str, table: &str) -> String {
        format!(
            "CREATE TRIGGER {} BEFORE {} ON {table} FOR EACH ROW {}",
            identifier(name),
            self.event,
            self.body
        )
    }
}

/// The name of what stands in for a trigger while it is replaced.
pub(super) fn stand_in(collection: &Collection) -> String {
    name(collection.table.as_str(), "_location_stand_in")
}

pub(super) fn drop(name: &str) -> String {
    format!("DROP TRIGGER IF EXISTS {}", identifier(name))
}

/// What is missing, where the server refused for want of a right or a setting.
pub(super) fn refusal(error: &sqlx::Error) -> Option<Guard> {
    let number = number(error)?;
    let advice = match number {
        // Binary logging is on, and the user has not SUPER.
        TRIGGER_NEEDS_SUPER => {
            "GRANT TRIGGER on this database to the user and let an administrator run SET PERSIST \
             log_bin_trust_function_creators = 1, or run `nearby migrate up` once as a user with \
             SUPER"
        }
        _ if of_mysql(number) == Meaning::Denied => {
            "GRANT TRIGGER on this table or database to the user, then run `nearby migrate up` again"
        }
        _ => return None,
    };
    Some(Guard::Missing {
        reason: format!("{} (error {number})", error.as_database_error()?.message()),
        advice: advice.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_what_mysql_allows_and_apart() {
        let long = "t".repeat(64);
        let longer = format!("{}u", "t".repeat(63));
        assert_eq!(name("a", "_location_insert"), "a_location_insert");
        assert_eq!(name(&long, "_location_insert").len(), MAX_NAME);
        let greek = name(&"κ".repeat(64), "_location_insert");
        assert_eq!(greek.chars().count(), MAX_NAME);
        assert_ne!(
            name(&long, "_location_insert"),
            name(&longer, "_location_insert")
        );
    }
}
