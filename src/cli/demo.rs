//! `nearby demo`

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, bail};

use super::Outcome;
use super::database::PoolArgs;
use super::import::note_import;
use super::server::{ServerArgs, serve};
use super::signals::told_to_stop;
use crate::output::{note, say};
use crate::progress::Progress;
use crate::store::{Collection, Database, DatabaseUrl, Store};
use crate::transfer::{BUNDLED_PLACES, Halt, Rejected, has_demo_places, load_demo_places};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The embedded database, created where it is missing
    #[arg(long, value_name = "PATH", default_value = "nearby.gpkg")]
    database: PathBuf,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    pool: PoolArgs,
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let url = DatabaseUrl::of_file(&args.database);
    let demo = async |database: &Database| {
        database.ensure_schema(true).await?;
        let store = Store::new(database, &Collection::diving_centers());
        if !has_demo_places(&store).await? {
            load(&store).await?;
        }
        let collections = Collection::built_in().into();
        serve(database, &args.server, collections, say_what_to_try).await?;
        Ok(Outcome::Done)
    };
    args.pool.with_new(&url, demo).await
}

/// Loads the bundled places, or those that are left of a load that was interrupted: what
/// was written, changed and deleted since stays.
async fn load(store: &Store) -> anyhow::Result<()> {
    let mut progress = Progress::new("loading places", Some(BUNDLED_PLACES));
    let imported = load_demo_places(store, |rows| progress.set(rows), told_to_stop()).await;
    progress.finish();
    note_import(
        store.database(),
        store.collection(),
        &imported,
        "nearby demo",
    )
    .await;
    let rows = imported.rows();
    match imported.halt {
        None => {
            let loaded = imported.written.inserted;
            note!("loaded {loaded} places (GeoNames, CC BY 4.0)");
            return Ok(());
        }
        Some(Halt::Asked) => {}
        Some(Halt::Rejected(Rejected { reason, .. }) | Halt::Refused(Rejected { reason, .. })) => {
            bail!("a bundled place is wrong: {reason}")
        }
        Some(Halt::Failed(error)) => return Err(error).context("loading the bundled places"),
    }
    bail!("stopped after {rows} places; the next start loads the others")
}

fn say_what_to_try(addresses: &[SocketAddr]) {
    let Some(address) = addresses.first() else {
        return;
    };
    say!(
        "nearby answers at http://{address}/: open it in a browser, or try\n\n\
         \x20 curl 'http://{address}/nearby?lat=37.9838&lng=23.7275&radius_km=25&limit=5'\n\
         \x20 curl 'http://{address}/nearest?lat=-17.7&lng=178.1&limit=3&format=geojson'\n\n\
         The API is described at http://{address}/docs. Ctrl-C ends it."
    );
}
