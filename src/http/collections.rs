//! Which collection a request is about, and what its rows have.

use std::sync::Arc;

use actix_web::HttpRequest;

use super::code::Code;
use super::params;
use super::problem::Problem;
use super::routes::route_of;
use super::state::State;
use crate::catalog::Catalog;
use crate::domain::{Filter, TextField};
use crate::store::{Collection, Field};

/// What paths of dive sites begin with, and what their collection is called.
const DIVE_SITES_PATH: &str = "/dive-sites";
const DIVE_SITES_PATHS: [&str; 2] = [DIVE_SITES_PATH, "/api/v1/dive-sites"];
pub(super) const DIVE_SITES: &str = "dive-sites";

/// What its rows are sent with, by their names: its fields, and how centers are rated.
pub(super) fn member_names(collection: &Collection) -> Vec<&str> {
    let mut names: Vec<&str> = sent_fields(collection).map(Field::name).collect();
    let attributes = collection.fields().attributes().iter();
    names.extend(attributes.map(|attribute| attribute.name.as_str()));
    if collection.is_linked() {
        names.extend(["average_rating", "rating_count"]);
    }
    names
}

pub(super) fn sent_fields(collection: &Collection) -> impl Iterator<Item = Field> {
    let fields = collection.columns().map(|(field, _)| field);
    fields.filter(|&field| is_sent(field))
}

fn is_sent(field: Field) -> bool {
    !matches!(
        field,
        Field::Location
            | Field::Status
            | Field::DeletedAt
            | Field::OwnershipStatus
            | Field::OwnerId
    )
}

/// The collection that the path names: in itself, by its beginning, or, where it
/// does neither, the default one.
///
/// # Errors
/// When there is no such collection.
pub(super) fn catalog_of(request: &HttpRequest) -> Result<Arc<Catalog>, Problem> {
    let state = State::of(request);
    if let Some(name) = request.match_info().get("collection") {
        return named(state, name);
    }
    // The pattern, as the path itself may come with escapes.
    if route_of(request).pattern().starts_with(DIVE_SITES_PATH) {
        named(state, DIVE_SITES)
    } else {
        Ok(Arc::clone(&state.catalog))
    }
}

/// What the paths begin with that tell what there is, and no rows.
const ABOUT_ALL: [&str; 2] = ["/collections", "/conformance"];
/// What the paths begin with that belong to no collection.
const ABOUT_NONE: [&str; 3] = ["/settings", "/api/v1/settings", "/metrics"];
/// The paths that lead from a dive site to centers.
const FROM_SITES_TO_CENTERS: [&str; 2] = [
    "/dive-sites/{id}/centers",
    "/api/v1/dive-sites/{dive_site_id}/diving-centers",
];

/// The names of the collections that a request is about; `None` where what it asks for belongs
/// to none.
pub(super) fn collections_asked(request: &HttpRequest) -> Option<Vec<&str>> {
    if let Some(name) = request.match_info().get("collection") {
        return Some(vec![name]);
    }
    let pattern = route_of(request).pattern();
    let begins_with_one = |all: &[&str]| all.iter().any(|with| pattern.starts_with(with));
    if ABOUT_ALL.contains(&pattern) {
        return Some(Vec::new());
    }
    if begins_with_one(&ABOUT_NONE) {
        return None;
    }
    let default = State::of(request).catalog.collection().name.as_str();
    if FROM_SITES_TO_CENTERS.contains(&pattern) {
        Some(vec![DIVE_SITES, default])
    } else if begins_with_one(&DIVE_SITES_PATHS) {
        Some(vec![DIVE_SITES])
    } else {
        Some(vec![default])
    }
}

/// The same for writing.
///
/// # Errors
/// When there is no such collection, or its table has no column for the
/// location: one that is written without would be adrift once it has one.
pub(super) fn catalog_to_write(request: &HttpRequest) -> Result<Arc<Catalog>, Problem> {
    let catalog = catalog_of(request)?;
    let collection = catalog.collection();
    if collection.is_located() {
        return Ok(catalog);
    }
    Err(Problem::new(
        Code::WritesDisabled,
        format!(
            "{} are only read, as their table has no usable location; `nearby adopt{}` says what \
             it lacks",
            collection.name,
            collection.flag()
        ),
    ))
}

/// The collection of a name.
///
/// # Errors
/// When there is no such collection.
pub(super) fn named(state: &State, name: &str) -> Result<Arc<Catalog>, Problem> {
    let found = state.collections.get(name).map(Arc::clone);
    found.ok_or_else(|| {
        let all = state.collections.iter();
        let names: Vec<&str> = all.map(|c| c.collection().name.as_str()).collect();
        Problem::new(Code::CollectionNotFound, "there is no such collection")
            .at("collection")
            .got(name)
            .allowed(names.join(", "))
    })
}

/// A filter as a collection takes it now: whether ratings may be seen is part of it. One
/// by what no row can have is refused, as it would never find anything.
///
/// # Errors
/// When there is such a filter, or it is not known yet whether ratings may be seen.
pub(super) fn filter_for(catalog: &Catalog, filter: Filter) -> Result<Filter, Problem> {
    let collection = catalog.collection();
    let mut refused = Ok(());
    filter.condition.visit_fields(&mut |field| {
        let field = collection.fields().get(field);
        if !field.is_there && refused.is_ok() {
            refused = Err(unknown_field(collection, &field.name));
        }
    });
    refused?;
    let ratings = catalog.rating_visibility();
    let ratings = ratings.ok_or_else(Problem::index_loading)?;
    if collection.is_linked() {
        return Ok(Filter { ratings, ..filter });
    }
    for (name, is_asked) in [
        (params::ORGANIZATION, !filter.organizations.is_empty()),
        (params::MIN_RATING, filter.min_rating.is_some()),
    ] {
        if is_asked {
            return Err(unknown_field(collection, name));
        }
    }
    Ok(Filter { ratings, ..filter })
}

/// Refuses a text field that rows of a collection cannot have.
///
/// # Errors
/// When it is such a field.
pub(super) fn check_field(collection: &Collection, field: TextField) -> Result<(), Problem> {
    match collection.text(field) {
        Some(_) if collection.computes(field) => Err(Problem::new(
            Code::FieldReadOnly,
            format!("{} is computed by the table", field.name()),
        )
        .at(field.name())
        .got("a value")
        .allowed("to be left out")),
        Some(_) => Ok(()),
        None => Err(unknown_field(collection, field.name())),
    }
}

fn unknown_field(collection: &Collection, name: &str) -> Problem {
    let known = TextField::ALL.into_iter();
    let known = known.filter(|&field| collection.text(field).is_some());
    let known: Vec<&str> = known.map(TextField::name).collect();
    Problem::new(
        Code::ParameterUnknown,
        format!("{} have no {name}", collection.name),
    )
    .at(name.to_owned())
    .got("a value")
    .allowed(known.join(", "))
}
