//! `nearby serve`

use anyhow::bail;

use super::Outcome;
use super::collections::DeclaredArgs;
use super::database::DatabaseArgs;
use super::migrate::report_guard;
use super::server::{ServerArgs, serve};
use crate::store::{Collection, Database, MigrateError, Migrated, SchemaState};

#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Writes need the key in the environment variable NEARBY_ADMIN_KEY, or in the file \
    that NEARBY_ADMIN_KEY_FILE names, sent as `Authorization: Bearer KEY`; without it they are refused. \
    It has 16 characters or more."
)]
pub(super) struct Args {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    declared: DeclaredArgs,
    /// The collection that paths without a name are about; where it is another than `centers`,
    /// their table need not be there
    #[arg(
        long,
        env = "NEARBY_DEFAULT_COLLECTION",
        value_name = "NAME",
        default_value = "centers"
    )]
    default_collection: String,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Apply pending migrations first: for a single instance; the embedded database always does
    #[arg(long, env = "NEARBY_MIGRATE")]
    migrate: bool,
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let service = async |database: &Database| {
        let default = args.declared.named(&args.default_collection)?;
        if let Some(migrated) = ensure_schema(database, &default, args.migrate).await? {
            report_guard(&migrated);
        }
        let collections = args.declared.served(database, &default).await?;
        serve(database, &args.server, collections, |_| {}).await?;
        Ok(Outcome::Done)
    };
    args.database.with_new(service).await
}

/// Makes sure that the default collection can be served.
async fn ensure_schema(
    database: &Database,
    default: &Collection,
    migrate: bool,
) -> anyhow::Result<Option<Migrated>> {
    let ensured = if migrate {
        database.ensure_schema(true).await
    } else {
        database.ensure_schema_for(default).await
    };
    match ensured {
        Err(error @ MigrateError::State(SchemaState::Behind { .. }))
            if !database.columns(default).await?.has(default.id.as_str()) =>
        {
            bail!(
                "{error}, which makes {} and other tables of nearby's own. To serve tables of \
                 another application without them, say which collection paths without a name \
                 are about: `nearby serve --default-collection NAME`",
                default.table.as_str()
            )
        }
        ensured => Ok(ensured?),
    }
}
