//! Links between resources (RFC 8288), as OGC API writes them.

use std::str::FromStr as _;

use actix_web::HttpRequest;
use actix_web::http::header::HOST;
use actix_web::http::uri::Authority;
use serde::Serialize;

use crate::http::connection::Encrypted;
use crate::http::network::believes_proxy;
use crate::http::params::CURSOR;
use crate::http::query::without;

/// Longitude and latitude on WGS 84, the one reference system of answers.
pub(in crate::http) const CRS84: &str = "http://www.opengis.net/def/crs/OGC/1.3/CRS84";

pub(in crate::http) const JSON: &str = "application/json";
pub(in crate::http) const GEO_JSON: &str = "application/geo+json";
pub(in crate::http) const HTML: &str = "text/html";
pub(in crate::http) const SCHEMA: &str = "application/schema+json";
pub(in crate::http) const MVT: &str = "application/vnd.mapbox-vector-tile";

/// The tilesets of a collection (OGC API - Tiles, Part 1).
pub(in crate::http) const TILESETS: &str = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector";
/// What a collection can be asked by (OGC API - Features, Part 3).
pub(in crate::http) const QUERYABLES: &str = "http://www.opengis.net/def/rel/ogc/1.0/queryables";

/// A link to another resource.
#[derive(Debug, Serialize)]
pub(in crate::http) struct Link {
    rel: &'static str,
    href: String,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    templated: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Link {
    pub(in crate::http) fn new(rel: &'static str, href: String, r#type: &'static str) -> Self {
        Self {
            rel,
            href,
            r#type,
            title: None,
            templated: false,
        }
    }

    /// With what people may call it.
    pub(in crate::http) fn titled(self, title: impl Into<String>) -> Self {
        Self {
            title: Some(title.into()),
            ..self
        }
    }

    /// That its address has parts in braces to be filled in.
    pub(in crate::http) fn templated(self) -> Self {
        Self {
            templated: true,
            ..self
        }
    }
}

/// The address of a path, which begins with `/`, as the client reaches this service: as a
/// proxy tells, then by `Host`, and by this service's own name where neither is one.
pub(in crate::http) fn address_of(request: &HttpRequest, path: &str) -> String {
    let is_encrypted = request
        .conn_data::<Encrypted>()
        .is_some_and(|encrypted| encrypted.0);
    let connection = request.connection_info();
    let forwarded = believes_proxy(request).then_some(&connection);
    let is_encrypted = is_encrypted || forwarded.is_some_and(|told| told.scheme() == "https");
    let scheme = if is_encrypted { "https" } else { "http" };
    let asked = request.headers().get(HOST);
    let hosts = [
        forwarded.map(|forwarded| forwarded.host()),
        asked.and_then(|host| host.to_str().ok()),
        request.uri().authority().map(Authority::as_str),
    ];
    let mut hosts = hosts.into_iter().flatten();
    let host = hosts
        .find(|host| Authority::from_str(host).is_ok())
        .unwrap_or(request.app_config().host());
    format!("{scheme}://{host}{path}")
}

/// The address that was asked.
pub(in crate::http) fn this(request: &HttpRequest) -> String {
    with_query(request, request.query_string())
}

/// The address that was asked, of the page of a cursor.
pub(in crate::http) fn page_of(request: &HttpRequest, cursor: &str) -> String {
    let cursor = format!("{CURSOR}={cursor}");
    let others = without(request.query_string(), CURSOR);
    let query: Vec<&str> = others.chain([cursor.as_str()]).collect();
    with_query(request, &query.join("&"))
}

fn with_query(request: &HttpRequest, query: &str) -> String {
    let mut address = address_of(request, request.path());
    if !query.is_empty() {
        address.push('?');
        address.push_str(query);
    }
    address
}
