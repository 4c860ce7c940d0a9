//! `GET /covering`: the centers whose own radius reaches an origin, nearest first.

use super::code::Code;
use super::params::{self, FILTER_PARAMS, GROUP_PARAMS, SEARCH_PARAMS};
use super::problem::Problem;
use super::query::{Param, Params, Query};
use super::search::Way;
use crate::domain::{Area, Around, Fields, SERVICE_RADIUS, Search};

const PARAMS: Params = &[
    &[Param::once("lat"), Param::once("lng")],
    FILTER_PARAMS,
    GROUP_PARAMS,
    SEARCH_PARAMS,
];

pub(super) const WAY: Way = Way {
    params: PARAMS,
    read: search,
};

fn search(query: &Query<'_>, fields: &Fields) -> Result<Search, Problem> {
    let service_radius = fields.service_radius().ok_or_else(|| {
        let why = format!(
            "this collection does not say how far its rows reach: name the column as \
             `{SERVICE_RADIUS}` in the collections file"
        );
        Problem::new(Code::ServiceRadiusMissing, why)
    })?;
    Ok(Search {
        area: Area::Around(Around {
            origin: params::origin_of(query)?,
            radius: None,
            min_radius: None,
            group_by: params::group_by_of(query, fields)?,
            covered_by: Some(service_radius),
        }),
        limit: params::limit_of(query)?,
        filter: params::filter_of(query, fields)?,
        exclude: params::exclude_of(query)?,
        after: params::cursor_of(query)?,
    })
}
