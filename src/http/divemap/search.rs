//! `GET /api/v1/diving-centers/search`: names as one types them.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};

use super::errors::Refusal;
use super::input::{Input, Length};
use super::item::{push_near, push_near_at};
use super::nearby::{LATITUDES, LONGITUDES, limit_of};
use crate::domain::{Filter, MAX_NAME_QUERY_CHARS, NameQuery, Origin};
use crate::http::reply;
use crate::http::state::State;

const TEXT: Length = Length {
    min: 1,
    max: MAX_NAME_QUERY_CHARS,
};

/// Answers the centers whose names hold a text, the best first.
///
/// # Errors
/// When a parameter cannot be taken or the database does not answer.
pub async fn get(request: HttpRequest) -> Result<HttpResponse, Refusal> {
    let mut input = Input::of(&request);
    let text = input.required_text("q", TEXT);
    let limit = input.integer("limit", &(1..=50)).unwrap_or(20);
    let lat = input.number("lat", &LATITUDES);
    let lng = input.number("lng", &LONGITUDES);
    input.finish()?;
    // One alone is ignored.
    let origin = lat
        .zip(lng)
        .map(|(lat, lng)| Origin::new(lat, lng).expect("the ranges were checked"));
    // Divemap takes what is typed to the letter here, and says no word of how well a
    // name holds it.
    let query = NameQuery::new(&text, origin, limit_of(limit).get());
    let Some(query) = query.map(NameQuery::to_the_letter) else {
        return Ok(reply::ok_rendered(b"[]".to_vec()));
    };
    let state = State::of(&request);
    let catalog = Arc::clone(&state.catalog);
    let found = state
        .queued_to_its_end(&state.queues.texts, async move {
            catalog.find_names(&query, &Filter::default()).await
        })
        .await?;
    state.metrics.search_answered(found.len());
    let mut body = vec![b'['];
    for (place, found) in found.iter().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        match origin {
            None => push_near(&mut body, &found.center),
            Some(_) => push_near_at(&mut body, &found.center, found.distance_m),
        }
    }
    body.push(b']');
    Ok(reply::ok_rendered(body))
}
