//! Puts the service together: the same way in production, tests and benches.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZero;
use std::rc::Rc;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_cors::Cors;
use actix_http::error::DispatchError;
use actix_http::{HttpService, KeepAlive};
use actix_server::{Server, ServerBuilder};
use actix_service::{ServiceFactoryExt as _, fn_service, map_config};
use actix_web::App as ActixApp;
use actix_web::dev::AppConfig;
use actix_web::http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_MATCH,
    IF_NONE_MATCH, LINK, LOCATION, RETRY_AFTER,
};
use actix_web::middleware::Condition;
use chrono::Days;
use secrecy::SecretString;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::catalog::Catalog;
use crate::collections::Collections;
use crate::domain::{Rate, Zoom};
use crate::engine::Engine;
use crate::expiry::{remove_old_answers, remove_old_entries};
use crate::follow::{Watched, follow};
use crate::http::allowance::{RATELIMIT, RATELIMIT_POLICY};
use crate::http::budget::Budget;
use crate::http::changes::{LAST_EVENT_ID, Listeners};
use crate::http::coding::Packing;
use crate::http::connection::deadlines::Deadlines;
use crate::http::connection::gate::Gate;
use crate::http::connection::tls::Tls;
use crate::http::connection::{Connection, Door, Encrypted, Refusals};
use crate::http::idempotency::{IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED, KeysUnderWay};
use crate::http::lateness;
use crate::http::limits::Limits;
use crate::http::observe::Observe;
use crate::http::queue::{AtOnce, Queues};
use crate::http::routes::{self, Labels, Listener};
use crate::http::staleness::NEARBY_LAG;
use crate::http::state::State;
use crate::http::timing::{SERVER_TIMING, SearchTime};
use crate::http::wrong_keys::WrongKeys;
use crate::http::{MediaUrl, TrustedProxies};
use crate::keyring::keep_keyring;
use crate::metrics::Metrics;
use crate::sockets::{self, BindError};
use crate::store::Database;
use crate::upkeep::{Upkeep, keep_up};

/// What is logged unless told otherwise: the server's own words on how it starts
/// say nothing that ours do not, and a request that is not HTTP is no error of ours.
pub const LOG_FILTER: &str = "info,actix_server=warn,actix_http::h1::dispatcher=off";

/// How long a client may take to close its side.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Bytes that may follow an answer before they make a request, beyond those of a body that
/// was refused.
const MAX_BYTES_BETWEEN_REQUESTS: usize = 1024 * 1024;
/// Connections that are being turned away.
const MAX_TURNED_AWAY: usize = 1_000;
/// Connections of operators, who have a listener of their own.
const MAX_ADMIN_CONNECTIONS: usize = 100;
/// A tile of this zoom is 2 km wide.
pub(crate) const DEFAULT_CLUSTERED_BELOW: Zoom = Zoom::new(14).expect("it is a zoom");
/// A table of a million rows is compared in half an hour.
pub(crate) const DEFAULT_SWEEP_ROWS_PER_SECOND: u32 = 500;
/// How many days entries of the audit log are kept.
pub(crate) const DEFAULT_AUDIT_DAYS: u64 = 365;
/// How long browsers may remember a preflight's answer.
const PREFLIGHT_MAX_AGE_S: usize = 3_600;

/// Which web pages of other origins may ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CorsOrigins {
    /// None.
    #[default]
    Off,
    /// Those named.
    Only(Vec<String>),
    /// All.
    Any,
}

/// How long browsers and caches may use answers to reads without asking for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CachePolicy {
    /// How long they are as good as new.
    pub max_age: Duration,
    /// How much longer they may be shown while they are asked for anew (RFC 5861).
    pub stale_while_revalidate: Duration,
}

impl CachePolicy {
    /// `Cache-Control`; `None` where answers are to be asked for each time.
    fn header(self) -> Option<HeaderValue> {
        if self == Self::default() {
            return None;
        }
        let max_age = self.max_age.as_secs();
        let text = match self.stale_while_revalidate.as_secs() {
            0 => format!("max-age={max_age}"),
            stale => format!("max-age={max_age}, stale-while-revalidate={stale}"),
        };
        Some(HeaderValue::from_str(&text).expect("digits are a header value"))
    }
}

/// A text is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not an origin: write https://HOST or https://HOST:PORT without a path, or * for all"
)]
pub struct OriginError(String);

