//! The real service, on an embedded file with generated centers.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nearby::app::{App, AppSettings};
use nearby::catalog::Catalog;
use nearby::domain::{CenterDraft, CenterText};
use nearby::engine::Engine;
use nearby::engine::memory::MemoryEngine;
use nearby::metrics::Metrics;
use nearby::store::{BatchItem, Collection, Database, DatabaseUrl, PoolSettings, Store};
use nearby::transfer::{Generated, generate};

use super::common::world::{SEED, summary};

/// The key for writes.
pub const KEY: &str = "only-for-this-benchmark";

/// Centers a transaction while the file is filled.
const CHUNK: usize = 5_000;

/// Fills a file with generated centers, unless it is filled already, and serves
/// a copy of it, which may be written to. Returns once searches are answered.
pub fn start(filled: &Path, count: u64, workers: usize) -> anyhow::Result<SocketAddr> {
    let filled = filled.to_owned();
    let (started, address) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
        runtime.block_on(async move {
            let (app, catalog) = match bind(&filled, count, workers).await {
                Ok(bound) => bound,
                Err(error) => return started.send(Err(error)).expect("somebody waits"),
            };
            let address = app.addresses()[0];
            tokio::spawn(async move {
                while !catalog.engine().is_ready() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                started.send(Ok(address)).expect("somebody waits");
            });
            app.run(std::future::pending())
                .await
                .expect("the server runs to the end of the process");
        });
    });
    address.recv()?
}

async fn bind(filled: &Path, count: u64, workers: usize) -> anyhow::Result<(App, Arc<Catalog>)> {
    let (database, store) = open(filled).await?;
    if store.count().await? < count {
        fill(&store, count).await?;
    }
    // Closed, so that all of it is in the one file that is copied.
    database.close().await;
    let copy = filled.with_extension("served.gpkg");
    for stale in ["gpkg", "gpkg-wal", "gpkg-shm"] {
        // What is not there need not be removed.
        let _ = std::fs::remove_file(copy.with_extension(stale));
    }
    std::fs::copy(filled, &copy)?;
    let (database, store) = open(&copy).await?;
    let engine = Arc::new(Engine::Memory(MemoryEngine::new("centers")));
    let metrics = Arc::new(Metrics::new(engine.kind()));
    let catalog = Arc::new(Catalog::new(store, engine));
    let settings = AppSettings {
        bind: vec!["127.0.0.1:0".parse()?],
        admin_key: Some(KEY.to_owned().into()),
        workers,
        ..AppSettings::default()
    };
    let app = App::bind(settings, database, Arc::clone(&catalog), metrics)?;
    Ok((app, catalog))
}

async fn open(path: &Path) -> anyhow::Result<(Database, Store)> {
    let url = DatabaseUrl::Sqlite(path.to_owned());
    let database = Database::connect(&url, &PoolSettings::default()).await?;
    database.ensure_schema(true).await?;
    let store = Store::new(&database, &Collection::diving_centers());
    Ok((database, store))
}

async fn fill(store: &Store, count: u64) -> anyhow::Result<()> {
    let mut items = Vec::with_capacity(CHUNK);
    for center in generate(count, SEED) {
        items.push(item(&center)?);
        if items.len() == CHUNK {
            store.upsert(std::mem::take(&mut items)).await?;
        }
    }
    store.upsert(items).await?;
    Ok(())
}

fn item(center: &Generated) -> anyhow::Result<BatchItem> {
    let summary = summary(center);
    let text = CenterText {
        name: summary.name.to_owned(),
        country: summary.country.map(str::to_owned),
        region: summary.region.map(str::to_owned),
        city: summary.city.map(str::to_owned),
        ..CenterText::default()
    };
    Ok(BatchItem {
        id: Some(summary.id),
        draft: CenterDraft::new(text, Some(center.position))?,
    })
}
