//! `nearby migrate`

mod new;

use std::io::IsTerminal;

use anyhow::{Context, bail};
use clap::Subcommand;

use super::Outcome;
use super::database::DatabaseArgs;
use crate::output::{self, say};
use crate::store::{Collection, Database, Guard, Migrated};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Apply the pending migrations, and install the triggers that guard against other writers
    Up {
        /// The last migration to apply
        #[arg(long, value_name = "VERSION")]
        to: Option<i64>,
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Undo the last migrations, with all data that they made room for
    Down {
        /// How many
        #[arg(default_value_t = 1, value_name = "COUNT")]
        count: usize,
        /// Drop rows without asking
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// List every migration with its state; exit code 1 where the schema is not up to date, or
    /// a trigger makes every write fail
    Status {
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Note that exactly the migrations up to a version are applied, without running any
    Stamp {
        /// The last migration that is applied, 0 for none
        version: i64,
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Write the files of a new migration, in a checkout of the source
    New {
        /// What it does, as in `add_opening_hours`
        name: String,
    },
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    match args.action {
        Action::Up { to, database } => {
            database
                .with_new(async |database| up(database, to).await)
                .await
        }
        Action::Down {
            count,
            yes,
            database,
        } => {
            database
                .with(async |database| down(database, count, yes).await)
                .await
        }
        Action::Status { database } => database.with(status).await,
        Action::Stamp { version, database } => {
            database
                .with(async |database| Ok(database.stamp(version).await?))
                .await?;
            say!("stamped {version}");
            Ok(Outcome::Done)
        }
        Action::New { name } => new::write(&std::env::current_dir()?, &name),
    }
}

async fn up(database: &Database, to: Option<i64>) -> anyhow::Result<Outcome> {
    let migrated = database.migrate_up(to).await?;
    match migrated.applied.as_slice() {
        [] => say!("nothing to apply"),
        applied => say!("applied {}", numbers(applied)),
    }
    report_guard(&migrated);
    for failure in failing_triggers(database).await? {
        tracing::warn!("{failure}");
    }
    Ok(Outcome::Done)
}

/// Why writes of the built-in collections fail, whoever writes.
async fn failing_triggers(database: &Database) -> anyhow::Result<Vec<String>> {
    let mut failures = Vec::new();
    for collection in Collection::built_in() {
        let found = database.failing_triggers(&collection).await?;
        let table = collection.table.as_str();
        failures.extend(
            found
                .into_iter()
                .map(|finding| format!("{table}: {}", finding.text)),
        );
    }
    Ok(failures)
}

/// Says what became of the triggers, where that is worth a line.
pub(super) fn report_guard(migrated: &Migrated) {
    for (table, guard) in &migrated.guards {
        match guard {
            Guard::Installed => {
                say!("installed the triggers that keep the locations of {table} right");
            }
            Guard::Unseen { grant } => tracing::warn!(
                "the triggers on {table} can be neither seen nor made by this user. Where they are \
                 missing, writers that forget the location leave it wrong until `nearby backfill` \
                 runs. `{grant}` shows them, and `nearby migrate up` then makes what is missing"
            ),
            Guard::Missing { reason, advice } => tracing::warn!(
                "no triggers on {table}: {reason}. Writers that forget the location leave it \
                 wrong until `nearby backfill` runs. To have triggers, {advice}"
            ),
            Guard::InPlace => {}
        }
    }
}

async fn down(database: &Database, count: usize, yes: bool) -> anyhow::Result<Outcome> {
    let mut at_stake = Vec::new();
    for collection in Collection::built_in() {
        let table = collection.table.as_str();
        if database.is_adopted(&collection).await? {
            say!("{table} was made by another application, and stays");
            continue;
        }
        let rows = database.count_rows(&collection, None).await?;
        if rows > 0 {
            at_stake.push(format!("the {rows} rows of {table}"));
        }
    }
    if !at_stake.is_empty() && count > 0 && !yes {
        confirm(count, &at_stake.join(" and "))?;
    }
    match database.migrate_down(count).await?.as_slice() {
        [] => say!("nothing to undo"),
        undone => say!("undid {}", numbers(undone)),
    }
    Ok(Outcome::Done)
}

fn confirm(count: usize, at_stake: &str) -> anyhow::Result<()> {
    let question = format!("undoing {count} migration(s) may drop {at_stake} for good");
    if !std::io::stdin().is_terminal() {
        bail!("{question}; make a copy, then add --yes");
    }
    output::aside(format_args!("{question}. Go on? [y/N] "));
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .context("no answer")?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        bail!("nothing was undone")
    }
}

async fn status(database: &Database) -> anyhow::Result<Outcome> {
    for migration in database.migrations().await? {
        say!(
            "{:04} {:<8} {}",
            migration.version,
            migration.state.name(),
            migration.description
        );
    }
    let state = database.schema_state().await?;
    say!("{state}");
    let failures = failing_triggers(database).await?;
    for failure in &failures {
        say!("wrong: {failure}");
    }
    for collection in Collection::built_in() {
        if let Some(grant) = database.grant_to_see_triggers(&collection).await? {
            say!(
                "warning: the triggers on {} cannot be seen by this user: `{grant}` shows whether \
                 they are there and work",
                collection.table.as_str()
            );
        }
    }
    Ok(if state.is_sound() && failures.is_empty() {
        Outcome::Done
    } else {
        Outcome::FoundWrong
    })
}

fn numbers(versions: &[i64]) -> String {
    let texts: Vec<String> = versions.iter().map(|v| format!("{v:04}")).collect();
    texts.join(", ")
}
