//! Every error as RFC 9457 `application/problem+json`.
//!
//! Clients are told what they can act on. The cause of a 5xx goes to the log,
//! by [`super::observe`], and never to the client.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use super::allowance::{RATELIMIT, RATELIMIT_POLICY};
use super::code::Code;
use super::connection::gate::Full;
use crate::domain::Neighbour;
use crate::engine::SearchError;
use crate::store::{DeleteError, SentAgain, StoreError, Unfit};
use crate::wire::JsonId;

/// The content type of every error.
pub const CONTENT_TYPE_PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The most characters that are sent back of one thing that a client sent.
const MAX_REPEATED_CHARS: usize = 100;
/// The most characters of what is said of it, in which it may stand again.
const MAX_DETAIL_CHARS: usize = 1_500;

/// When to try again while the index is being loaded: loading takes seconds.
const RETRY_INDEX_S: HeaderValue = HeaderValue::from_static("1");
/// When to try again while a request with the same key is under way.
const RETRY_UNDER_WAY_S: HeaderValue = HeaderValue::from_static("1");
/// When to try again where there is too much to do: others are done in a moment.
const RETRY_OVERLOADED_S: HeaderValue = HeaderValue::from_static("2");
/// When to try again while the database is away.
const RETRY_DATABASE_S: HeaderValue = HeaderValue::from_static("5");

/// What the limit of a network is called in headers.
pub(super) const NETWORK: &str = "network";
/// What that of a key is called.
pub(super) const KEY: &str = "key";

/// A limit that is reached: so many requests in a window, and when another one is taken.
#[derive(Debug, Clone)]
pub struct Limit {
    detail: &'static str,
    policy: &'static str,
    requests: u32,
    window: Duration,
    wait: Duration,
}

impl Limit {
    /// That of wrong keys.
    #[must_use]
    pub fn of_wrong_keys(requests: u32, window: Duration, wait: Duration) -> Self {
        Self {
            detail: "your network has shown too many wrong keys",
            policy: "wrong-keys",
            requests,
            window,
            wait,
        }
    }

    /// That of a key.
    #[must_use]
    pub fn of_key(requests_per_minute: u32, wait: Duration) -> Self {
        Self {
            detail: "this key was used as often as it may be",
            policy: KEY,
            requests: requests_per_minute,
            window: Duration::from_mins(1),
            wait,
        }
    }

    /// That of a network.
    #[must_use]
    pub fn of_network(requests_per_minute: u32, wait: Duration) -> Self {
        Self {
            detail: "your network sends more than this server takes of one",
            policy: NETWORK,
            requests: requests_per_minute,
            window: Duration::from_mins(1),
            wait,
        }
    }

    /// How long to wait: never shorter than it takes.
    fn wait_s(&self) -> u64 {
        self.wait
            .as_millis()
            .div_ceil(1_000)
            .max(1)
            .try_into()
            .unwrap_or(u64::MAX)
    }
}

/// An error on its way to the client. Boxed, so that results stay small where
/// nothing goes wrong.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    code: Code,
    detail: Cow<'static, str>,
    parameter: Option<String>,
    got: Option<String>,
    allowed: Option<Cow<'static, str>>,
    neighbours: Vec<Neighbour>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// The body, in the order in which it is written.
#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    got: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    neighbours: Vec<NeighbourView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// A center that is in the way.
#[derive(Serialize)]
struct NeighbourView<'a> {
    id: JsonId,
    name: &'a str,
    distance_m: f64,
}

