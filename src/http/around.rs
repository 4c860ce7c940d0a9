//! `/dive-sites/{id}/nearby` and `/dive-sites/{id}/centers`: what is close to a
//! dive site.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};

use super::centers::{id_of, not_found};
use super::code::Code;
use super::collections::{DIVE_SITES, named};
use super::negotiate::Format;
use super::params::{self, FILTER_PARAMS, GROUP_PARAMS, SEARCH_PARAMS};
use super::problem::Problem;
use super::query::{Param, Params, Query};
use super::search::{Asked, respond};
use super::shape::Shape;
use super::state::State;
use crate::catalog::Catalog;
use crate::domain::{Center, CenterId, Origin, Search};

const PARAMS: Params = &[
    &[
        Param::once("radius_m"),
        Param::once("radius_km"),
        Param::once("radius_mi"),
        Param::once("min_radius_m"),
    ],
    FILTER_PARAMS,
    GROUP_PARAMS,
    SEARCH_PARAMS,
];

/// The other sites close to a site.
pub(super) async fn sites(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let sites = named(State::of(&request), DIVE_SITES)?;
    let id = id_of(&request)?;
    around(&request, &sites, id, &sites, Some(id)).await
}

/// The centers close to a site.
pub(super) async fn centers(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let state = State::of(&request);
    let sites = named(state, DIVE_SITES)?;
    let id = id_of(&request)?;
    around(&request, &sites, id, &state.catalog, None).await
}

/// Answers what a collection has around a site.
async fn around(
    request: &HttpRequest,
    sites: &Arc<Catalog>,
    id: CenterId,
    searched: &Arc<Catalog>,
    itself: Option<CenterId>,
) -> Result<HttpResponse, Problem> {
    let query = Query::parse_with_attributes(
        request.query_string(),
        PARAMS,
        searched.collection().fields(),
    )?;
    let format = Format::of(request.headers(), &query, Format::Json)?;
    let (ring, limit) = (params::ring_of(&query)?, params::limit_of(&query)?);
    let fields = searched.collection().fields();
    let filter = params::filter_of(&query, fields)?;
    let group_by = params::group_by_of(&query, fields)?;
    let mut exclude = params::exclude_of(&query)?;
    exclude.extend(itself);
    let after = params::cursor_of(&query)?;
    let shape = Shape::of(&query, searched.collection(), true)?;

    let state = State::of(request);
    let reading = Arc::clone(sites);
    let found = state.run(async move { reading.read(id).await }).await?;
    let site = found.ok_or_else(|| not_found(sites.collection(), id))?;
    let search = Search {
        area: ring.around(origin_of(&site)?, group_by),
        limit,
        filter,
        exclude,
        after,
    };
    let asked = Asked {
        search,
        format,
        shape,
    };
    respond(request, searched, asked).await
}

fn origin_of(site: &Center) -> Result<Origin, Problem> {
    let Some(position) = site.position else {
        return Err(Problem::new(
            Code::CoordinatesMissing,
            format!("dive site {} has no coordinates to look around", site.id),
        ));
    };
    Ok(Origin::new(position.latitude(), position.longitude())
        .expect("a position is within the bounds of an origin"))
}
