//! What `serve` and `demo` have in common: from an open database to a running
//! service.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::Days;
use clap::ValueEnum;
use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};

use super::choice::{EngineChoice, choose};
use super::open_files;
use super::secret;
use super::signals::told_to_stop;
use super::systemd;
use crate::app::{
    App, AppSettings, CachePolicy, CorsOrigins, DEFAULT_AUDIT_DAYS, DEFAULT_CLUSTERED_BELOW,
    DEFAULT_SWEEP_ROWS_PER_SECOND, cores,
};
use crate::catalog::{Catalog, Freshness, WhenStale};
use crate::collections::Collections;
use crate::domain::{EngineKind, MAX_ZOOM, Rate, Zoom};
use crate::engine::Engine;
use crate::engine::memory::MemoryEngine;
use crate::engine::sql::SqlEngine;
use crate::follow::Watched;
use crate::http::{MediaUrl, Tls, TrustedProxies};
use crate::metrics::Metrics;
use crate::store::{Allowed, Collection, Database, Store};
use crate::upkeep::Upkeep;

/// The key of whoever runs the service. It has no flag: arguments show in process lists.
const ADMIN_KEY: &str = "NEARBY_ADMIN_KEY";

/// Shorter keys can be guessed.
const MIN_KEY_CHARS: usize = 16;
/// Longer ones find no room beside a request's other headers.
const MAX_KEY_CHARS: usize = 1_024;

