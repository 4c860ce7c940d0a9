//! What POSTs make: once under an `Idempotency-Key`
//! (draft-ietf-httpapi-idempotency-key-header-07), however often they are sent.
//!
//! A handler reads its body with [`read`], which finds the key, and has it made by
//! [`make`], which answers.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use parking_lot::Mutex;
use secrecy::ExposeSecret as _;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::auth::Writer;
use super::body::{self, JSON};
use super::centers_batch::WrittenView;
use super::code::Code;
use super::dto::CenterView;
use super::memberships::MembershipView;
use super::organizations::OrganizationView;
use super::problem::Problem;
use super::reply::{self, rendered};
use super::routes::route_of;
use super::state::State;
use crate::metrics::WriteOperation;
use crate::store::{Digest, KeptAnswer, KeyedRequest, KnownKey, Made, Recording, StoreError};

/// What a client calls its request.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Whether the answer is the one that was given before.
pub(crate) const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The longest key.
const MAX_KEY_CHARS: usize = 255;

/// How often a key that another instance has is looked at: a write that failed gives its
/// key back in a moment.
const LOOKS: u32 = 3;
/// The rest between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Reads the body of a POST, and the key under which it is made, if it has one.
///
/// # Errors
/// As [`body::read_json`], and when there is a key that is none.
pub(super) async fn read<T: DeserializeOwned>(
    writer: &Writer,
    request: &HttpRequest,
    payload: Payload,
) -> Result<(T, Option<KeyedRequest>), Problem> {
    let key = key_of(request.headers())?;
    let bytes = body::read_bytes(request, payload, JSON).await?;
    let keyed = key.map(|key| {
        let credential = writer.credential().expose_secret();
        let target = request.uri().path_and_query();
        let target = target.map_or("", |target| target.as_str());
        KeyedRequest {
            key: digest(&[credential.as_bytes(), key.as_bytes()]),
            request: digest(&[
                request.method().as_str().as_bytes(),
                target.as_bytes(),
                &bytes,
            ]),
        }
    });
    Ok((body::parse(&bytes)?, keyed))
}

/// A key: a string of RFC 9651, or the same without quotes.
fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut all = headers.get_all(IDEMPOTENCY_KEY);
    let Some(given) = all.next() else {
        return Ok(None);
    };
    if all.next().is_some() {
        return Err(
            Problem::new(Code::ParameterRepeated, "send one Idempotency-Key only")
                .at("Idempotency-Key")
                .got("several")
                .allowed("one"),
        );
    }
    let key = parse_key(given.as_bytes()).ok_or_else(|| {
        Problem::invalid(
            "Idempotency-Key",
            &String::from_utf8_lossy(given.as_bytes()),
            format!("1 to {MAX_KEY_CHARS} visible characters of ASCII, in quotes or without any"),
        )
    })?;
    Ok(Some(key))
}

fn parse_key(given: &[u8]) -> Option<String> {
    let given = given.trim_ascii();
    let quoted = given
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    let mut key = String::new();
    let mut bytes = quoted.unwrap_or(given).iter().copied();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'\\' if quoted.is_some() => {
                bytes.next().filter(|next| matches!(next, b'\\' | b'"'))?
            }
            b'"' => return None,
            byte => byte,
        };
        if !byte.is_ascii_graphic() {
            return None;
        }
        key.push(char::from(byte));
    }
    (1..=MAX_KEY_CHARS).contains(&key.len()).then_some(key)
}

/// A digest of several texts, which no other texts have.
fn digest(parts: &[&[u8]]) -> Digest {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update((part.len() as u64).to_be_bytes());
        sha.update(part);
    }
    sha.finalize().into()
}

