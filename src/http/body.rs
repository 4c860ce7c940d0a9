//! Request bodies: the right content type, not too large, not too slow, and
//! JSON of the right shape.

use std::io::Read as _;

use actix_web::http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue,
};
use actix_web::web::Payload;
use actix_web::{HttpMessage as _, HttpRequest};
use flate2::read::MultiGzDecoder;
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;

use super::budget::Lease;
use super::code::Code;
use super::dto::READ_ONLY;
use super::problem::{Problem, repeated};
use super::state::State;
use crate::wire::{JSON_WORDS, Object};

/// What may stand before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What room is made for at once.
const FIRST_BYTES: usize = 64 * 1024;

/// What a resource takes.
pub const JSON: &str = "application/json";
/// What a PATCH takes (RFC 7396).
pub const MERGE_PATCH: &str = "application/merge-patch+json";

/// Reads a JSON body.
///
/// # Errors
/// When it is of another content type or encoding, too large, too slow, not JSON, or
/// not an object of the shape that is asked for; the member at fault is named by its path.
pub async fn read_json<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
    content_type: &'static str,
) -> Result<T, Problem> {
    parse(&read_bytes(request, payload, content_type).await?)
}

/// Reads a body, unpacked, that is to be parsed as JSON.
///
/// # Errors
/// When it is of another content type or encoding, too large or too slow.
pub async fn read_bytes(
    request: &HttpRequest,
    payload: Payload,
    content_type: &'static str,
) -> Result<Vec<u8>, Problem> {
    check_content_type(request, content_type)?;
    let encoding = Encoding::of(request)?;
    let state = State::of(request);
    let (limit, timeout) = (state.body_limit, state.body_timeout);
    let reading = tokio::time::timeout(timeout, read(request, payload, limit));
    let mut bytes = reading.await.unwrap_or_else(|_| {
        Err(Problem::new(
            Code::BodyTimeout,
            format!("the body must arrive within {timeout:?}"),
        ))
    })?;
    if encoding == Encoding::Gzip {
        bytes = unzipped(&bytes, limit)?;
        counted(request, bytes.len())?;
    }
    Ok(bytes)
}

/// Counts bytes as under way until the request is over.
fn counted(request: &HttpRequest, bytes: usize) -> Result<(), Problem> {
    let mut extensions = request.extensions_mut();
    if let Some(lease) = extensions.get_mut::<Lease>() {
        return lease.grow(bytes);
    }
    let lease = State::of(request).budget.lease(bytes)?;
    extensions.insert(lease);
    Ok(())
}

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Identity,
    Gzip,
}

impl Encoding {
    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let given: Vec<&[u8]> = request
            .headers()
            .get_all(CONTENT_ENCODING)
            .map(|encoding| encoding.as_bytes().trim_ascii())
            .collect();
        let given = given.join(&b", "[..]);
        // RFC 9110, section 8.4.1.
        if given.is_empty() || given.eq_ignore_ascii_case(b"identity") {
            return Ok(Self::Identity);
        }
        if given.eq_ignore_ascii_case(b"gzip") || given.eq_ignore_ascii_case(b"x-gzip") {
            return Ok(Self::Gzip);
        }
        Err(Problem::new(
            Code::ContentTypeUnsupported,
            "the body must be sent as it is, or packed with gzip",
        )
        .at("Content-Encoding")
        .got(&String::from_utf8_lossy(&given))
        .allowed("gzip, or no Content-Encoding")
        // RFC 9110, section 15.5.16.
        .with_header(ACCEPT_ENCODING, HeaderValue::from_static("gzip")))
    }
}

