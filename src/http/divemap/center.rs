//! `GET /api/v1/diving-centers/{id}`.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};

use super::errors::Refusal;
use super::input::Input;
use super::is_left_to_divemap;
use super::item::Whole;
use crate::domain::{Center, CenterId};
use crate::http::reply;
use crate::http::state::State;

/// Answers one center, whole.
///
/// # Errors
/// When there is none or the database does not answer.
pub async fn get(request: HttpRequest) -> Result<HttpResponse, Refusal> {
    let center = center_of(&request).await?;
    let state = State::of(&request);
    let (catalog, asked) = (Arc::clone(&state.catalog), [center.clone()]);
    let reading = async move { catalog.ratings(&asked).await };
    let rating = state.run(reading).await?.remove(&center.id);
    Ok(reply::ok(&Whole::new(
        &center,
        rating,
        state.media_url.as_ref(),
    )))
}

/// The center that the path names.
pub(super) async fn center_of(request: &HttpRequest) -> Result<Center, Refusal> {
    let not_found = || Refusal::not_found("Diving center not found");
    let mut input = Input::of(request);
    if is_left_to_divemap(request.match_info().query("diving_center_id")) {
        return Err(Refusal::unknown_path());
    }
    let id = input.path_integer(request, "diving_center_id");
    input.finish()?;
    let id = CenterId::new(id).ok_or_else(not_found)?;
    let state = State::of(request);
    let catalog = Arc::clone(&state.catalog);
    let center = state.run(async move { catalog.read(id).await }).await?;
    center.ok_or_else(not_found)
}