impl Problem {
    /// A problem that is not about one parameter.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Parts {
            code,
            detail: detail.into(),
            parameter: None,
            got: None,
            allowed: None,
            neighbours: Vec::new(),
            headers: Vec::new(),
            cause: None,
        }))
    }

    /// A value that cannot be taken: which, what it was, and what it may be.
    #[must_use]
    pub fn invalid(
        parameter: impl Into<String>,
        got: &str,
        allowed: impl Into<Cow<'static, str>>,
    ) -> Self {
        let parameter = repeated(&parameter.into());
        let allowed = allowed.into();
        Self::new(
            Code::ParameterInvalid,
            format!("{parameter} must be {allowed}"),
        )
        .at(parameter)
        .got(got)
        .allowed(allowed)
    }

    /// A value that has to be there and is not.
    #[must_use]
    pub fn missing(parameter: impl Into<String>, allowed: impl Into<Cow<'static, str>>) -> Self {
        let parameter = repeated(&parameter.into());
        Self::new(Code::ParameterMissing, format!("{parameter} is missing"))
            .at(parameter)
            .got("nothing")
            .allowed(allowed)
    }

    /// A row that is not as `If-Match` or `If-None-Match` has it.
    #[must_use]
    pub fn precondition_failed() -> Self {
        Self::new(
            Code::PreconditionFailed,
            "the row is there, and is not as If-Match or If-None-Match has it: somebody wrote it since; \
             GET it, and send the write anew with the ETag that it has now",
        )
        .at("If-Match")
        .allowed("the ETag that a GET of the row answers now")
    }

    /// Names the parameter, or the path of the member, at fault.
    #[must_use]
    pub fn at(mut self, parameter: impl Into<String>) -> Self {
        self.0.parameter = Some(repeated(&parameter.into()));
        self
    }

    /// Puts a member's path into the array or object that it was found in.
    #[must_use]
    pub fn within(mut self, place: &str) -> Self {
        let inner = self.0.parameter.take();
        self.0.detail = format!("{place}: {}", self.0.detail).into();
        self.at(inner.map_or_else(|| place.to_owned(), |inner| format!("{place}.{inner}")))
    }

    /// Says what was got, cut to a bearable length.
    #[must_use]
    pub fn got(mut self, got: &str) -> Self {
        self.0.got = Some(repeated(got));
        self
    }

    /// Says what is allowed.
    #[must_use]
    pub fn allowed(mut self, allowed: impl Into<Cow<'static, str>>) -> Self {
        self.0.allowed = Some(allowed.into());
        self
    }

    /// Carries what went wrong, for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Sends a header along.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Something that should not happen did.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(
            Code::Internal,
            "The request could not be handled; the log has the cause under the request id.",
        )
        .caused_by(cause)
    }

    /// The key is missing or wrong (RFC 6750, section 3).
    #[must_use]
    pub fn unauthorized(detail: &'static str) -> Self {
        Self::new(Code::Unauthorized, detail).with_header(
            WWW_AUTHENTICATE,
            HeaderValue::from_static(r#"Bearer realm="nearby""#),
        )
    }

    /// The keys that the database knows are not known here yet.
    #[must_use]
    pub fn keys_unread() -> Self {
        let detail = "The access keys are still being read; try again in a moment.";
        Self::new(Code::DatabaseUnavailable, detail).with_header(RETRY_AFTER, RETRY_INDEX_S)
    }

    /// A key or a network sends more than it may.
    #[must_use]
    pub fn too_many_requests(limit: &Limit) -> Self {
        let Limit {
            policy,
            requests,
            window,
            ..
        } = limit;
        let (window_s, wait_s) = (window.as_secs(), limit.wait_s());
        let header = |text: String| HeaderValue::from_str(&text).expect("it is ASCII");
        Self::new(
            Code::TooManyRequests,
            format!("{}; try again in {wait_s} s", limit.detail),
        )
        .with_header(RETRY_AFTER, wait_s.into())
        .with_header(
            RATELIMIT_POLICY,
            header(format!("\"{policy}\";q={requests};w={window_s}")),
        )
        .with_header(RATELIMIT, header(format!("\"{policy}\";r=0;t={wait_s}")))
    }

    /// The path is there, but not for this method.
    #[must_use]
    pub fn method_not_allowed(got: &str, allowed: HeaderValue) -> Self {
        let text = allowed.to_str().unwrap_or_default().to_owned();
        Self::new(Code::MethodNotAllowed, format!("this path takes {text}"))
            .got(got)
            .allowed(text)
            .with_header(ALLOW, allowed)
    }

    /// The index is not loaded yet.
    #[must_use]
    pub fn index_loading() -> Self {
        Self::new(
            Code::IndexLoading,
            "The index is still being loaded; try again in a moment.",
        )
        .with_header(RETRY_AFTER, RETRY_INDEX_S)
    }

    /// There is no place for another connection.
    #[must_use]
    pub fn too_many_connections(full: Full) -> Self {
        Self::overloaded(match full {
            Full::Server => {
                "this server has as many connections as it takes; try again in a moment"
            }
            Full::Network => {
                "your network has as many connections as this server takes of one: close some, \
                 or use them for several requests"
            }
        })
    }

    /// There is too much to do.
    #[must_use]
    pub fn overloaded(detail: &'static str) -> Self {
        Self::new(Code::Overloaded, detail).with_header(RETRY_AFTER, RETRY_OVERLOADED_S)
    }

    /// There is too much to do, for about so many seconds.
    #[must_use]
    pub fn overloaded_for(detail: &'static str, seconds: u64) -> Self {
        Self::new(Code::Overloaded, detail).with_header(RETRY_AFTER, seconds.into())
    }

    /// The service was told to stop.
    #[must_use]
    pub fn stopping() -> Self {
        Self::new(
            Code::Stopping,
            "This server was told to stop: it answers what is still sent, and others take over.",
        )
        .with_header(RETRY_AFTER, RETRY_INDEX_S)
    }

    /// The database took longer than anybody should wait.
    #[must_use]
    pub fn too_slow(longest: Duration) -> Self {
        Self::new(
            Code::DatabaseUnavailable,
            format!("The database did not answer within {longest:?}; try again in a moment."),
        )
        .with_header(RETRY_AFTER, RETRY_DATABASE_S)
    }

    /// A write took longer than anybody should wait, and goes on.
    #[must_use]
    pub fn write_too_slow(longest: Duration, sent_again: SentAgain) -> Self {
        let what =
            format!("The database did not answer within {longest:?}: the write may be made yet.");
        Self::unsettled(&what, sent_again)
    }

    /// The database does not answer.
    #[must_use]
    pub fn database_unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::database(
            "The database does not answer; try again in a moment.",
            cause,
        )
    }

    fn database(detail: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Code::DatabaseUnavailable, detail)
            .with_header(RETRY_AFTER, RETRY_DATABASE_S)
            .caused_by(cause)
    }

    /// A write may have been made, and nobody knows.
    fn unsettled(what: &str, sent_again: SentAgain) -> Self {
        let what_to_do = match sent_again {
            SentAgain::MayDouble => {
                "Look whether it was before you send it again. A request with an Idempotency-Key \
                 can be sent again at once."
            }
            SentAgain::IsTheSame => "Sent again, it leaves the same rows.",
            SentAgain::IsAnsweredByItsKey => {
                "Send the same request again with the same Idempotency-Key: it is made once."
            }
        };
        let problem = Self::new(Code::DatabaseUnavailable, format!("{what} {what_to_do}"));
        // Whoever follows it blindly must not write twice.
        if sent_again == SentAgain::MayDouble {
            problem
        } else {
            problem.with_header(RETRY_AFTER, RETRY_DATABASE_S)
        }
    }

    /// A request with the same `Idempotency-Key` has not been answered yet.
    #[must_use]
    pub fn under_way() -> Self {
        Self::new(
            Code::RequestUnderWay,
            "a request with this Idempotency-Key is under way: send this one again in a moment, \
             and it is answered as that one was",
        )
        .at("Idempotency-Key")
        .with_header(RETRY_AFTER, RETRY_UNDER_WAY_S)
    }

    /// A row breaks a rule of its table.
    #[must_use]
    pub fn unfit(unfit: Unfit) -> Self {
        let code = if unfit.rule.is_conflict() {
            Code::RowConflict
        } else {
            Code::RowRefused
        };
        let mut detail = unfit.rule.told().to_owned();
        if let Some(constraint) = &unfit.constraint {
            write!(detail, " (`{constraint}`)").expect("a string takes all");
        }
        let problem = match unfit.columns.as_slice() {
            [] => Self::new(code, detail),
            [field] => Self::new(code, detail).at(&**field),
            fields => Self::new(code, format!("{detail}, in `{}`", fields.join("`, `"))),
        };
        problem.caused_by(unfit)
    }

    /// The row of the table of codes.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What went wrong, for the client.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The headers that go along.
    #[must_use]
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.0.headers
    }

    /// What is for the log only.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn Error + Send + Sync)> {
        self.0.cause.as_deref()
    }

    /// The centers that are in the way.
    #[must_use]
    pub fn near(mut self, neighbours: Vec<Neighbour>) -> Self {
        self.0.neighbours = neighbours;
        self
    }

    /// The body, with the id under which the log knows the request.
    #[must_use]
    pub fn body(&self, request_id: Option<&str>) -> Vec<u8> {
        let parts = &self.0;
        let detail = cut(&parts.detail, MAX_DETAIL_CHARS);
        let body = Body {
            r#type: format!("/openapi.yaml#{}", parts.code.name()),
            title: parts.code.title(),
            status: parts.code.status().as_u16(),
            code: parts.code.name(),
            detail: &detail,
            parameter: parts.parameter.as_deref(),
            got: parts.got.as_deref(),
            allowed: parts.allowed.as_deref(),
            neighbours: parts.neighbours.iter().map(Into::into).collect(),
            request_id,
        };
        serde_json::to_vec(&body).expect("a body of texts and numbers is always JSON")
    }
}

