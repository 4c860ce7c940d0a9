//! `GET /centers` and its like: all rows of a collection by id, page by page, with a position or without.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::chosen::Chosen;
use super::collections::{catalog_of, filter_for};
use super::dto::{CenterFeature, CenterView};
use super::list_cursor;
use super::negotiate::Format;
use super::params::{self, CURSOR, FILTER_PARAMS};
use super::problem::Problem;
use super::query::{Param, Params, Query};
use super::reply::{self, rendered};
use super::state::State;
use super::timing::SearchTime;
use crate::domain::{Center, CenterId, Rating};
use crate::store::StoreError;

const PARAMS: Params = &[
    &[
        Param::once("limit"),
        Param::once(CURSOR),
        Param::once("fields"),
        Param::once("format"),
    ],
    FILTER_PARAMS,
];

#[derive(Serialize)]
struct Page<'a> {
    count: usize,
    next: Option<String>,
    centers: Vec<CenterView<'a>>,
}

#[derive(Serialize)]
struct FeaturePage<'a> {
    r#type: &'static str,
    count: usize,
    next: Option<String>,
    features: Vec<CenterFeature<'a>>,
}

pub(super) async fn get(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let catalog = catalog_of(&request)?;
    let query = Query::parse_with_attributes(
        request.query_string(),
        PARAMS,
        catalog.collection().fields(),
    )?;
    let format = Format::of(request.headers(), &query)?;
    let limit = params::limit_of(&query)?.get();
    let chosen = Chosen::of(&query, catalog.collection(), false)?;
    let filter = filter_for(
        &catalog,
        params::filter_of(&query, catalog.collection().fields())?,
    )?;
    let (filter, collection) = (Arc::new(filter), catalog.collection());
    let after = query
        .one(CURSOR)
        .map(|text| list_cursor::decode(text, collection, &filter))
        .transpose()?;

    let state = State::of(&request);
    let (asked, reading) = (Arc::clone(&filter), Arc::clone(&catalog));
    // One more than asked tells whether another page follows.
    let reading = async move {
        let centers = reading.list(&asked, after, limit + 1).await?;
        let ratings = reading.ratings(&centers).await?;
        Ok::<_, StoreError>((centers, ratings))
    };
    let reading = state.queued(&state.queues.lists, reading);
    let (mut centers, ratings) = SearchTime::of(&request).measured(reading).await?;
    let more = centers.len() > limit;
    centers.truncate(limit);
    let last = centers.last().filter(|_| more);
    let next = last.map(|center| list_cursor::encode(center.id, collection, &filter));
    let link = reply::next_link(&request, next.as_deref());
    let body = match chosen {
        None => page(format, &centers, &ratings, next),
        Some(chosen) => page_of(&chosen, format, &centers, &ratings, next),
    };
    Ok(reply::page_as(format, body, link))
}

fn page(
    format: Format,
    centers: &[Center],
    ratings: &HashMap<CenterId, Rating>,
    next: Option<String>,
) -> Vec<u8> {
    let count = centers.len();
    let rating = |center: &Center| ratings.get(&center.id).copied();
    match format {
        Format::Json => rendered(&Page {
            count,
            next,
            centers: centers
                .iter()
                .map(|center| CenterView::from(center).rated(rating(center)))
                .collect(),
        }),
        Format::GeoJson => rendered(&FeaturePage {
            r#type: "FeatureCollection",
            count,
            next,
            features: centers
                .iter()
                .map(|center| CenterFeature::from(center).rated(rating(center)))
                .collect(),
        }),
    }
}

/// The same with some members of the centers.
fn page_of(
    chosen: &Chosen,
    format: Format,
    centers: &[Center],
    ratings: &HashMap<CenterId, Rating>,
    next: Option<String>,
) -> Vec<u8> {
    let rating = |center: &Center| ratings.get(&center.id).copied();
    let each = centers.iter().map(|center| match format {
        Format::Json => chosen.object(&rendered(&CenterView::from(center).rated(rating(center)))),
        Format::GeoJson => {
            let feature = CenterFeature::from(center).rated(rating(center));
            chosen.feature(&rendered(&feature))
        }
    });
    let each: Vec<Vec<u8>> = each.collect();
    let mut out = page_around(format, centers.len(), next);
    out.extend(each.join(&b','));
    out.extend_from_slice(b"]}");
    out
}

/// A page up to where its centers begin.
fn page_around(format: Format, count: usize, next: Option<String>) -> Vec<u8> {
    let mut empty = match format {
        Format::Json => rendered(&Page {
            count,
            next,
            centers: Vec::new(),
        }),
        Format::GeoJson => rendered(&FeaturePage {
            r#type: "FeatureCollection",
            count,
            next,
            features: Vec::new(),
        }),
    };
    empty.truncate(empty.len() - b"]}".len());
    empty
}
