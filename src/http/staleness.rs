//! How far an index is behind, said where it answers.

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue};

use crate::catalog::Catalog;

/// How many seconds the index is behind that an answer is from. Those that are level say
/// nothing.
pub const NEARBY_LAG: HeaderName = HeaderName::from_static("x-nearby-lag");

/// An answer from the index that says how far that is behind, if it is.
#[inline]
pub(super) fn telling_lag(catalog: &Catalog, mut response: HttpResponse) -> HttpResponse {
    if let Some(lag_s) = catalog.told_lag_s() {
        let headers = response.headers_mut();
        headers.insert(NEARBY_LAG, HeaderValue::from(lag_s));
    }
    response
}
