//! Errors in FastAPI's form: `{"detail": …}`, a text or the list of what is
//! wrong with each parameter.

use std::error::Error;
use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use super::input::Fault;
use crate::http::problem::Problem;

/// A request that is refused, in FastAPI's form.
#[derive(Debug)]
pub struct Refusal(Box<Kind>);

#[derive(Debug)]
enum Kind {
    /// Parameters that cannot be taken.
    Invalid(Vec<u8>),
    /// Anything else that is the client's to mend.
    Refused(StatusCode, String),
    /// The path is there, but not for this method.
    Method(HeaderValue),
    /// A problem that is not Divemap's own, in its form.
    Problem(Problem),
}

#[derive(Serialize)]
struct Body<T> {
    detail: T,
}

fn body<T: Serialize>(detail: T) -> Vec<u8> {
    serde_json::to_vec(&Body { detail }).expect("texts and numbers are always JSON")
}

impl Refusal {
    /// 422: what is wrong with each parameter.
    pub(super) fn invalid(faults: &[Fault]) -> Self {
        Self(Box::new(Kind::Invalid(body(faults))))
    }

    /// 400: parameters that do not go together.
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self(Box::new(Kind::Refused(
            StatusCode::BAD_REQUEST,
            detail.into(),
        )))
    }

    /// 403: for administrators, of whom nearby knows none.
    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self(Box::new(Kind::Refused(
            StatusCode::FORBIDDEN,
            detail.into(),
        )))
    }

    /// 404: there is no such thing.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self(Box::new(Kind::Refused(
            StatusCode::NOT_FOUND,
            detail.into(),
        )))
    }

    /// 404: there is no such path.
    pub fn unknown_path() -> Self {
        Self::not_found("Not Found")
    }

    /// 405: the path takes only these methods.
    pub fn method_not_allowed(allow: HeaderValue) -> Self {
        Self(Box::new(Kind::Method(allow)))
    }

    /// What is for the log only.
    pub fn cause(&self) -> Option<&(dyn Error + Send + Sync)> {
        match &*self.0 {
            Kind::Problem(problem) => problem.cause(),
            _ => None,
        }
    }

    fn detail(&self) -> Vec<u8> {
        match &*self.0 {
            Kind::Invalid(body) => body.clone(),
            Kind::Refused(_, detail) => body(detail),
            Kind::Method(_) => body("Method Not Allowed"),
            Kind::Problem(problem) => body(problem.detail()),
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(Box::new(Kind::Problem(problem)))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.detail()))
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        match &*self.0 {
            Kind::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::Refused(status, _) => *status,
            Kind::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Kind::Problem(problem) => problem.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = match &*self.0 {
            // With its headers: when to try again.
            Kind::Problem(problem) => problem.error_response(),
            _ => HttpResponse::new(self.status_code()),
        };
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Kind::Method(allow) = &*self.0 {
            headers.insert(ALLOW, allow.clone());
        }
        response.set_body(BoxBody::new(self.detail()))
    }
}