/// How the service is served.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Server")]
pub(super) struct ServerArgs {
    /// Where to listen, as HOST:PORT; several between commas
    #[arg(
        long,
        env = "NEARBY_BIND",
        value_name = "ADDRESS",
        value_delimiter = ',',
        default_value = "127.0.0.1:8080"
    )]
    bind: Vec<String>,
    /// Where operators ask for /metrics, /healthz and /readyz, as HOST:PORT; several between commas.
    /// /metrics is there alone then, and not at --bind [default: /metrics is at --bind]
    #[arg(
        long,
        env = "NEARBY_ADMIN_BIND",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    admin_bind: Vec<String>,
    /// Take a key for reading, too; /healthz, /readyz and the web pages, which hold no rows, stay open
    #[arg(long, env = "NEARBY_REQUIRE_READ_KEY")]
    require_read_key: bool,
    /// The most requests of one IPv4 address or IPv6 network of 64 bits, a second or a minute, as 50/s;
    /// more are answered 429 [default: any]
    #[arg(long, env = "NEARBY_RATE_LIMIT", value_name = "RATE")]
    rate_limit: Option<Rate>,
    /// Networks of proxies before this service, between commas, as 10.0.0.0/8: what they say in
    /// X-Forwarded-For or Forwarded is where a request came from
    #[arg(
        long,
        env = "NEARBY_TRUSTED_PROXIES",
        value_name = "NETWORKS",
        value_delimiter = ',',
        value_parser = network
    )]
    trusted_proxies: Vec<IpNet>,
    /// A file with the certificate that the service shows, in PEM, and those that signed it; with
    /// --tls-key, --bind speaks HTTPS. Read again when it changes, and at SIGHUP
    #[arg(
        long,
        env = "NEARBY_TLS_CERT",
        value_name = "FILE",
        requires = "tls_key"
    )]
    tls_cert: Option<PathBuf>,
    /// A file with the private key of the certificate, in PEM
    #[arg(
        long,
        env = "NEARBY_TLS_KEY",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    tls_key: Option<PathBuf>,
    /// What answers searches: `auto` takes `memory` on an embedded file, and on MySQL where the binary
    /// log can be followed and the tables fit --mirror-memory, else `sql`
    #[arg(
        long,
        env = "NEARBY_ENGINE",
        value_name = "ENGINE",
        default_value = "auto"
    )]
    engine: EngineChoice,
    /// How many bytes an index of MySQL's tables may take for `auto` to choose `memory`; while one is
    /// loaded anew there are two [default: half of the machine's memory, or of its control group's]
    #[arg(long, env = "NEARBY_MIRROR_MEMORY", value_name = "BYTES")]
    mirror_memory: Option<u64>,
    /// Origins whose web pages may ask, between commas, as `https://maps.example`; `*` for all
    #[arg(
        long,
        env = "NEARBY_CORS_ORIGINS",
        value_name = "ORIGINS",
        default_value = ""
    )]
    cors_origins: CorsOrigins,
    /// How long browsers and caches may use answers to reads without asking again, in seconds; 0 has
    /// them ask each time, which costs a 304 where nothing has changed
    #[arg(long, env = "NEARBY_CACHE_MAX_AGE", value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=31_536_000))]
    cache_max_age: u64,
    /// How much longer they may show such an answer while they ask for a new one, in seconds
    #[arg(long, env = "NEARBY_STALE_WHILE_REVALIDATE", value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=31_536_000))]
    stale_while_revalidate: u64,
    /// Where Divemap's bucket of media is served, as `https://media.example/`, for `logo_full_url`
    #[arg(long, env = "NEARBY_MEDIA_URL", value_name = "URL")]
    media_url: Option<MediaUrl>,
    /// Maps show clusters below this zoom, and from it on every center by itself: 0 to 22
    #[arg(long, env = "NEARBY_CLUSTERED_BELOW", value_name = "ZOOM", default_value_t = DEFAULT_CLUSTERED_BELOW.get(), value_parser = clap::value_parser!(u8).range(0..=i64::from(MAX_ZOOM)))]
    clustered_below: u8,
    /// Threads that answer [default: one a core]
    #[arg(long, env = "NEARBY_WORKERS", value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    /// The largest body that is taken, in bytes
    #[arg(
        long,
        env = "NEARBY_BODY_LIMIT",
        value_name = "BYTES",
        default_value_t = 4 * 1024 * 1024
    )]
    body_limit: usize,
    /// Writes that may be under way, those that wait for others among them; more are answered 503
    #[arg(long, env = "NEARBY_MAX_WRITES", value_name = "COUNT", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    max_writes: u32,
    /// Connections there may be at a time, as far as the system lets this process have files open;
    /// more are answered 503
    #[arg(long, env = "NEARBY_MAX_CONNECTIONS", value_name = "COUNT", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_connections: u32,
    /// Those of one IPv4 address or IPv6 network of 64 bits, and never more than half of all; 0 behind a
    /// proxy, which all connections come from: it bounds them itself
    #[arg(
        long,
        env = "NEARBY_MAX_CONNECTIONS_PER_NETWORK",
        value_name = "COUNT",
        default_value_t = 1_000
    )]
    max_connections_per_network: u32,
    /// Clients that may listen to /changes at a time; more are answered 503
    #[arg(long, env = "NEARBY_MAX_LISTENERS", value_name = "COUNT", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    max_listeners: u32,
    /// How long the database may take for a request, in seconds; then it is answered 503, and a read is given up
    #[arg(long, env = "NEARBY_REQUEST_TIMEOUT", value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    request_timeout: u64,
    /// Bytes of bodies and of answers beyond 64 KiB that may be under way; more are answered 503
    #[arg(
        long,
        env = "NEARBY_BUFFER_BUDGET",
        value_name = "BYTES",
        default_value_t = 256 * 1024 * 1024
    )]
    buffer_budget: usize,
    /// How long to go on after the service was told to stop, in seconds, while /readyz says 503: so long
    /// as whoever sends requests here takes to send them elsewhere
    #[arg(long, env = "NEARBY_DRAIN", value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=3600))]
    drain: u64,
    /// How long requests under way may take after the service was told to stop, in seconds
    #[arg(long, env = "NEARBY_SHUTDOWN_TIMEOUT", value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    shutdown_timeout: u64,
    /// Verify the table so often, in seconds, and tell /metrics what was found; 0 never does
    #[arg(
        long,
        env = "NEARBY_VERIFY_EVERY",
        value_name = "SECONDS",
        default_value_t = 0
    )]
    verify_every: u64,
    /// Backfill where verifying finds drift
    #[arg(long, env = "NEARBY_MEND", requires = "verify_every")]
    mend: bool,
    /// Rows that may be at fault without a warning: drift, location-only or out-of-range,
    /// with how many
    #[arg(
        long,
        env = "NEARBY_ALLOW",
        value_name = "KIND=ROWS",
        value_delimiter = ','
    )]
    allow: Vec<Allowed>,
    /// Where searches are answered from memory on MySQL, compare the index with the tables at so
    /// many rows a second, all the time, and mend it: it finds what the binary log does not tell;
    /// 0 never does
    #[arg(long, env = "NEARBY_SWEEP_ROWS_PER_SECOND", value_name = "ROWS", default_value_t = DEFAULT_SWEEP_ROWS_PER_SECOND, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    sweep_rows_per_second: u32,
    /// How many seconds an index of MySQL's tables may be behind them before --when-stale says what
    /// becomes of searches [default: however far]
    #[arg(long, env = "NEARBY_MAX_LAG", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    max_lag: Option<u64>,
    /// What becomes of searches while the index is further behind than --max-lag
    #[arg(
        long,
        env = "NEARBY_WHEN_STALE",
        value_name = "WHAT",
        default_value = "sql"
    )]
    when_stale: StaleChoice,
    /// How many days entries of the audit log are kept
    #[arg(long, env = "NEARBY_AUDIT_DAYS", value_name = "DAYS", default_value_t = DEFAULT_AUDIT_DAYS, value_parser = clap::value_parser!(u64).range(1..=36_500))]
    audit_days: u64,
}

