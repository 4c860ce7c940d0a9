//! `GET /collections/{collection}/tiles`: the tiles of a collection as OGC API - Tiles tells of
//! them. There is one set, in the squares of Web Mercator.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::check_json_only;
use super::links::{self, Link, address_of};
use crate::catalog::Catalog;
use crate::domain::MAX_ZOOM;
use crate::http::collections::catalog_of;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::tiles;

/// The one tile matrix set that there is, by its registered name.
const WEB_MERCATOR_QUAD: &str = "WebMercatorQuad";
const ITS_ADDRESS: &str = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad";
const WEB_MERCATOR: &str = "http://www.opengis.net/def/crs/EPSG/0/3857";

#[derive(Serialize)]
struct Tilesets {
    links: Vec<Link>,
    tilesets: [Tileset; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tileset {
    title: String,
    data_type: &'static str,
    crs: &'static str,
    #[serde(rename = "tileMatrixSetURI")]
    tile_matrix_set_uri: &'static str,
    tile_matrix_set_limits: Vec<Limits>,
    links: Vec<Link>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Limits {
    tile_matrix: String,
    min_tile_row: u32,
    max_tile_row: u32,
    min_tile_col: u32,
    max_tile_col: u32,
}

pub(in crate::http) async fn list(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let catalog = asked(&request)?;
    let this = Link::new("self", links::this(&request), links::JSON);
    Ok(reply::ok(&Tilesets {
        links: vec![this],
        tilesets: [tileset(&request, &catalog)],
    }))
}

pub(in crate::http) async fn get(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let catalog = asked(&request)?;
    check(&request)?;
    Ok(reply::ok(&tileset(&request, &catalog)))
}

/// A tile by matrix, row and column.
pub(in crate::http) async fn tile(request: HttpRequest) -> Result<HttpResponse, Problem> {
    check(&request)?;
    tiles::tile(request).await
}

fn asked(request: &HttpRequest) -> Result<Arc<Catalog>, Problem> {
    check_json_only(request)?;
    catalog_of(request)
}

fn check(request: &HttpRequest) -> Result<(), Problem> {
    match request.match_info().query("matrix_set") {
        WEB_MERCATOR_QUAD => Ok(()),
        other => Err(Problem::invalid("matrix_set", other, WEB_MERCATOR_QUAD)),
    }
}

fn tileset(request: &HttpRequest, catalog: &Catalog) -> Tileset {
    let name = catalog.collection().name.as_str();
    let path = format!("/collections/{name}/tiles/{WEB_MERCATOR_QUAD}");
    let of_tiles = format!("{path}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}");
    Tileset {
        title: name.to_owned(),
        data_type: "vector",
        crs: WEB_MERCATOR,
        tile_matrix_set_uri: ITS_ADDRESS,
        tile_matrix_set_limits: (0..=MAX_ZOOM).map(limits).collect(),
        links: vec![
            Link::new("self", address_of(request, &path), links::JSON),
            Link::new("item", address_of(request, &of_tiles), links::MVT).templated(),
        ],
    }
}

fn limits(zoom: u8) -> Limits {
    let last = (1_u32 << zoom) - 1;
    Limits {
        tile_matrix: zoom.to_string(),
        min_tile_row: 0,
        max_tile_row: last,
        min_tile_col: 0,
        max_tile_col: last,
    }
}
