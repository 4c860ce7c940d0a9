//! `/organizations`: those that train divers.

use std::str::FromStr as _;
use std::sync::Arc;

use actix_web::http::header::LINK;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::auth::Writer;
use super::body::{JSON, read_json};
use super::centers::DELETE_PARAMS;
use super::code::Code;
use super::idempotency::{make, read};
use super::params;
use super::problem::Problem;
use super::query::{Param, Params, Query};
use super::reply;
use super::state::State;
use crate::domain::{
    Organization, OrganizationDraft, OrganizationFieldError, OrganizationId, OrganizationText,
};
use crate::store::OrganizationError;
use crate::wire::JsonId;

/// The parameter that a next page begins behind.
const AFTER: &str = "after";
const LIST_PARAMS: Params = &[&[Param::once("limit"), Param::once(AFTER)]];

/// What a client says of an organization.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrganizationBody {
    name: String,
    acronym: String,
    #[serde(default)]
    website: Option<String>,
    #[serde(default)]
    logo_url: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    country: Option<String>,
    #[serde(default)]
    founded_year: Option<i32>,
}

impl OrganizationBody {
    fn into_draft(self) -> Result<OrganizationDraft, Problem> {
        Ok(OrganizationDraft::new(OrganizationText {
            name: self.name,
            acronym: self.acronym,
            website: self.website,
            logo_url: self.logo_url,
            description: self.description,
            country: self.country,
            founded_year: self.founded_year,
        })?)
    }
}

/// An organization as it is sent.
#[derive(Serialize)]
pub(super) struct OrganizationView<'a> {
    id: JsonId,
    name: &'a str,
    acronym: &'a str,
    website: Option<&'a str>,
    logo_url: Option<&'a str>,
    description: Option<&'a str>,
    country: Option<&'a str>,
    founded_year: Option<i32>,
    created_at: Option<DateTime<Utc>>,
    updated_at: Option<DateTime<Utc>>,
}

impl<'a> From<&'a Organization> for OrganizationView<'a> {
    fn from(organization: &'a Organization) -> Self {
        let text = &organization.text;
        Self {
            id: organization.id.into(),
            name: &text.name,
            acronym: &text.acronym,
            website: text.website.as_deref(),
            logo_url: text.logo_url.as_deref(),
            description: text.description.as_deref(),
            country: text.country.as_deref(),
            founded_year: text.founded_year,
            created_at: organization.created_at,
            updated_at: organization.updated_at,
        }
    }
}

#[derive(Serialize)]
struct Page<'a> {
    count: usize,
    next: Option<JsonId>,
    organizations: Vec<OrganizationView<'a>>,
}

pub(super) async fn list(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let query = Query::parse(request.query_string(), LIST_PARAMS)?;
    let limit = params::limit_of(&query)?.get();
    let after = query
        .one(AFTER)
        .map(|text| organization_id(AFTER, text))
        .transpose()?;
    let state = State::of(&request);
    let database = state.database.clone();
    // One more tells whether there is another page.
    let found = state
        .queued(&state.queues.lists, async move {
            database.organizations(after, limit + 1).await
        })
        .await?;
    let shown = &found[..found.len().min(limit)];
    let last = shown.last().filter(|_| found.len() > limit);
    let next = last.map(|organization| organization.id);
    let mut page = reply::ok(&Page {
        count: shown.len(),
        next: next.map(Into::into),
        organizations: shown.iter().map(OrganizationView::from).collect(),
    });
    let next = next.map(|id| id.to_string());
    if let Some(link) = next.and_then(|id| reply::link_to(request.query_string(), AFTER, &id)) {
        page.headers_mut().insert(LINK, link);
    }
    Ok(page)
}

pub(super) async fn post(
    writer: Writer,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    Query::parse(request.query_string(), &[])?;
    let (body, key) = read::<OrganizationBody>(&writer, &request, payload).await?;
    let draft = body.into_draft()?;
    let catalog = Arc::clone(&State::of(&request).catalog);
    let creating = async move {
        let created = catalog.create_organization(&draft).await;
        created.map_err(|error| problem_of(error, &draft))
    };
    make(&request, key, creating).await
}

pub(super) async fn get(request: HttpRequest) -> Result<HttpResponse, Problem> {
    Query::parse(request.query_string(), &[])?;
    let id = id_of(&request)?;
    let state = State::of(&request);
    let database = state.database.clone();
    let found = state
        .run(async move { database.organization(id).await })
        .await?;
    let organization = found.ok_or_else(|| not_found(id))?;
    Ok(reply::ok(&OrganizationView::from(&organization)))
}

pub(super) async fn put(
    _: Writer,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    Query::parse(request.query_string(), &[])?;
    let id = id_of(&request)?;
    let body: OrganizationBody = read_json(&request, payload, JSON).await?;
    let draft = body.into_draft()?;
    let state = State::of(&request);
    let catalog = Arc::clone(&state.catalog);
    let written = state
        .write(&request, async move {
            let written = catalog.replace_organization(id, &draft).await;
            written.map_err(|error| problem_of(error, &draft))
        })
        .await?;
    let organization = written.ok_or_else(|| not_found(id))?;
    Ok(reply::ok(&OrganizationView::from(&organization)))
}

pub(super) async fn delete(_: Writer, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let query = Query::parse(request.query_string(), DELETE_PARAMS)?;
    let referring = params::referring_of(&query)?;
    let id = id_of(&request)?;
    let state = State::of(&request);
    let catalog = Arc::clone(&state.catalog);
    let deleted = state
        .write(&request, async move {
            catalog.delete_organization(id, referring).await
        })
        .await?;
    if !deleted {
        return Err(not_found(id));
    }
    Ok(HttpResponse::NoContent().finish())
}

fn id_of(request: &HttpRequest) -> Result<OrganizationId, Problem> {
    organization_id("id", request.match_info().query("id"))
}

/// The number of an organization.
pub(super) fn organization_id(name: &'static str, text: &str) -> Result<OrganizationId, Problem> {
    i64::from_str(text)
        .ok()
        .and_then(OrganizationId::new)
        .ok_or_else(|| params::id_problem(name, text))
}

/// There is no such organization.
pub(super) fn not_found(id: OrganizationId) -> Problem {
    Problem::new(
        Code::OrganizationNotFound,
        format!("there is no organization {id}"),
    )
    .at("organization_id")
    .got(&id.to_string())
    .allowed("the id of an organization")
}

fn problem_of(error: OrganizationError, draft: &OrganizationDraft) -> Problem {
    match error {
        OrganizationError::Taken { field, id } => {
            let text = draft.text();
            let got = match field.name() {
                "name" => &text.name,
                _ => &text.acronym,
            };
            Problem::new(Code::OrganizationExists, error.to_string())
                .at(field.name())
                .got(got)
                .allowed(format!("what organization {id} does not have, case aside"))
        }
        OrganizationError::Store(error) => error.into(),
    }
}

impl From<OrganizationFieldError> for Problem {
    fn from(error: OrganizationFieldError) -> Self {
        Self::invalid(error.field, &error.got, error.allowed)
    }
}
