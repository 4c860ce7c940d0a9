//! `nearby adopt`

mod json;
mod layer;
mod text;
mod undo;

use anyhow::{Context as _, bail};
use tokio::sync::watch;

use super::collections::CollectionArgs;
use super::database::DatabaseArgs;
use super::{Outcome, collections, signals};
use crate::adopt::{self, Event};
use crate::output::{note, say};
use crate::progress::Progress;
use crate::store::feed::Lack;
use crate::store::{
    Action, AdoptError, Adoption, AdoptionSession, Collection, Database, Indexing, Step, Work,
    WorkAction,
};

/// See what a table of another application needs to be served, and do it.
///
/// Without --apply it only looks. Exit code 0: nothing to do; 1: something to do,
/// or stopped before the end; 2: the table cannot be adopted as it is, and the
/// report says why and what to do.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(super) struct Args {
    /// Do what is missing, beside other writers; run it again wherever it stopped
    #[arg(long)]
    apply: bool,
    /// Take away what adopting made: triggers, index and column; with --apply, else it only looks
    #[arg(long)]
    undo: bool,
    /// Print the SQL of what is to do, for an administrator to run
    #[arg(long, conflicts_with = "apply")]
    sql: bool,
    /// Let the spatial index come with a copy that takes the table's place, while its writers go on
    #[arg(long)]
    online: bool,
    /// Report as one JSON object
    #[arg(long, conflicts_with = "sql")]
    json: bool,
    #[command(flatten)]
    collection: CollectionArgs,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let declared = args.collection.declared()?;
    let database = &args.database;
    database
        .with(async |database| adopt(database, declared, &args).await)
        .await
}

async fn adopt(database: &Database, declared: Collection, args: &Args) -> anyhow::Result<Outcome> {
    let collection = to_adopt(declared, database).await?;
    if database.is_layer_of_others(&collection) {
        return layer::adopt(database, &collection, args).await;
    }
    if args.undo {
        return if args.apply {
            undo::apply(database, &collection, args).await
        } else {
            undo::plan(database, &collection, args).await
        };
    }
    let indexing = if args.online {
        Indexing::Online
    } else {
        Indexing::InPlace
    };
    Ok(if args.apply {
        apply(database, &collection, indexing, args.json).await?
    } else {
        let found = look(database, &collection, indexing).await?;
        let mirror = fitness(database, &collection).await?;
        if args.sql {
            text::print_sql(&found);
            text::print_mirror_as_comments(mirror.as_deref());
            outcome(&found, &found.administrator_steps)
        } else {
            print(&found, mirror.as_deref(), &collection, indexing, args.json);
            outcome(&found, &found.steps)
        }
    })
}

/// The collection with the column for the location that its table is to have.
async fn to_adopt(declared: Collection, database: &Database) -> anyhow::Result<Collection> {
    if !declared.is_located() {
        bail!(
            "the collection {name} has no location, so there is nothing to adopt: add \
             `location = \"location\"` to [collections.{name}], and its table gets the column",
            name = declared.name
        );
    }
    let location = declared.location.clone();
    collections::fitted(declared, database, |column| *column == location).await
}

/// Looks at every row, with a bar.
async fn look(
    database: &Database,
    collection: &Collection,
    indexing: Indexing,
) -> Result<Adoption, AdoptError> {
    let mut shown = Progress::new("look", None);
    let found = database
        .inspect_adoption(collection, indexing, |rows| shown.set(rows))
        .await;
    shown.finish();
    found
}

/// What keeps an index in memory from following the server; `None` where nothing is to be
/// followed.
async fn fitness(
    database: &Database,
    collection: &Collection,
) -> anyhow::Result<Option<Vec<Lack>>> {
    Ok(match database.feed() {
        Some(feed) => Some(feed.lacks(std::slice::from_ref(collection)).await?),
        None => None,
    })
}

fn print(
    found: &Adoption,
    mirror: Option<&[Lack]>,
    collection: &Collection,
    indexing: Indexing,
    json: bool,
) {
    if json {
        say!("{:#}", json::report(found, mirror));
    } else {
        text::print_report(found, mirror, collection, indexing);
    }
}

