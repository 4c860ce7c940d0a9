//! What `/nearby` and `/nearest` have in common: ask the engine, send what it
//! wrote.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, VARY};

use super::answer::AnswerBody;
use super::negotiate::Format;
use super::problem::Problem;
use super::state::State;
use crate::catalog::Catalog;
use crate::domain::Search;
use crate::engine::{Answer, Engine, SearchError};

/// An answer may be kept but not reused unasked: whoever wrote a center finds
/// it in the next answer.
pub const NO_CACHE: (HeaderName, HeaderValue) =
    (CACHE_CONTROL, HeaderValue::from_static("no-cache"));

/// Where the Accept header has a say.
pub const VARY_ACCEPT: (HeaderName, HeaderValue) = (VARY, HeaderValue::from_static("Accept"));

/// Answers a search of a collection.
///
/// # Errors
/// As [`Engine::search`].
pub async fn respond(
    state: &Arc<State>,
    catalog: &Arc<Catalog>,
    search: Search,
    format: Format,
) -> Result<HttpResponse, Problem> {
    let answer = AnswerBody::new(format, &search);
    let answer = ask(state, catalog, search, answer).await?;
    state.metrics.search_answered(answer.count());
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, format.content_type()))
        .insert_header(NO_CACHE)
        .insert_header(VARY_ACCEPT)
        .body(answer.finish()))
}

/// Lets the engine write an answer.
///
/// # Errors
/// As [`Engine::search`].
pub async fn ask<A: Answer + Send + 'static>(
    state: &Arc<State>,
    catalog: &Arc<Catalog>,
    search: Search,
    mut answer: A,
) -> Result<A, Problem> {
    match catalog.engine() {
        // Takes microseconds and waits for nothing, but for what ratings ask: not
        // worth another thread.
        Engine::Memory(_) if search.filter.min_rating.is_none() => {
            catalog.engine().search(&search, &mut answer).await?;
            if answer.shows_ratings() {
                let catalog = Arc::clone(catalog);
                let hidden = state.run(async move { catalog.hides_ratings().await });
                if hidden.await? {
                    answer.hide_ratings();
                }
            }
            Ok(answer)
        }
        _ => {
            let catalog = Arc::clone(catalog);
            let asking = async move {
                catalog.search(&search, &mut answer).await?;
                Ok::<_, SearchError>(answer)
            };
            state.run(asking).await
        }
    }
}
