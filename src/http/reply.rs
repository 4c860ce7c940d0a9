//! What answers have in common: JSON or GeoJSON, and how long they may be kept.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, VARY,
};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::body::JSON;
use super::negotiate::Format;
use crate::store::KeptAnswer;

/// An answer may be kept but not reused unasked: whoever wrote a center finds
/// it in the next answer.
const NO_CACHE: (HeaderName, HeaderValue) = (CACHE_CONTROL, HeaderValue::from_static("no-cache"));

/// Where the Accept header has a say.
const VARY_ACCEPT: (HeaderName, HeaderValue) = (VARY, HeaderValue::from_static("Accept"));

/// Answers with a value.
pub fn ok(value: &impl Serialize) -> HttpResponse {
    json(HttpResponse::Ok(), rendered(value))
}

/// Answers as it is kept.
pub fn as_kept(answer: KeptAnswer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).expect("statuses of ours are kept");
    let mut response = HttpResponse::build(status);
    if let Some(path) = answer.location {
        let path = HeaderValue::from_str(&path).expect("paths of ours are ASCII");
        response.insert_header((LOCATION, path));
    }
    json(response, answer.body)
}

/// Answers with JSON that is rendered already.
pub fn ok_rendered(body: Vec<u8>) -> HttpResponse {
    json(HttpResponse::Ok(), body)
}

/// Answers with a body in the form that the client asked for.
pub fn ok_as(format: Format, body: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, format.content_type()))
        .insert_header(NO_CACHE)
        .insert_header(VARY_ACCEPT)
        .body(body)
}

/// A value as JSON.
pub fn rendered(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts and numbers are always JSON")
}

fn json(mut response: HttpResponseBuilder, body: Vec<u8>) -> HttpResponse {
    response
        .insert_header((CONTENT_TYPE, HeaderValue::from_static(JSON)))
        .insert_header(NO_CACHE)
        .body(body)
}
