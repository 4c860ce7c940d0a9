//! Adopting a table: the steps of its plan, one after the other, at a pace that
//! others can live with.
//!
//! Every step leaves a table that its application can write, so it can end at any
//! moment, however roughly. A second run looks at what is there and does the rest.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::backfill::{self, Progress, Settings};
use crate::store::{
    Action, AdoptError, Adoption, AdoptionSession, BackfillFrom, Carried, Collection, Database,
    Rebuilt, Step, StoreError,
};

/// The most rows in a batch of the backfill.
const BATCH_SIZE: u32 = 1_000;
/// How often NULLs are filled that come in between filling them and refusing them.
const NULL_ROUNDS: u32 = 20;

/// What happens, for whoever watches.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A step begins.
    Begins(&'a Step),
    /// Rows were looked at and written.
    Wrote(&'a Progress),
    /// So many rows were copied.
    Copied(u64),
    /// Others held the table, for the so-manieth time.
    Waits(u32),
    /// The step under way is done.
    Ended(&'a Step, Duration),
}

/// Does the steps of a plan in their order, then looks at every row once more, for what
/// others wrote meanwhile.
///
/// # Errors
/// When the database refuses a step, others keep it from the table, or it is
/// told to stop. What was done until then stays.
pub async fn run(
    database: &Database,
    collection: &Collection,
    session: &mut AdoptionSession,
    plan: &Adoption,
    stop: watch::Receiver<bool>,
    mut each: impl FnMut(Event<'_>),
) -> Result<(), AdoptError> {
    // Without triggers a NULL that comes in after the default was set is of a
    // writer whom NOT NULL would stop.
    let null_rounds = if plan.is_guarded() { NULL_ROUNDS } else { 0 };
    for step in &plan.steps {
        let began = Instant::now();
        each(Event::Begins(step));
        if step.action == Action::Backfill {
            fill(database, collection, &stop, &mut each).await?;
        } else if step.action == Action::RebuildOnline {
            let told = |event| match event {
                Rebuilt::Copied(rows) => each(Event::Copied(rows)),
                Rebuilt::Waits(tries) => each(Event::Waits(tries)),
            };
            session.rebuild(collection, &stop, told).await?;
        } else {
            for statement in &step.statements {
                let mut rounds = 0;
                while session
                    .carry_out(statement, &stop, |tries| each(Event::Waits(tries)))
                    .await?
                    == Carried::NullsLeft
                {
                    rounds += 1;
                    if rounds > null_rounds {
                        return Err(AdoptError::Nulls);
                    }
                    fill(database, collection, &stop, &mut each).await?;
                }
            }
        }
        each(Event::Ended(step, began.elapsed()));
    }
    if plan
        .steps
        .iter()
        .any(|step| step.action == Action::Backfill)
    {
        fill(database, collection, &stop, &mut |_| {}).await?;
    }
    Ok(())
}

/// Does the steps that undo an adoption, in their order.
///
/// # Errors
/// As [`run`]. What was undone until then stays so.
pub async fn undo(
    session: &mut AdoptionSession,
    steps: &[Step],
    stop: watch::Receiver<bool>,
    mut each: impl FnMut(Event<'_>),
) -> Result<(), AdoptError> {
    for step in steps {
        let began = Instant::now();
        each(Event::Begins(step));
        for statement in &step.statements {
            session
                .carry_out(statement, &stop, |tries| each(Event::Waits(tries)))
                .await?;
        }
        each(Event::Ended(step, began.elapsed()));
    }
    Ok(())
}

async fn fill(
    database: &Database,
    collection: &Collection,
    stop: &watch::Receiver<bool>,
    each: &mut impl FnMut(Event<'_>),
) -> Result<(), AdoptError> {
    let settings = Settings {
        from: BackfillFrom::Coordinates,
        batch_size: BATCH_SIZE,
        pause: Duration::ZERO,
        dry_run: false,
        after: None,
    };
    let done = backfill::run(database, collection, &settings, stop.clone(), |progress| {
        each(Event::Wrote(progress));
    })
    .await
    .map_err(|error: StoreError| AdoptError::from(error))?;
    if done.complete {
        Ok(())
    } else {
        Err(AdoptError::Stopped)
    }
}
