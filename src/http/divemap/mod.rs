//! Divemap's read endpoints under `/api/v1`: a thin translation, so that its
//! front end works against nearby by changing one proxy rule.
//!
//! Parameters are read as FastAPI reads them ([`input`]) and refused in its form
//! ([`errors`]); what is asked goes to the same engines and stores as everything
//! else. One file an endpoint.

pub mod center;
pub mod dive_sites;
pub mod errors;
mod html;
mod input;
mod item;
pub mod list;
pub mod media;
pub mod nearby;
pub mod organizations;
mod paging;
mod relevance;
mod score;
pub mod search;
pub mod settings;
mod site;
pub mod sites;

use actix_web::HttpRequest;

/// What all of its paths begin with.
const PREFIX: &str = "/api/v1/";

/// What stands in the place of an id in paths of Divemap that nearby does not answer:
/// these are not there, and no ids that went wrong.
const LEFT_TO_DIVEMAP: [&str; 7] = [
    "check-proximity",
    "countries",
    "managed",
    "ownership-requests",
    "regions",
    "reverse-geocode",
    "wind-recommendations",
];

fn is_left_to_divemap(id: &str) -> bool {
    LEFT_TO_DIVEMAP.contains(&id)
}

/// Whether a request is for these endpoints, whose errors have another form.
pub fn is_asked(request: &HttpRequest) -> bool {
    request.path().starts_with(PREFIX)
}
