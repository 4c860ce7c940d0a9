//! The content of an answer on its way out: what tells it from any other, whether its client
//! has it already, and how it is packed.

use actix_web::HttpRequest;
use actix_web::body::{BodySize, BoxBody, MessageBody as _, None as NoBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, VARY,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;

use super::budget::{Counted, Held, Lease};
use super::coding::Coding;
use super::connection::deadlines::Unanswered;
use super::known::{RowTag, has, tag};
use super::reply::{NO_CACHE, VARY_ENCODING};
use super::state::State;

/// Gives reads their tag and says how long they may be kept, answers 304 where the client has
/// what it asks for, and packs what is worth it. Pages, which never change, have a tag already.
pub(super) async fn sent(
    response: ServiceResponse,
    lease: Option<Lease>,
    unanswered: Option<Unanswered>,
) -> ServiceResponse {
    let (request, response) = response.into_parts();
    let (mut response, body) = response.into_parts();
    let is_read = is_kept(&request, response.status(), response.headers());
    if is_read {
        let cache_control = State::of(&request).cache_control.as_ref();
        if let Some(cache_control) = cache_control {
            response
                .headers_mut()
                .insert(CACHE_CONTROL, cache_control.clone());
        }
    }
    let body = match body.try_into_bytes() {
        Ok(bytes) if !bytes.is_empty() => bytes,
        Ok(bytes) => return ServiceResponse::new(request, response.set_body(BoxBody::new(bytes))),
        Err(body) => {
            let body = match body.size() {
                // It comes piece by piece, and its client waits for the last.
                BodySize::Stream => BoxBody::new(Held::new(body, unanswered)),
                _ => body,
            };
            return ServiceResponse::new(request, response.set_body(body));
        }
    };
    let is_packable = !response.headers().contains_key(CONTENT_ENCODING);
    let mut coding = Coding::Identity;
    if is_packable && !is_page(response.headers()) {
        coding = Coding::for_bytes(body.len(), request.headers());
    }
    let mut lease = lease;
    if let Some(lease) = &mut lease
        && coding != Coding::Identity
        && lease.grow(body.len()).is_err()
    {
        // There is no room for both forms.
        coding = Coding::Identity;
    }
    if is_read {
        let row = response.extensions().get::<RowTag>().copied();
        let tag = tag(row, &body, coding);
        let is_known = has(&request, &tag);
        let headers = response.headers_mut();
        headers.insert(ETAG, tag);
        if is_known {
            headers.remove(CONTENT_TYPE);
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            let nothing = BoxBody::new(NoBody::new());
            return ServiceResponse::new(request, response.set_body(nothing));
        }
    }
    let body = if coding == Coding::Identity {
        body
    } else {
        let headers = response.headers_mut();
        headers.insert(CONTENT_ENCODING, coding.header());
        if !headers.contains_key(VARY) {
            headers.insert(VARY, VARY_ENCODING);
        }
        let packed = Bytes::from(State::of(&request).packing.pack(coding, body).await);
        if let Some(lease) = &mut lease {
            lease.shrink_to(packed.len());
        }
        packed
    };
    let body = match lease {
        Some(lease) => Counted::new(body, lease, unanswered).boxed(),
        None => BoxBody::new(body),
    };
    ServiceResponse::new(request, response.set_body(body))
}

/// Whether an answer may be kept: one to a read that its handler lets be kept.
fn is_kept(request: &HttpRequest, status: StatusCode, headers: &HeaderMap) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
        && matches!(status, StatusCode::OK | StatusCode::NO_CONTENT)
        && !is_page(headers)
        && headers.get(CACHE_CONTROL) == Some(&NO_CACHE)
}

fn is_page(headers: &HeaderMap) -> bool {
    headers.contains_key(ETAG)
}
