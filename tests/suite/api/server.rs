//! The service on a free port, built as in production, and a client that checks
//! every response against the contract.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use flate2::read::GzDecoder;
use nearby::app::{App, AppSettings};
use nearby::catalog::Catalog;
use nearby::collections::Collections;
use nearby::engine::Engine;
use nearby::engine::memory::MemoryEngine;
use nearby::engine::sql::SqlEngine;
use nearby::metrics::Metrics;
use nearby::store::{Collection, Database, Store};
use reqwest::Method;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::contract::{CONTRACT, PLAIN_CONTRACT};
use crate::support::{TestDatabase, connect};

/// The key that writes need.
pub const KEY: &str = "correct horse battery staple";

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(15);
/// How long the service may rest between two looks at a file that others write.
const LONGEST_REST: Duration = Duration::from_mins(1);

/// A running service. Stops when it is dropped.
pub struct TestServer {
    pub db: TestDatabase,
    pub address: SocketAddr,
    client: reqwest::Client,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl TestServer {
    /// Starts the service over a database and waits until it is ready.
    pub async fn start(db: TestDatabase) -> Self {
        Self::start_with(db, |_| {}).await
    }

    /// The same with other settings.
    pub async fn start_with(db: TestDatabase, adjust: impl FnOnce(&mut AppSettings)) -> Self {
        Self::until_ready(Self::launch(db, adjust)).await
    }

    async fn until_ready(server: Self) -> Self {
        server
            .eventually("it is ready", async || {
                server.get("/readyz").send().await.status == 200
            })
            .await;
        server
    }

    /// The same with more collections.
    pub async fn start_declared(db: TestDatabase, declared: Vec<Collection>) -> Self {
        Self::until_ready(Self::launch_declared(db, declared, |_| {})).await
    }

    /// The same without waiting.
    pub fn launch(db: TestDatabase, adjust: impl FnOnce(&mut AppSettings)) -> Self {
        Self::launch_declared(db, Vec::new(), adjust)
    }

    /// The service over a MySQL database, answering from memory, once it is ready. By which
    /// URL it connects is said apart.
    pub async fn start_mirror(db: TestDatabase, url: &str, declared: Vec<Collection>) -> Self {
        Self::start_mirror_with(db, url, declared, |_| {}).await
    }

    /// The same with other settings.
    pub async fn start_mirror_with(
        db: TestDatabase,
        url: &str,
        declared: Vec<Collection>,
        adjust: impl FnOnce(&mut AppSettings),
    ) -> Self {
        let database = connect(url).await;
        Self::until_ready(Self::launch_over(db, &database, true, declared, adjust)).await
    }

    fn launch_declared(
        db: TestDatabase,
        declared: Vec<Collection>,
        adjust: impl FnOnce(&mut AppSettings),
    ) -> Self {
        let database = db.database().clone();
        Self::launch_over(db, &database, false, declared, adjust)
    }

    fn launch_over(
        db: TestDatabase,
        database: &Database,
        is_mirror: bool,
        declared: Vec<Collection>,
        adjust: impl FnOnce(&mut AppSettings),
    ) -> Self {
        let mut settings = AppSettings {
            bind: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
            admin_key: Some(KEY.into()),
            workers: 2,
            ..AppSettings::default()
        };
        adjust(&mut settings);
        let asks_when_stale = settings.watched.freshness.is_some();
        let catalog = |collection: &Collection| {
            let store = Store::new(database, collection);
            let engine = match SqlEngine::over(&store) {
                Some(engine) if !is_mirror => Engine::Sql(engine),
                _ => Engine::Memory(
                    MemoryEngine::new(collection.name.as_str()).with_fields(collection.fields()),
                ),
            };
            let catalog = Catalog::new(store, Arc::new(engine));
            Arc::new(if asks_when_stale {
                catalog.with_sql_when_stale()
            } else {
                catalog
            })
        };
        let (ours, declared): (Vec<_>, Vec<_>) =
            declared.into_iter().partition(Collection::is_ours);
        let centers = ours.into_iter().next();
        let default = catalog(&centers.unwrap_or_else(Collection::diving_centers));
        let metrics = Arc::new(Metrics::new(default.engine().kind()));
        let others = [Collection::dive_sites()].into_iter().chain(declared);
        let collections = Collections::new(default, others.map(|c| catalog(&c)).collect());
        let app = App::bind(settings, database.clone(), collections, metrics)
            .unwrap_or_else(|error| panic!("{error}"));
        let address = app.addresses()[0];
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(app.run(async {
            // Told, or dropped with the server.
            let _ = stopped.await;
        }));
        Self {
            db,
            address,
            client: reqwest::Client::builder()
                .timeout(PATIENCE)
                .build()
                .expect("a client can be made"),
            stop,
            served,
        }
    }

    /// A request to be completed.
    pub fn request(&self, method: Method, path: &str) -> Request {
        let url = format!("http://{}{path}", self.address);
        Request(self.client.request(method, url))
    }

    /// A GET.
    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    /// A POST of JSON with the key.
    pub fn post(&self, path: &str, body: &Value) -> Request {
        self.request(Method::POST, path).key().json(body)
    }

    /// The body of a GET that succeeds.
    pub async fn found(&self, path: &str) -> Value {
        let answer = self.get(path).send().await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// The ids that a search finds, in their order.
    pub async fn found_ids(&self, path: &str) -> Vec<i64> {
        ids_of(&self.found(path).await)
    }

    /// Creates centers and gives their ids.
    pub async fn seed(&self, centers: &[Value]) -> Vec<i64> {
        let mut ids = Vec::new();
        for part in centers.chunks(1_000) {
            let answer = self
                .post("/centers/batch", &json!({ "centers": part }))
                .send()
                .await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            ids.extend(ids_of(&answer.json()));
        }
        ids
    }

    /// Sends bytes as they are and reads until the server closes.
    pub async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        stream.write_all(request).await.expect("it reads");
        let mut answer = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer))
            .await
            .expect("it closes")
            .expect("it answers");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Tells the service to stop and waits until it has.
    pub async fn stop(self) -> TestDatabase {
        let _ = self.stop.send(());
        tokio::time::timeout(PATIENCE, self.served)
            .await
            .expect("it stops in time")
            .expect("it does not panic")
            .expect("it served well");
        self.db
    }

