//! Who may write: whoever holds the key.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use super::code::Code;
use super::precondition::refuse_elsewhere;
use super::problem::Problem;
use super::state::State;

/// A request that may write. A handler that takes it is called with a valid key
/// only.
#[derive(Debug, Clone)]
pub struct Writer {
    credential: SecretString,
}

impl Writer {
    /// What it showed to be let in.
    #[must_use]
    pub fn credential(&self) -> &SecretString {
        &self.credential
    }
}

impl FromRequest for Writer {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(check(request).map(|credential| Self { credential }))
    }
}

/// Lets in who may read settings that are not public.
///
/// # Errors
/// When the request has no valid key.
pub(super) fn may_read_all_settings(request: &HttpRequest) -> Result<(), Problem> {
    match &State::of(request).admin_key {
        Some(key) => shown(request, key).map(drop),
        None => Err(Problem::unauthorized(
            "This setting is not public, and this server has no key by which it is read.",
        )),
    }
}

fn check(request: &HttpRequest) -> Result<SecretString, Problem> {
    refuse_elsewhere(request)?;
    let Some(key) = &State::of(request).admin_key else {
        return Err(Problem::new(
            Code::WritesDisabled,
            "This server takes no writes; set NEARBY_ADMIN_KEY where it is started and send the key as `Authorization: Bearer`.",
        ));
    };
    shown(request, key)
}

/// The key, where the request shows it.
fn shown(request: &HttpRequest, key: &SecretString) -> Result<SecretString, Problem> {
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
    if same(token, key.expose_secret().as_bytes()) {
        Ok(key.clone())
    } else {
        Err(Problem::unauthorized("This key is not valid."))
    }
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
