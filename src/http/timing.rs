//! `Server-Timing`: how long the service took for a request, and the search within.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::Bytes;

pub const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
pub const TIMING_ALLOW_ORIGIN: HeaderName = HeaderName::from_static("timing-allow-origin");

/// How long the search took of the request under way on a connection; one a connection, as its
/// requests come one after the other. Clones are of the same connection.
#[derive(Debug, Clone, Default)]
pub struct SearchTime(Rc<Cell<Option<Duration>>>);

impl SearchTime {
    /// That of the connection that a request came by.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        request.conn_data::<Self>().cloned().unwrap_or_default()
    }

    /// Notes that the search is over that began then.
    pub fn ended(&self, began: Instant) {
        self.0.set(Some(began.elapsed()));
    }

    /// Runs a search, and notes how long it took with what it waited for.
    pub async fn measured<T>(self, search: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let found = search.await;
        self.ended(began);
        found
    }

    /// What was noted since the request before.
    #[must_use]
    pub fn take(&self) -> Option<Duration> {
        self.0.take()
    }
}

/// `Server-Timing` (W3C), in milliseconds.
#[must_use]
pub fn server_timing(total: Duration, search: Option<Duration>) -> HeaderValue {
    let mut text = Vec::with_capacity(64);
    text.extend_from_slice(b"total;dur=");
    push_ms(total, &mut text);
    if let Some(search) = search {
        text.extend_from_slice(b", search;dur=");
        push_ms(search, &mut text);
    }
    HeaderValue::from_maybe_shared(Bytes::from(text)).expect("digits are a header value")
}

/// To the microsecond.
fn push_ms(duration: Duration, out: &mut Vec<u8>) {
    let us = duration.as_micros();
    let mut buffer = itoa::Buffer::new();
    out.extend_from_slice(buffer.format(us / 1_000).as_bytes());
    out.push(b'.');
    let thousandths = us % 1_000;
    for place in [100, 10, 1] {
        let digit = u8::try_from(thousandths / place % 10).expect("a digit");
        out.push(b'0' + digit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_milliseconds_to_the_microsecond() {
        let us = Duration::from_micros;
        assert_eq!(server_timing(us(34), None), "total;dur=0.034");
        assert_eq!(
            server_timing(us(1_234_005), Some(us(7))),
            "total;dur=1234.005, search;dur=0.007"
        );
    }
}