impl<'a> From<&'a Neighbour> for NeighbourView<'a> {
    fn from(neighbour: &'a Neighbour) -> Self {
        Self {
            id: neighbour.id.into(),
            name: &neighbour.name,
            distance_m: neighbour.distance_m,
        }
    }
}

/// What a client sent, as it is sent back: cut to a bearable length.
pub fn repeated(text: &str) -> String {
    cut(text, MAX_REPEATED_CHARS).into_owned()
}

fn cut(text: &str, most_chars: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most_chars) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.name(), self.0.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response
            .insert_header((CONTENT_TYPE, CONTENT_TYPE_PROBLEM))
            .insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
        for header in &self.0.headers {
            response.insert_header(header.clone());
        }
        response.body(self.body(None))
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => match error.ailment() {
                Some(ailment) => Self::database(ailment, error),
                None => Self::database_unavailable(error),
            },
            StoreError::Unsettled { sent_again, .. } => {
                let lost = "The connection to the database was lost while the write was \
                            committed: it may have been made.";
                Self::unsettled(lost, sent_again).caused_by(error)
            }
            StoreError::KeyUnderWay => Self::under_way().caused_by(error),
            StoreError::AnswerTooLarge { .. } => {
                Self::new(Code::BodyTooLarge, format!("{error}; nothing was written"))
                    .at("Idempotency-Key")
                    .allowed("a batch of fewer centers, or no Idempotency-Key")
            }
            StoreError::Busy | StoreError::GivenUp | StoreError::Overtaken => Self::database(
                "Other writes are in the way; nothing was written. Try again in a moment.",
                error,
            ),
            StoreError::ReadOnly(_) => Self::database(
                "The database takes no writes now, as while another server takes over; try again \
                 in a moment.",
                error,
            ),
            StoreError::Denied(_) => Self::database(
                "The database does not allow this service what it needs; its operator finds what \
                 is missing in the log under the request id.",
                error,
            ),
            StoreError::Missing(_) => Self::database(
                "The database lacks a table, a column or the account of a trigger that is needed; \
                 its operator finds which in the log under the request id.",
                error,
            ),
            StoreError::NoTable { table, .. } => Self::new(
                Code::TableMissing,
                format!(
                    "this database has no table {table}, or none that nearby may see; nothing was \
                     written. Its operator makes the table with `nearby migrate up`"
                ),
            )
            .caused_by(error),
            StoreError::Unfit(unfit) => Self::unfit(unfit),
            StoreError::Refused(_) => Self::internal(error),
        }
    }
}

