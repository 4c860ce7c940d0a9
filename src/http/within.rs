//! `GET /within`: the centers that a map shows, by id.

use super::params;
use super::problem::Problem;
use super::query::{Param, Query};
use super::search::Way;
use crate::domain::{Area, Fields, Search};

const PARAMS: &[Param] = &[
    Param::once("bbox"),
    Param::once("limit"),
    Param::repeatable("country"),
    Param::repeatable("region"),
    Param::repeatable("city"),
    Param::repeatable("organization"),
    Param::once("min_rating"),
    Param::once("filter"),
    Param::once("filter-lang"),
    Param::repeatable("exclude"),
    Param::once("cursor"),
    Param::once("fields"),
    Param::once("count"),
    Param::once("facets"),
    Param::once("format"),
];

pub(super) const WAY: Way = Way {
    params: PARAMS,
    read: search,
};

fn search(query: &Query<'_>, fields: &Fields) -> Result<Search, Problem> {
    Ok(Search {
        area: Area::Within(params::viewport_of(query)?),
        limit: params::limit_of(query)?,
        filter: params::filter_of(query, fields)?,
        exclude: params::exclude_of(query)?,
        after: params::cursor_of(query)?,
    })
}
