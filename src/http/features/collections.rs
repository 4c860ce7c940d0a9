//! `GET /collections`: what there is to be asked.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::check_json_only;
use super::links::{self, CRS84, Link, address_of};
use crate::catalog::Catalog;
use crate::domain::FilterField;
use crate::http::collections::{catalog_of, sent_fields};
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::state::State;
use crate::store::Field;

#[derive(Serialize)]
struct Answer<'a> {
    links: Vec<Link>,
    collections: Vec<CollectionView<'a>>,
}

#[derive(Serialize)]
struct CollectionView<'a> {
    id: &'a str,
    title: &'a str,
    #[serde(rename = "itemType")]
    item_type: &'static str,
    extent: Extent,
    crs: [&'static str; 1],
    links: Vec<Link>,
    name: &'a str,
    /// Whether paths need not name it.
    default: bool,
    engine: &'static str,
    /// The fields that its rows can have; all others are null.
    fields: Vec<&'static str>,
    /// Its attributes beside these.
    attributes: Vec<AttributeView<'a>>,
    path: String,
}

#[derive(Serialize)]
struct Extent {
    spatial: Spatial,
}

/// Where rows may be: nobody looks where they are.
#[derive(Serialize)]
struct Spatial {
    bbox: [[f64; 4]; 1],
    crs: &'static str,
}

const ANYWHERE: Extent = Extent {
    spatial: Spatial {
        bbox: [[-180.0, -90.0, 180.0, 90.0]],
        crs: CRS84,
    },
};

#[derive(Serialize)]
struct AttributeView<'a> {
    name: &'a str,
    r#type: &'static str,
}

impl<'a> From<&'a FilterField> for AttributeView<'a> {
    fn from(field: &'a FilterField) -> Self {
        Self {
            name: &field.name,
            r#type: field.kind.name(),
        }
    }
}

impl<'a> CollectionView<'a> {
    fn new(request: &HttpRequest, catalog: &'a Catalog) -> Self {
        let collection = catalog.collection();
        let name = collection.name.as_str();
        let default = &State::of(request).catalog.collection().name;
        Self {
            id: name,
            title: name,
            item_type: "feature",
            extent: ANYWHERE,
            crs: [CRS84],
            links: links_of(request, name),
            name,
            default: collection.name == *default,
            engine: catalog.engine().kind().name(),
            fields: sent_fields(collection).map(Field::name).collect(),
            attributes: collection
                .fields()
                .attributes()
                .iter()
                .map(Into::into)
                .collect(),
            path: format!("/collections/{name}"),
        }
    }
}

fn links_of(request: &HttpRequest, name: &str) -> Vec<Link> {
    let to = |rel, path: &str, kind| {
        let path = format!("/collections/{name}{path}");
        Link::new(rel, address_of(request, &path), kind)
    };
    let tile_json = address_of(request, &format!("/tiles/{name}.json"));
    vec![
        to("self", "", links::JSON),
        to("items", "/items", links::GEO_JSON).titled("its rows"),
        to(links::QUERYABLES, "/queryables", links::SCHEMA).titled("what it can be asked by"),
        to(links::TILESETS, "/tiles", links::JSON).titled("its tiles"),
        Link::new("describedby", tile_json, links::JSON).titled("its tiles as TileJSON"),
    ]
}

pub(in crate::http) async fn list(request: HttpRequest) -> Result<HttpResponse, Problem> {
    check_json_only(&request)?;
    let all = State::of(&request).collections.iter();
    let address = address_of(&request, "/collections");
    Ok(reply::ok(&Answer {
        links: vec![Link::new("self", address, links::JSON)],
        collections: all
            .map(|catalog| CollectionView::new(&request, catalog))
            .collect(),
    }))
}

pub(in crate::http) async fn get(request: HttpRequest) -> Result<HttpResponse, Problem> {
    check_json_only(&request)?;
    let catalog = catalog_of(&request)?;
    Ok(reply::ok(&CollectionView::new(&request, &catalog)))
}
