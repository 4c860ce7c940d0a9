//! `GET /api/v1/dive-sites/{id}/nearby`: the other sites within 100 km.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};

use super::errors::Refusal;
use super::input::Input;
use super::item::push_km;
use super::nearby::{limit_of, measured_m};
use crate::catalog::Catalog;
use crate::domain::{Area, Center, CenterId, Cursor, Filter, Origin, Radius, Search};
use crate::engine::{Answer, Hit};
use crate::http::collections::DIVE_SITES;
use crate::http::reply;
use crate::http::search::ask;
use crate::http::state::State;

const RADIUS_M: f64 = 100_000.0;

/// Answers the sites near a site, nearest first, itself left out.
///
/// # Errors
/// When a parameter cannot be taken, there is no such site or it has no
/// coordinates, or the engine has no answer.
pub async fn nearby(request: HttpRequest) -> Result<HttpResponse, Refusal> {
    let mut input = Input::of(&request);
    let id = input.path_integer(&request, "dive_site_id");
    let limit = input.integer("limit", &(1..=50)).unwrap_or(10);
    input.finish()?;
    let state = State::of(&request);
    let sites = state.collections.get(DIVE_SITES).ok_or_else(not_found)?;
    let site = site_of(state, sites, id).await?;
    let position = site
        .position
        .ok_or_else(|| Refusal::bad_request("Dive site does not have location coordinates"))?;
    let search = Search {
        area: Area::around(
            Origin::new(position.latitude(), position.longitude())
                .expect("a position is within the bounds of an origin"),
            Some(Radius::from_m(RADIUS_M).expect("it is within the bounds")),
        ),
        limit: limit_of(limit),
        filter: Filter::default(),
        exclude: vec![site.id],
        after: None,
    };
    let found = ask(state, sites, search, Sites::default()).await?;
    state.metrics.search_answered(found.count);
    Ok(reply::ok_rendered(found.finish()))
}

pub(super) fn not_found() -> Refusal {
    Refusal::not_found("Dive site not found")
}

pub(super) async fn site_of(
    state: &State,
    sites: &Arc<Catalog>,
    id: i64,
) -> Result<Center, Refusal> {
    let id = CenterId::new(id).ok_or_else(not_found)?;
    let sites = Arc::clone(sites);
    let site = state.run(async move { sites.read(id).await }).await?;
    site.ok_or_else(not_found)
}

/// The answer: a bare array of sites with their positions.
#[derive(Debug, Default)]
struct Sites {
    out: Vec<u8>,
    count: usize,
}

impl Sites {
    fn finish(mut self) -> Vec<u8> {
        self.out.push(b']');
        self.out
    }
}

impl Answer for Sites {
    fn begin(&mut self, count: usize, _: Option<Cursor>) {
        self.count = count;
        self.out.push(b'[');
    }

    fn hit(&mut self, hit: Hit<'_>) {
        if self.out.len() > 1 {
            self.out.push(b',');
        }
        self.out.extend_from_slice(hit.rendered);
        self.out.extend_from_slice(br#","distance_km":"#);
        push_km(&mut self.out, measured_m(&hit));
        self.out.push(b'}');
    }
}