impl FromStr for CorsOrigins {
    type Err = OriginError;

    /// Reads origins between commas; `*` stands for all, nothing for none.
    fn from_str(text: &str) -> Result<Self, OriginError> {
        let mut origins = Vec::new();
        for origin in text.split(',').map(str::trim).filter(|o| !o.is_empty()) {
            if origin == "*" {
                return Ok(Self::Any);
            }
            origins.push(origin.parse::<Origin>()?.0);
        }
        Ok(if origins.is_empty() {
            Self::Off
        } else {
            Self::Only(origins)
        })
    }
}

/// Where web pages come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let parsed = url::Url::parse(text).ok();
        // An origin's own text has no path, user or query, and no default port.
        let serialized = parsed.map(|url| url.origin().ascii_serialization());
        if serialized.as_deref() == Some(text) && text.starts_with("http") {
            Ok(Self(text.to_owned()))
        } else {
            Err(OriginError(text.to_owned()))
        }
    }
}

/// How the service is served.
#[derive(Debug, Clone)]
pub struct AppSettings {
    /// Where it listens: IPv4 and IPv6 addresses; port 0 takes any free one.
    /// `[::]` takes IPv4 as well where the system allows.
    pub bind: Vec<SocketAddr>,
    /// Where it listens for operators, who alone find its metrics then; where this is empty,
    /// those are for all.
    pub admin_bind: Vec<SocketAddr>,
    /// The operator's key, which allows all.
    pub admin_key: Option<SecretString>,
    /// Whether reading takes a key.
    pub require_read_key: bool,
    /// How many requests of one network are taken.
    pub rate_limit: Option<Rate>,
    /// The proxies whose word on where a request came from counts.
    pub trusted_proxies: TrustedProxies,
    /// TLS of the addresses in `bind`; they speak HTTP as it is where there is none.
    pub tls: Option<Arc<Tls>>,
    /// Which web pages of other origins may ask.
    pub cors: CorsOrigins,
    /// How long answers to reads may be used unasked.
    pub cache_policy: CachePolicy,
    /// Where the logos are that Divemap keeps.
    pub media_url: Option<MediaUrl>,
    /// Maps show every center by itself from this zoom on.
    pub clustered_below: Zoom,
    /// Threads that answer.
    pub workers: usize,
    /// The largest body in bytes.
    pub body_limit: usize,
    /// How many writes may be under way, those that wait for others among them.
    pub max_writes: usize,
    /// Connections there may be at a time.
    pub max_connections: usize,
    /// Those of one IPv4 address, or one IPv6 network of 64 bits.
    pub max_connections_per_network: usize,
    /// Clients that may listen to changes at a time.
    pub max_listeners: usize,
    /// How often those hear that the service is there.
    pub heartbeat: Duration,
    /// How long a client may take to send the head of a request.
    pub head_timeout: Duration,
    /// How long it may take to send a body.
    pub body_timeout: Duration,
    /// How long it may leave an answer untaken, or all but untaken.
    pub answer_timeout: Duration,
    /// How long a connection may be idle.
    pub idle_timeout: Duration,
    /// How long the database may take for a request.
    pub request_timeout: Duration,
    /// How many bytes of bodies and large answers may be under way.
    pub buffer_budget: usize,
    /// How long requests are still taken after the service was told to stop, while it says that
    /// it is not ready.
    pub drain: Duration,
    /// How long requests under way may take after the service was told to stop.
    pub shutdown_timeout: Duration,
    /// Whether, how often and how the locations are looked after.
    pub upkeep: Option<Upkeep>,
    /// How indexes that follow a feed are looked after.
    pub watched: Watched,
    /// How long entries of the audit log are kept.
    pub audit_kept: Days,
}

impl Default for AppSettings {
    fn default() -> Self {
        Self {
            bind: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))],
            admin_bind: Vec::new(),
            admin_key: None,
            require_read_key: false,
            rate_limit: None,
            trusted_proxies: TrustedProxies::default(),
            tls: None,
            cors: CorsOrigins::Off,
            cache_policy: CachePolicy::default(),
            media_url: None,
            clustered_below: DEFAULT_CLUSTERED_BELOW,
            workers: cores(),
            body_limit: 4 * 1024 * 1024,
            max_writes: 1_000,
            max_connections: 10_000,
            max_connections_per_network: 1_000,
            max_listeners: 1_000,
            // Less than the 30 s after which some proxies close.
            heartbeat: Duration::from_secs(15),
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(30),
            // Longer than the 60 s of most proxies, so that it is the proxy that closes.
            idle_timeout: Duration::from_secs(75),
            request_timeout: Duration::from_secs(30),
            buffer_budget: 256 * 1024 * 1024,
            drain: Duration::ZERO,
            shutdown_timeout: Duration::from_secs(30),
            upkeep: None,
            watched: Watched {
                sweep_rows_per_second: DEFAULT_SWEEP_ROWS_PER_SECOND,
                freshness: None,
            },
            audit_kept: Days::new(DEFAULT_AUDIT_DAYS),
        }
    }
}

