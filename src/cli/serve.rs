//! `nearby serve`

use super::Outcome;
use super::collections::DeclaredArgs;
use super::database::DatabaseArgs;
use super::migrate::report_guard;
use super::server::{ServerArgs, serve};
use crate::store::Database;

#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Writes need the key in the environment variable NEARBY_ADMIN_KEY, sent as \
    `Authorization: Bearer KEY`; without it they are refused."
)]
pub(super) struct Args {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    declared: DeclaredArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Apply pending migrations first: for a single instance; the embedded database always does
    #[arg(long, env = "NEARBY_MIGRATE")]
    migrate: bool,
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let service = async |database: &Database| {
        if let Some(migrated) = database.ensure_schema(args.migrate).await? {
            report_guard(&migrated);
        }
        let collections = args.declared.served(database).await?;
        serve(database, &args.server, collections, |_| {}).await?;
        Ok(Outcome::Done)
    };
    args.database.with_new(service).await
}
