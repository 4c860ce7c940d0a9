//! `GET /nearest`: the nearest centers on the globe, however far.

use actix_web::{HttpRequest, HttpResponse};

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
    let search = Search {
        origin: params::origin_of(&query)?,
        radius: params::max_radius_of(&query)?,
        limit: params::limit_of(&query)?,
        filter: params::filter_of(&query)?,
        exclude: params::exclude_of(&query)?,
        after: params::cursor_of(&query)?,
    };
    respond(State::of(&request), search, format).await
}
