//! `GET /collections/{collection}/items`: the rows of a collection as features.

use actix_web::{HttpRequest, HttpResponse};

use super::links::{self, CRS84, Link, address_of};
use crate::http::centers::{self, READ_PARAMS};
use crate::http::list::{LIST_PARAMS, list};
use crate::http::negotiate::Format;
use crate::http::params::FILTER_PARAMS;
use crate::http::problem::Problem;
use crate::http::query::{Param, Params, Query};

const DATETIME: &str = "datetime";
const FILTER_CRS: &str = "filter-crs";
const PARAMS: Params = &[
    LIST_PARAMS,
    FILTER_PARAMS,
    &[
        Param::once("f"),
        Param::once(DATETIME),
        Param::once(FILTER_CRS),
    ],
];

const ITEM_PARAMS: Params = &[READ_PARAMS, &[Param::once("f")]];

pub(in crate::http) async fn get(request: HttpRequest) -> Result<HttpResponse, Problem> {
    list(&request, PARAMS, Format::GeoJson, check).await
}

pub(in crate::http) async fn one(request: HttpRequest) -> Result<HttpResponse, Problem> {
    centers::read_one(&request, ITEM_PARAMS, Format::GeoJson, item_links).await
}

/// Refuses what a client says of times and reference systems where it cannot be meant.
///
/// # Errors
/// When it is neither a time nor an interval, or another reference system.
fn check(query: &Query<'_>) -> Result<(), Problem> {
    // Rows stand for no time of their own, and what stands for none passes (Part 1, 7.15.4).
    if let Some(text) = query.one(DATETIME)
        && !is_time_or_interval(text)
    {
        let allowed = "a time of RFC 3339, or two with a slash between them, `..` for an open end";
        return Err(Problem::invalid(DATETIME, text, allowed));
    }
    match query.one(FILTER_CRS) {
        Some(crs) if crs != CRS84 => Err(Problem::invalid(FILTER_CRS, crs, CRS84)),
        _ => Ok(()),
    }
}

fn is_time_or_interval(text: &str) -> bool {
    let is_time = |text: &str| {
        chrono::DateTime::parse_from_rfc3339(text).is_ok()
            || chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
    };
    let is_end = |text: &str| matches!(text, "" | "..") || is_time(text);
    match text.split_once('/') {
        Some((from, to)) => is_end(from) && is_end(to) && (is_time(from) || is_time(to)),
        None => is_time(text),
    }
}

/// The links of one feature of a collection.
fn item_links(request: &HttpRequest, collection: &str) -> Vec<Link> {
    let path = format!("/collections/{collection}");
    vec![
        Link::new("self", links::this(request), links::GEO_JSON),
        Link::new("collection", address_of(request, &path), links::JSON),
    ]
}
