//! The one middleware of our own: gives every request its id, counts and times
//! it, writes its log line, and sees to it that every error is a problem with
//! that id.
//!
//! Searches that succeed are logged at `debug`, as they come by the thousand;
//! writes and what clients got wrong at `info`; what went wrong here at `warn`
//! (unavailable) or `error`, once, with its cause.

use std::future::{Ready, ready};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::{Error, HttpMessage as _};
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;

use super::allowance::{self, RATELIMIT};
use super::audited::RequestId;
use super::budget::{Lease, SMALL_ANSWER_BYTES};
use super::caught::fault;
use super::code::Code;
use super::connection::deadlines::{Progress, Unanswered};
use super::content;
use super::divemap::errors::Refusal;
use super::divemap::is_asked;
use super::problem::{CONTENT_TYPE_PROBLEM, Problem};
use super::request_id::{REQUEST_ID, RequestIds};
use super::routes::route_of;
use super::state::State;
use super::timing::{SERVER_TIMING, SearchTime, TIMING_ALLOW_ORIGIN, server_timing};
use crate::metrics::RouteMetrics;

/// Watches over every request; see the module.
#[derive(Debug, Clone, Default)]
pub struct Observe {
    /// Whether the service was told to stop: clients are told to connect anew, to another.
    pub stopping: Arc<AtomicBool>,
}

impl<S, B> Transform<S, ServiceRequest> for Observe
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = Observed<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Observed {
            service,
            ids: RequestIds::new(),
            stopping: Arc::clone(&self.stopping),
        }))
    }
}

/// A service under watch.
#[derive(Debug)]
pub struct Observed<S> {
    service: S,
    ids: RequestIds,
    stopping: Arc<AtomicBool>,
}

impl<S, B> Service<ServiceRequest> for Observed<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let started = Instant::now();
        let id = self.ids.of(request.headers());
        if !request.method().is_safe() {
            request.extensions_mut().insert(RequestId(id.clone()));
        }
        let unanswered = request.request().conn_data().map(Progress::asked);
        let stopping = self.stopping.load(Ordering::Relaxed);
        let answering = AssertUnwindSafe(self.service.call(request)).catch_unwind();
        Box::pin(async move {
            match answering.await {
                Ok(Ok(response)) => {
                    let response = response.map_into_boxed_body();
                    let mut response = finish(response, id, started, unanswered).await;
                    if stopping {
                        let head = response.response_mut().head_mut();
                        head.set_connection_type(ConnectionType::Close);
                    }
                    Ok(response)
                }
                Ok(Err(error)) => Err(error),
                Err(panic) => Err(panicked(panic.as_ref(), &id).into()),
            }
        })
    }
}

async fn finish(
    mut response: ServiceResponse,
    id: HeaderValue,
    started: Instant,
    unanswered: Option<Unanswered>,
) -> ServiceResponse {
    let mut lease = None;
    if let BodySize::Sized(bytes) = response.response().body().size()
        && bytes > SMALL_ANSWER_BYTES as u64
    {
        (response, lease) = counted(response, bytes);
    }
    let mut cause = None;
    if response.status().is_client_error() || response.status().is_server_error() {
        (response, cause) = as_problem(response, &id);
    }
    response = content::sent(response, lease, unanswered).await;
    let status = response.status();
    let request = response.request();
    let duration = started.elapsed();
    let answered = Answered {
        route: route_of(request),
        method: request.method(),
        status,
        id: &id,
        duration,
        cause: cause.as_deref(),
    };
    answered.log_and_count();
    let search = request.conn_data().and_then(SearchTime::take);
    let allowance = allowance::told(request);
    let asks_for_another_protocol = request.head().connection_type() == ConnectionType::Upgrade;
    let response_head = response.response_mut().head_mut();
    let headers = response_head.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(SERVER_TIMING, server_timing(duration, search));
    // A refusal told already that there is nothing left.
    if let Some(allowance) = allowance.filter(|_| !headers.contains_key(RATELIMIT)) {
        for (name, value) in allowance {
            headers.insert(name, value);
        }
    }
    // Whoever may read an answer may know what it took.
    if let Some(origin) = headers.get(ACCESS_CONTROL_ALLOW_ORIGIN).cloned() {
        headers.insert(TIMING_ALLOW_ORIGIN, origin);
    }
    if asks_for_another_protocol {
        // actix reads no further request from such a connection, and would say that it
        // speaks the other protocol from now on.
        response_head.set_connection_type(ConnectionType::Close);
    }
    response
}

