//! Divemap's read endpoints under `/api/v1`: a thin translation, so that its
//! front end works against nearby by changing one proxy rule.
//!
//! Parameters are read as FastAPI reads them ([`input`]) and refused in its form
//! ([`errors`]); what is asked goes to the same engines and stores as everything
//! else. One file an endpoint.

pub mod center;
pub mod dive_sites;
pub mod errors;
mod input;
mod item;
pub mod list;
pub mod nearby;
pub mod organizations;
pub mod search;
pub mod settings;

use actix_web::HttpRequest;

/// What all of its paths begin with.
const PREFIX: &str = "/api/v1/";

/// Whether a request is for these endpoints, whose errors have another form.
pub fn is_asked(request: &HttpRequest) -> bool {
    request.path().starts_with(PREFIX)
}
