//! Clients that write and read all the while, whatever happens to the service.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use parking_lot::Mutex;
use rand::RngExt as _;
use reqwest::header::CONNECTION;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use super::ledger::Ledger;
use crate::api::server::KEY;

/// How long a client waits for an answer: longer than the service may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the service is now; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Whereabouts(Arc<Mutex<String>>);

impl Whereabouts {
    pub fn at(url: String) -> Self {
        let here = Self::default();
        here.moved_to(url);
        here
    }

    /// The service is there from now on.
    pub fn moved_to(&self, url: String) {
        *self.0.lock() = url;
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0.lock())
    }
}

/// Clients on a thread of their own, which go on until they are told to stop.
pub struct Clients<T> {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Clients<T> {
    fn start<F: Future<Output = T>>(
        work: impl FnOnce(Arc<AtomicBool>) -> F + Send + 'static,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime starts");
            runtime.block_on(work(told))
        });
        Self { stop, thread }
    }

    /// Waits for the last ones.
    pub async fn stop(self) -> T {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread;
        let ended = tokio::task::spawn_blocking(move || thread.join());
        ended
            .await
            .expect("it is waited for")
            .expect("clients meet nothing that they do not expect")
    }
}

/// So many clients that create, move and delete centers of their own, together so many a second.
pub fn writers(service: &Whereabouts, count: u32, per_second: u32) -> Clients<Ledger> {
    static WRITER: AtomicU32 = AtomicU32::new(0);
    let service = service.clone();
    let rest = Duration::from_secs(1) * count / per_second;
    Clients::start(move |stop| async move {
        let writers = (0..count).map(|_| {
            let number = WRITER.fetch_add(1, Ordering::Relaxed);
            let writer = Writer::new(&service, number);
            writer.write_until(&stop, rest)
        });
        let mut all = Ledger::default();
        for ledger in join_all(writers).await {
            all.add(ledger);
        }
        all
    })
}

/// What came of a write.
enum Outcome {
    Made(Value),
    Refused(String),
    Unsettled,
    Strange(String),
}

/// A center of which its writer knows where it is.
struct Known {
    id: i64,
    name: String,
}

struct Writer {
    client: Client,
    service: Whereabouts,
    number: u32,
    centers: Vec<Known>,
    ledger: Ledger,
    /// Whether an answer said that the service is about to go.
    is_sent_away: bool,
}

impl Writer {
    fn new(service: &Whereabouts, number: u32) -> Self {
        Self {
            client: Client::builder()
                .timeout(PATIENCE)
                .build()
                .expect("it is built"),
            service: service.clone(),
            number,
            centers: Vec::new(),
            ledger: Ledger::default(),
            is_sent_away: false,
        }
    }

    async fn write_until(mut self, stop: &AtomicBool, rest: Duration) -> Ledger {
        let mut number = 0;
        let mut next = Instant::now();
        while !stop.load(Ordering::Relaxed) && !self.is_sent_away {
            number += 1;
            let latitude = rand::rng().random_range(-90_000..=90_000);
            match rand::rng().random_range(0..10) {
                0..5 => {
                    self.create(format!("w{} n{number}", self.number), latitude)
                        .await;
                }
                5..8 => self.change(Some(latitude)).await,
                _ => self.change(None).await,
            }
            next += rest;
            tokio::time::sleep_until(next.max(Instant::now()).into()).await;
        }
        self.ledger
    }

    async fn create(&mut self, name: String, latitude: i32) {
        let center = json!({ "name": name, "latitude": degrees(latitude), "longitude": 1 });
        let request = self.request(Method::POST, "/centers").json(&center);
        match self.outcome(request).await {
            Outcome::Made(answer) => {
                self.ledger.is(&name, Some(latitude));
                let id = answer["id"].as_i64().expect("a center has an id");
                self.centers.push(Known { id, name });
            }
            Outcome::Unsettled => self.ledger.may_be(&name, Some(latitude)),
            Outcome::Refused(why) => {
                self.ledger.is(&name, None);
                self.ledger.refusals.insert(name, why);
            }
            Outcome::Strange(answer) => self.ledger.strange.push(answer),
        }
    }