impl AppSettings {
    fn deadlines(&self) -> Deadlines {
        Deadlines {
            head: self.head_timeout,
            idle: self.idle_timeout,
            answer: self.answer_timeout,
            bytes_between_requests: self.body_limit.saturating_add(MAX_BYTES_BETWEEN_REQUESTS),
        }
    }
}

/// How much of each kind of work that takes long is done at a time: with eight connections or
/// more, all kinds and the writes together leave one to what is short.
fn at_once(database: &Database, collections: &Collections) -> AtOnce {
    let part = |of: usize| (database.most_connections() / of).clamp(1, cores());
    let in_memory = |catalog: &Arc<Catalog>| matches!(catalog.engine(), Engine::Memory(_));
    if collections.iter().all(in_memory) {
        // Only rows and texts are read over connections.
        return AtOnce {
            lists: part(5),
            texts: part(5),
            batches: cores(),
            counts: cores(),
            maps: cores(),
        };
    }
    AtOnce {
        lists: part(5),
        texts: part(10),
        batches: part(10),
        counts: part(10),
        maps: part(10),
    }
}

/// Cores that this process may use.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// The service, listening.
pub struct App {
    server: Server,
    addresses: Vec<SocketAddr>,
    admin_addresses: Vec<SocketAddr>,
    drain: Duration,
    /// Whether it was told to stop.
    stopping: Arc<AtomicBool>,
    listeners: Arc<Listeners>,
    /// What goes on beside the requests, until the service ends.
    beside: Vec<JoinHandle<()>>,
}

