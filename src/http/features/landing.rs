//! `GET /` for programs, and `GET /conformance`: where everything is, and by which standards.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::check_json_only;
use super::links::{self, Link, address_of};
use crate::http::problem::Problem;
use crate::http::reply;

/// The classes of requirements that this service fulfils.
const CONFORMS_TO: &[&str] = &[
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables-query-parameters",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tileset",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tilesets-list",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/geodata-tilesets",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/mvt",
];

#[derive(Serialize)]
struct Landing {
    title: &'static str,
    description: &'static str,
    links: Vec<Link>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Conformance {
    conforms_to: &'static [&'static str],
}

/// Where everything is.
pub(in crate::http) fn landing(request: &HttpRequest) -> HttpResponse {
    let to = |rel, path: &str, kind| Link::new(rel, address_of(request, path), kind);
    reply::ok(&Landing {
        title: "nearby",
        description: "Which centers are close to this point?",
        links: vec![
            to("self", "/?f=json", links::JSON).titled("this document"),
            to("alternate", "/", links::HTML).titled("the explorer"),
            to("service-desc", "/openapi.yaml", "application/yaml").titled("the API, for programs"),
            to("service-doc", "/docs", links::HTML).titled("the API, for people"),
            to("conformance", "/conformance", links::JSON).titled("the standards it follows"),
            to("data", "/collections", links::JSON).titled("the collections"),
        ],
    })
}

pub(in crate::http) async fn conformance(request: HttpRequest) -> Result<HttpResponse, Problem> {
    check_json_only(&request)?;
    Ok(reply::ok(&Conformance {
        conforms_to: CONFORMS_TO,
    }))
}