    /// Moves a center, or deletes it. One of which nobody knows what came of it is left alone
    /// from then on: what was not answered may still be made.
    async fn change(&mut self, to: Option<i32>) {
        if self.centers.is_empty() {
            return;
        }
        let at = rand::rng().random_range(0..self.centers.len());
        let center = self.centers.swap_remove(at);
        let path = format!("/centers/{}", center.id);
        let request = match to {
            Some(latitude) => {
                let body = json!({ "latitude": degrees(latitude) }).to_string();
                let request = self.request(Method::PATCH, &path);
                request
                    .header("content-type", "application/merge-patch+json")
                    .body(body)
            }
            None => self.request(Method::DELETE, &path),
        };
        match self.outcome(request).await {
            Outcome::Made(_) => {
                self.ledger.is(&center.name, to);
                if to.is_some() {
                    self.centers.push(center);
                }
            }
            Outcome::Unsettled => self.ledger.may_be(&center.name, to),
            Outcome::Refused(why) => {
                self.ledger.refusals.insert(center.name.clone(), why);
                self.centers.push(center);
            }
            Outcome::Strange(answer) => {
                self.ledger
                    .strange
                    .push(format!("{}: {answer}", center.name));
            }
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, self.service.url(path))
            .bearer_auth(KEY)
    }

    async fn outcome(&mut self, request: RequestBuilder) -> Outcome {
        let outcome = match request.send().await {
            // It never left.
            Err(error) if error.is_connect() => Outcome::Refused(format!("{error:?}")),
            Err(_) => Outcome::Unsettled,
            Ok(answer) => {
                let status = answer.status();
                self.is_sent_away |= says_goodbye(&answer);
                match answer.text().await {
                    Err(_) if status.is_success() => Outcome::Unsettled,
                    Err(error) => Outcome::Strange(format!("{status}, and {error}")),
                    Ok(body) => meaning_of(status, &body),
                }
            }
        };
        match outcome {
            Outcome::Made(_) => self.ledger.made += 1,
            Outcome::Refused(_) => self.ledger.refused += 1,
            Outcome::Unsettled => self.ledger.unsettled += 1,
            Outcome::Strange(_) => {}
        }
        outcome
    }
}

fn meaning_of(status: StatusCode, body: &str) -> Outcome {
    match status {
        StatusCode::NO_CONTENT => Outcome::Made(Value::Null),
        StatusCode::CREATED | StatusCode::OK => {
            Outcome::Made(serde_json::from_str(body).expect("the body is JSON"))
        }
        StatusCode::SERVICE_UNAVAILABLE
            if body.contains("may have been made") || body.contains("may be made yet") =>
        {
            Outcome::Unsettled
        }
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE => {
            Outcome::Refused(body.to_owned())
        }
        _ => Outcome::Strange(format!("{status}: {body}")),
    }
}

/// Whether a client that has another instance to ask would leave this one.
fn says_goodbye(answer: &Response) -> bool {
    let close = answer.headers().get(CONNECTION);
    close.is_some_and(|value| value == "close")
}

fn degrees(thousandths: i32) -> f64 {
    f64::from(thousandths) / 1_000.0
}

/// What readers met.
#[derive(Debug, Default)]
pub struct Reads {
    /// How long each whole answer took, unsorted.
    pub took: Vec<Duration>,
    /// Answers other than 200, and requests that were not answered whole.
    pub failed: Vec<String>,
    /// Requests that found nobody who listens.
    pub unheard: usize,
}

impl Reads {
    /// How long all but one in a hundred took at most.
    pub fn p99(&mut self) -> Duration {
        self.took.sort_unstable();
        let at = self.took.len() * 99 / 100;
        self.took.get(at).copied().unwrap_or_default()
    }
}

/// So many clients that ask one thing again and again, and rest in between.
pub fn readers(service: &Whereabouts, count: usize, path: &str, rest: Duration) -> Clients<Reads> {
    let (service, path) = (service.clone(), path.to_owned());
    Clients::start(move |stop| async move {
        let (stop, service, path) = (&stop, &service, &path);
        let readers = (0..count).map(|_| async move {
            let client = Client::builder()
                .timeout(PATIENCE)
                .build()
                .expect("it is built");
            let mut reads = Reads::default();
            let mut is_sent_away = false;
            while !stop.load(Ordering::Relaxed) && !is_sent_away {
                let begun = Instant::now();
                match client.get(service.url(path)).send().await {
                    Err(error) if error.is_connect() => reads.unheard += 1,
                    Err(error) => reads.failed.push(format!("{error:?}")),
                    Ok(answer) => {
                        let status = answer.status();
                        is_sent_away = says_goodbye(&answer);
                        match answer.text().await {
                            Ok(_) if status == StatusCode::OK => reads.took.push(begun.elapsed()),
                            Ok(body) => reads.failed.push(format!("{status}: {body}")),
                            Err(error) => reads.failed.push(format!("{status}, and {error:?}")),
                        }
                    }
                }
                tokio::time::sleep(rest).await;
            }
            reads
        });
        let mut all = Reads::default();
        for reads in join_all(readers).await {
            all.took.extend(reads.took);
            all.failed.extend(reads.failed);
            all.unheard += reads.unheard;
        }
        all
    })
}
