//! `GET /within`: the centers that a map shows, by id, or as clusters of a zoom.

use std::future::ready;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::Either;

use super::clusters::shown;
use super::map::{asked, in_turn};
use super::params::{self, FILTER_PARAMS, SEARCH_PARAMS};
use super::problem::Problem;
use super::query::{Param, Params, Query};
use super::search::{Responding, Way};
use super::staleness::telling_lag;
use super::state::State;
use crate::catalog::Catalog;
use crate::domain::{Area, Cells, Fields, Filter, Search, Viewport, Zoom};
use crate::engine::SearchError;

/// The most cells of one answer: more than the largest screens show.
const MAX_CELLS: u64 = 16_384;
/// The most centers that are shown one by one where clusters end.
const MAX_CENTERS: usize = 5_000;
/// The parameter that asks for clusters.
const ZOOM: &str = "zoom";

const PARAMS: Params = &[&[Param::once("bbox")], FILTER_PARAMS, SEARCH_PARAMS];

const CLUSTER_PARAMS: Params = &[&[Param::once("bbox"), Param::once(ZOOM)], FILTER_PARAMS];

/// Answers clusters where there is a zoom, and centers where there is none.
pub(super) fn get(request: &HttpRequest) -> Responding {
    let parts = request.query_string().split('&');
    let mut names = parts.map(|part| part.split('=').next().unwrap_or_default());
    if !names.any(|name| name == ZOOM) {
        return WAY.get(request);
    }
    match asked(request, CLUSTER_PARAMS, view) {
        Ok((catalog, filter, view)) => {
            Either::Right(Box::pin(clusters(request.clone(), catalog, filter, view)))
        }
        Err(problem) => Either::Left(ready(Err(problem))),
    }
}

fn view(query: &Query<'_>, _: &Catalog, filter: &Filter) -> Result<(Viewport, Cells), Problem> {
    let viewport = params::viewport_of(query, filter)?;
    let zoom = params::zoom_of(query)?;
    let cells = Cells::of(&viewport, zoom);
    if cells.count() <= MAX_CELLS {
        return Ok((viewport, cells));
    }
    let zooms = (0..zoom.get()).rev().filter_map(Zoom::new);
    let mut fitting = zooms.filter(|&zoom| Cells::of(&viewport, zoom).count() <= MAX_CELLS);
    let deepest = fitting.next().map_or(0, Zoom::get);
    let allowed = format!("at most {deepest} for a bbox of this size");
    Err(Problem::invalid(ZOOM, &zoom.get().to_string(), allowed))
}

async fn clusters(
    request: HttpRequest,
    catalog: Arc<Catalog>,
    filter: Filter,
    (viewport, cells): (Viewport, Cells),
) -> Result<HttpResponse, Problem> {
    let clustered_below = State::of(&request).clustered_below;
    let answering = Arc::clone(&catalog);
    let asking = async move {
        let engine = answering.answering()?;
        if cells.zoom() >= clustered_below
            && let Some(centers) = engine.centers_in(&cells, &filter, MAX_CENTERS).await?
        {
            return Ok(centers);
        }
        engine.clusters(&cells, &filter).await
    };
    let found = in_turn::<_, SearchError>(&request, asking).await?;
    let shown = shown(&found, clustered_below, |position| {
        viewport.contains(position)
    });
    Ok(telling_lag(&catalog, shown))
}

const WAY: Way = Way {
    params: PARAMS,
    read: search,
};

fn search(query: &Query<'_>, fields: &Fields) -> Result<Search, Problem> {
    let filter = params::filter_of(query, fields)?;
    Ok(Search {
        area: Area::Within(params::viewport_of(query, &filter)?),
        limit: params::limit_of(query)?,
        filter,
        exclude: params::exclude_of(query)?,
        after: params::cursor_of(query)?,
    })
}
