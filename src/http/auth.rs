//! Who may do what, by the key that a request shows: the operator's, which the service was
//! started with, or one of those that the database knows.
//!
//! A handler that takes a [`Writer`] or an [`Administrator`] is called for those alone; routes
//! that only read are registered with a [`Reader`].

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Instant;

use actix_web::dev::{Extensions, Payload};
use actix_web::http::header::{AUTHORIZATION, ORIGIN};
use actix_web::{Error, FromRequest, HttpMessage as _, HttpRequest};
use chrono::Utc;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use super::allowance;
use super::code::Code;
use super::collections::collections_asked;
use super::divemap;
use super::divemap::errors::Refusal;
use super::lateness;
use super::network::address_of;
use super::precondition::refuse_elsewhere;
use super::problem::{KEY, Limit, Problem};
use super::routes::Listener;
use super::state::State;
use super::wrong_keys;
use crate::domain::{OPERATOR, Scope};
use crate::keyring::{HeldKey, KEY_PREFIX};

/// Whoever sent a request, as far as its key says.
#[derive(Debug, Clone)]
struct Caller {
    /// What it showed to be let in.
    credential: SecretString,
    /// The key of the database; none where the operator's was shown.
    key: Option<Arc<HeldKey>>,
}

impl Caller {
    fn scope(&self) -> Scope {
        self.key
            .as_ref()
            .map_or(Scope::Admin, |held| held.key.scope)
    }
}

/// A request that may write.
#[derive(Debug, Clone)]
pub struct Writer(Caller);

impl Writer {
    /// What it showed to be let in.
    #[must_use]
    pub fn credential(&self) -> &SecretString {
        &self.0.credential
    }
}

impl FromRequest for Writer {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(may_change(request, Scope::Write).map(Self))
    }
}

/// A request that may change how the service works.
#[derive(Debug)]
pub struct Administrator(());

impl FromRequest for Administrator {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(may_change(request, Scope::Admin).map(|_| Self(())))
    }
}

/// A request that may read: any, unless the service was told to ask for a key.
#[derive(Debug)]
pub struct Reader(());

impl FromRequest for Reader {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let is_open = State::of(request).reads_are_free && !lateness::is_late();
        ready(if is_open {
            Ok(Self(()))
        } else {
            may_read(request)
        })
    }
}

fn may_read(request: &HttpRequest) -> Result<Reader, Error> {
    if request.app_data::<Listener>() == Some(&Listener::ForOperators) {
        return Ok(Reader(()));
    }
    let state = State::of(request);
    let mut checked = lateness::check().and_then(|()| state.check_limits(request));
    if state.closes_reads {
        checked = checked.and_then(|()| {
            let caller = permitted(request, Scope::Read)?;
            request.extensions_mut().insert(caller);
            Ok(())
        });
    }
    match checked {
        Ok(()) => Ok(Reader(())),
        Err(problem) if divemap::is_asked(request) => Err(Refusal::from(problem).into()),
        Err(problem) => Err(problem.into()),
    }
}

/// Lets in who may read settings that are not public.
///
/// # Errors
/// When the request has no key, or one that does not allow it.
pub(super) fn may_read_all_settings(request: &HttpRequest) -> Result<(), Problem> {
    permitted(request, Scope::Admin).map(drop)
}

fn may_change(request: &HttpRequest, scope: Scope) -> Result<Caller, Problem> {
    let state = State::of(request);
    lateness::check()?;
    state.check_limits(request)?;
    refuse_elsewhere(request)?;
    if state.admin_key.is_none() && state.keyring.is_read() && state.keyring.is_empty() {
        return Err(Problem::new(
            Code::WritesDisabled,
            "This server takes no writes; set NEARBY_ADMIN_KEY where it is started, or make a key with \
             `nearby keys create`, and send the key as `Authorization: Bearer`.",
        ));
    }
    let caller = permitted(request, scope)?;
    request.extensions_mut().insert(caller.clone());
    Ok(caller)
}

/// The key by which an answer that goes on was begun, and which may end before it does.
pub(super) struct Pass {
    state: Arc<State>,
    credential: SecretString,
}

impl Pass {
    /// That of a request; `None` where it needed no key, or showed the operator's, which is good
    /// as long as the service runs.
    pub(super) fn of(request: &HttpRequest) -> Option<Self> {
        let extensions = request.extensions();
        let caller: &Caller = extensions.get()?;
        caller.key.as_ref().map(|_| Self {
            state: Arc::clone(State::of(request)),
            credential: caller.credential.clone(),
        })
    }

    /// Whether it was neither revoked since nor has it expired.
    pub(super) fn is_good(&self) -> bool {
        let key = self.credential.expose_secret().as_bytes();
        let held = self.state.keyring.find(key);
        held.is_some_and(|held| !held.key.has_expired(Utc::now()))
    }
}

/// What the key is called that a request was let in with which may write.
pub(super) fn name_of_writer(of_request: &Extensions) -> String {
    let caller = of_request.get::<Caller>();
    let caller = caller.expect("whoever writes was let in");
    match caller.key.as_ref().map(|held| held.key.name.as_str()) {
        None => OPERATOR.to_owned(),
        // Made before that name was taken.
        Some(OPERATOR) => format!("key {OPERATOR}"),
        Some(name) => name.to_owned(),
    }
}

