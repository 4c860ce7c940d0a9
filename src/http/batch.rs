//! `POST /nearby/batch`: many searches in one request, answered in order.
//!
//! The searches are cut into small parts that run on the process's runtime, as
//! many at once as there are cores, or fewer where they need connections, over all
//! batches together. Workers only collect them, so single searches are never queued
//! behind a batch.

use std::num::NonZero;
use std::sync::Arc;

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

use super::answer::{AnswerBody, JSON_HIT_BYTES};
use super::attributes::condition_of_members;
use super::body::{JSON, read_json};
use super::chosen::Chosen;
use super::collections::{catalog_of, filter_for};
use super::cql2;
use super::negotiate::Format;
use super::params;
use super::problem::Problem;
use super::query::Query;
use super::reply;
use super::shape::{self, Shape};
use super::state::State;
use crate::catalog::Catalog;
use crate::domain::{Condition, Fields, Search};
use crate::engine::SearchError;
use crate::wire::{JsonId, Object, WithOthers};

/// The most searches in one batch.
const MAX_QUERIES: usize = 1_000;
/// The most centers that one batch can be answered with: the sum of its limits.
/// Keeps a body within some 20 MB.
const MAX_TOTAL_LIMIT: usize = 100_000;
/// Searches in one part: long enough to be worth a turn, short enough (under a
/// millisecond from memory) to let others have theirs.
const PART: usize = 16;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchBody {
    queries: Vec<Object<WithOthers<QueryBody>>>,
}

/// One search; what `/nearby` takes as parameters. Attributes of the collection come beside.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct QueryBody {
    lat: f64,
    lng: f64,
    radius_m: Option<f64>,
    radius_km: Option<f64>,
    radius_mi: Option<f64>,
    min_radius_m: Option<f64>,
    polygon: Option<Value>,
    group_by: Option<String>,
    open: Option<String>,
    limit: Option<u64>,
    #[serde(default)]
    country: Vec<String>,
    #[serde(default)]
    region: Vec<String>,
    #[serde(default)]
    city: Vec<String>,
    #[serde(default)]
    organization: Vec<String>,
    min_rating: Option<f64>,
    filter: Option<String>,
    #[serde(rename = "filter-lang")]
    filter_lang: Option<String>,
    #[serde(default)]
    exclude: Vec<JsonId>,
    cursor: Option<String>,
    fields: Option<Vec<String>>,
    #[serde(default)]
    count: bool,
    #[serde(default)]
    facets: Vec<String>,
}

/// A search, and the members that its answer has; `None` for the plain ones.
type Asked = (Search, Option<Shape>);

impl QueryBody {
    fn asked(self, attributes: Condition, catalog: &Catalog) -> Result<Asked, Problem> {
        let collection = catalog.collection();
        let names = self.fields.as_deref();
        let chosen = names.map(|names| {
            let names = names.iter().map(String::as_str);
            Chosen::new(names, collection, true)
        });
        let shape = Shape {
            chosen: chosen.transpose()?,
            counts: self.count,
            facets: shape::facets(self.facets.iter().map(String::as_str), collection.fields())?,
        };
        let shape = shape.unless_plain();
        let search = self.search(attributes, collection.fields())?;
        let filter = filter_for(catalog, search.filter)?;
        Ok((Search { filter, ..search }, shape))
    }

    fn search(self, attributes: Condition, fields: &Fields) -> Result<Search, Problem> {
        let query = self;
        let (filter, language) = (query.filter.as_deref(), query.filter_lang.as_deref());
        let condition = cql2::condition(filter, language, fields)?;
        let origin = params::origin(query.lat, query.lng)?;
        let radii = [query.radius_m, query.radius_km, query.radius_mi];
        let ring = params::ring(Some(params::radius(radii)?), query.min_radius_m)?;
        let group_by = query.group_by.as_deref();
        let others = [
            (params::CURSOR, query.cursor.is_some()),
            (shape::COUNT, query.count),
            (shape::FACETS, !query.facets.is_empty()),
        ];
        let mut others = others.into_iter().filter(|(_, is_asked)| *is_asked);
        if group_by.is_some()
            && let Some((other, _)) = others.next()
        {
            return Err(params::group_conflict(other));
        }
        let group_by = group_by.map(|name| params::group_by(name, fields));
        let group_by = group_by.transpose()?;
        Ok(Search {
            area: ring.around(origin, group_by),
            limit: params::limit(query.limit)?,
            filter: params::filter(
                query.country,
                query.region,
                query.city,
                query.organization,
                query.min_rating,
                attributes
                    .and(condition)
                    .and(params::inside(query.polygon)?)
                    .and(params::open(query.open.as_deref(), fields)?),
            )?,
            exclude: params::exclude(&query.exclude)?,
            after: query.cursor.as_deref().map(params::cursor).transpose()?,
        })
    }
}

