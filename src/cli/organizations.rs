//! `nearby organizations`

use clap::Subcommand;

use super::Outcome;
use super::audit::account_of;
use super::database::DatabaseArgs;
use crate::domain::{MAX_LIMIT, Organization};
use crate::output::{self, say};
use crate::store::Database;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add those of the ten large organizations that are missing
    Seed(DatabaseArgs),
    /// List all organizations
    List(DatabaseArgs),
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    match args.action {
        Action::Seed(database) => database.with(seed).await?,
        Action::List(database) => database.with(list).await?,
    }
    Ok(Outcome::Done)
}

async fn seed(database: &Database) -> anyhow::Result<()> {
    let account = account_of("nearby organizations seed");
    let seeding = database.seed_organizations();
    let added = database.on_account_of(account, seeding).await?;
    match added.len() {
        0 => say!("nothing to add"),
        count => say!("added {count}"),
    }
    added.iter().for_each(print);
    Ok(())
}

async fn list(database: &Database) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let page = database.organizations(after, MAX_LIMIT).await?;
        page.iter().for_each(print);
        match page.last() {
            Some(last) if output::is_read() => after = Some(last.id),
            _ => break,
        }
    }
    Ok(())
}

fn print(organization: &Organization) {
    let text = &organization.text;
    say!(
        "{:>6}  {:<20}  {}",
        organization.id.get(),
        text.acronym,
        text.name
    );
}
