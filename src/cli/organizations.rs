//! `nearby organizations`

use clap::Subcommand;

use super::Outcome;
use super::database::DatabaseArgs;
use crate::domain::{MAX_LIMIT, Organization};

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
        Action::Seed(database) => seed(&database).await?,
        Action::List(database) => list(&database).await?,
    }
    Ok(Outcome::Done)
}

async fn seed(database: &DatabaseArgs) -> anyhow::Result<()> {
    let database = database.open().await?;
    let added = database.seed_organizations().await?;
    database.close().await;
    match added.len() {
        0 => println!("nothing to add"),
        count => println!("added {count}"),
    }
    added.iter().for_each(print);
    Ok(())
}

async fn list(database: &DatabaseArgs) -> anyhow::Result<()> {
    let database = database.open().await?;
    let mut after = None;
    loop {
        let page = database.organizations(after, MAX_LIMIT).await?;
        page.iter().for_each(print);
        match page.last() {
            Some(last) => after = Some(last.id),
            None => break,
        }
    }
    database.close().await;
    Ok(())
}

fn print(organization: &Organization) {
    let text = &organization.text;
    println!(
        "{:>6}  {:<20}  {}",
        organization.id.get(),
        text.acronym,
        text.name
    );
}
