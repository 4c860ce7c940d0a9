//! `GET /api/v1/diving-centers/nearby`.

use actix_web::{HttpRequest, HttpResponse};

use super::errors::Refusal;
use super::input::Input;
use super::item::push_km;
use crate::domain::{Area, Cursor, Filter, Limit, Origin, Radius, Search};
use crate::engine::{Answer, Hit};
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::search::ask;
use crate::http::state::State;
use crate::wire::without_position;

/// Degrees north, south, east and west that Divemap takes.
pub(super) const LATITUDES: std::ops::RangeInclusive<f64> = -90.0..=90.0;
pub(super) const LONGITUDES: std::ops::RangeInclusive<f64> = -180.0..=180.0;

/// Answers what is within a radius, nearest first.
///
/// # Errors
/// When a parameter cannot be taken or the engine has no answer.
pub async fn get(request: HttpRequest) -> Result<HttpResponse, Refusal> {
    let mut input = Input::of(&request);
    let lat = input.required_number("lat", &LATITUDES);
    let lng = input.required_number("lng", &LONGITUDES);
    let radius_km = input.number("radius_km", &(1.0..=500.0)).unwrap_or(100.0);
    let limit = input.integer("limit", &(1..=100)).unwrap_or(25);
    input.finish()?;
    let search = Search {
        area: Area::around(
            Origin::new(lat, lng).expect("the range was checked"),
            Some(Radius::from_m(radius_km * 1_000.0).expect("the range was checked")),
        ),
        limit: limit_of(limit),
        filter: Filter::default(),
        exclude: Vec::new(),
        after: None,
    };
    let state = State::of(&request);
    let found = ask(state, &state.catalog, search, Centers::default()).await?;
    state.metrics.search_answered(found.count);
    Ok(reply::ok_rendered(found.finish()))
}

/// A limit whose range was checked.
pub(super) fn limit_of(limit: i64) -> Limit {
    let limit = usize::try_from(limit)
        .ok()
        .and_then(|limit| Limit::new(limit).ok());
    limit.expect("the range was checked")
}

/// How far from the origin a hit is.
pub(super) fn measured_m(hit: &Hit<'_>) -> f64 {
    hit.distance_m
        .expect("searches around an origin measure distances")
}

/// The answer: a bare array.
#[derive(Debug, Default)]
struct Centers {
    out: Vec<u8>,
    count: usize,
}

impl Centers {
    fn finish(mut self) -> Vec<u8> {
        self.out.push(b']');
        self.out
    }
}

impl Answer for Centers {
    fn begin(&mut self, count: usize, _: Option<Cursor>) {
        self.count = count;
        self.out.reserve(count * 160 + 2);
        self.out.push(b'[');
    }

    fn hit(&mut self, hit: Hit<'_>) {
        if self.out.len() > 1 {
            self.out.push(b',');
        }
        let (name, place) =
            without_position(hit.rendered).expect("engines hold what render_summary wrote");
        self.out.extend_from_slice(name);
        self.out.extend_from_slice(place);
        self.out.extend_from_slice(br#","distance_km":"#);
        push_km(&mut self.out, measured_m(&hit));
        self.out.push(b'}');
    }
}

impl From<crate::engine::SearchError> for Refusal {
    fn from(error: crate::engine::SearchError) -> Self {
        Problem::from(error).into()
    }
}
