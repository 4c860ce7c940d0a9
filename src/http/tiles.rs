//! `/tiles/{collection}`: vector tiles, and what maps need to know to ask for them.
//!
//! A tile takes less time to write than to send, so none is kept: each shows what is there
//! now.

use std::collections::BTreeMap;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, VARY};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::chosen::Chosen;
use super::features::links::address_of;
use super::map::{asked, in_turn};
use super::params::FILTER_PARAMS;
use super::problem::Problem;
use super::query::{Param, Params};
use super::reply::{self, NO_CACHE, VARY_ENCODING};
use super::state::State;
use crate::catalog::Catalog;
use crate::domain::{FieldKind, Filter, MAP_EDGE_LATITUDE, MAX_ZOOM, Tile, Zoom};
use crate::engine::{OnMap, SearchError};
use crate::wire::MvtLayer;

/// The most bytes of a tile: what maps draw without a pause.
const MAX_TILE_BYTES: usize = 500_000;
/// The most centers that a tile shows one by one.
const MAX_CENTERS: usize = 10_000;
/// Where there are more, clusters stand so much closer at first: in cells of a 96th of a
/// tile.
const FINEST: u8 = 4;
const MVT: HeaderValue = HeaderValue::from_static("application/vnd.mapbox-vector-tile");
/// What tiles say of a center unless told otherwise.
const PLAIN: [&str; 2] = ["id", "name"];

const PARAMS: Params = &[&[Param::once("fields")], FILTER_PARAMS];

/// A tile; 204 where nothing is to be shown.
pub(super) async fn tile(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let (catalog, filter, chosen) = asked(&request, PARAMS, |query, catalog, _| {
        Chosen::of_tiles(query, catalog.collection())
    })?;
    let asked = Asked {
        tile: tile_of(&request)?,
        filter,
        chosen: chosen.unwrap_or_else(|| Chosen::of_known(PLAIN)),
        clustered_below: State::of(&request).clustered_below,
    };
    let writing = async move { write(&catalog, &asked).await };
    let written = in_turn(&request, writing).await?;
    let mut response = match written {
        Some(_) => HttpResponse::Ok(),
        None => HttpResponse::NoContent(),
    };
    response.insert_header((CACHE_CONTROL, NO_CACHE));
    Ok(match written {
        Some(body) => response
            .insert_header((CONTENT_TYPE, MVT))
            .insert_header((VARY, VARY_ENCODING))
            .body(body),
        None => response.finish(),
    })
}

/// What maps need to know to ask for tiles; filters and fields of the request are in the
/// address of the tiles, too.
pub(super) async fn tile_json(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let (catalog, _, chosen) = asked(&request, PARAMS, |query, catalog, _| {
        Chosen::of_tiles(query, catalog.collection())
    })?;
    let chosen = chosen.unwrap_or_else(|| Chosen::of_known(PLAIN));
    let collection = catalog.collection();
    let name = collection.name.as_str();
    let query = request.query_string();
    let tiles = format!(
        "{}{}{query}",
        address_of(&request, &format!("/tiles/{name}/{{z}}/{{x}}/{{y}}.mvt")),
        if query.is_empty() { "" } else { "?" },
    );
    let kind_of = |member: &str| {
        let field = collection.fields().find(member);
        let kind = field.map(|field| collection.fields().get(field).kind);
        match (member, kind) {
            ("id" | "latitude" | "longitude" | "average_rating" | "rating_count", _)
            | (_, Some(FieldKind::Number)) => "Number",
            (_, Some(FieldKind::Boolean)) => "Boolean",
            _ => "String",
        }
    };
    let members = chosen.names().map(|member| (member, kind_of(member)));
    let of_clusters = [
        ("cluster", "Boolean"),
        ("cluster_id", "Number"),
        ("point_count", "Number"),
        ("point_count_abbreviated", "String"),
        ("expansion_zoom", "Number"),
    ];
    Ok(reply::ok(&TileJson {
        tilejson: "3.0.0",
        name,
        tiles: [tiles],
        vector_layers: [VectorLayer {
            id: name,
            fields: members.chain(of_clusters).collect(),
        }],
        minzoom: 0,
        maxzoom: MAX_ZOOM,
        bounds: [-180.0, -MAP_EDGE_LATITUDE, 180.0, MAP_EDGE_LATITUDE],
    }))
}

