//! The whole of an online build, from the table of changes to the last name.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Executor, MySqlPool};
use tokio::sync::watch;

use super::super::gather::gather;
use super::super::plan::add_spatial_index;
use super::copy::Copying;
use super::foreign_keys;
use super::leftovers::{MARK, finish};
use super::names::Names;
use super::swap::{Swap, shape};
use crate::store::Collection;
use crate::store::mysql::adopt::{
    ADOPTION_SQL_MODE, AdoptError, AdoptionSession, Carried, Rebuilt, Statement,
};
use crate::store::sql::{identifier, literal};

/// What copying needs: no locks while it reads, the id 0 as it is, the next id as the table
/// has it, foreign keys at once.
const COPYING: &str = "SET SESSION transaction_isolation = 'READ-COMMITTED', \
    SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO'), \
    SESSION information_schema_stats_expiry = 0, SESSION foreign_key_checks = 0";
/// What the session has otherwise.
const COPIED: &str = "SET SESSION transaction_isolation = 'REPEATABLE-READ', \
    SESSION autocommit = 1, SESSION foreign_key_checks = 1";

/// How long a run that was told to stop takes things away.
const TIDYING_WHEN_STOPPED: Duration = Duration::from_secs(5);

/// Puts a copy with a spatial index in the place of a table. Where it ends before, the table
/// is as it was, and what can be taken away is.
pub(in crate::store) async fn rebuild(
    pool: &MySqlPool,
    session: &mut AdoptionSession,
    collection: &Collection,
    stop: &watch::Receiver<bool>,
    mut each: impl FnMut(Rebuilt),
) -> Result<(), AdoptError> {
    session.connection().execute(COPYING).await?;
    let swapped = copy_and_swap(pool, session, collection, stop, &mut each).await;
    let tidying = tidy(pool, session, collection, &mut each);
    let tidied = if *stop.borrow() {
        // What others keep from being taken away then, the next run takes away.
        let in_time = tokio::time::timeout(TIDYING_WHEN_STOPPED, tidying).await;
        in_time.unwrap_or(Ok(()))
    } else {
        tidying.await
    };
    swapped.and(tidied)
}

async fn tidy(
    pool: &MySqlPool,
    session: &mut AdoptionSession,
    collection: &Collection,
    each: &mut impl FnMut(Rebuilt),
) -> Result<(), AdoptError> {
    session.connection().execute(COPIED).await?;
    session.connection().execute(ADOPTION_SQL_MODE).await?;
    // Being told to stop ends the copying and leaves this to do.
    let (_keep, never) = watch::channel(false);
    if let Some(step) = finish(pool, collection).await? {
        for statement in &step.statements {
            carry_out(session, statement, &never, each).await?;
        }
    }
    Ok(())
}

async fn carry_out(
    session: &mut AdoptionSession,
    statement: &Statement,
    stop: &watch::Receiver<bool>,
    each: &mut impl FnMut(Rebuilt),
) -> Result<(), AdoptError> {
    let done = session
        .carry_out(statement, stop, |tries| each(Rebuilt::Waits(tries)))
        .await?;
    match done {
        Carried::Done => Ok(()),
        Carried::NullsLeft => Err(AdoptError::Nulls),
    }
}

async fn copy_and_swap(
    pool: &MySqlPool,
    session: &mut AdoptionSession,
    collection: &Collection,
    stop: &watch::Receiver<bool>,
    each: &mut impl FnMut(Rebuilt),
) -> Result<(), AdoptError> {
    let gathered = gather(pool, collection).await?;
    let names = Names::of(collection);
    let copying = Copying::of(collection, &gathered.columns, &names);
    let id = gathered.column(collection.id.as_str());
    let id_kind = id.map_or("bigint", |id| id.full_kind.as_str());
    let (table, shadow) = (collection.table.quoted(), identifier(&names.shadow));
    let changes = identifier(&names.changes);

    let make_changes = format!(
        "CREATE TABLE {changes} (note BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
         id {id_kind} NOT NULL, KEY (id)) ENGINE=InnoDB COMMENT={}",
        literal(MARK)
    );
    carry_out(session, &Statement::plain(make_changes), stop, each).await?;
    for (event, name) in &names.noting {
        let note = note(collection, &changes, event, name);
        carry_out(session, &Statement::plain(note), stop, each).await?;
    }
    let shape = shape(session.connection(), collection).await?;
    for statement in [
        format!("CREATE TABLE {shadow} LIKE {table}"),
        format!(
            "ALTER TABLE {shadow} {}",
            add_spatial_index(&gathered, collection)
        ),
    ] {
        session
            .connection()
            .execute(AssertSqlSafe(statement))
            .await?;
    }
    for key in foreign_keys::of(pool, collection.table.as_str()).await? {
        for statement in foreign_keys::keep_index(pool, &key, &shadow).await? {
            carry_out(session, &statement, stop, each).await?;
        }
    }
    copy(&copying, session, stop, each).await?;
    for key in foreign_keys::to(pool, collection.table.as_str()).await? {
        for statement in foreign_keys::keep_index(pool, &key, &key.child()).await? {
            carry_out(session, &statement, stop, each).await?;
        }
    }
    compare(&copying, session, stop).await?;
    let swap = Swap {
        pool,
        collection,
        names: &names,
        copying: &copying,
        shape: &shape,
    };
    swap.carry_out(session, stop, |tries| each(Rebuilt::Waits(tries)))
        .await
}

/// The trigger that notes which row an event changes.
fn note(collection: &Collection, changes: &str, event: &str, name: &str) -> String {
    let id = collection.id.quoted();
    let rows = match event {
        "INSERT" => format!("(NEW.{id})"),
        "DELETE" => format!("(OLD.{id})"),
        // A row may get another key.
        _ => format!("(OLD.{id}), (NEW.{id})"),
    };
    format!(
        "CREATE TRIGGER {} AFTER {event} ON {} FOR EACH ROW INSERT INTO {changes} (id) VALUES {rows}",
        identifier(name),
        collection.table.quoted()
    )
}

async fn copy(
    copying: &Copying,
    session: &mut AdoptionSession,
    stop: &watch::Receiver<bool>,
    each: &mut impl FnMut(Rebuilt),
) -> Result<(), AdoptError> {
    let (mut from, mut rows) = (None, 0);
    loop {
        if *stop.borrow() {
            return Err(AdoptError::Stopped);
        }
        let (copied, end) = copying.copy(session.connection(), from).await?;
        rows += copied;
        each(Rebuilt::Copied(rows));
        copying.carry(session.connection()).await?;
        if end.is_none() {
            return Ok(());
        }
        from = end;
    }
}

async fn compare(
    copying: &Copying,
    session: &mut AdoptionSession,
    stop: &watch::Receiver<bool>,
) -> Result<(), AdoptError> {
    let mut from = None;
    loop {
        if *stop.borrow() {
            return Err(AdoptError::Stopped);
        }
        let (found, end) = copying.compare(session.connection(), from).await?;
        if !found.is_none() {
            return Err(AdoptError::Differs {
                rows: found.rows,
                copied: found.copied,
                equal: found.equal,
            });
        }
        copying.carry(session.connection()).await?;
        if end.is_none() {
            return Ok(());
        }
        from = end;
    }
}