    /// Waits until something is so that nobody promises to be so at a certain time. An index
    /// whose load took long, as on a busy machine, rests up to a minute before the next one.
    pub async fn eventually(&self, what: &str, so: impl AsyncFn() -> bool) {
        self.within(LONGEST_REST + PATIENCE, what, so).await;
    }

    /// Waits until something is so that is promised to be so within seconds.
    pub async fn soon(&self, what: &str, so: impl AsyncFn() -> bool) {
        self.within(PATIENCE, what, so).await;
    }

    async fn within(&self, time: Duration, what: &str, so: impl AsyncFn() -> bool) {
        let deadline = tokio::time::Instant::now() + time;
        while !so().await {
            assert!(tokio::time::Instant::now() < deadline, "never: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A center in an otherwise empty place.
pub fn center(name: &str, latitude: f64, longitude: f64) -> Value {
    json!({ "name": name, "latitude": latitude, "longitude": longitude })
}

/// The ids of an answer, in their order.
pub fn ids_of(answer: &Value) -> Vec<i64> {
    answer["centers"]
        .as_array()
        .expect("an answer holds centers")
        .iter()
        .map(|center| center["id"].as_i64().expect("an id"))
        .collect()
}

/// A request being made.
pub struct Request(reqwest::RequestBuilder);

impl Request {
    /// With the key that writes need.
    pub fn key(self) -> Self {
        Self(self.0.bearer_auth(KEY))
    }

    /// With a header.
    pub fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    /// With a JSON body.
    pub fn json(self, body: &Value) -> Self {
        Self(self.0.json(body))
    }

    /// With a merge patch.
    pub fn merge_patch(self, body: &Value) -> Self {
        self.body("application/merge-patch+json", body.to_string())
    }

    /// With any body.
    pub fn body(self, content_type: &str, body: impl Into<reqwest::Body>) -> Self {
        Self(self.0.header("content-type", content_type).body(body))
    }

    /// Sends it and checks the response against the contract.
    pub async fn send(self) -> Answer {
        let (client, request) = self.0.build_split();
        let request = request.expect("tests make good requests");
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        // Queries of a batch may.
        let query = request.url().query().unwrap_or_default();
        let chooses = query.contains("fields=") || path.ends_with("/nearby/batch");
        let response = client.execute(request).await.expect("it answers");
        let answer = Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response
                .bytes()
                .await
                .expect("the answer is whole")
                .to_vec(),
        };
        let answer = answer.unpacked();
        let contract = if chooses { &CONTRACT } else { &PLAIN_CONTRACT };
        contract.check(&method, &path, answer.status, &answer.headers, &answer.body);
        answer
    }
}

/// A response that the contract allows.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// What was sent, unpacked.
    pub body: Vec<u8>,
}

impl Answer {
    fn unpacked(self) -> Self {
        let coding = self.headers.get(CONTENT_ENCODING);
        let packed = self.body.as_slice();
        let mut reader: Box<dyn Read> = match coding.map(|coding| coding.to_str()) {
            Some(Ok("gzip")) if !packed.is_empty() => Box::new(GzDecoder::new(packed)),
            Some(Ok("br")) if !packed.is_empty() => {
                Box::new(brotli::Decompressor::new(packed, 4096))
            }
            _ => Box::new(packed),
        };
        let mut body = Vec::new();
        reader
            .read_to_end(&mut body)
            .expect("it is packed as it says");
        drop(reader);
        Self { body, ..self }
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        let value = value.unwrap_or_else(|| panic!("{name} is missing: {:?}", self.headers));
        value.to_str().expect("a text")
    }

    /// The problem that this is expected to be.
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        problem
    }
}
