//! What a map shows: which centers count, and how far they are told apart.

use std::sync::Arc;

use actix_web::HttpRequest;

use super::collections::{catalog_of, filter_for};
use super::params;
use super::problem::Problem;
use super::query::{Params, Query};
use super::state::State;
use super::timing::SearchTime;
use crate::catalog::Catalog;
use crate::domain::Filter;

/// Runs what a map asks for, in turn: filters may go through everything there is.
///
/// # Errors
/// As [`State::queued`].
pub(super) async fn in_turn<T, E>(
    request: &HttpRequest,
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, Problem>
where
    T: Send + 'static,
    E: Into<Problem> + Send + 'static,
{
    let state = State::of(request);
    let working = state.queued(&state.queues.maps, work);
    SearchTime::of(request).measured(working).await
}

/// The collection that a path names, what was asked of it, and which of its centers count.
///
/// # Errors
/// When there is no such collection, or a parameter cannot be taken.
pub(super) fn asked<T>(
    request: &HttpRequest,
    known: Params,
    read: impl FnOnce(&Query<'_>, &Catalog, &Filter) -> Result<T, Problem>,
) -> Result<(Arc<Catalog>, Filter, T), Problem> {
    let catalog = catalog_of(request)?;
    let fields = catalog.collection().fields();
    let query = Query::parse_with_attributes(request.query_string(), known, fields)?;
    let filter = filter_for(&catalog, params::filter_of(&query, fields)?)?;
    let rest = read(&query, &catalog, &filter)?;
    drop(query);
    Ok((catalog, filter, rest))
}
