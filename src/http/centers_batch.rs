//! `POST /centers/batch`: centers created and replaced together, all or nothing.

use std::collections::HashSet;

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

use super::auth::Writer;
use super::code::Code;
use super::collections::catalog_to_write;
use super::dto::{CenterBody, CenterView, Given};
use super::idempotency::{make, read};
use super::params;
use super::problem::Problem;
use super::query::Query;
use crate::domain::{Center, CenterId};
use crate::store::{BatchError, BatchItem, Collection};
use crate::wire::{JsonId, Object};

/// The most centers in one batch.
const MAX_CENTERS: usize = 1_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchBody {
    centers: Vec<Object<CenterBody>>,
}

/// What was written, as it is sent.
#[derive(Serialize)]
pub(super) struct WrittenView<'a> {
    count: usize,
    centers: Vec<CenterView<'a>>,
}

impl<'a> From<&'a [Center]> for WrittenView<'a> {
    fn from(centers: &'a [Center]) -> Self {
        Self {
            count: centers.len(),
            centers: centers.iter().map(Into::into).collect(),
        }
    }
}

pub(super) async fn post(
    writer: Writer,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let catalog = catalog_to_write(&request)?;
    Query::parse(request.query_string(), &[])?;
    let (body, key) = read::<BatchBody>(&writer, &request, payload).await?;
    let items = items(body, catalog.collection())?;
    make(
        &request,
        key,
        async move { catalog.write_batch(items).await },
    )
    .await
}

fn items(body: BatchBody, collection: &Collection) -> Result<Vec<BatchItem>, Problem> {
    let count = body.centers.len();
    if !(1..=MAX_CENTERS).contains(&count) {
        return Err(Problem::invalid(
            "centers",
            &format!("{count} centers"),
            format!("an array of 1 to {MAX_CENTERS} centers"),
        ));
    }
    let mut seen = HashSet::new();
    body.centers
        .into_iter()
        .enumerate()
        .map(|(index, Object(center))| {
            item(center, collection, &mut seen).map_err(|problem| problem.within(&place(index)))
        })
        .collect()
}

fn item(
    mut center: CenterBody,
    collection: &Collection,
    seen: &mut HashSet<CenterId>,
) -> Result<BatchItem, Problem> {
    let id = match std::mem::take(&mut center.id) {
        Given::Absent => None,
        Given::Null => return Err(params::id_problem("id", "null")),
        Given::Value(JsonId(id)) => {
            let known =
                CenterId::new(id).ok_or_else(|| params::id_problem("id", &id.to_string()))?;
            Some(known)
        }
    };
    if let Some(id) = id
        && !seen.insert(id)
    {
        return Err(
            Problem::new(Code::ParameterRepeated, "this id is in the batch already")
                .at("id")
                .got(&id.to_string())
                .allowed("each id once"),
        );
    }
    Ok(BatchItem {
        id,
        draft: center.into_draft(collection)?,
    })
}

fn place(index: usize) -> String {
    format!("centers[{index}]")
}

impl From<BatchError> for Problem {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::NotFound { index, id } => {
                Self::new(Code::CenterNotFound, format!("there is no center {id}"))
                    .at("id")
                    .got(&id.to_string())
                    .allowed("the id of a center, or none to create one")
                    .within(&place(index))
            }
            BatchError::Unfit { index, unfit } => Self::unfit(unfit).within(&place(index)),
            BatchError::Store(error) => error.into(),
        }
    }
}