/// A large answer, and what it takes of the budget until it is sent; an error in its place
/// where too much is under way.
fn counted(response: ServiceResponse, bytes: u64) -> (ServiceResponse, Option<Lease>) {
    let request = response.request();
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    match State::of(request).budget.lease(bytes) {
        Ok(lease) => (response, Some(lease)),
        Err(full) => {
            let (request, _) = response.into_parts();
            let refused = if is_asked(&request) {
                ServiceResponse::from_err(Refusal::from(full), request)
            } else {
                ServiceResponse::from_err(full, request)
            };
            (refused, None)
        }
    }
}

/// Writes an error anew, with the request's id: our own problems, and what
/// actix and its middleware answered by themselves. Gives the cause for the log.
fn as_problem(response: ServiceResponse, id: &HeaderValue) -> (ServiceResponse, Option<String>) {
    let (request, response) = response.into_parts();
    let status = response.status();
    let error = response.error();
    if let Some(refusal) = error.and_then(|error| error.as_error::<Refusal>()) {
        // It has the form that its endpoint promises.
        let cause = refusal.cause().map(ToString::to_string);
        return (ServiceResponse::new(request, response), cause);
    }
    let made_elsewhere;
    let problem = if let Some(ours) = error.and_then(|error| error.as_error::<Problem>()) {
        ours
    } else {
        made_elsewhere = foreign(status, error);
        &made_elsewhere
    };
    let cause = problem.cause().map(ToString::to_string);
    let body = problem.body(id.to_str().ok());
    let mut response = response.set_body(BoxBody::new(body));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, CONTENT_TYPE_PROBLEM);
    (ServiceResponse::new(request, response), cause)
}

fn foreign(status: StatusCode, error: Option<&Error>) -> Problem {
    let said = error.map_or_else(|| status.to_string(), ToString::to_string);
    if status.is_server_error() {
        Problem::internal(said)
    } else {
        Problem::new(Code::of_status(status), said)
    }
}

/// Something around a handler panicked; handlers are [`super::caught`]. A fault of
/// ours, logged here and answered like others.
fn panicked(panic: &(dyn std::any::Any + Send), id: &HeaderValue) -> Problem {
    let problem = fault(panic);
    let request_id = id.to_str().unwrap_or_default();
    let cause = problem.cause().map(ToString::to_string);
    tracing::error!(request_id, cause, "request");
    problem.with_header(REQUEST_ID, id.clone())
}

/// Whether something was read, or its client has it.
fn is_good_read(method: &Method, status: StatusCode) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
        && (status.is_success() || status == StatusCode::NOT_MODIFIED)
}

/// What is known of a request once it is answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answered<'a> {
    /// What it is counted under.
    pub route: &'a RouteMetrics,
    /// Its method.
    pub method: &'a Method,
    /// The status of the answer.
    pub status: StatusCode,
    /// The name under which it is found in the log.
    pub id: &'a HeaderValue,
    /// How long it took from when its head was there.
    pub duration: Duration,
    /// Why it failed, for the log alone.
    pub cause: Option<&'a str>,
}

impl Answered<'_> {
    /// Counts it and writes its log line.
    pub fn log_and_count(self) {
        let Self {
            route,
            method,
            status,
            id,
            duration,
            cause,
        } = self;
        route.observe(method.as_str(), status.as_u16(), duration);

        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    target: "nearby::request",
                    %method,
                    route = route.pattern(),
                    status = status.as_u16(),
                    duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
                    request_id = id.to_str().unwrap_or_default(),
                    cause,
                    "request"
                )
            };
        }
        match status {
            StatusCode::SERVICE_UNAVAILABLE => log!(warn),
            _ if status.is_server_error() => log!(error),
            _ if is_good_read(method, status) => log!(debug),
            _ => log!(info),
        }
    }
}
