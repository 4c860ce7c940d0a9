//! `/clusters/{id}`: what is in a cluster.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};

use super::code::Code;
use super::list_cursor::{self, fingerprint};
use super::map::{asked, in_turn};
use super::negotiate::Format;
use super::params::{self, CURSOR, FILTER_PARAMS};
use super::problem::Problem;
use super::query::{Param, Params, Query};
use super::reply::{self, rendered};
use super::staleness::telling_lag;
use super::state::State;
use crate::catalog::Catalog;
use crate::domain::{Cells, ClusterId, Filter, Position, Zoom};
use crate::engine::{CenterOnMap, OnMap};
use crate::wire::{ClusterFeature, SummaryParts};

/// Why a center can be taken apart.
const RENDERED: &str = "engines hold what render_summary wrote";

const CHILDREN_PARAMS: Params = &[FILTER_PARAMS];

const LEAVES_PARAMS: Params = &[&[Param::once("limit"), Param::once(CURSOR)], FILTER_PARAMS];

/// What a cluster falls apart into at the next zoom.
pub(super) async fn children(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let id = id_of(&request)?;
    let (catalog, filter, ()) = asked(&request, CHILDREN_PARAMS, |_, _, _| Ok(()))?;
    let cell = id.cell();
    // There is nothing finer than the deepest zoom.
    let cells = Cells::within(cell, cell.zoom.next().unwrap_or(cell.zoom));
    let asked = Arc::clone(&catalog);
    let asking = async move { asked.answering()?.clusters(&cells, &filter).await };
    let found = in_turn(&request, asking).await?;
    if found.is_empty() {
        return Err(not_found(id));
    }
    let shown = shown(&found, State::of(&request).clustered_below, |_| true);
    Ok(telling_lag(&catalog, shown))
}

/// The centers of a cluster, by id.
pub(super) async fn leaves(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let id = id_of(&request)?;
    let page = |query: &Query<'_>, catalog: &Catalog, filter: &Filter| {
        let limit = params::limit_of(query)?;
        let cursor = query.one(CURSOR);
        let after =
            cursor.map(|text| list_cursor::decode(text, fingerprint(catalog.collection(), filter)));
        Ok((limit.get(), after.transpose()?))
    };
    let (catalog, filter, (limit, after)) = asked(&request, LEAVES_PARAMS, page)?;
    let cells = Cells::within(id.cell(), id.cell().zoom);
    let asking = async move {
        // One more tells that there is a next page.
        let engine = catalog.answering()?;
        let shown = engine.leaves(&cells, &filter, after, limit + 1).await;
        shown.map(|shown| (shown, catalog, filter))
    };
    let (shown, catalog, filter) = in_turn(&request, asking).await?;
    if shown.is_empty() && after.is_none() {
        return Err(not_found(id));
    }
    let found: Vec<CenterOnMap<'_>> = shown.centers().collect();
    let page = &found[..found.len().min(limit)];
    let last = page.last().filter(|_| found.len() > limit);
    let next =
        last.map(|last| list_cursor::encode(last.id, fingerprint(catalog.collection(), &filter)));
    let link = reply::next_link(&request, next.as_deref());
    let mut out = br#"{"type":"FeatureCollection","count":"#.to_vec();
    out.extend_from_slice(&rendered(&page.len()));
    out.extend_from_slice(br#","next":"#);
    out.extend_from_slice(&rendered(&next));
    out.extend_from_slice(br#","features":["#);
    for (number, center) in page.iter().enumerate() {
        out.extend_from_slice(if number == 0 { b"" } else { b"," });
        push_center(center, &mut out);
    }
    out.extend_from_slice(b"]}");
    Ok(reply::page_as(Format::GeoJson, out, link))
}

fn id_of(request: &HttpRequest) -> Result<ClusterId, Problem> {
    let text = request.match_info().query("id");
    let id = text.parse().ok().and_then(ClusterId::new);
    id.ok_or_else(|| Problem::invalid("id", text, "the `cluster_id` of a cluster"))
}

fn not_found(id: ClusterId) -> Problem {
    let id = id.get().to_string();
    Problem::new(Code::ClusterNotFound, "no center stands in this cluster")
        .at("id")
        .got(&id)
        .allowed("the `cluster_id` of a cluster that is there, with the same filters")
}

/// Answers clusters, and centers that stand alone, of which those are kept that are where
/// they are to be.
pub(super) fn shown(
    found: &OnMap,
    clustered_below: Zoom,
    keeps: impl Fn(Position) -> bool,
) -> HttpResponse {
    let mut features: Vec<Vec<u8>> = Vec::new();
    for sum in &found.clusters {
        let cluster = sum.cluster(clustered_below);
        if keeps(cluster.at.position()) {
            features.push(rendered(&ClusterFeature::from(&cluster)));
        }
    }
    for center in found.centers() {
        if keeps(position_of(&center)) {
            let mut feature = Vec::new();
            push_center(&center, &mut feature);
            features.push(feature);
        }
    }
    let mut out = br#"{"type":"FeatureCollection","features":["#.to_vec();
    out.extend(features.join(&b','));
    out.extend_from_slice(b"]}");
    reply::ok_as(Format::GeoJson, out)
}

/// Where a center stands, to the last decimal.
fn position_of(center: &CenterOnMap<'_>) -> Position {
    let parts = SummaryParts::of(center.rendered).expect(RENDERED);
    parts.position().expect(RENDERED)
}

fn push_center(center: &CenterOnMap<'_>, out: &mut Vec<u8>) {
    let parts = SummaryParts::of(center.rendered).expect(RENDERED);
    for part in [
        br#"{"type":"Feature","id":"#,
        parts.id,
        br#","geometry":{"type":"Point","coordinates":["#,
        // GeoJSON has longitude first (RFC 7946, section 3.1.1).
        parts.longitude,
        b",",
        parts.latitude,
        br#"]},"properties":"#,
        center.rendered,
        b"}}",
    ] {
        out.extend_from_slice(part);
    }
}
