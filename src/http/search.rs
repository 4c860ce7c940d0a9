//! What `/nearby` and `/nearest` have in common: ask the engine, send what it
//! wrote.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::{Either, LocalBoxFuture};

use super::answer::AnswerBody;
use super::collections::{catalog_of, filter_for};
use super::negotiate::Format;
use super::problem::Problem;
use super::query::{Param, Query};
use super::reply;
use super::state::State;
use crate::catalog::Catalog;
use crate::domain::Search;
use crate::engine::{Answer, SearchError};

/// An answer that is there already, as the index gives it, or one that the database is
/// asked for. Small, as whatever stands around a handler moves its future about.
pub type Responding = Either<Ready<Responded>, LocalBoxFuture<'static, Responded>>;
type Responded = Result<HttpResponse, Problem>;

/// One way to search: the parameters that it takes, and what they ask for.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// What may be in the query.
    pub params: &'static [Param],
    /// Reads it.
    pub read: fn(&Query<'_>) -> Result<Search, Problem>,
}

impl Way {
    /// Answers a request about the collection that its path names, or the default one.
    ///
    /// # Errors
    /// When there is no such collection or a parameter cannot be taken; as
    /// [`Catalog::search`].
    pub fn get(self, request: &HttpRequest) -> Responding {
        match self.asked(request) {
            Ok((catalog, search, format)) => respond(State::of(request), &catalog, search, format),
            Err(problem) => Either::Left(ready(Err(problem))),
        }
    }

    fn asked(self, request: &HttpRequest) -> Result<(Arc<Catalog>, Search, Format), Problem> {
        let catalog = catalog_of(request)?;
        let fields = catalog.collection().fields();
        let query = request.query_string();
        let query = Query::parse_with_attributes(query, self.params, fields)?;
        let format = Format::of(request.headers(), &query)?;
        let search = (self.read)(&query)?;
        drop(query);
        Ok((catalog, search, format))
    }
}

/// Answers a search of a collection.
///
/// # Errors
/// When it filters by what the collection does not have; as [`Catalog::search`].
pub fn respond(
    state: &Arc<State>,
    catalog: &Arc<Catalog>,
    search: Search,
    format: Format,
) -> Responding {
    let filter = match filter_for(catalog, search.filter) {
        Ok(filter) => filter,
        Err(problem) => return Either::Left(ready(Err(problem))),
    };
    let search = Search { filter, ..search };
    let mut answer = AnswerBody::new(format, &search);
    if let Some(answered) = catalog.engine().search_at_once(&search, &mut answer) {
        let sent = answered.map(|()| send(state, format, answer));
        return Either::Left(ready(sent.map_err(Problem::from)));
    }
    let (state, catalog) = (Arc::clone(state), Arc::clone(catalog));
    Either::Right(Box::pin(async move {
        let answer = ask_database(&state, &catalog, search, answer).await?;
        Ok(send(&state, format, answer))
    }))
}

fn send(state: &State, format: Format, answer: AnswerBody) -> HttpResponse {
    state.metrics.search_answered(answer.count());
    reply::ok_as(format, answer.finish())
}

/// Lets the engine write an answer.
///
/// # Errors
/// As [`Catalog::search`].
pub async fn ask<A: Answer + Send + 'static>(
    state: &Arc<State>,
    catalog: &Arc<Catalog>,
    search: Search,
    mut answer: A,
) -> Result<A, Problem> {
    if let Some(answered) = catalog.engine().search_at_once(&search, &mut answer) {
        answered?;
        return Ok(answer);
    }
    ask_database(state, catalog, search, answer).await
}

async fn ask_database<A: Answer + Send + 'static>(
    state: &State,
    catalog: &Arc<Catalog>,
    search: Search,
    mut answer: A,
) -> Result<A, Problem> {
    let catalog = Arc::clone(catalog);
    let asking = async move {
        catalog.search(&search, &mut answer).await?;
        Ok::<_, SearchError>(answer)
    };
    state.run(asking).await
}
