//! The name under which a request is found in the log.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries it, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longer ids are replaced rather than logged.
const MAX_GIVEN_BYTES: usize = 128;

/// An odd step: adding it visits every number before one comes again (the
/// golden ratio of 2^64, as in D. Knuth, TAOCP volume 3, section 6.4).
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Makes ids for one worker: a random start, then steps, as asking for
/// randomness at each request would cost more than the rest of the id.
#[derive(Debug)]
pub struct RequestIds(std::cell::Cell<u64>);

impl RequestIds {
    /// Starts anywhere.
    #[must_use]
    pub fn new() -> Self {
        Self(std::cell::Cell::new(rand::random()))
    }

    /// The id that the client or a proxy gave, where it is a sane one; else a
    /// new one.
    #[must_use]
    pub fn of(&self, headers: &HeaderMap) -> HeaderValue {
        match headers.get(&REQUEST_ID) {
            Some(given) if is_sane(given.as_bytes()) => given.clone(),
            _ => self.next(),
        }
    }

    /// A new one.
    #[must_use]
    pub fn next(&self) -> HeaderValue {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let number = self.0.get().wrapping_add(STEP);
        self.0.set(number);
        let digits: [u8; 16] = std::array::from_fn(|at| {
            DIGITS[usize::try_from(number >> (60 - 4 * at) & 0xf).expect("four bits are an index")]
        });
        HeaderValue::from_bytes(&digits).expect("hexadecimal digits are a header value")
    }
}

/// What may be logged as it is.
fn is_sane(id: &[u8]) -> bool {
    (1..=MAX_GIVEN_BYTES).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(given: Option<&str>) -> String {
        let mut headers = HeaderMap::new();
        if let Some(given) = given {
            headers.insert(REQUEST_ID, HeaderValue::from_str(given).unwrap());
        }
        let id = RequestIds::new().of(&headers);
        id.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_sane_id_is_kept_and_any_other_replaced() {
        assert_eq!(id_for(Some("ab-1_2.3:4")), "ab-1_2.3:4");
        let longest = "a".repeat(MAX_GIVEN_BYTES);
        assert_eq!(id_for(Some(&longest)), longest);
        for bad in ["", "a b", "a\"b", "a=b", &(longest + "a")] {
            assert_eq!(id_for(Some(bad)).len(), 16, "{bad}");
        }
        assert_eq!(id_for(None).len(), 16);
    }

    #[test]
    fn new_ids_differ() {
        let ids = RequestIds::new();
        let distinct: std::collections::HashSet<_> = (0..1_000).map(|_| ids.next()).collect();
        assert_eq!(distinct.len(), 1_000);
    }
}