/// What becomes of searches while the index is too far behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StaleChoice {
    /// They are answered from memory, and say how far behind it is
    Answer,
    /// They ask the database; while that is away they are answered from memory
    Sql,
    /// They are refused with 503
    Refuse,
}

impl From<StaleChoice> for WhenStale {
    fn from(choice: StaleChoice) -> Self {
        match choice {
            StaleChoice::Answer => Self::Answer,
            StaleChoice::Sql => Self::Sql,
            StaleChoice::Refuse => Self::Refuse,
        }
    }
}

impl ServerArgs {
    fn settings(&self, collections: &[Collection]) -> anyhow::Result<AppSettings> {
        open_files::raise_limit();
        let workers = self.workers.map_or_else(cores, usize::from);
        let wanted = self.max_connections as usize;
        let max_connections = wanted.min(open_files::room_for_connections(workers));
        if max_connections < wanted {
            tracing::warn!(
                "the system's limit on open files leaves room for {max_connections} connections; \
                 raise it (`ulimit -Hn`, LimitNOFILE=) for --max-connections {wanted}"
            );
        }
        let max_connections_per_network = match self.max_connections_per_network as usize {
            0 => max_connections,
            most => most.min(max_connections.div_ceil(2)),
        };
        Ok(AppSettings {
            bind: addresses(&self.bind)?,
            admin_bind: addresses(&self.admin_bind)?,
            admin_key: admin_key()?,
            require_read_key: self.require_read_key,
            rate_limit: self.rate_limit,
            trusted_proxies: TrustedProxies::new(self.trusted_proxies.clone()),
            tls: self.tls()?,
            cors: self.cors_origins.clone(),
            cache_policy: CachePolicy {
                max_age: Duration::from_secs(self.cache_max_age),
                stale_while_revalidate: Duration::from_secs(self.stale_while_revalidate),
            },
            media_url: self.media_url.clone(),
            clustered_below: Zoom::new(self.clustered_below).expect("its range was checked"),
            body_limit: self.body_limit,
            max_writes: self.max_writes as usize,
            workers,
            max_connections,
            max_connections_per_network,
            max_listeners: self.max_listeners as usize,
            request_timeout: Duration::from_secs(self.request_timeout),
            buffer_budget: self.buffer_budget,
            drain: Duration::from_secs(self.drain),
            shutdown_timeout: Duration::from_secs(self.shutdown_timeout),
            upkeep: (self.verify_every > 0).then(|| Upkeep {
                collections: collections
                    .iter()
                    .filter(|collection| collection.is_located())
                    .cloned()
                    .collect(),
                every: Duration::from_secs(self.verify_every),
                mend: self.mend,
                allowed: self.allow.clone(),
            }),
            watched: Watched {
                sweep_rows_per_second: self.sweep_rows_per_second,
                freshness: self.max_lag.map(|seconds| Freshness {
                    max_lag: Duration::from_secs(seconds),
                    when_stale: self.when_stale.into(),
                }),
            },
            audit_kept: Days::new(self.audit_days),
            ..AppSettings::default()
        })
    }
}

impl ServerArgs {
    fn tls(&self) -> anyhow::Result<Option<Arc<Tls>>> {
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        Ok(Some(Arc::new(Tls::read(certificate, key)?)))
    }
}

/// A network, or one address.
fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| address()).map_err(|_| {
        "write a network as 10.0.0.0/8 or 2001:db8::/32, or an address as 127.0.0.1".to_owned()
    })
}

fn addresses(texts: &[String]) -> anyhow::Result<Vec<SocketAddr>> {
    let mut addresses = Vec::new();
    for text in texts {
        let found = text.to_socket_addrs().with_context(|| {
            format!("cannot listen on `{text}`: write HOST:PORT, as in 127.0.0.1:8080 or [::]:8080")
        })?;
        addresses.extend(found);
    }
    Ok(addresses)
}

fn admin_key() -> anyhow::Result<Option<SecretString>> {
    let key = secret::of_environment(ADMIN_KEY)?;
    key.as_ref().map(usable_key).transpose()
}