/// Whether these steps are left to do.
fn outcome(found: &Adoption, steps: &[Step]) -> Outcome {
    if !found.obstacles.is_empty() {
        Outcome::CannotBeDone
    } else if steps.is_empty() {
        Outcome::Done
    } else {
        Outcome::FoundWrong
    }
}

async fn apply(
    database: &Database,
    collection: &Collection,
    indexing: Indexing,
    json: bool,
) -> anyhow::Result<Outcome> {
    let stop = signals::stop();
    let mut session = database.begin_adoption(collection).await?;
    let mut found = look(database, collection, indexing).await?;
    if found.is_unfinished() {
        let finishing = found.of_finishing();
        let finished =
            carry_out(database, collection, &mut session, &finishing, stop.clone()).await;
        finished.context("could not finish what an adoption with --online left; run it again")?;
        found = look(database, collection, indexing).await?;
    }
    if !found.obstacles.is_empty() || found.steps.is_empty() {
        let mirror = fitness(database, collection).await?;
        print(&found, mirror.as_deref(), collection, indexing, json);
        return Ok(outcome(&found, &found.steps));
    }
    if !json {
        text::print_plan(&found);
    }
    match carry_out(database, collection, &mut session, &found, stop).await {
        Err(stopped @ (AdoptError::Stopped | AdoptError::StillUnderWay { .. })) => {
            note!("{stopped}");
            return Ok(Outcome::FoundWrong);
        }
        done => done.context("adopting ended early; run it again")?,
    }
    let left = look(database, collection, indexing).await?;
    if json {
        let mirror = fitness(database, collection).await?;
        say!("{:#}", json::report(&left, mirror.as_deref()));
    } else {
        text::print_left(&left);
    }
    Ok(if is_all_done(&left) {
        Outcome::Done
    } else {
        Outcome::FoundWrong
    })
}

/// Without triggers somebody may have written rows since; the warning that says
/// so is all there is to do about it.
fn is_all_done(left: &Adoption) -> bool {
    let mut steps = left.steps.iter();
    steps.all(|step| step.action == Action::Backfill && !left.is_guarded())
}

async fn carry_out(
    database: &Database,
    collection: &Collection,
    session: &mut AdoptionSession,
    found: &Adoption,
    stop: watch::Receiver<bool>,
) -> Result<(), AdoptError> {
    let total = found.rows.as_ref().map(|rows| rows.total);
    let mut shown: Option<Progress> = None;
    let mut steps = 0;
    let done = adopt::run(
        database,
        collection,
        session,
        found,
        stop,
        |event| match event {
            Event::Begins(begun) => {
                // Of other steps nobody can tell how far they are.
                let counted = [Action::Backfill, Action::RebuildOnline];
                let total = total.filter(|_| counted.contains(&begun.action));
                shown = Some(Progress::new(begun.action.name(), total));
            }
            Event::Wrote(progress) => {
                if let Some(shown) = &mut shown {
                    shown.set(progress.checked);
                }
            }
            Event::Copied(rows) => {
                if let Some(shown) = &mut shown {
                    shown.set(rows);
                }
            }
            Event::Waits(tries) => {
                tracing::info!(tries, "others use the table; trying again in a moment");
            }
            Event::Ended(ended, took) => {
                if let Some(shown) = shown.take() {
                    shown.finish();
                }
                steps += 1;
                note!("done in {:.1} s: {}", took.as_secs_f64(), ended.text);
            }
        },
    )
    .await;
    if let Some(shown) = shown {
        shown.finish();
    }
    note_steps(database, collection, WorkAction::Adopted, steps).await;
    done
}

/// Notes in the audit log how many steps were done at a table, if any were.
async fn note_steps(database: &Database, collection: &Collection, action: WorkAction, steps: u64) {
    if steps == 0 {
        return;
    }
    let work = Work {
        by: "nearby adopt",
        action,
        collection: collection.name.as_str(),
        counts: &[("steps", steps)],
    };
    database.note_work(work).await;
}
