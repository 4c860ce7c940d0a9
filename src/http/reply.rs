//! What answers have in common: JSON or GeoJSON, and how long they may be kept.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LINK, LOCATION, VARY};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::body::JSON;
use super::negotiate::Format;
use super::params::CURSOR;
use super::query::without;
use crate::store::KeptAnswer;

/// An answer may be kept but not reused unasked: whoever wrote a center finds
/// it in the next answer.
pub const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// Answers are packed as clients take it.
pub const VARY_ENCODING: HeaderValue = HeaderValue::from_static("Accept-Encoding");

/// Where the Accept header has a say, too.
const VARY_ACCEPT: HeaderValue = HeaderValue::from_static("Accept, Accept-Encoding");

/// The longest address of a next page that is sent: proxies keep little room for headers.
const MAX_LINK_BYTES: usize = 4_000;

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
        .insert_header((CACHE_CONTROL, NO_CACHE))
        .insert_header((VARY, VARY_ACCEPT))
        .body(body)
}

/// A page in the form that the client asked for, and where the next one is.
pub fn page_as(format: Format, body: Vec<u8>, next: Option<HeaderValue>) -> HttpResponse {
    let mut page = ok_as(format, body);
    if let Some(next) = next {
        page.headers_mut().insert(LINK, next);
    }
    page
}

/// Where the next page is (RFC 8288), by its cursor: at the same address with another cursor.
pub fn next_link(request: &HttpRequest, next: Option<&str>) -> Option<HeaderValue> {
    link_to(request.query_string(), CURSOR, next?)
}

/// Relative to the address of the request, whatever a proxy made of its path.
pub fn link_to(query: &str, parameter: &str, next: &str) -> Option<HeaderValue> {
    if query.len() > MAX_LINK_BYTES {
        return None;
    }
    let mut link = String::with_capacity(query.len() + 64);
    link.push_str("<?");
    for part in without(query, parameter) {
        link.push_str(part);
        link.push('&');
    }
    link.push_str(parameter);
    link.push('=');
    link.push_str(next);
    link.push_str(r#">; rel="next""#);
    HeaderValue::from_maybe_shared(Bytes::from(link)).ok()
}

/// A value as JSON.
pub fn rendered(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts and numbers are always JSON")
}

fn json(mut response: HttpResponseBuilder, body: Vec<u8>) -> HttpResponse {
    response
        .insert_header((CONTENT_TYPE, HeaderValue::from_static(JSON)))
        .insert_header((CACHE_CONTROL, NO_CACHE))
        .insert_header((VARY, VARY_ENCODING))
        .body(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_the_whole_query_and_the_next_cursor() {
        let link =
            |query| link_to(query, "cursor", "b").map(|link| link.to_str().unwrap().to_owned());
        for (query, next) in [
            ("", r#"<?cursor=b>; rel="next""#),
            ("lat=1&&lng=2", r#"<?lat=1&lng=2&cursor=b>; rel="next""#),
            (
                "cursor=a&city=x%26cursor%3D1",
                r#"<?city=x%26cursor%3D1&cursor=b>; rel="next""#,
            ),
            ("c%75rsor=a&lat=1", r#"<?lat=1&cursor=b>; rel="next""#),
        ] {
            assert_eq!(link(query).as_deref(), Some(next), "{query}");
        }
        assert_eq!(link(&"x=1&".repeat(1_001)), None);
    }
}