/// Unpacks no more than what may be sent unpacked.
fn unzipped(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Problem> {
    let mut unzipped = Vec::new();
    let unpacking = MultiGzDecoder::new(bytes)
        .take(limit as u64 + 1)
        .read_to_end(&mut unzipped);
    if let Err(error) = unpacking {
        let detail = format!("the body is not gzip, though Content-Encoding says so: {error}");
        return Err(Problem::new(Code::BodyMalformed, detail)
            .at("body")
            .got(&format!("{} bytes", bytes.len()))
            .allowed("a gzip file (RFC 1952), whole"));
    }
    if unzipped.len() > limit {
        return Err(too_large(
            limit,
            &format!("more than {limit} bytes, unpacked"),
        ));
    }
    Ok(unzipped)
}

fn too_large(limit: usize, got: &str) -> Problem {
    Problem::new(
        Code::BodyTooLarge,
        format!("the body must have at most {limit} bytes"),
    )
    .got(got)
    .allowed(format!("at most {limit} bytes"))
}

fn check_content_type(request: &HttpRequest, wanted: &'static str) -> Result<(), Problem> {
    let mut all = request.headers().get_all(CONTENT_TYPE);
    let repeated = all.next().is_some() && all.next().is_some();
    if !repeated && request.content_type().eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    let got = match request.content_type() {
        _ if repeated => "several",
        "" => "no Content-Type",
        given => given,
    };
    // RFC 9110, section 15.5.16, and RFC 5789, section 3.1.
    let header = match wanted {
        MERGE_PATCH => HeaderName::from_static("accept-patch"),
        _ => HeaderName::from_static("accept-post"),
    };
    Err(Problem::new(
        Code::ContentTypeUnsupported,
        format!("the body must be sent as {wanted}"),
    )
    .at("Content-Type")
    .got(got)
    .allowed(wanted)
    .with_header(header, HeaderValue::from_static(wanted)))
}

async fn read(
    request: &HttpRequest,
    mut payload: Payload,
    limit: usize,
) -> Result<Vec<u8>, Problem> {
    let announced = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok())
        .unwrap_or(0);
    if announced > limit {
        return Err(too_large(limit, &format!("{announced} bytes")));
    }
    // What is only announced takes no room yet.
    let mut bytes = Vec::with_capacity(announced.min(FIRST_BYTES));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| {
            Problem::new(Code::RequestRefused, "the body did not arrive whole")
                .got(&error.to_string())
        })?;
        if bytes.len() + chunk.len() > limit {
            return Err(too_large(limit, &format!("more than {limit} bytes")));
        }
        counted(request, chunk.len())?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Reads JSON.
///
/// # Errors
/// When it is none, or not an object of the shape that is asked for.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // Editors of Windows begin files with it; RFC 8259, section 8.1 lets it pass.
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let Object(value) = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| shape_problem(bytes, &error))?;
    json.end().map_err(|error| syntax_problem(bytes, &error))?;
    Ok(value)
}

fn syntax_problem(bytes: &[u8], error: &serde_json::Error) -> Problem {
    let got = if bytes.is_empty() {
        "an empty body".to_owned()
    } else {
        around(bytes, error)
    };
    Problem::new(
        Code::BodyMalformed,
        format!(
            "the body is not JSON: {}",
            JSON_WORDS
                .message(&error.to_string())
                .trim_start_matches("it is no JSON: ")
        ),
    )
    .at("body")
    .got(&got)
    .allowed("one JSON value (RFC 8259)")
}

/// The text at which reading stopped.
fn around(bytes: &[u8], error: &serde_json::Error) -> String {
    const BYTES_BEFORE: usize = 20;
    const BYTES_AFTER: usize = 20;
    let line = bytes
        .split(|byte| *byte == b'\n')
        .nth(error.line().saturating_sub(1))
        .unwrap_or_default();
    let at = error.column().min(line.len());
    let shown = &line[at.saturating_sub(BYTES_BEFORE)..(at + BYTES_AFTER).min(line.len())];
    String::from_utf8_lossy(shown).into_owned()
}