/// `TileJSON` 3.0.
#[derive(Serialize)]
struct TileJson<'a> {
    tilejson: &'static str,
    name: &'a str,
    tiles: [String; 1],
    vector_layers: [VectorLayer<'a>; 1],
    minzoom: u8,
    maxzoom: u8,
    bounds: [f64; 4],
}

#[derive(Serialize)]
struct VectorLayer<'a> {
    id: &'a str,
    fields: BTreeMap<&'a str, &'static str>,
}

/// The tile in the path.
fn tile_of(request: &HttpRequest) -> Result<Tile, Problem> {
    let text = |name: &str| request.match_info().query(name);
    let zoom = text("z").parse().ok().and_then(Zoom::new);
    let zoom = zoom.ok_or_else(|| {
        let allowed = format!("a whole number from 0 to {MAX_ZOOM}");
        Problem::invalid("z", text("z"), allowed)
    })?;
    let last = (1_u32 << zoom.get()) - 1;
    let number = |name: &'static str| {
        let number = text(name).parse().ok().filter(|number| *number <= last);
        number.ok_or_else(|| {
            let allowed = format!("a whole number from 0 to {last} at zoom {}", zoom.get());
            Problem::invalid(name, text(name), allowed)
        })
    };
    let (x, y) = (number("x")?, number("y")?);
    Ok(Tile::new(zoom, x, y).expect("both are within the zoom's range"))
}

struct Asked {
    tile: Tile,
    filter: Filter,
    chosen: Chosen,
    clustered_below: Zoom,
}

/// The tile, `None` where nothing is to be shown: with every center from some zoom on,
/// with clusters before, and wherever there are too many centers. Of clusters, those that
/// stand closest together come first.
async fn write(catalog: &Catalog, asked: &Asked) -> Result<Option<Vec<u8>>, SearchError> {
    let Asked { tile, filter, .. } = asked;
    let engine = catalog.answering()?;
    let is_clustered = tile.zoom() < asked.clustered_below;
    if !is_clustered {
        let centers = engine
            .centers_in(&tile.cells(0), filter, MAX_CENTERS)
            .await?;
        let body = centers.map(|shown| encode(catalog, asked, &shown, &asked.chosen));
        if let Some(body) = body
            && fits(body.as_ref())
        {
            return Ok(body);
        }
    }
    let finest = if is_clustered { 0 } else { FINEST };
    for deeper in (1..=finest).rev() {
        let shown = engine.clusters(&tile.cells(deeper), filter).await?;
        let body = encode(catalog, asked, &shown, &asked.chosen);
        if fits(body.as_ref()) {
            return Ok(body);
        }
    }
    let shown = engine.clusters(&tile.cells(0), filter).await?;
    let body = encode(catalog, asked, &shown, &asked.chosen);
    if fits(body.as_ref()) {
        return Ok(body);
    }
    // Texts of any length can be chosen.
    Ok(encode(catalog, asked, &shown, &Chosen::of_known(["id"])))
}

fn fits(body: Option<&Vec<u8>>) -> bool {
    body.is_none_or(|body| body.len() <= MAX_TILE_BYTES)
}

fn encode(catalog: &Catalog, asked: &Asked, shown: &OnMap, chosen: &Chosen) -> Option<Vec<u8>> {
    let mut layer = MvtLayer::new(catalog.collection().name.as_str());
    let mut is_empty = true;
    for sum in &shown.clusters {
        for place in asked.tile.places_of(sum.middle()) {
            is_empty = false;
            layer = layer.cluster(&sum.cluster(asked.clustered_below), place);
        }
    }
    for center in shown.centers() {
        for place in asked.tile.places_of(center.at) {
            is_empty = false;
            layer = layer.center(center.id, center.rendered, |name| chosen.has(name), place);
        }
    }
    (!is_empty).then(|| layer.finish())
}