pub(super) async fn post(request: HttpRequest, payload: Payload) -> Result<HttpResponse, Problem> {
    Query::parse(request.query_string(), &[])?;
    let catalog = catalog_of(&request)?;
    let body: BatchBody = read_json(&request, payload, JSON).await?;
    let searches = searches(body, &catalog)?;
    let state = State::of(&request);
    let _turn = state.queues.batches.turn(state.request_timeout).await?;
    let limits = searches.iter().map(|(search, _)| search.limit.get());
    // Until it is known.
    let _lease = state.budget.lease(limits.sum::<usize>() * JSON_HIT_BYTES)?;
    let answering = timeout(state.request_timeout, answer(state, &catalog, searches));
    let too_slow = |_| Problem::too_slow(state.request_timeout);
    let body = answering.await.map_err(too_slow)??;
    Ok(reply::ok_rendered(body))
}

fn searches(body: BatchBody, catalog: &Catalog) -> Result<Vec<Asked>, Problem> {
    let count = body.queries.len();
    if !(1..=MAX_QUERIES).contains(&count) {
        return Err(Problem::invalid(
            "queries",
            &format!("{count} queries"),
            format!("an array of 1 to {MAX_QUERIES} queries"),
        ));
    }
    let fields = catalog.collection().fields();
    let searches = body
        .queries
        .into_iter()
        .enumerate()
        .map(|(index, Object(query))| {
            let WithOthers { known, others } = query;
            let asked = condition_of_members(fields, &others)
                .and_then(|attributes| known.asked(attributes, catalog));
            asked.map_err(|problem| problem.within(&format!("queries[{index}]")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let total: usize = searches.iter().map(|(search, _)| search.limit.get()).sum();
    if total > MAX_TOTAL_LIMIT {
        return Err(Problem::invalid(
            "queries",
            &format!("limits that add up to {total}"),
            format!("an array of queries whose limits add up to at most {MAX_TOTAL_LIMIT}"),
        ));
    }
    Ok(searches)
}

async fn answer(
    state: &Arc<State>,
    catalog: &Arc<Catalog>,
    searches: Vec<Asked>,
) -> Result<Vec<u8>, Problem> {
    let parts: Vec<(usize, Vec<Asked>)> = searches
        .chunks(PART)
        .enumerate()
        .map(|(number, part)| (number * PART, part.to_vec()))
        .collect();
    let at_once = std::thread::available_parallelism().map_or(1, NonZero::get);
    stream::iter(parts)
        .map(|(first, part)| {
            let (state, catalog) = (Arc::clone(state), Arc::clone(catalog));
            async move {
                let turns = Arc::clone(&state.batch_turns);
                let asking = Arc::clone(&state);
                let work = async move {
                    // Whoever has no turn takes no place among the connections.
                    let turn = turns.acquire_owned().await;
                    let turn = turn.expect("the turns are never closed");
                    let answering = answer_part(&catalog, first, &part);
                    asking.placed(Some(turn), answering).await
                };
                let (body, counts) = state.run_beside(work).await?;
                for count in counts {
                    state.metrics.search_answered(count);
                }
                Ok::<_, Problem>(body)
            }
        })
        .buffered(at_once)
        .try_fold(br#"{"results":["#.to_vec(), async |mut out, part| {
            if !out.ends_with(b"[") {
                out.push(b',');
            }
            out.extend_from_slice(&part);
            Ok(out)
        })
        .await
        .map(|mut out| {
            out.extend_from_slice(b"]}");
            out
        })
}

/// The answers of one part with commas between them, and how many centers each
/// has.
async fn answer_part(
    catalog: &Catalog,
    first: usize,
    part: &[Asked],
) -> Result<(Vec<u8>, Vec<usize>), Problem> {
    let mut out = Vec::new();
    let mut counts = Vec::with_capacity(part.len());
    for ((search, shape), index) in part.iter().zip(first..) {
        if !out.is_empty() {
            out.push(b',');
        }
        let answered = match shape {
            Some(shape) => shape::answer(catalog, search, Format::Json, shape, out)
                .await
                .map(|shaped| (shaped.body, shaped.count)),
            None => plain(catalog, search, out).await,
        };
        let (body, count) = answered.map_err(|error| refused(error, index))?;
        counts.push(count);
        out = body;
    }
    Ok((out, counts))
}

async fn plain(
    catalog: &Catalog,
    search: &Search,
    out: Vec<u8>,
) -> Result<(Vec<u8>, usize), SearchError> {
    let mut answer = AnswerBody::after(out, Format::Json, search);
    catalog.search(search, &mut answer).await?;
    let count = answer.count();
    Ok((answer.finish(), count))
}

fn refused(error: SearchError, index: usize) -> Problem {
    let problem = Problem::from(error);
    if problem.code().status().is_client_error() {
        problem.within(&format!("queries[{index}]"))
    } else {
        problem
    }
}
