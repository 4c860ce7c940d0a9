//! What an online build that did not come to its end left, and what finishes it.

use std::time::Duration;

use sqlx::MySqlPool;

use super::foreign_keys;
use super::names::{Names, key_in_the_end};
use crate::store::Collection;
use crate::store::mysql::adopt::{Action, Locking, Statement, Step};
use crate::store::mysql::triggers::{self, Installed, drop, installed};
use crate::store::sql::identifier;

/// What marks our table of changes.
pub(super) const MARK: &str = "nearby adopt --online";

/// How far the build came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// The table is as it was, beside a copy that is not complete.
    Copy,
    /// The copy is the table.
    OldTable,
}

/// The names of a database's tables, of those given.
pub(super) async fn there(pool: &MySqlPool, names: &Names) -> sqlx::Result<Vec<(String, String)>> {
    let [changes, shadow, old] = names.tables();
    sqlx::query_as(
        "SELECT CAST(TABLE_NAME AS CHAR), CAST(TABLE_COMMENT AS CHAR) \
         FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN (?, ?, ?)",
    )
    .bind(changes)
    .bind(shadow)
    .bind(old)
    .fetch_all(pool)
    .await
}

async fn left(pool: &MySqlPool, names: &Names) -> sqlx::Result<Option<Left>> {
    let there = there(pool, names).await?;
    let is_ours = |(name, comment): &(String, String)| *name == names.changes && comment == MARK;
    if !there.iter().any(is_ours) {
        return Ok(None);
    }
    let has_old = there.iter().any(|(name, _)| *name == names.old);
    Ok(Some(if has_old { Left::OldTable } else { Left::Copy }))
}

/// The step that finishes what was left, or takes it away; `None` where nothing was.
pub(in super::super) async fn finish(
    pool: &MySqlPool,
    collection: &Collection,
) -> sqlx::Result<Option<Step>> {
    let names = Names::of(collection);
    let Some(left) = left(pool, &names).await? else {
        return Ok(None);
    };
    let (text, mut statements) = match left {
        Left::Copy => (
            "take away the copy that an adoption with --online left before its end",
            drop_copy(&names),
        ),
        Left::OldTable => (
            "finish an adoption with --online: the copy is the table, and the old one goes",
            drop_old(pool, collection, &names).await?,
        ),
    };
    statements.push(drop_table(&names.changes));
    Ok(Some(Step {
        action: Action::FinishOnline,
        text: text.to_owned(),
        locking: Locking::Instant,
        expected: Duration::ZERO,
        statements,
    }))
}

/// Makes of a table's triggers those that [finishing](finish) leaves.
pub(in super::super) fn leave_after(there: &mut Vec<Installed>, collection: &Collection) {
    let names = Names::of(collection);
    there.retain(|trigger| !names.noting.iter().any(|(_, name)| *name == trigger.name));
    for (guard, wanted) in names.guards.iter().zip(triggers::wanted(collection)) {
        for trigger in there.iter_mut().filter(|there| there.name == *guard) {
            trigger.name.clone_from(&wanted.name);
        }
    }
}

fn drop_copy(names: &Names) -> Vec<Statement> {
    let noting = names.noting.iter();
    let mut statements: Vec<Statement> = noting
        .map(|(_, name)| Statement::plain(drop(name)))
        .collect();
    statements.push(drop_table(&names.shadow));
    statements
}

async fn drop_old(
    pool: &MySqlPool,
    collection: &Collection,
    names: &Names,
) -> sqlx::Result<Vec<Statement>> {
    let table = collection.table.as_str();
    let to_old = foreign_keys::to(pool, &names.old).await?;
    let moved: Vec<_> = to_old
        .iter()
        .map(|key| key.referring_to(table).for_now())
        .collect();
    let mut statements = vec![check_foreign_keys(false)];
    for (key, moved) in to_old.iter().zip(&moved) {
        statements.push(Statement::plain(key.replace_by(moved)));
    }
    // Checked again: no table that this user may not see is left behind.
    statements.push(check_foreign_keys(true));
    statements.push(drop_table(&names.old));
    statements.extend(name_guards(pool, collection, names).await?);
    statements.push(check_foreign_keys(false));
    let own = foreign_keys::of(pool, table).await?;
    let to_table = foreign_keys::to(pool, table).await?;
    for key in own.iter().chain(&to_table).chain(&moved) {
        if let Some(name) = key_in_the_end(&key.name) {
            let in_the_end = key.named(name.to_owned());
            statements.push(Statement::plain(key.replace_by(&in_the_end)));
        }
    }
    statements.push(check_foreign_keys(true));
    Ok(statements)
}

/// Gives our triggers their names, which the old table's had; rows are guarded all along.
async fn name_guards(
    pool: &MySqlPool,
    collection: &Collection,
    names: &Names,
) -> sqlx::Result<Vec<Statement>> {
    let there = installed(pool, collection).await?;
    let has = |name: &String| there.iter().any(|trigger| trigger.name == *name);
    if !names.guards.iter().any(has) {
        return Ok(Vec::new());
    }
    let wanted = triggers::wanted(collection);
    let missing = wanted.iter().filter(|wanted| !has(&wanted.name));
    Ok(missing
        .map(|trigger| trigger.create(collection))
        .chain(names.guards.iter().map(|name| drop(name)))
        .map(Statement::plain)
        .collect())
}

/// Whether foreign keys are checked in this session. Where they are not, a new one is
/// made at once, beside writers; their sessions go on checking.
pub(super) fn check_foreign_keys(check: bool) -> Statement {
    Statement::plain(format!(
        "SET SESSION foreign_key_checks = {}",
        u8::from(check)
    ))
}

fn drop_table(name: &str) -> Statement {
    Statement::plain(format!("DROP TABLE IF EXISTS {}", identifier(name)))
}
