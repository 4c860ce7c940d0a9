//! `GET /nearest`: the nearest centers on the globe, however far.

use actix_web::{HttpRequest, HttpResponse};

use super::collections::{catalog_of, check_filter};
use super::negotiate::Format;
use super::params;
use super::problem::Problem;
use super::query::{Param, Query};
use super::search::respond;
use super::state::State;
use crate::domain::Search;

const PARAMS: &[Param] = &[
    Param::once("lat"),
    Param::once("lng"),
    Param::once("max_radius_m"),
    Param::once("limit"),
    Param::repeatable("country"),
    Param::repeatable("region"),
    Param::repeatable("city"),
    Param::repeatable("organization"),
    Param::once("min_rating"),
    Param::repeatable("exclude"),
    Param::once("cursor"),
    Param::once("format"),
];

pub(super) async fn get(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let query = Query::parse(request.query_string(), PARAMS)?;
    let format = Format::of(&request, &query)?;
    let state = State::of(&request);
    respond(state, &state.catalog, search(&query)?, format).await
}

/// The same of the collection that the path names.
pub(super) async fn of_collection(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let catalog = catalog_of(&request)?;
    let query = Query::parse(request.query_string(), PARAMS)?;
    let format = Format::of(&request, &query)?;
    let search = search(&query)?;
    check_filter(catalog.collection(), &search.filter)?;
    respond(State::of(&request), &catalog, search, format).await
}

fn search(query: &Query<'_>) -> Result<Search, Problem> {
    Ok(Search {
        origin: params::origin_of(query)?,
        radius: params::max_radius_of(query)?,
        limit: params::limit_of(query)?,
        filter: params::filter_of(query)?,
        exclude: params::exclude_of(query)?,
        after: params::cursor_of(query)?,
    })
}
