//! What a client has already: tags that tell content from any other, and 304.
//!
//! A tag is of the bytes of an answer, so it is the same after a restart and from every
//! instance, in both engines, and another after every write that shows. To make one takes a
//! hundredth of what it takes to send the answer.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ETAG, EntityTag, Header as _, HeaderValue, IF_NONE_MATCH, IfNoneMatch, TryIntoHeaderValue as _,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use twox_hash::XxHash3_128;

use super::coding::Coding;

/// The digits of a digest.
const DIGITS: usize = 32;

/// What a row says that clients can write. The tag of an answer that shows the row alone
/// begins with it, however the answer shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowTag(u128);

impl RowTag {
    /// The tag of a row, by its text.
    #[must_use]
    pub fn of(row: &[u8]) -> Self {
        Self(XxHash3_128::oneshot(row))
    }

    /// That of the row in the tag of an answer; `None` where it has none.
    #[must_use]
    pub fn in_tag(tag: &str) -> Option<Self> {
        let (row, _) = tag.split_once('.')?;
        let is_one = row.len() == DIGITS && row.bytes().all(|digit| digit.is_ascii_hexdigit());
        u128::from_str_radix(row, 16)
            .ok()
            .filter(|_| is_one)
            .map(Self)
    }
}

/// The tag of an answer, `ETag`, and of the row that it shows.
pub(super) fn tag(row: Option<RowTag>, content: &[u8], coding: Coding) -> HeaderValue {
    let mut text = Vec::with_capacity(2 * DIGITS + 8);
    text.push(b'"');
    if let Some(RowTag(row)) = row {
        push_digits(row, &mut text);
        text.push(b'.');
    }
    push_digits(XxHash3_128::oneshot(content), &mut text);
    text.extend_from_slice(coding.tag_end().as_bytes());
    text.push(b'"');
    HeaderValue::from_maybe_shared(Bytes::from(text)).expect("digits are a header value")
}

fn push_digits(number: u128, out: &mut Vec<u8>) {
    let digits: [u8; DIGITS] = std::array::from_fn(|at| {
        let four_bits = number >> (4 * (DIGITS - 1 - at)) & 0xf;
        b"0123456789abcdef"[usize::try_from(four_bits).expect("four bits are an index")]
    });
    out.extend_from_slice(&digits);
}

/// Whether a client has the content of a tag.
pub(super) fn has(request: &HttpRequest, tag: &HeaderValue) -> bool {
    if !request.headers().contains_key(IF_NONE_MATCH) {
        return false;
    }
    let tag = tag.as_bytes();
    IfNoneMatch::parse(request).is_ok_and(|known| match known {
        IfNoneMatch::Any => true,
        IfNoneMatch::Items(tags) => {
            let mut tags = tags.iter().map(|known| known.tag().as_bytes());
            tags.any(|known| Some(known) == tag.get(1..tag.len() - 1))
        }
    })
}

/// Begins a response whose content has a tag; [`Err`] where the client has that content,
/// which is not to be sent again.
pub(super) fn tagged(
    request: &HttpRequest,
    tag: EntityTag,
) -> Result<HttpResponseBuilder, HttpResponseBuilder> {
    let tag: HeaderValue = tag
        .try_into_value()
        .expect("tags are made of digits and letters");
    let is_known = has(request, &tag);
    let mut response = HttpResponse::build(if is_known {
        StatusCode::NOT_MODIFIED
    } else {
        StatusCode::OK
    });
    response.insert_header((ETAG, tag));
    if is_known {
        Err(response)
    } else {
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn tags_tell_rows_contents_and_codings_apart() {
        let row = Some(RowTag::of(b"row"));
        let plain = tag(None, b"content", Coding::Identity);
        let text = plain.to_str().unwrap();
        assert_eq!(text.len(), 34);
        assert_eq!(plain, tag(None, b"content", Coding::Identity));
        assert_ne!(plain, tag(None, b"Content", Coding::Identity));
        let packed = tag(None, b"content", Coding::Gzip);
        assert_eq!(packed, format!("\"{}-gzip\"", text.trim_matches('"')));
        let of_row = tag(row, b"content", Coding::Identity);
        assert!(
            of_row
                .to_str()
                .unwrap()
                .ends_with(&format!(".{}", &text[1..]))
        );
    }

    #[test]
    fn a_client_has_what_it_says_it_has() {
        let tag = HeaderValue::from_static("\"ab-br\"");
        for (known, is_known) in [
            ("\"ab-br\"", true),
            ("W/\"ab-br\"", true),
            ("\"x\", \"ab-br\"", true),
            ("*", true),
            ("\"ab\"", false),
            ("nonsense", false),
            ("", false),
        ] {
            let request = TestRequest::get().insert_header((IF_NONE_MATCH, known));
            assert_eq!(has(&request.to_http_request(), &tag), is_known, "{known}");
        }
        assert!(!has(&TestRequest::get().to_http_request(), &tag));
    }
}
