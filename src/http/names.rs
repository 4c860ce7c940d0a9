//! `GET /search`: names as one types them.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::collections::{catalog_of, filter_for};
use super::params::{self, FILTER_PARAMS};
use super::problem::Problem;
use super::query::{Param, Params, Query};
use super::reply;
use super::state::State;
use super::timing::SearchTime;
use crate::domain::{FoundName, MAX_NAME_QUERY_CHARS, NameQuery, Origin, Position};
use crate::wire::{AttributeMembers, JsonId};

/// How many centers an answer holds when the client does not say, and at most:
/// nobody reads more while typing.
const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: usize = 100;

const NAME_PARAMS: &[Param] = &[
    Param::once("q"),
    Param::once("lat"),
    Param::once("lng"),
    Param::once("limit"),
];
const PARAMS: Params = &[NAME_PARAMS, FILTER_PARAMS];

#[derive(Serialize)]
struct Answer<'a> {
    origin: Option<OriginView>,
    count: usize,
    centers: Vec<FoundView<'a>>,
}

#[derive(Serialize)]
struct OriginView {
    lat: f64,
    lng: f64,
}

#[derive(Serialize)]
struct FoundView<'a> {
    id: JsonId,
    name: &'a str,
    latitude: Option<f64>,
    longitude: Option<f64>,
    country: Option<&'a str>,
    region: Option<&'a str>,
    city: Option<&'a str>,
    r#match: &'static str,
    distance_m: Option<f64>,
    #[serde(flatten)]
    attributes: AttributeMembers<'a>,
}

impl<'a> From<&'a FoundName> for FoundView<'a> {
    fn from(found: &'a FoundName) -> Self {
        let center = &found.center;
        Self {
            id: center.id.into(),
            name: &center.text.name,
            latitude: center.position.map(Position::latitude),
            longitude: center.position.map(Position::longitude),
            country: center.text.country.as_deref(),
            region: center.text.region.as_deref(),
            city: center.text.city.as_deref(),
            r#match: found.how.name(),
            distance_m: found.distance_m.map(to_the_micrometre),
            attributes: AttributeMembers(&center.attributes),
        }
    }
}

/// As distances are everywhere.
fn to_the_micrometre(metres: f64) -> f64 {
    (metres * 1e6).round() / 1e6
}

pub(super) async fn get(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let catalog = catalog_of(&request)?;
    let fields = catalog.collection().fields();
    let query = Query::parse_with_attributes(request.query_string(), PARAMS, fields)?;
    let filter = filter_for(&catalog, params::filter_of(&query, fields)?)?;
    let origin = origin_of(&query)?;
    let asked = name_query(&query, origin)?;
    let state = State::of(&request);
    let finding = async move { catalog.find_names(&asked, &filter).await };
    let finding = state.queued_to_its_end(&state.queues.texts, finding);
    let found = SearchTime::of(&request).measured(finding).await?;
    state.metrics.search_answered(found.len());
    let answer = Answer {
        origin: origin.map(|origin| OriginView {
            lat: origin.latitude(),
            lng: origin.longitude(),
        }),
        count: found.len(),
        centers: found.iter().map(Into::into).collect(),
    };
    Ok(reply::ok(&answer))
}

/// The origin, which may be missing, but not by half.
fn origin_of(query: &Query<'_>) -> Result<Option<Origin>, Problem> {
    if query.one("lat").is_none() && query.one("lng").is_none() {
        return Ok(None);
    }
    params::origin_of(query).map(Some)
}

fn name_query(query: &Query<'_>, origin: Option<Origin>) -> Result<NameQuery, Problem> {
    let allowed = format!("1 to {MAX_NAME_QUERY_CHARS} characters, not all blank");
    let text = query
        .one("q")
        .ok_or_else(|| Problem::missing("q", allowed.clone()))?;
    let limit = match query.one("limit") {
        None => DEFAULT_LIMIT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=MAX_LIMIT).contains(limit))
            .ok_or_else(|| {
                Problem::invalid(
                    "limit",
                    text,
                    format!("a whole number from 1 to {MAX_LIMIT}"),
                )
            })?,
    };
    let fits = text.chars().count() <= MAX_NAME_QUERY_CHARS;
    NameQuery::new(text, origin, limit)
        .filter(|_| fits)
        .ok_or_else(|| Problem::invalid("q", text, allowed))
}
