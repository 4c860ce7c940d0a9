//! `nearby adopt --undo`

use anyhow::Context as _;
use serde_json::{Value, json};

use super::super::{Outcome, signals};
use super::{json as report, text};
use crate::adopt::{self, Event};
use crate::output::{note, say};
use crate::store::{AdoptError, Collection, Database, Undoing, WorkAction};

pub(super) async fn plan(
    database: &Database,
    collection: &Collection,
    args: &super::Args,
) -> anyhow::Result<Outcome> {
    let found = database.inspect_undoing(collection).await?;
    if args.sql {
        print_sql(&found);
    } else if args.json {
        say!("{:#}", to_json(&found));
    } else {
        print_report(&found, collection);
    }
    Ok(outcome(&found))
}

pub(super) async fn apply(
    database: &Database,
    collection: &Collection,
    args: &super::Args,
) -> anyhow::Result<Outcome> {
    let stop = signals::stop();
    let mut session = database.begin_adoption(collection).await?;
    let found = database.inspect_undoing(collection).await?;
    if !found.obstacles.is_empty() || found.steps.is_empty() {
        return plan(database, collection, args).await;
    }
    if !args.json {
        text::print_steps(&found.steps);
        text::print_warnings(&found.warnings);
    }
    let mut steps = 0;
    let done = adopt::undo(&mut session, &found.steps, stop, |event| match event {
        Event::Waits(tries) => {
            tracing::info!(tries, "others use the table; trying again in a moment");
        }
        Event::Ended(ended, took) => {
            steps += 1;
            note!("done in {:.1} s: {}", took.as_secs_f64(), ended.text);
        }
        Event::Begins(_) | Event::Wrote(_) | Event::Copied(_) => {}
    })
    .await;
    super::note_steps(database, collection, WorkAction::GivenBack, steps).await;
    match done {
        Err(stopped @ (AdoptError::Stopped | AdoptError::StillUnderWay { .. })) => {
            note!("{stopped}");
            return Ok(Outcome::FoundWrong);
        }
        done => done.context("undoing ended early; run it again")?,
    }
    let left = database.inspect_undoing(collection).await?;
    if args.json {
        say!("{:#}", to_json(&left));
    } else {
        print_report(&left, collection);
    }
    Ok(outcome(&left))
}

fn outcome(found: &Undoing) -> Outcome {
    if !found.obstacles.is_empty() {
        Outcome::CannotBeDone
    } else if found.steps.is_empty() {
        Outcome::Done
    } else {
        Outcome::FoundWrong
    }
}

fn print_report(found: &Undoing, collection: &Collection) {
    for obstacle in &found.obstacles {
        say!("in the way: {}\n  {}", obstacle.what, obstacle.remedy);
    }
    text::print_warnings(&found.warnings);
    if !found.steps.is_empty() {
        text::print_steps(&found.steps);
    } else if found.obstacles.is_empty() {
        let table = collection.table.as_str();
        say!("nothing of adopting is left to undo at {table}");
    }
    for stays in &found.stays {
        say!("stays: {stays}");
    }
    if !found.steps.is_empty() && found.obstacles.is_empty() {
        let flag = collection.flag();
        say!(
            "\n`nearby adopt{flag} --undo --apply` does this; `nearby adopt{flag} --undo --sql` prints \
             the statements"
        );
    }
}

fn print_sql(found: &Undoing) {
    text::print_obstacles_as_comments(&found.obstacles);
    text::print_as_comments("warning: ", &found.warnings);
    text::print_as_comments("stays: ", &found.stays);
    text::print_statements(&found.steps);
}

fn to_json(found: &Undoing) -> Value {
    let state = if !found.obstacles.is_empty() {
        "cannot_be_undone"
    } else if found.steps.is_empty() {
        "undone"
    } else {
        "to_do"
    };
    json!({
        "state": state,
        "obstacles": report::obstacles(&found.obstacles),
        "warnings": found.warnings,
        "steps": report::steps(&found.steps),
        "stays": found.stays,
    })
}