/// Whoever sent a request, where their key allows what is asked.
fn permitted(request: &HttpRequest, scope: Scope) -> Result<Caller, Problem> {
    let caller = authenticated(request)?;
    if caller.scope() < scope {
        let detail = format!("this key may {}, and not what is asked", caller.scope());
        return Err(
            Problem::new(Code::Forbidden, detail).allowed(format!("a key of scope {scope}"))
        );
    }
    if let Some(held) = &caller.key
        && !held.key.collections.is_empty()
    {
        check_collections(request, &held.key.collections)?;
    }
    Ok(caller)
}

/// Whoever sent a request, where they show a key that is good here and now.
fn authenticated(request: &HttpRequest) -> Result<Caller, Problem> {
    let state = State::of(request);
    let mut all = request.headers().get_all(AUTHORIZATION);
    let given = all
        .next()
        .ok_or_else(|| Problem::unauthorized("Send the key as `Authorization: Bearer KEY`."))?;
    if all.next().is_some() {
        return Err(Problem::unauthorized("Send one `Authorization` only."));
    }
    let token = bearer(given.as_bytes()).ok_or_else(|| {
        Problem::unauthorized("Authorization must be `Bearer`, a space and the key.")
    })?;
    if let Some(held) = state.keyring.find(token) {
        check_key(request, &held)?;
        return Ok(Caller {
            credential: String::from_utf8_lossy(token).into_owned().into(),
            key: Some(held),
        });
    }
    if token.starts_with(KEY_PREFIX.as_bytes()) && !state.keyring.is_read() {
        return Err(Problem::keys_unread());
    }
    // Keys of the database are too long to be guessed; the operator's may be less so.
    let (client, network) = address_of(request);
    let now = Instant::now();
    if let Err(wait) = state.wrong_keys.check(network, now) {
        return Err(Problem::too_many_requests(&wrong_keys::limit(wait)));
    }
    match &state.admin_key {
        Some(key) if same(token, key.expose_secret().as_bytes()) => Ok(Caller {
            credential: key.clone(),
            key: None,
        }),
        _ => {
            state.wrong_keys.remember(network, now);
            tracing::warn!(%client, "a wrong key was shown");
            Err(Problem::unauthorized("This key is not valid."))
        }
    }
}

/// Refuses a key that is over, that another page shows than it is for, or whose rate is used up.
fn check_key(request: &HttpRequest, held: &HeldKey) -> Result<(), Problem> {
    let (now, key) = (Utc::now(), &held.key);
    if key.has_expired(now) {
        return Err(Problem::unauthorized("This key has expired."));
    }
    if !key.origins.is_empty() {
        let mut origins = request.headers().get_all(ORIGIN);
        let origin = origins.next().and_then(|origin| origin.to_str().ok());
        let is_one = origins.next().is_none();
        if !is_one || !origin.is_some_and(|origin| key.origins.iter().any(|one| one == origin)) {
            let detail = "this key is for the pages of certain origins, and of no others";
            return Err(Problem::new(Code::Forbidden, detail)
                .at("Origin")
                .got(origin.unwrap_or("none")));
        }
    }
    let per_minute = key.rate.map_or(0, |rate| rate.requests_per_minute().get());
    match held.show(now) {
        Ok(None) => Ok(()),
        Ok(Some(left)) => {
            allowance::remember(request, KEY, per_minute, &left);
            Ok(())
        }
        Err(wait) => Err(Problem::too_many_requests(&Limit::of_key(per_minute, wait))),
    }
}

/// Refuses what is about other collections than those that a key is held to.
fn check_collections(request: &HttpRequest, held_to: &[String]) -> Result<(), Problem> {
    let asked = collections_asked(request);
    let is_held_to = |name: &&str| held_to.iter().any(|one| one == name);
    if asked.is_some_and(|asked| asked.iter().all(is_held_to)) {
        return Ok(());
    }
    let detail =
        "this key is held to certain collections, and this is about another one, or about none";
    Err(Problem::new(Code::Forbidden, detail).allowed(held_to.join(", ")))
}

/// The token of a header; the scheme's name is case-insensitive (RFC 9110,
/// section 11.1).
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked("Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
}
/// Compares in a time that does not depend on where the texts differ, nor on
/// the length of the key.
fn same(given: &[u8], key: &[u8]) -> bool {
    let mut equal = given.len().ct_eq(&key.len());
    for (at, byte) in given.iter().enumerate() {
        // Beyond the key's end any byte will do: the lengths differ already.
        equal &= byte.ct_eq(key.get(at).unwrap_or(&0));
    }
    equal.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_key_is_the_same() {
        assert!(same(b"secret", b"secret"));
        for other in [&b""[..], b"secre", b"secret2", b"Secret", b"secret\0"] {
            assert!(!same(other, b"secret"));
        }
    }

    #[test]
    fn a_token_follows_its_scheme() {
        assert_eq!(bearer(b"Bearer k"), Some(&b"k"[..]));
        assert_eq!(bearer(b"bearer  k "), Some(&b"k"[..]));
        assert_eq!(bearer(b"Basic k"), None);
        assert_eq!(bearer(b"Bearer"), None);
    }
}
