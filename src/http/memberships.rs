//! `/centers/{id}/organizations`: those that a center works by.

use std::sync::Arc;

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::auth::Writer;
use super::body::{JSON, read_json};
use super::centers;
use super::code::Code;
use super::idempotency::{make, read};
use super::organizations::{self, OrganizationView, organization_id};
use super::params;
use super::problem::Problem;
use super::query::Query;
use super::reply;
use super::state::State;
use crate::domain::{CenterId, Membership, OrganizationId};
use crate::store::{Collection, MembershipError};
use crate::wire::JsonId;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JoinBody {
    organization_id: JsonId,
    #[serde(default)]
    is_primary: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PrimaryBody {
    is_primary: bool,
}

/// A membership as it is sent: Divemap's own shape.
#[derive(Serialize)]
pub(super) struct MembershipView<'a> {
    id: JsonId,
    diving_center_id: JsonId,
    diving_organization_id: JsonId,
    is_primary: bool,
    diving_organization: OrganizationView<'a>,
    created_at: Option<DateTime<Utc>>,
}

impl<'a> From<&'a Membership> for MembershipView<'a> {
    fn from(membership: &'a Membership) -> Self {
        Self {
            id: JsonId(membership.id),
            diving_center_id: membership.center.into(),
            diving_organization_id: membership.organization.id.into(),
            is_primary: membership.is_primary,
            diving_organization: OrganizationView::from(&membership.organization),
            created_at: membership.created_at,
        }
    }
}

#[derive(Serialize)]
struct Memberships<'a> {
    count: usize,
    organizations: Vec<MembershipView<'a>>,
}

pub(super) async fn list(request: HttpRequest) -> Result<HttpResponse, Problem> {
    Query::parse(request.query_string(), &[])?;
    let center = center_of(&request)?;
    let state = State::of(&request);
    let database = state.database.clone();
    let found = state
        .run(async move { database.memberships(center).await })
        .await?;
    let found = found.ok_or_else(|| centers::not_found(state.catalog.collection(), center))?;
    Ok(reply::ok(&Memberships {
        count: found.len(),
        organizations: found.iter().map(MembershipView::from).collect(),
    }))
}

pub(super) async fn post(
    writer: Writer,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    Query::parse(request.query_string(), &[])?;
    let center = center_of(&request)?;
    let (body, key) = read::<JoinBody>(&writer, &request, payload).await?;
    let JsonId(id) = body.organization_id;
    let organization = organization_id("organization_id", &id.to_string())?;
    let catalog = Arc::clone(&State::of(&request).catalog);
    let joining = async move {
        let joined = catalog.join(center, organization, body.is_primary).await;
        joined.map_err(|error| problem_of(error, catalog.collection(), center, organization))
    };
    make(&request, key, joining).await
}

pub(super) async fn put(
    _: Writer,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    Query::parse(request.query_string(), &[])?;
    let (center, organization) = (center_of(&request)?, organization_of(&request)?);
    let body: PrimaryBody = read_json(&request, payload, JSON).await?;
    let state = State::of(&request);
    let (database, catalog) = (state.database.clone(), Arc::clone(&state.catalog));
    let written = state
        .write(&request, async move {
            let is_primary = body.is_primary;
            let written = database.set_primary(center, organization, is_primary).await;
            written.map_err(|error| problem_of(error, catalog.collection(), center, organization))
        })
        .await?;
    let membership = written.ok_or_else(|| not_joined(center, organization))?;
    Ok(reply::ok(&MembershipView::from(&membership)))
}

pub(super) async fn delete(_: Writer, request: HttpRequest) -> Result<HttpResponse, Problem> {
    Query::parse(request.query_string(), &[])?;
    let (center, organization) = (center_of(&request)?, organization_of(&request)?);
    let state = State::of(&request);
    let catalog = Arc::clone(&state.catalog);
    let parted = state
        .write(
            &request,
            async move { catalog.part(center, organization).await },
        )
        .await?;
    if !parted {
        return Err(not_joined(center, organization));
    }
    Ok(HttpResponse::NoContent().finish())
}

fn center_of(request: &HttpRequest) -> Result<CenterId, Problem> {
    params::center_id("id", request.match_info().query("id"))
}

fn organization_of(request: &HttpRequest) -> Result<OrganizationId, Problem> {
    organization_id(
        "organization_id",
        request.match_info().query("organization_id"),
    )
}

fn not_joined(center: CenterId, organization: OrganizationId) -> Problem {
    Problem::new(
        Code::MembershipNotFound,
        format!("center {center} does not work by organization {organization}"),
    )
    .at("organization_id")
    .got(&organization.to_string())
    .allowed("the id of an organization of this center")
}

fn problem_of(
    error: MembershipError,
    centers: &Collection,
    center: CenterId,
    organization: OrganizationId,
) -> Problem {
    match error {
        MembershipError::NoCenter => centers::not_found(centers, center),
        MembershipError::NoOrganization => organizations::not_found(organization),
        MembershipError::Joined => Problem::new(
            Code::MembershipExists,
            format!("center {center} works by organization {organization} already"),
        )
        .at("organization_id")
        .got(&organization.to_string())
        .allowed("an organization that the center does not have; PUT changes is_primary"),
        MembershipError::PrimaryTaken(other) => Problem::new(
            Code::PrimaryExists,
            format!("organization {other} is the primary one of center {center}"),
        )
        .at("is_primary")
        .got("true")
        .allowed("true for one organization a center; set the other to false first"),
        MembershipError::Store(error) => error.into(),
    }
}
