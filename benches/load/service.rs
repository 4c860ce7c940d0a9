//! The real service, on an embedded file with generated centers: as it is by default,
//! for pages of other origins, and with centers that are rated.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nearby::app::{App, AppSettings, CorsOrigins};
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

/// Where the service answers.
#[derive(Debug, Clone, Copy)]
pub struct Services {
    /// By default.
    pub plain: SocketAddr,
    /// For pages of all origins, from the same index.
    pub for_pages: SocketAddr,
    /// With ratings of every center, from a file of its own.
    pub rated: SocketAddr,
}

/// Fills a file with generated centers, unless it is filled already, and serves
/// copies of it, which may be written to. Returns once searches are answered.
pub fn start(filled: &Path, count: u64, workers: usize) -> anyhow::Result<Services> {
    let filled = filled.to_owned();
    let (started, services) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
        runtime.block_on(async move {
            let bound = serve(&filled, count, workers).await;
            started.send(bound).expect("somebody waits");
            std::future::pending::<()>().await;
        });
    });
    services.recv()?
}

async fn serve(filled: &Path, count: u64, workers: usize) -> anyhow::Result<Services> {
    let (database, store) = open(filled).await?;
    if store.count().await? < count {
        fill(&store, count).await?;
    }
    // Closed, so that all of it is in the one file that is copied.
    database.close().await;
    let plain = copy(filled, "served.gpkg")?;
    let rated = copy(filled, "rated.gpkg")?;
    rate(&rated)?;
    let (database, catalog) = load(&plain).await?;
    let plain = bind(&database, &catalog, CorsOrigins::Off, workers)?;
    let for_pages = bind(&database, &catalog, CorsOrigins::Any, workers)?;
    wait_for(&catalog).await;
    let (database, catalog) = load(&rated).await?;
    let rated = bind(&database, &catalog, CorsOrigins::Off, workers)?;
    wait_for(&catalog).await;
    Ok(Services {
        plain,
        for_pages,
        rated,
    })
}

fn copy(filled: &Path, extension: &str) -> anyhow::Result<PathBuf> {
    let copy = filled.with_extension(extension);
    for stale in ["", "-wal", "-shm"] {
        // What is not there need not be removed.
        let _ = std::fs::remove_file(format!("{}{stale}", copy.display()));
    }
    std::fs::copy(filled, &copy)?;
    Ok(copy)
}

fn rate(path: &Path) -> anyhow::Result<()> {
    rusqlite::Connection::open(path)?.execute_batch(
        "INSERT INTO center_ratings (diving_center_id, user_id, score) \
         SELECT id, 1, 1 + id % 10 FROM diving_centers",
    )?;
    Ok(())
}

async fn load(path: &Path) -> anyhow::Result<(Database, Arc<Catalog>)> {
    let (database, store) = open(path).await?;
    let engine = Arc::new(Engine::Memory(MemoryEngine::new("centers")));
    Ok((database, Arc::new(Catalog::new(store, engine))))
}

fn bind(
    database: &Database,
    catalog: &Arc<Catalog>,
    cors: CorsOrigins,
    workers: usize,
) -> anyhow::Result<SocketAddr> {
    let settings = AppSettings {
        bind: vec!["127.0.0.1:0".parse()?],
        admin_key: Some(KEY.to_owned().into()),
        cors,
        workers,
        ..AppSettings::default()
    };
    let metrics = Arc::new(Metrics::new(catalog.engine().kind()));
    let app = App::bind(settings, database.clone(), Arc::clone(catalog), metrics)?;
    let address = app.addresses()[0];
    tokio::spawn(async move {
        app.run(std::future::pending())
            .await
            .expect("the server runs to the end of the process");
    });
    Ok(address)
}

async fn wait_for(catalog: &Catalog) {
    while !catalog.engine().is_ready() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn open(path: &Path) -> anyhow::Result<(Database, Store)> {
    let url = DatabaseUrl::of_file(path);
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
