//! `GET /centers` and its like: all rows of a collection by id, page by page, with a position
//! or without.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};

use super::chosen::Chosen;
use super::collections::{catalog_of, filter_for};
use super::features::links::{self, Link};
use super::list_cursor;
use super::list_page::Page;
use super::negotiate::Format;
use super::params::{self, CURSOR, FILTER_PARAMS};
use super::problem::Problem;
use super::query::{Param, Params, Query};
use super::reply;
use super::state::State;
use super::timing::SearchTime;
use crate::catalog::Catalog;
use crate::domain::{
    Area, BY_ID, Center, CenterId, Cursor, Filter, Limit, Rating, Search, Viewport,
};
use crate::engine::{Answer, Hit, SearchError};

pub(super) const LIST_PARAMS: &[Param] = &[
    Param::once("limit"),
    Param::once(CURSOR),
    Param::once("bbox"),
    Param::once("fields"),
    Param::once("format"),
];

const PARAMS: Params = &[LIST_PARAMS, FILTER_PARAMS];

pub(super) async fn get(request: HttpRequest) -> Result<HttpResponse, Problem> {
    list(&request, PARAMS, Format::Json, |_| Ok(())).await
}

/// Answers a page; `preferred` is its format where the client has no preference, and `check`
/// refuses what only this list knows of.
///
/// # Errors
/// When a parameter cannot be taken, or the engine has no answer.
pub(super) async fn list(
    request: &HttpRequest,
    known: Params,
    preferred: Format,
    check: fn(&Query<'_>) -> Result<(), Problem>,
) -> Result<HttpResponse, Problem> {
    let catalog = catalog_of(request)?;
    let fields = catalog.collection().fields();
    let query = Query::parse_with_attributes(request.query_string(), known, fields)?;
    check(&query)?;
    let format = Format::of(request.headers(), &query, preferred)?;
    let chosen = Chosen::of(&query, catalog.collection(), false)?;
    let asked = Asked::of(&query, &catalog)?;
    let fingerprint = asked.fingerprint(&catalog);
    let state = State::of(request);
    let reading = Arc::clone(&catalog);
    let reading = async move { asked.read(&reading).await };
    let reading = state.queued(&state.queues.lists, reading);
    let found = SearchTime::of(request).measured(reading).await?;
    let next = found
        .next
        .map(|last| list_cursor::encode(last, fingerprint));
    let link = reply::next_link(request, next.as_deref());
    let page = Page {
        centers: &found.centers,
        ratings: &found.ratings,
        links: match format {
            Format::Json => Vec::new(),
            Format::GeoJson => page_links(request, next.as_deref()),
        },
        next,
        matched: found.matched,
    };
    let body = page.written(format, chosen.as_ref());
    Ok(reply::page_as(format, body, link))
}

fn page_links(request: &HttpRequest, next: Option<&str>) -> Vec<Link> {
    let of = |rel, href| Link::new(rel, href, links::GEO_JSON);
    let next = next.map(|cursor| of("next", links::page_of(request, cursor)));
    let this = of("self", links::this(request));
    std::iter::once(this).chain(next).collect()
}

/// What of a list is asked for.
#[derive(Debug)]
struct Asked {
    filter: Filter,
    viewport: Option<Viewport>,
    limit: Limit,
    after: Option<CenterId>,
}

/// A page, and what is known of the list.
#[derive(Debug)]
struct Found {
    centers: Vec<Center>,
    ratings: HashMap<CenterId, Rating>,
    /// The last center, where another page follows.
    next: Option<CenterId>,
    /// How many there are in all; told with the first page, where it can be counted.
    matched: Option<u64>,
}

impl Asked {
    fn of(query: &Query<'_>, catalog: &Catalog) -> Result<Self, Problem> {
        let fields = catalog.collection().fields();
        let filter = filter_for(catalog, params::filter_of(query, fields)?)?;
        let viewport = query
            .one("bbox")
            .map(|_| params::viewport_of(query, &filter));
        let mut asked = Self {
            viewport: viewport.transpose()?,
            filter,
            limit: params::limit_of(query)?,
            after: None,
        };
        if let Some(text) = query.one(CURSOR) {
            asked.after = Some(list_cursor::decode(text, asked.fingerprint(catalog))?);
        }
        Ok(asked)
    }

    /// A checksum of what decides which centers the list holds.
    fn fingerprint(&self, catalog: &Catalog) -> u32 {
        let collection = catalog.collection();
        match self.viewport {
            Some(viewport) => self.search(viewport).fingerprint(collection.name.as_str()),
            None => list_cursor::fingerprint(collection, &self.filter),
        }
    }

    fn search(&self, viewport: Viewport) -> Search {
        Search {
            area: Area::Within(viewport),
            limit: self.limit,
            filter: self.filter.clone(),
            exclude: Vec::new(),
            after: None,
        }
    }

    async fn read(&self, catalog: &Catalog) -> Result<Found, SearchError> {
        let (centers, next) = match self.viewport {
            Some(viewport) => self.within(catalog, viewport).await?,
            None => self.of_all(catalog).await?,
        };
        let matched = match (self.after, self.viewport) {
            (Some(_), _) => None,
            (None, None) => catalog.count_filtered(&self.filter).await?,
            (None, Some(viewport)) => {
                let tally = catalog.tally(&self.search(viewport), &[]).await?;
                tally.map(|tally| tally.total)
            }
        };
        Ok(Found {
            ratings: catalog.ratings(&centers).await?,
            centers,
            next,
            matched,
        })
    }

    async fn of_all(
        &self,
        catalog: &Catalog,
    ) -> Result<(Vec<Center>, Option<CenterId>), SearchError> {
        let limit = self.limit.get();
        // One more than asked tells whether another page follows.
        let mut centers = catalog.list(&self.filter, self.after, limit + 1).await?;
        let more = centers.len() > limit;
        centers.truncate(limit);
        let last = centers.last().map(|center| center.id);
        Ok((centers, last.filter(|_| more)))
    }

    async fn within(
        &self,
        catalog: &Catalog,
        viewport: Viewport,
    ) -> Result<(Vec<Center>, Option<CenterId>), SearchError> {
        let engine = catalog.answering()?.kind();
        let mut search = self.search(viewport);
        search.after = self.after.map(|last| {
            let collection = catalog.collection().name.as_str();
            search.cursor_after(collection, engine, BY_ID, last)
        });
        let mut ids = Ids::default();
        catalog.search(&search, &mut ids).await?;
        Ok((catalog.read_many(&ids.found).await?, ids.next))
    }
}

/// The ids that a search finds.
#[derive(Debug, Default)]
struct Ids {
    found: Vec<CenterId>,
    next: Option<CenterId>,
}

impl Answer for Ids {
    fn begin(&mut self, _: usize, next: Option<Cursor>) {
        self.next = next.map(|cursor| cursor.id);
    }

    fn hit(&mut self, hit: Hit<'_>) {
        self.found.push(hit.id);
    }
}