impl From<DeleteError> for Problem {
    fn from(error: DeleteError) -> Self {
        match error {
            DeleteError::InUse {
                tables,
                may_go_along,
            } => {
                let tables = match tables.as_slice() {
                    [] => "other tables".to_owned(),
                    tables => tables.join(", "),
                };
                let along = if may_go_along {
                    ", or delete it with ?cascade=true, and they go along as their foreign keys say"
                } else {
                    ""
                };
                Self::new(
                    Code::InUse,
                    format!(
                        "rows of {tables} refer to it: delete them first, in the application \
                         that wrote them{along}"
                    ),
                )
            }
            DeleteError::Refused => Self::precondition_failed(),
            DeleteError::Store(error) => error.into(),
        }
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Loading => Self::index_loading(),
            SearchError::Stale { .. } => {
                Self::new(Code::IndexStale, format!("{error}; try again in a moment."))
                    .with_header(RETRY_AFTER, RETRY_INDEX_S)
            }
            SearchError::Store(error) => error.into(),
            SearchError::TooManyNames => Self::new(
                Code::SearchTooSlow,
                format!("{error}: type more of the name, or filter by less"),
            ),
            SearchError::TooSlow => Self::new(
                Code::SearchTooSlow,
                format!("{error}: ask for a smaller part of the map, or for a filter with an index"),
            ),
            SearchError::CursorOfOtherSearch | SearchError::CursorOfOtherEngine { .. } => {
                Self::new(Code::CursorInvalid, error.to_string())
                    .at("cursor")
                    .got("a cursor of another search, collection or engine")
                    .allowed("`next` of the previous answer to this very search; start again without a cursor")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(problem: &Problem) -> serde_json::Value {
        serde_json::from_slice(&problem.body(Some("id-1"))).unwrap()
    }

    #[test]
    fn a_problem_names_what_was_got_and_what_is_allowed() {
        let value = json(&Problem::invalid("lat", "91", "a number from -90 to 90"));
        assert_eq!(value["code"], "parameter_invalid");
        assert_eq!(value["status"], 400);
        assert_eq!(value["parameter"], "lat");
        assert_eq!(value["got"], "91");
        assert_eq!(value["allowed"], "a number from -90 to 90");
        assert_eq!(value["request_id"], "id-1");
    }

    #[test]
    fn a_long_value_is_not_sent_back_whole() {
        let long = "é".repeat(MAX_REPEATED_CHARS + 1);
        let short = format!("{}…", "é".repeat(MAX_REPEATED_CHARS));
        let value = json(&Problem::invalid("lat", &long, "short"));
        assert_eq!(value["got"], short);
        let value = json(&Problem::invalid(long.as_str(), "91", "short"));
        assert_eq!(value["parameter"], short);
        assert_eq!(value["detail"], format!("{short} must be short"));
        let told = Problem::new(Code::Internal, "x".repeat(100_000));
        assert!(told.body(None).len() < 2_000);
    }

    #[test]
    fn the_cause_of_a_fault_stays_here() {
        let problem = Problem::internal("secret table name");
        assert!(!json(&problem).to_string().contains("secret"));
        assert_eq!(problem.cause().unwrap().to_string(), "secret table name");
    }

    #[test]
    fn a_problem_within_an_array_has_the_whole_path() {
        let value = json(&Problem::invalid("lat", "91", "less").within("queries[3]"));
        assert_eq!(value["parameter"], "queries[3].lat");
        assert_eq!(value["detail"], "queries[3]: lat must be less");
    }
}
