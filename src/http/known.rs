//! What a client has already.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ETAG, EntityTag, Header as _, HeaderValue, IfNoneMatch, TryIntoHeaderValue as _,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

/// Begins a response whose content has a tag; [`Err`] where the client has that content,
/// which is not to be sent again.
pub(super) fn tagged(
    request: &HttpRequest,
    tag: EntityTag,
) -> Result<HttpResponseBuilder, HttpResponseBuilder> {
    let is_known = IfNoneMatch::parse(request).is_ok_and(|known| match known {
        IfNoneMatch::Any => true,
        IfNoneMatch::Items(tags) => tags.iter().any(|known| known.weak_eq(&tag)),
    });
    let status = if is_known {
        StatusCode::NOT_MODIFIED
    } else {
        StatusCode::OK
    };
    let mut response = HttpResponse::build(status);
    let tag: HeaderValue = tag
        .try_into_value()
        .expect("tags are made of hexadecimal digits");
    response.insert_header((ETAG, tag));
    if is_known {
        Err(response)
    } else {
        Ok(response)
    }
}