impl App {
    /// Listens, and starts to load the indexes. Must be called within a runtime,
    /// which has to outlive the service: work on the database runs there.
    ///
    /// # Errors
    /// When an address cannot be listened on.
    pub fn bind(
        settings: AppSettings,
        database: Database,
        collections: impl Into<Collections>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, BindError> {
        let collections = collections.into();
        let labels = Arc::new(Labels::new(&metrics));
        let stopping = Arc::new(AtomicBool::new(false));
        let listeners = Arc::new(Listeners::new(settings.max_listeners, settings.heartbeat));
        let state = Arc::new(state(
            &settings,
            database,
            &collections,
            metrics,
            &listeners,
            &stopping,
        ));
        let (door, admin_door) = doors(&settings);
        let cors = settings.cors.clone();
        let told_to_stop = Arc::clone(&stopping);
        let mut server = builder(&settings);
        let draining = server.graceful_shutdown_signal();
        let serving = |listener: Listener, door: &Door| {
            let (state, labels) = (Arc::clone(&state), Arc::clone(&labels));
            let (cors, told_to_stop) = (cors.clone(), Arc::clone(&told_to_stop));
            let (draining, door) = (draining.clone(), door.clone());
            move || {
                lateness::watch();
                let app = ActixApp::new()
                    .app_data(Arc::clone(&state))
                    .configure(|config| routes::configure(config, &labels, listener))
                    .wrap(Condition::new(cors != CorsOrigins::Off, cors_of(&cors)))
                    // Outermost, so that it sees what CORS refuses too.
                    .wrap(Observe {
                        stopping: Arc::clone(&told_to_stop),
                    });
                let app = map_config(app, |()| AppConfig::default());
                let draining = draining.clone();
                let http = HttpService::build()
                    // The connection has its own deadlines.
                    .keep_alive(KeepAlive::Os)
                    .client_request_timeout(Duration::ZERO)
                    .client_disconnect_timeout(DISCONNECT_TIMEOUT)
                    // The connection waits a while before it says that a client has gone.
                    .h1_allow_half_closed(false)
                    .on_connect_ext(|connection: &Connection, data| {
                        data.insert(connection.client().clone());
                        data.insert(connection.progress().clone());
                        data.insert(SearchTime::default());
                        data.insert(Encrypted(connection.is_encrypted()));
                    })
                    .graceful_shutdown_signal(move || {
                        let draining = draining.clone();
                        async move { draining.notified().await }
                    })
                    .h1(app.map_err(|error: actix_web::Error| error.error_response()));
                let refusals = Rc::new(Refusals::new(Arc::clone(labels.unmatched())));
                let door = door.clone();
                fn_service(move |socket: TcpStream| {
                    let (door, refusals) = (door.clone(), Rc::clone(&refusals));
                    async move {
                        let entering = door.let_in(socket, &refusals).await;
                        entering.map_err(DispatchError::from)
                    }
                })
                .and_then(http)
            }
        };
        let listening = |server: ServerBuilder, listener: TcpListener, kind, door| {
            let bound = listener.local_addr().map_err(BindError::Handed)?;
            let failed = |cause| BindError::Address {
                address: bound,
                cause,
            };
            let server = server
                .listen("http", listener, serving(kind, door))
                .map_err(failed)?;
            Ok::<_, BindError>((server, bound))
        };
        let public = listener_of_clients(&settings);
        let (mut addresses, mut admin_addresses) = (Vec::new(), Vec::new());
        for socket in sockets::open(settings.bind)? {
            let bound;
            (server, bound) = listening(server, socket, public, &door)?;
            addresses.push(bound);
        }
        for address in settings.admin_bind {
            let socket = sockets::listen(address)?;
            let bound;
            (server, bound) = listening(server, socket, Listener::ForOperators, &admin_door)?;
            admin_addresses.push(bound);
        }
        Ok(Self {
            addresses,
            admin_addresses,
            drain: settings.drain,
            stopping,
            listeners,
            server: server.run(),
            beside: beside(
                settings.upkeep,
                settings.watched,
                settings.audit_kept,
                settings.tls,
                &state,
                collections,
            ),
        })
    }

    /// Where it really listens.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where it listens for operators.
    #[must_use]
    pub fn admin_addresses(&self) -> &[SocketAddr] {
        &self.admin_addresses
    }

    /// Serves until `stop` is done. Then it says for a while that it is not ready, and finishes the requests under way.
    ///
    /// # Errors
    /// When the server fails.
    pub async fn run(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let handle = self.server.handle();
        // On a task of its own: it has to go on while it is told to stop.
        let mut serving = tokio::spawn(self.server);
        let served = tokio::select! {
            served = &mut serving => served,
            () = stop => {
                self.stopping.store(true, Ordering::Relaxed);
                self.listeners.end();
                tokio::time::sleep(self.drain).await;
                handle.stop(true).await;
                serving.await
            }
        };
        for task in &self.beside {
            task.abort();
        }
        served.map_err(io::Error::other)?
    }
}

/// What goes on beside the requests.
fn beside(
    upkeep: Option<Upkeep>,
    watched: Watched,
    audit_kept: Days,
    tls: Option<Arc<Tls>>,
    state: &State,
    collections: Collections,
) -> Vec<JoinHandle<()>> {
    let (database, metrics) = (&state.database, &state.metrics);
    let upkeep =
        upkeep.map(|upkeep| tokio::spawn(keep_up(database.clone(), upkeep, Arc::clone(metrics))));
    let limits = state.limits.clone();
    let forgetting = limits.map(|limits| tokio::spawn(async move { limits.forget().await }));
    let always = [
        tokio::spawn(follow(
            database.clone(),
            collections,
            Arc::clone(metrics),
            watched,
        )),
        tokio::spawn(remove_old_answers(database.clone())),
        tokio::spawn(remove_old_entries(database.clone(), audit_kept)),
        tokio::spawn(keep_keyring(database.clone(), Arc::clone(&state.keyring))),
    ];
    let refreshing = tls.map(|tls| tokio::spawn(tls.keep_fresh()));
    let sometimes = [upkeep, forgetting, refreshing].into_iter().flatten();
    sometimes.chain(always).collect()
}

fn listener_of_clients(settings: &AppSettings) -> Listener {
    match settings.admin_bind.as_slice() {
        [] => Listener::ForAll,
        _ => Listener::ForClients,
    }
}

/// How clients are let in, and operators, who come by a network of their own and find out what
/// ails a service that has no place left.
fn doors(settings: &AppSettings) -> (Door, Door) {
    let door = |most, most_of_network, tls| Door {
        gate: Arc::new(Gate::new(most, most_of_network)),
        deadlines: settings.deadlines(),
        tls,
    };
    let for_clients = door(
        settings.max_connections,
        settings.max_connections_per_network,
        settings.tls.clone(),
    );
    let for_operators = door(MAX_ADMIN_CONNECTIONS, MAX_ADMIN_CONNECTIONS, None);
    (for_clients, for_operators)
}

fn builder(settings: &AppSettings) -> ServerBuilder {
    Server::build()
        .workers(settings.workers.max(1))
        // The gate is to answer those that are too many.
        .max_concurrent_connections(
            settings.max_connections + MAX_ADMIN_CONNECTIONS + MAX_TURNED_AWAY,
        )
        // actix counts in seconds, and 0 would cut requests off.
        .shutdown_timeout(settings.shutdown_timeout.as_secs().max(1))
        // Whoever runs the service decides when it stops.
        .disable_signals()
}

/// What every request works on.
fn state(
    settings: &AppSettings,
    database: Database,
    collections: &Collections,
    metrics: Arc<Metrics>,
    listeners: &Arc<Listeners>,
    stopping: &Arc<AtomicBool>,
) -> State {
    let at_once = at_once(&database, collections);
    State {
        catalog: Arc::clone(collections.default()),
        collections: collections.clone(),
        database,
        metrics,
        admin_key: settings.admin_key.clone(),
        keyring: Arc::default(),
        wrong_keys: WrongKeys::default(),
        closes_reads: settings.require_read_key,
        reads_are_free: !settings.require_read_key && settings.rate_limit.is_none(),
        limits: settings.rate_limit.map(|rate| Arc::new(Limits::new(rate))),
        trusted_proxies: settings.trusted_proxies.clone(),
        media_url: settings.media_url.clone(),
        cache_control: settings.cache_policy.header(),
        packing: Packing::new(cores()),
        clustered_below: settings.clustered_below,
        body_limit: settings.body_limit,
        body_timeout: settings.body_timeout,
        listeners: Arc::clone(listeners),
        batch_turns: Arc::new(Semaphore::new(at_once.batches)),
        queues: Queues::new(at_once),
        budget: Arc::new(Budget::new(settings.buffer_budget)),
        request_timeout: settings.request_timeout,
        stopping: Arc::clone(stopping),
        write_places: Arc::new(Semaphore::new(settings.max_writes)),
        keys_under_way: KeysUnderWay::default(),
        runtime: Handle::current(),
    }
}

fn cors_of(origins: &CorsOrigins) -> Cors {
    const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
    let cors = Cors::default()
        .allowed_methods(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
        .allowed_headers([
            ACCEPT,
            AUTHORIZATION,
            CONTENT_ENCODING,
            CONTENT_TYPE,
            IDEMPOTENCY_KEY,
            IF_MATCH,
            IF_NONE_MATCH,
            LAST_EVENT_ID,
            REQUEST_ID,
        ])
        .expose_headers([
            ETAG,
            IDEMPOTENCY_REPLAYED,
            LINK,
            LOCATION,
            NEARBY_LAG,
            RATELIMIT,
            RATELIMIT_POLICY,
            RETRY_AFTER,
            SERVER_TIMING,
            REQUEST_ID,
        ])
        .max_age(PREFLIGHT_MAX_AGE_S);
    match origins {
        CorsOrigins::Off => cors,
        CorsOrigins::Any => cors.allow_any_origin().send_wildcard(),
        CorsOrigins::Only(origins) => origins
            .iter()
            .fold(cors, |cors, origin| cors.allowed_origin(origin))
            // Never where any page may ask: a proxy may let in by cookies.
            .supports_credentials(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_between_commas() {
        let read = |text: &str| text.parse::<CorsOrigins>();
        assert_eq!(read(""), Ok(CorsOrigins::Off));
        assert_eq!(read("*"), Ok(CorsOrigins::Any));
        assert_eq!(
            read("https://a.example, http://localhost:3000"),
            Ok(CorsOrigins::Only(vec![
                "https://a.example".into(),
                "http://localhost:3000".into()
            ]))
        );
        for bad in [
            "a.example",
            "https://a.example/",
            "https://a.example/map",
            "https://a.example:443",
            "https://A.example",
            "ftp://a.example",
            "null",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
