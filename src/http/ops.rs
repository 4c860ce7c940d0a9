//! What operators ask: is it alive, is it ready, how is it doing, what is it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, VARY};
use actix_web::{HttpRequest, HttpResponse};

use super::problem::Problem;
use super::query::Query;
use super::reply::{NO_CACHE, VARY_ENCODING};
use super::state::State;
use crate::engine::Engine;
use crate::metrics::IndexState;
use crate::store::client_read::{self, ClientRead};

/// How long the database may take to give a sign of life.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// The contract, as it is in the repository.
const OPENAPI: &str = include_str!("../../openapi.yaml");

/// Alive: the process answers. Asks nothing else, so that an orchestrator does
/// not restart a service because its database is away.
pub(super) async fn healthz(request: HttpRequest) -> Result<HttpResponse, Problem> {
    Query::parse(request.query_string(), &[])?;
    Ok(status(r#"{"status":"ok"}"#))
}

/// Ready: the indexes are loaded, the database answers, and the tables are there. How far
/// indexes are behind that follow other writers is told beside.
pub(super) async fn readyz(request: HttpRequest) -> Result<HttpResponse, Problem> {
    Query::parse(request.query_string(), &[])?;
    let state = State::of(&request);
    if state.stopping.load(Ordering::Relaxed) {
        return Err(Problem::stopping());
    }
    if !state.collections.are_ready() {
        return Err(Problem::index_loading());
    }
    for catalog in state.collections.iter() {
        // While they are refused, others should be asked.
        catalog.answering()?;
    }
    let collections = state.collections.clone();
    let probe = async move {
        let all = async {
            for catalog in collections.iter() {
                catalog.store().probe().await?;
            }
            Ok::<_, Problem>(())
        };
        tokio::time::timeout(PING_TIMEOUT, all)
            .await
            .map_err(Problem::database_unavailable)?
    };
    let read = ClientRead::new(PING_TIMEOUT, false, ());
    state.run_beside(client_read::within(read, probe)).await?;
    Ok(status(match state.collections.lag() {
        None => r#"{"status":"ready"}"#.to_owned(),
        Some(lag) => format!(
            r#"{{"status":"ready","mirror_lag_s":{:.3}}}"#,
            lag.as_secs_f64()
        ),
    }))
}

fn status(body: impl MessageBody + 'static) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")))
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .body(body)
}

pub(super) async fn metrics(request: HttpRequest) -> Result<HttpResponse, Problem> {
    Query::parse(request.query_string(), &[])?;
    let state = Arc::clone(State::of(&request));
    if let Some(lag) = state.collections.lag() {
        state.metrics.mirror().lags(lag);
    }
    let indexes = state
        .collections
        .iter()
        .map(|catalog| (&catalog.collection().name, index_state(catalog.engine())));
    let text = state.metrics.render(indexes, state.database.connections());
    Ok(HttpResponse::Ok()
        .insert_header((
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
        ))
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .body(text))
}

fn index_state(engine: &Engine) -> Option<IndexState> {
    match engine {
        Engine::Memory(engine) => Some(IndexState {
            centers: engine.len(),
            changed_at: engine.changed_at(),
        }),
        Engine::Sql(_) => None,
    }
}

pub(super) async fn openapi(request: HttpRequest) -> Result<HttpResponse, Problem> {
    Query::parse(request.query_string(), &[])?;
    Ok(HttpResponse::Ok()
        // RFC 9512.
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("application/yaml")))
        .insert_header((CACHE_CONTROL, NO_CACHE))
        .insert_header((VARY, VARY_ENCODING))
        .body(OPENAPI))
}
