//! `POST /centers` and `/centers/{id}`: one center created, read, replaced,
//! patched, deleted; dive sites and the rows of other collections alike.

use std::sync::Arc;

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};

use super::auth::Writer;
use super::body::{JSON, MERGE_PATCH, read_json};
use super::chosen::Chosen;
use super::code::Code;
use super::collections::{catalog_of, catalog_to_write};
use super::dto::{CenterBody, CenterFeature, CenterView};
use super::features::links::Link;
use super::idempotency::{make, read};
use super::negotiate::Format;
use super::params;
use super::precondition::{Precondition, row_tag};
use super::problem::Problem;
use super::query::{Param, Params, Query};
use super::reply::{self, rendered};
use super::state::State;
use crate::catalog::CreateError;
use crate::domain::{CenterEdit, CenterId};
use crate::metrics::WriteOperation;
use crate::store::{Collection, StoreError, UpdateError};

const CREATE_PARAMS: Params = &[&[Param::once("min_distance_m")]];
pub(super) const DELETE_PARAMS: Params = &[&[Param::once("cascade")]];
pub(super) const READ_PARAMS: &[Param] = &[Param::once("fields"), Param::once("format")];

pub(super) async fn post(
    writer: Writer,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let catalog = catalog_to_write(&request)?;
    let query = Query::parse(request.query_string(), CREATE_PARAMS)?;
    let distance = params::min_distance_of(&query)?;
    let (body, key) = read::<CenterBody>(&writer, &request, payload).await?;
    let draft = body.into_draft(catalog.collection())?;
    let creating = async move {
        match distance {
            Some(distance) => catalog.create_apart(&draft, distance).await,
            None => Ok(catalog.create(&draft).await?),
        }
    };
    make(&request, key, creating).await
}

pub(super) async fn get(request: HttpRequest) -> Result<HttpResponse, Problem> {
    read_one(&request, &[READ_PARAMS], Format::Json, |_, _| Vec::new()).await
}

/// Answers one row; `preferred` is its format where the client has no preference, and the links
/// are those of a feature of a collection.
///
/// # Errors
/// When a parameter cannot be taken, there is no such row or the database does not answer.
pub(super) async fn read_one(
    request: &HttpRequest,
    known: Params,
    preferred: Format,
    links_of: fn(&HttpRequest, &str) -> Vec<Link>,
) -> Result<HttpResponse, Problem> {
    let catalog = catalog_of(request)?;
    let query = Query::parse(request.query_string(), known)?;
    let format = Format::of(request.headers(), &query, preferred)?;
    let chosen = Chosen::of(&query, catalog.collection(), false)?;
    let id = id_of(request)?;
    let state = State::of(request);
    let reading = Arc::clone(&catalog);
    let reading = async move {
        let found = reading.read(id).await?;
        let ratings = reading.ratings(found.as_slice()).await?;
        Ok::<_, StoreError>((found, ratings.get(&id).copied()))
    };
    let (found, rating) = state.run(reading).await?;
    let center = found.ok_or_else(|| not_found(catalog.collection(), id))?;
    let body = match format {
        Format::Json => rendered(&CenterView::from(&center).rated(rating)),
        Format::GeoJson => {
            let links = links_of(request, catalog.collection().name.as_str());
            rendered(&CenterFeature::from(&center).rated(rating).linked(links))
        }
    };
    let body = match chosen {
        None => body,
        Some(chosen) if format == Format::GeoJson => chosen.feature(&body),
        Some(chosen) => chosen.object(&body),
    };
    let mut response = reply::ok_as(format, body);
    response.extensions_mut().insert(row_tag(&center));
    Ok(response)
}

pub(super) async fn put(
    _: Writer,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let catalog = catalog_to_write(&request)?;
    Query::parse(request.query_string(), &[])?;
    let id = id_of(&request)?;
    let condition = Precondition::of(&request)?;
    let body: CenterBody = read_json(&request, payload, JSON).await?;
    let draft = body.into_draft(catalog.collection())?;
    let state = State::of(&request);
    let writing = Arc::clone(&catalog);
    let replacing = async move {
        let Some(condition) = condition else {
            return Ok(writing.replace(id, &draft).await?);
        };
        let edit = CenterEdit::whole(draft);
        let edited = writing.update(id, move |center| condition.check(center).map(|()| edit));
        edited.await.map_err(Problem::from)
    };
    let written = state.write(&request, replacing).await?;
    let center = written.ok_or_else(|| not_found(catalog.collection(), id))?;
    state.metrics.wrote(WriteOperation::Replace);
    Ok(reply::ok(&CenterView::from(&center)))
}

pub(super) async fn patch(
    _: Writer,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let catalog = catalog_to_write(&request)?;
    Query::parse(request.query_string(), &[])?;
    let id = id_of(&request)?;
    let condition = Precondition::of(&request)?;
    let body: CenterBody = read_json(&request, payload, MERGE_PATCH).await?;
    body.refuse(catalog.collection())?;
    let state = State::of(&request);
    let writing = Arc::clone(&catalog);
    let written = state
        .write(&request, async move {
            let edit = move |center: &_| {
                let refused = condition.map(|condition| condition.check(center));
                refused.transpose()?;
                body.patch(center)
            };
            writing.update(id, edit).await
        })
        .await?;
    let center = written.ok_or_else(|| not_found(catalog.collection(), id))?;
    state.metrics.wrote(WriteOperation::Update);
    Ok(reply::ok(&CenterView::from(&center)))
}

pub(super) async fn delete(_: Writer, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let catalog = catalog_to_write(&request)?;
    let query = Query::parse(request.query_string(), DELETE_PARAMS)?;
    let referring = params::referring_of(&query)?;
    let id = id_of(&request)?;
    let condition = Precondition::of(&request)?;
    let state = State::of(&request);
    let writing = Arc::clone(&catalog);
    let holds = move |center: &_| {
        condition
            .as_ref()
            .is_none_or(|condition| condition.holds(center))
    };
    let deleting = async move { writing.delete(id, referring, holds).await };
    let deleted = state.write(&request, deleting).await?;
    if !deleted {
        return Err(not_found(catalog.collection(), id));
    }
    state.metrics.wrote(WriteOperation::Delete);
    Ok(HttpResponse::NoContent().finish())
}

/// The id in the path.
pub(super) fn id_of(request: &HttpRequest) -> Result<CenterId, Problem> {
    params::center_id("id", request.match_info().query("id"))
}

/// There is no such row.
pub(super) fn not_found(collection: &Collection, id: CenterId) -> Problem {
    let name = &collection.name;
    Problem::new(Code::CenterNotFound, format!("there is no {id} in {name}"))
        .at("id")
        .got(&id.to_string())
        .allowed(format!("the id of one of the {name}"))
}

impl From<CreateError> for Problem {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Duplicate(neighbours) => Self::new(
                Code::CenterExists,
                format!(
                    "{} with a similar name within min_distance_m: write to one of them, \
                     or send the request without min_distance_m",
                    match neighbours.len() {
                        1 => "there is a center".to_owned(),
                        count => format!("there are {count} centers"),
                    }
                ),
            )
            .near(neighbours),
            CreateError::Search(error) => error.into(),
            CreateError::Store(error) => error.into(),
        }
    }
}

impl From<UpdateError<Problem>> for Problem {
    fn from(error: UpdateError<Problem>) -> Self {
        match error {
            UpdateError::Edit(problem) => problem,
            UpdateError::Store(error) => error.into(),
        }
    }
}
