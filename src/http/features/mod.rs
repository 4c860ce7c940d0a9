//! OGC API: what map programs ask before they know a service, and how its collections are
//! told to them. Features, Part 1 (OGC 17-069r4) and Part 3 (OGC 19-079r2), and Tiles (OGC
//! 20-057). Rows are read by `list` and `centers`, tiles by `tiles`.

pub(super) mod collections;
pub(super) mod items;
pub(super) mod landing;
pub(super) mod links;
pub(super) mod queryables;
pub(super) mod tilesets;

use actix_web::HttpRequest;

use super::problem::Problem;
use super::query::{Param, Params, Query};

const FORMAT: &str = "f";
const PARAMS: Params = &[&[Param::once(FORMAT)]];

/// Checks the query of what there is as JSON only.
///
/// # Errors
/// When it asks for anything, but for `f=json`.
fn check_json_only(request: &HttpRequest) -> Result<(), Problem> {
    let query = Query::parse(request.query_string(), PARAMS)?;
    match query.one(FORMAT) {
        None | Some("json") => Ok(()),
        Some(other) => Err(Problem::invalid(FORMAT, other, "json")),
    }
}
