//! What `/nearby` and `/nearest` have in common: ask the engine, send what it
//! wrote.

use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::FutureExt as _;

use super::answer::AnswerBody;
use super::collections::{catalog_of, filter_for};
use super::negotiate::Format;
use super::problem::Problem;
use super::query::{Param, Query};
use super::reply;
use super::state::State;
use crate::catalog::Catalog;
use crate::domain::Search;
use crate::engine::{Answer, Engine, SearchError};

/// One way to search: the parameters that it takes, and what they ask for.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// What may be in the query.
    pub params: &'static [Param],
    /// Reads it.
    pub read: fn(&Query<'_>) -> Result<Search, Problem>,
}

impl Way {
    /// Answers a request about the default collection.
    ///
    /// # Errors
    /// When a parameter cannot be taken; as [`Engine::search`].
    pub async fn in_default(self, request: HttpRequest) -> Result<HttpResponse, Problem> {
        self.answer(&request, &State::of(&request).catalog).await
    }

    /// Answers a request about the collection that its path names.
    ///
    /// # Errors
    /// When there is no such collection or a parameter cannot be taken; as
    /// [`Engine::search`].
    pub async fn in_collection(self, request: HttpRequest) -> Result<HttpResponse, Problem> {
        self.answer(&request, &catalog_of(&request)?).await
    }

    async fn answer(
        self,
        request: &HttpRequest,
        catalog: &Arc<Catalog>,
    ) -> Result<HttpResponse, Problem> {
        let (search, format) = self.asked(request.query_string(), request.headers())?;
        respond(State::of(request), catalog, search, format).await
    }

    /// What a request asks for, and in which form.
    ///
    /// # Errors
    /// When a parameter cannot be taken.
    pub fn asked(self, query: &str, headers: &HeaderMap) -> Result<(Search, Format), Problem> {
        let query = Query::parse(query, self.params)?;
        let format = Format::of(headers, &query)?;
        Ok(((self.read)(&query)?, format))
    }
}

/// Answers a search of a collection.
///
/// # Errors
/// When it filters by what the collection does not have; as [`Engine::search`].
pub async fn respond(
    state: &Arc<State>,
    catalog: &Arc<Catalog>,
    search: Search,
    format: Format,
) -> Result<HttpResponse, Problem> {
    let filter = filter_for(catalog, search.filter)?;
    let search = Search { filter, ..search };
    let answer = AnswerBody::new(format, &search);
    let answer = ask(state, catalog, search, answer).await?;
    state.metrics.search_answered(answer.count());
    Ok(reply::ok_as(format, answer.finish()))
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
    if let Some(asked) = ask_index(catalog, &search, &mut answer) {
        asked?;
        return Ok(answer);
    }
    let catalog = Arc::clone(catalog);
    let asking = async move {
        catalog.search(&search, &mut answer).await?;
        Ok::<_, SearchError>(answer)
    };
    state.run(asking).await
}

/// Lets the index in memory write an answer, which takes microseconds and waits for
/// nothing: not worth another thread. `None` where the database has to be asked.
///
/// # Errors
/// As [`Engine::search`].
pub fn ask_index(
    catalog: &Catalog,
    search: &Search,
    answer: &mut impl Answer,
) -> Option<Result<(), SearchError>> {
    match catalog.engine() {
        Engine::Memory(_) => catalog.engine().search(search, answer).now_or_never(),
        Engine::Sql(_) => None,
    }
}