/// The key as it can arrive in a header, which has no blanks at its ends.
fn usable_key(key: &SecretString) -> anyhow::Result<SecretString> {
    // A file or a secret ends in a line break more often than not.
    let key = key.expose_secret().trim_ascii();
    let length = key.chars().count();
    if length == 0 {
        bail!(
            "{ADMIN_KEY} is empty: set it to a long random text, or unset it to refuse all writes"
        );
    }
    if key.chars().any(char::is_control) || length > MAX_KEY_CHARS {
        bail!(
            "{ADMIN_KEY} cannot be sent in a header: set it to one line of at most \
             {MAX_KEY_CHARS} characters without control characters, as \
             `openssl rand -hex 32` prints it"
        );
    }
    if length < MIN_KEY_CHARS {
        bail!(
            "{ADMIN_KEY} has {length} characters without blanks at its ends, and can be guessed: \
             set it to at least {MIN_KEY_CHARS} random ones, as `openssl rand -hex 32` prints them"
        );
    }
    Ok(key.into())
}

/// Serves collections of a database, the default one first, until the process is
/// told to stop. `announce` is called with the addresses once searches are
/// answered.
pub(super) async fn serve(
    database: &Database,
    args: &ServerArgs,
    collections: Vec<Collection>,
    announce: impl FnOnce(&[SocketAddr]) + Send + 'static,
) -> anyhow::Result<()> {
    let settings = args.settings(&collections)?;
    let told = told_to_stop();
    let longest = settings.drain + settings.shutdown_timeout;
    let stop = async move {
        told.await;
        systemd::stopping();
        end_after(longest);
    };
    let kind = choose(database, &collections, args.engine, args.mirror_memory).await?;
    let mut catalogs = Vec::new();
    for collection in &collections {
        if let Some(warning) = database.rows_beyond_ids(collection).await? {
            tracing::warn!("{warning}");
        }
        let store = Store::new(database, collection);
        let engine = Arc::new(engine(kind, &store));
        let mut catalog = Catalog::new(store, engine);
        if args.max_lag.is_some() && args.when_stale == StaleChoice::Sql && catalog.is_mirror() {
            catalog = catalog.with_sql_when_stale();
        }
        catalogs.push(Arc::new(catalog));
    }
    let default = catalogs.remove(0);
    let collections = Collections::new(default, catalogs);
    let metrics = Arc::new(Metrics::new(kind));
    let app = App::bind(settings, database.clone(), collections.clone(), metrics)?;
    for address in app.addresses() {
        tracing::info!(%address, engine = kind.name(), "listening");
    }
    for address in app.admin_addresses() {
        tracing::info!(admin_address = %address, "listening for operators");
    }
    let addresses = app.addresses().to_vec();
    let announcing = tokio::spawn(async move {
        until_ready(&collections).await;
        tracing::info!("ready");
        systemd::ready();
        announce(&addresses);
    });
    let alive = tokio::spawn(systemd::keep_alive());
    app.run(stop).await?;
    announcing.abort();
    alive.abort();
    tracing::info!("stopped");
    Ok(())
}

/// Ends the process after so long, whatever hangs: a thread in a call to the database, for one.
/// What was answered is safe then as ever.
fn end_after(longest: Duration) {
    /// What closing in good order takes.
    const CLOSING: Duration = Duration::from_secs(3);
    std::thread::spawn(move || {
        std::thread::sleep(longest + CLOSING);
        tracing::error!("something hangs: the process ends without waiting for it");
        std::process::exit(1);
    });
}

fn engine(kind: EngineKind, store: &Store) -> Engine {
    match SqlEngine::over(store) {
        Some(engine) if kind == EngineKind::Sql => Engine::Sql(engine),
        _ => {
            let collection = store.collection();
            let engine = MemoryEngine::new(collection.name.as_str());
            Engine::Memory(engine.with_fields(collection.fields()))
        }
    }
}

/// Waits until the engines answer.
async fn until_ready(collections: &Collections) {
    const LOOK_EVERY: Duration = Duration::from_millis(10);
    while !collections.are_ready() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_a_header_can_bring() {
        let used = |key: &str| usable_key(&key.into()).map(|key| key.expose_secret().to_owned());
        for (given, key) in [
            ("correct horse battery", "correct horse battery"),
            ("from-a-file-on-unix\n", "from-a-file-on-unix"),
            ("\t from-one-on-windows \r\n", "from-one-on-windows"),
            ("ein-langer-schlüssel", "ein-langer-schlüssel"),
        ] {
            assert_eq!(used(given).unwrap(), key);
        }
        let longest = "k".repeat(MAX_KEY_CHARS);
        assert_eq!(used(&longest).unwrap(), longest);
        for unusable in [
            "",
            "\n",
            "  ",
            "fifteen-chars-1 ",
            "two lines of text\nin one key",
            "one with a nul in it\0",
            &(longest + "k"),
        ] {
            let error = used(unusable).unwrap_err().to_string();
            assert!(error.contains("set it to"), "{error}");
        }
    }
}
