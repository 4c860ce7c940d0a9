//! `GET /nearest`: the nearest centers on the globe, however far.

use super::params::{self, FILTER_PARAMS, GROUP_PARAMS, SEARCH_PARAMS};
use super::problem::Problem;
use super::query::{Param, Params, Query};
use super::search::Way;
use crate::domain::{Fields, Search};

const PARAMS: Params = &[
    &[
        Param::once("lat"),
        Param::once("lng"),
        Param::once("max_radius_m"),
        Param::once("min_radius_m"),
    ],
    FILTER_PARAMS,
    GROUP_PARAMS,
    SEARCH_PARAMS,
];

pub(super) const WAY: Way = Way {
    params: PARAMS,
    read: search,
};

fn search(query: &Query<'_>, fields: &Fields) -> Result<Search, Problem> {
    Ok(Search {
        area: params::nearest_ring_of(query)?.around(
            params::origin_of(query)?,
            params::group_by_of(query, fields)?,
        ),
        limit: params::limit_of(query)?,
        filter: params::filter_of(query, fields)?,
        exclude: params::exclude_of(query)?,
        after: params::cursor_of(query)?,
    })
}
