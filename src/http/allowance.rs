//! What clients have left of their limits, as answers tell it
//! (draft-ietf-httpapi-ratelimit-headers).

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpMessage as _, HttpRequest};
use governor::middleware::StateSnapshot;

/// What a client may send.
pub const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What is left of it.
pub const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The window of limits that are given by the minute, in seconds.
const WINDOW_S: u32 = 60;

/// What is left of one limit after a request.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    policy: &'static str,
    /// Requests a minute.
    requests: u32,
    left: u32,
}

impl Allowance {
    /// When all may be sent again, in seconds.
    fn full_in_s(self) -> u32 {
        let used = self.requests.saturating_sub(self.left);
        (used * WINDOW_S).div_ceil(self.requests.max(1))
    }
}

/// Those of a request: of its network, of its key.
#[derive(Debug, Default)]
struct Allowances(Vec<Allowance>);

/// Remembers what a limit leaves of so many requests a minute, to tell with the answer.
pub(super) fn remember(
    request: &HttpRequest,
    policy: &'static str,
    requests: u32,
    state: &StateSnapshot,
) {
    let mut extensions = request.extensions_mut();
    if !extensions.contains::<Allowances>() {
        extensions.insert(Allowances::default());
    }
    let all = extensions.get_mut::<Allowances>();
    all.expect("they are there now").0.push(Allowance {
        policy,
        requests,
        left: state.remaining_burst_capacity(),
    });
}

/// The headers that tell what a request left of the limits that it was held to; `None` where
/// there were none.
pub(super) fn told(request: &HttpRequest) -> Option<[(HeaderName, HeaderValue); 2]> {
    let extensions = request.extensions();
    let Allowances(all) = extensions.get()?;
    let listed = |each: &dyn Fn(&Allowance) -> String| {
        let items: Vec<String> = all.iter().map(each).collect();
        HeaderValue::from_str(&items.join(", ")).expect("it is ASCII")
    };
    let policies = listed(&|one| format!("\"{}\";q={};w={WINDOW_S}", one.policy, one.requests));
    let left = listed(&|one| format!("\"{}\";r={};t={}", one.policy, one.left, one.full_in_s()));
    Some([(RATELIMIT_POLICY, policies), (RATELIMIT, left)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_may_be_sent_again_once_what_was_used_has_come_back() {
        let full_in_s = |requests, left| {
            let one = Allowance {
                policy: "network",
                requests,
                left,
            };
            one.full_in_s()
        };
        assert_eq!(full_in_s(60, 60), 0);
        assert_eq!(full_in_s(60, 59), 1);
        assert_eq!(full_in_s(5, 4), 12);
        assert_eq!(full_in_s(5, 0), 60);
        assert_eq!(full_in_s(3_000, 2_999), 1);
    }
}
