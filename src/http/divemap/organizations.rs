//! `GET /api/v1/diving-centers/{id}/organizations`.

use actix_web::{HttpRequest, HttpResponse};

use super::errors::Refusal;
use super::input::Input;
use crate::domain::CenterId;
use crate::http::memberships::MembershipView;
use crate::http::reply;
use crate::http::state::State;

/// Answers the organizations that a center works by.
///
/// # Errors
/// When there is no such center or the database does not answer.
pub async fn get(request: HttpRequest) -> Result<HttpResponse, Refusal> {
    let not_found = || Refusal::not_found("Diving center not found");
    let mut input = Input::of(&request);
    let id = input.path_integer(&request, "diving_center_id");
    input.finish()?;
    let id = CenterId::new(id).ok_or_else(not_found)?;
    let state = State::of(&request);
    let database = state.database.clone();
    let found = state
        .run(async move { database.memberships(id).await })
        .await?;
    let found = found.ok_or_else(not_found)?;
    let views: Vec<MembershipView<'_>> = found.iter().map(MembershipView::from).collect();
    Ok(reply::ok(&views))
}
