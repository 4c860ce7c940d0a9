//! `GET /changes`: what changes in a part of the map, as server-sent events (WHATWG HTML,
//! section 9.2), for as long as the client listens.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::auth::Pass;
use super::code::Code;
use super::collections::catalog_of;
use super::params::{self, CIRCLE_PARAMS};
use super::problem::Problem;
use super::query::{Param, Params, Query};
use super::state::State;
use crate::catalog::Catalog;
use crate::domain::{Area, Filter};
use crate::engine::Engine;
use crate::engine::changes::{Changes, Event, Mark, Watching};
use crate::wire::JsonId;

/// Where a client that comes back was.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How long clients wait before they come back: not all at once with what a restart costs.
const RETRY_MS: u64 = 2_000;

/// How often the key of a listener is looked at, which may have been revoked.
const PASS_CHECKED_EVERY: Duration = Duration::from_secs(1);

const PARAMS: Params = &[&[Param::once("bbox")], CIRCLE_PARAMS];

/// Those who listen.
#[derive(Debug)]
pub struct Listeners {
    places: Arc<Semaphore>,
    /// How often a listener to whom nothing happens hears that the service is there.
    heartbeat: Duration,
    has_ended: watch::Sender<bool>,
}

impl Listeners {
    /// So many at most.
    #[must_use]
    pub fn new(most: usize, heartbeat: Duration) -> Self {
        Self {
            places: Arc::new(Semaphore::new(most)),
            heartbeat,
            has_ended: watch::Sender::new(false),
        }
    }

    /// Tells all that they are to come back, to another instance.
    pub fn end(&self) {
        self.has_ended.send_replace(true);
    }
}

pub(super) async fn get(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let catalog = catalog_of(&request)?;
    let query = Query::parse(request.query_string(), PARAMS)?;
    let area = area_of(&query)?;
    let changes = changes_of(&catalog)?;
    let state = State::of(&request);
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("text/event-stream")))
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        // nginx would keep events back until it has a page of them.
        .insert_header((
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ));
    if request.method() == Method::HEAD {
        return Ok(response.finish());
    }
    let listeners = &state.listeners;
    let has_ended = listeners.has_ended.subscribe();
    if *has_ended.borrow() {
        return Err(Problem::stopping());
    }
    let Ok(place) = Arc::clone(&listeners.places).try_acquire_owned() else {
        return Err(Problem::overloaded(
            "as many clients listen to changes as this server takes (--max-listeners); try again later",
        ));
    };
    let (watching, is_first) = changes.watch(area, mark_of(&request));
    if is_first {
        state.runtime.spawn(Arc::clone(changes).deliver());
    }
    let mut heartbeat = interval(listeners.heartbeat);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first one is over at once.
    heartbeat.tick().await;
    let pass = Pass::of(&request);
    let listening = Listening {
        watching,
        pass_check: interval(PASS_CHECKED_EVERY),
        pass,
        has_ended,
        heartbeat,
        has_begun: false,
        _place: place,
    };
    Ok(response.streaming(stream::unfold(listening, Listening::next)))
}

/// What is watched: a box or a circle.
fn area_of(query: &Query<'_>) -> Result<Area, Problem> {
    if query.one("bbox").is_none() {
        return Ok(params::ring_of(query)?.around(params::origin_of(query)?, None));
    }
    let mut others = CIRCLE_PARAMS.iter();
    if let Some(other) = others.find(|other| query.one(other.name).is_some()) {
        let detail = format!("bbox and {} exclude each other", other.name);
        return Err(Problem::new(Code::ParameterConflict, detail)
            .at(other.name)
            .got("both")
            .allowed("a box, or an origin and a radius"));
    }
    Ok(Area::Within(params::viewport_of(
        query,
        &Filter::default(),
    )?))
}

fn changes_of(catalog: &Catalog) -> Result<&Arc<Changes>, Problem> {
    let Engine::Memory(engine) = catalog.engine() else {
        return Err(Problem::new(
            Code::ChangesUnavailable,
            "changes are told where searches are answered from memory: start the service with \
             --engine memory",
        ));
    };
    if engine.is_loaded() {
        Ok(engine.changes())
    } else {
        Err(Problem::index_loading())
    }
}

/// Where a client was; anything but a mark of ours is one of another process.
fn mark_of(request: &HttpRequest) -> Option<Mark> {
    let text = request.headers().get(LAST_EVENT_ID)?;
    let read = |text: &str| {
        let (epoch, number) = text.split_once('-')?;
        Some(Mark {
            epoch: u64::from_str_radix(epoch, 16).ok()?,
            number: number.parse().ok()?,
        })
    };
    let unknown = Mark {
        epoch: 0,
        number: u64::MAX,
    };
    Some(text.to_str().ok().and_then(read).unwrap_or(unknown))
}

struct Listening {
    watching: Watching,
    /// By which key it listens, if it needs one, and when that is looked at again.
    pass: Option<Pass>,
    pass_check: Interval,
    has_ended: watch::Receiver<bool>,
    heartbeat: Interval,
    has_begun: bool,
    _place: OwnedSemaphorePermit,
}

impl Listening {
    /// What is to be sent next; `None` where the service ends, or the listener's key did.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        let mut out = Vec::new();
        if !self.has_begun {
            self.has_begun = true;
            out.extend_from_slice(format!("retry: {RETRY_MS}\n").as_bytes());
            push_mark(self.watching.mark(), &mut out);
            return Some((Ok(out.into()), self));
        }
        loop {
            tokio::select! {
                biased;
                _ = self.has_ended.wait_for(|has_ended| *has_ended) => return None,
                _ = self.pass_check.tick(), if self.pass.is_some() => {
                    if self.pass.as_ref().is_some_and(|pass| !pass.is_good()) {
                        return None;
                    }
                }
                () = self.watching.rung() => {
                    for (event, mark) in self.watching.take() {
                        push_event(&event, mark, &mut out);
                    }
                }
                _ = self.heartbeat.tick() => {
                    out.extend_from_slice(b": here\n");
                    push_mark(self.watching.mark(), &mut out);
                }
            }
            if !out.is_empty() {
                self.heartbeat.reset();
                return Some((Ok(out.into()), self));
            }
        }
    }
}

fn push_event(event: &Event, mark: Mark, out: &mut Vec<u8>) {
    let (name, data) = match event {
        Event::Appears(center) => ("appear", center_of(center)),
        Event::Changes(center) => ("change", center_of(center)),
        Event::Goes(id) => {
            let id = serde_json::to_string(&JsonId::from(*id)).expect("an id is JSON");
            ("go", format!(r#"{{"id":{id}}}"#).into_bytes())
        }
        Event::Reset => ("reset", b"{}".to_vec()),
    };
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    out.extend_from_slice(&data);
    out.push(b'\n');
    push_mark(Some(mark), out);
}

/// A center as it is rendered, which has no line breaks, to its end.
fn center_of(rendered: &[u8]) -> Vec<u8> {
    [rendered, b"}"].concat()
}

/// Ends an event, or says where a client is to whom nothing happened.
fn push_mark(mark: Option<Mark>, out: &mut Vec<u8>) {
    if let Some(Mark { epoch, number }) = mark {
        out.extend_from_slice(format!("id: {epoch:x}-{number}\n").as_bytes());
    }
    out.push(b'\n');
}