/// JSON of another shape than asked for.
fn shape_problem(bytes: &[u8], error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    if !error.inner().is_data() {
        return syntax_problem(bytes, error.inner());
    }
    let path = match error.path().to_string() {
        root if root == "." => "body".to_owned(),
        // It may hold a member's name as the client wrote it, of any length.
        path => repeated(&path),
    };
    let said = error.inner().to_string();
    // serde's messages end with where they arose, and name what was expected.
    let (reason, place) = said.rsplit_once(" at line ").unwrap_or((&said, "?"));
    let (got, allowed) = JSON_WORDS.parts(reason);
    let code = if got.starts_with("unknown field") {
        Code::ParameterUnknown
    } else if got.starts_with("missing field") {
        Code::ParameterMissing
    } else if got.starts_with("duplicate field") {
        Code::ParameterRepeated
    } else {
        Code::ParameterInvalid
    };
    let allowed = match code {
        Code::ParameterUnknown => writable(&allowed, &path),
        _ => allowed.into_owned(),
    };
    let got = repeated(&got);
    let detail = format!("{path}: {got}, expected {allowed}, at line {place}");
    Problem::new(code, detail)
        .at(path)
        .got(&got)
        .allowed(allowed)
}

/// The members that serde names, without those that are known only to be refused: what
/// nearby alone writes, and an id of what is no item of a batch.
fn writable(members: &str, path: &str) -> String {
    let names: Vec<&str> = members.split('`').skip(1).step_by(2).collect();
    if !names.iter().any(|name| READ_ONLY.contains(name)) {
        return members.to_owned();
    }
    let is_item = path.contains('[');
    let names = names
        .into_iter()
        .filter(|name| !READ_ONLY.contains(name) && (is_item || *name != "id"));
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    format!("one of {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        items: Vec<Object<Inner>>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        lat: f64,
    }

    fn problem(text: &str) -> serde_json::Value {
        let problem = parse::<Outer>(text.as_bytes()).unwrap_err();
        serde_json::from_slice(&problem.body(None)).unwrap()
    }

    #[test]
    fn a_body_of_the_right_shape_is_taken() {
        let outer: Outer = parse(br#"{"items":[{"lat":1}]} "#).unwrap();
        assert_eq!(outer.items[0].0.lat, 1.0);
    }

    #[test]
    fn an_array_is_no_object_whatever_its_order() {
        for (text, path) in [("[[]]", "body"), (r#"{"items":[[1]]}"#, "items[0]")] {
            let problem = problem(text);
            assert_eq!(problem["code"], "parameter_invalid", "{problem}");
            assert_eq!(problem["parameter"], path);
            assert_eq!(problem["got"], "invalid type: an array");
            assert_eq!(problem["allowed"], "an object");
        }
    }

    #[test]
    fn what_is_not_json_is_told_by_line_and_column() {
        for text in [
            "",
            "{",
            "{]",
            r#"{"items":[]} x"#,
            "nonsense",
            "{\"items\":\n[1e999]}",
        ] {
            let problem = problem(text);
            assert_eq!(problem["code"], "body_malformed", "{text}");
            assert!(
                problem["detail"].as_str().unwrap().contains("line"),
                "{text}"
            );
        }
        let deep = format!("{{\"items\":{}", "[".repeat(100_000));
        assert_eq!(problem(&deep)["status"], 400);
    }

    #[test]
    fn a_member_at_fault_is_told_by_its_path() {
        let wrong_type = problem(r#"{"items":[{"lat":1},{"lat":"north"}]}"#);
        assert_eq!(wrong_type["parameter"], "items[1].lat");
        assert_eq!(wrong_type["got"], r#"invalid type: string "north""#);
        assert_eq!(wrong_type["allowed"], "a number");
        let unknown = problem(r#"{"items":[{"lat":1,"lon":2}]}"#);
        assert_eq!(unknown["code"], "parameter_unknown");
        assert_eq!(unknown["parameter"], "items[0].lon");
        let missing = problem(r#"{"items":[{}]}"#);
        assert_eq!(missing["code"], "parameter_missing");
        let repeated = problem(r#"{"items":[{"lat":1,"lat":2}]}"#);
        assert_eq!(repeated["code"], "parameter_repeated");
    }
}
