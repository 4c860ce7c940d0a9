//! What `/nearby`, `/nearest` and `/within` have in common: ask the engine, send what it
//! wrote.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Instant;

use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::{Either, LocalBoxFuture};

use super::answer::AnswerBody;
use super::collections::{catalog_of, filter_for};
use super::negotiate::Format;
use super::problem::Problem;
use super::query::{Params, Query};
use super::reply;
use super::shape::{self, Shape};
use super::staleness::telling_lag;
use super::state::State;
use super::timing::SearchTime;
use crate::catalog::Catalog;
use crate::domain::{Fields, Search};
use crate::engine::{Answer, SearchError};

/// An answer that is there already, as the index gives it, or one that the database is
/// asked for. Small, as whatever stands around a handler moves its future about.
pub type Responding = Either<Ready<Responded>, LocalBoxFuture<'static, Responded>>;
type Responded = Result<HttpResponse, Problem>;

/// One way to search: the parameters that it takes, and what they ask for.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// What may be in the query.
    pub params: Params,
    /// Reads it.
    pub read: fn(&Query<'_>, &Fields) -> Result<Search, Problem>,
}

impl Way {
    /// Answers a request about the collection that its path names, or the default one.
    ///
    /// # Errors
    /// When there is no such collection or a parameter cannot be taken; as
    /// [`Catalog::search`].
    pub fn get(self, request: &HttpRequest) -> Responding {
        match self.asked(request) {
            Ok((catalog, asked)) => respond(request, &catalog, asked),
            Err(problem) => Either::Left(ready(Err(problem))),
        }
    }

    fn asked(self, request: &HttpRequest) -> Result<(Arc<Catalog>, Asked), Problem> {
        let catalog = catalog_of(request)?;
        let collection = catalog.collection();
        let fields = collection.fields();
        let query = request.query_string();
        let query = Query::parse_with_attributes(query, self.params, fields)?;
        let format = Format::of(request.headers(), &query, Format::Json)?;
        let search = (self.read)(&query, fields)?;
        let shape = Shape::of(&query, collection, search.measures())?;
        drop(query);
        let asked = Asked {
            search,
            format,
            shape,
        };
        Ok((catalog, asked))
    }
}

/// A search, and how it is to be answered.
#[derive(Debug)]
pub struct Asked {
    /// What is asked.
    pub search: Search,
    /// In which form.
    pub format: Format,
    /// What the answer is to hold; `None` for the plain one.
    pub shape: Option<Shape>,
}

/// Answers a search of a collection.
///
/// # Errors
/// When it filters by what the collection does not have; as [`Catalog::search`].
pub fn respond(request: &HttpRequest, catalog: &Arc<Catalog>, asked: Asked) -> Responding {
    let Asked {
        search,
        format,
        shape,
    } = asked;
    let filter = match filter_for(catalog, search.filter) {
        Ok(filter) => filter,
        Err(problem) => return Either::Left(ready(Err(problem))),
    };
    let search = Search { filter, ..search };
    if let Some(shape) = shape {
        let shaped = respond_shaped(request.clone(), Arc::clone(catalog), search, format, shape);
        return Either::Right(Box::pin(shaped));
    }
    let mut answer = AnswerBody::new(format, &search);
    let began = Instant::now();
    let engine = match catalog.answering() {
        Ok(engine) => engine,
        Err(error) => return Either::Left(ready(Err(error.into()))),
    };
    if let Some(answered) = engine.search_at_once(&search, &mut answer) {
        if let Some(time) = request.conn_data::<SearchTime>() {
            time.ended(began);
        }
        let sent = answered.map(|()| send(request, catalog, format, answer));
        return Either::Left(ready(sent.map_err(Problem::from)));
    }
    let (request, catalog) = (request.clone(), Arc::clone(catalog));
    Either::Right(Box::pin(async move {
        let asking = ask_database(State::of(&request), &catalog, search, answer);
        let answer = SearchTime::of(&request).measured(asking).await?;
        Ok(send(&request, &catalog, format, answer))
    }))
}

fn send(
    request: &HttpRequest,
    catalog: &Catalog,
    format: Format,
    answer: AnswerBody,
) -> HttpResponse {
    let metrics = &State::of(request).metrics;
    metrics.search_answered(answer.count());
    let link = reply::next_link(request, answer.next());
    telling_lag(catalog, reply::page_as(format, answer.finish(), link))
}

async fn respond_shaped(
    request: HttpRequest,
    catalog: Arc<Catalog>,
    search: Search,
    format: Format,
    shape: Shape,
) -> Result<HttpResponse, Problem> {
    let state = State::of(&request);
    let takes_long = shape.asks_for_tally() || catalog.answering()?.goes_through_all(&search);
    let asked = Arc::clone(&catalog);
    let asking = async move { shape::answer(&asked, &search, format, &shape, Vec::new()).await };
    let asking = async {
        if takes_long {
            state.queued(&state.queues.counts, asking).await
        } else {
            state.run(asking).await
        }
    };
    let shaped = SearchTime::of(&request).measured(asking).await?;
    state.metrics.search_answered(shaped.count);
    let link = reply::next_link(&request, shaped.next.as_deref());
    let response = reply::page_as(format, shaped.body, link);
    Ok(telling_lag(&catalog, response))
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
    if let Some(answered) = catalog.answering()?.search_at_once(&search, &mut answer) {
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
    let takes_long = catalog.answering()?.goes_through_all(&search);
    let asking = async move {
        catalog.search(&search, &mut answer).await?;
        Ok::<_, SearchError>(answer)
    };
    if takes_long {
        state.queued(&state.queues.counts, asking).await
    } else {
        state.run(asking).await
    }
}