/// Makes what a request asks for, as [`State::write`] writes, and answers with it. What
/// was made under its key is not made again: it is answered as before.
///
/// # Errors
/// What the work returns, when another request has the key, and when the database has
/// nowhere to keep what belongs to it.
pub(super) async fn make<T, E>(
    request: &HttpRequest,
    keyed: Option<KeyedRequest>,
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<HttpResponse, Problem>
where
    T: Send + 'static,
    E: Into<Problem> + Send + 'static,
    for<'a> Made<'a>: From<&'a T>,
{
    // As it is passed on several times.
    let work = Box::pin(work);
    let path = route_of(request).pattern();
    let state = State::of(request);
    let Some(keyed) = keyed else {
        let made = state.write(request, work).await?;
        count(state, Made::from(&made));
        return Ok(reply::as_kept(answer_to(path, Made::from(&made))));
    };
    let under_way = state.keys_under_way.begin(keyed.key);
    let under_way = under_way.ok_or_else(Problem::under_way)?;
    if let Some(answer) = answered_before(state, keyed).await? {
        return Ok(replayed(answer));
    }
    let recording = Recording::new(keyed, move |made| answer_to(path, made));
    let work = recording.clone().of(async move {
        // To the end of the write, whether its client waits for it or not.
        let _under_way = under_way;
        work.await
    });
    let made = match state.write(request, work).await {
        Ok(made) => made,
        // The center in the way may be what another instance has made under this key meanwhile.
        Err(problem) if problem.code() == Code::CenterExists => {
            return match answered_before(state, keyed).await {
                Ok(Some(answer)) => Ok(replayed(answer)),
                _ => Err(problem),
            };
        }
        Err(problem) => return Err(problem),
    };
    count(state, Made::from(&made));
    let kept = recording.answer();
    let kept = kept.ok_or_else(|| Problem::internal("a write kept no answer under its key"))?;
    Ok(reply::as_kept(kept))
}

fn replayed(answer: KeptAnswer) -> HttpResponse {
    let mut response = reply::as_kept(answer);
    let replayed = HeaderValue::from_static("true");
    response
        .headers_mut()
        .insert(IDEMPOTENCY_REPLAYED, replayed);
    response
}

/// The answer that is kept under a key; `None` where the key is free.
async fn answered_before(
    state: &State,
    keyed: KeyedRequest,
) -> Result<Option<KeptAnswer>, Problem> {
    let database = state.database.clone();
    let looking = async move {
        let mut looks = 0;
        loop {
            looks += 1;
            match database.known_key(&keyed).await? {
                KnownKey::UnderWay if looks < LOOKS => tokio::time::sleep(LOOK_EVERY).await,
                known => return Ok::<_, StoreError>(known),
            }
        }
    };
    match state.run(looking).await? {
        KnownKey::Free => Ok(None),
        KnownKey::Answered(answer) => Ok(Some(answer)),
        KnownKey::UnderWay => Err(Problem::under_way()),
        KnownKey::OfAnotherRequest => Err(Problem::new(
            Code::IdempotencyKeyReused,
            "this Idempotency-Key came with another request, to which it belongs for 24 hours",
        )
        .at("Idempotency-Key")
        .got("another method, path, query or body than before")
        .allowed("the very request that it came with first, or a new key")),
        KnownKey::NoTable => Err(Problem::new(
            Code::IdempotencyUnavailable,
            "this database has no table, or none that nearby may see, for what is kept under an \
             Idempotency-Key: its operator makes it with `nearby migrate up`; without the header the \
             request can be sent as it is",
        )
        .at("Idempotency-Key")
        .allowed("no Idempotency-Key")),
    }
}

/// How what was made is answered, wherever it was asked for.
fn answer_to(path: &str, made: Made<'_>) -> KeptAnswer {
    let answer = |status: StatusCode, location, body| KeptAnswer {
        status: status.as_u16(),
        location,
        body,
    };
    match made {
        Made::Center(center) => answer(
            StatusCode::CREATED,
            Some(format!("{path}/{}", center.id)),
            rendered(&CenterView::from(center)),
        ),
        Made::Centers(centers) => {
            answer(StatusCode::OK, None, rendered(&WrittenView::from(centers)))
        }
        Made::Organization(organization) => answer(
            StatusCode::CREATED,
            Some(format!("{path}/{}", organization.id)),
            rendered(&OrganizationView::from(organization)),
        ),
        Made::Membership(membership) => answer(
            StatusCode::CREATED,
            None,
            rendered(&MembershipView::from(membership)),
        ),
    }
}

fn count(state: &State, made: Made<'_>) {
    match made {
        Made::Center(_) => state.metrics.wrote(WriteOperation::Create),
        Made::Centers(_) => state.metrics.wrote(WriteOperation::Batch),
        Made::Organization(_) | Made::Membership(_) => {}
    }
}

/// The keys of the requests that this process has under way. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct KeysUnderWay(Arc<Mutex<HashSet<Digest>>>);

impl KeysUnderWay {
    /// A key that is under way until what is given is dropped; `None` where it is.
    fn begin(&self, key: Digest) -> Option<KeyUnderWay> {
        self.0.lock().insert(key).then(|| KeyUnderWay {
            keys: self.clone(),
            key,
        })
    }
}

struct KeyUnderWay {
    keys: KeysUnderWay,
    key: Digest,
}

impl Drop for KeyUnderWay {
    fn drop(&mut self) {
        self.keys.0.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_with_quotes_and_without() {
        for (given, key) in [
            (
                "8e03978e-40d5-43dd-bc93-6894a57f9324",
                "8e03978e-40d5-43dd-bc93-6894a57f9324",
            ),
            (r#""a-key""#, "a-key"),
            (r#" "a-key" "#, "a-key"),
            (r#""a\"b\\c""#, r#"a"b\c"#),
            (r"a\b", r"a\b"),
            ("!", "!"),
        ] {
            assert_eq!(parse_key(given.as_bytes()).as_deref(), Some(key), "{given}");
        }
    }

    #[test]
    fn a_key_has_1_to_255_visible_characters() {
        let longest = "k".repeat(MAX_KEY_CHARS);
        assert!(parse_key(longest.as_bytes()).is_some());
        assert!(parse_key(format!("\"{longest}\"").as_bytes()).is_some());
        for none in [
            "",
            "\"\"",
            "\"",
            "a b",
            "a\"b",
            "\"a\";p=1",
            "\"a\\\"",
            "\"a\\b\"",
            "ä",
            "a\u{7f}",
            &format!("{longest}k"),
        ] {
            assert_eq!(parse_key(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn texts_that_are_divided_otherwise_have_another_digest() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_eq!(digest(&[b"ab", b"c"]), digest(&[b"ab", b"c"]));
    }

    #[test]
    fn a_key_is_under_way_until_its_write_ends() {
        let keys = KeysUnderWay::default();
        let first = keys.begin([1; 32]);
        assert!(first.is_some() && keys.begin([1; 32]).is_none());
        assert!(keys.begin([2; 32]).is_some());
        drop(first);
        assert!(keys.begin([1; 32]).is_some());
    }
}
