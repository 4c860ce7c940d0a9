//! `GET /api/v1/diving-centers/` and `/count`: the big list and its length.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};

use super::errors::Refusal;
use super::input::Input;
use super::item::{DetailLevel, Item};
use super::paging::{
    ANY, Count, List, Paging, SEARCH, TEXT, for_administrators, is_descending, level_of,
    viewport_of,
};
use super::relevance::{self, Found, Search};
use crate::domain::{
    AnyOf, Listing, MAX_RATING, Needle, RatingRange, RatingVisibility, SortBy, TextField,
};
use crate::http::reply;
use crate::http::state::State;
use crate::store::StoreError;

/// In the order in which errors list them; `None` for those that are for
/// administrators only.
const SORTS: [(&str, Option<SortBy>); 10] = [
    ("average_rating", Some(SortBy::Rating)),
    ("city", Some(SortBy::Text(TextField::City))),
    ("comment_count", None),
    ("country", Some(SortBy::Text(TextField::Country))),
    ("created_at", Some(SortBy::CreatedAt)),
    ("name", Some(SortBy::Text(TextField::Name))),
    ("rating", Some(SortBy::Rating)),
    ("region", Some(SortBy::Text(TextField::Region))),
    ("updated_at", Some(SortBy::UpdatedAt)),
    ("view_count", None),
];

const REVIEWS: [&str; 3] = ["average_rating", "comment_count", "rating"];

/// How much of a search is looked for in the names of cities.
const CITY_BEGINNING_CHARS: usize = 4;

/// Answers a page of the list.
///
/// # Errors
/// When a parameter cannot be taken or the database does not answer.
pub async fn get(request: HttpRequest) -> Result<HttpResponse, Refusal> {
    let hides_ratings = hides_ratings(&request);
    let asked = Asked::of(&request, hides_ratings)?;
    let Asked {
        listing,
        search,
        level,
        paging,
    } = asked;
    let part = paging.part();
    let state = State::of(&request);
    let queue = match search {
        Some(_) => &state.queues.texts,
        None => &state.queues.lists,
    };
    let catalog = Arc::clone(&state.catalog);
    let reading = async move {
        let found = match search {
            None => Found {
                listed: catalog.listed(&listing, part).await?,
                matches: None,
            },
            Some(search) => relevance::listed(&catalog, &listing, &search, part).await?,
        };
        let centers = catalog.store().read_many(&found.listed.ids).await?;
        let ratings = catalog.ratings(&centers).await?;
        Ok::<_, StoreError>((centers, ratings, found))
    };
    let (centers, ratings, found) = state.queued(queue, reading).await?;
    let media = state.media_url.as_ref();
    let items = centers.iter().map(|center| {
        let rating = ratings.get(&center.id).copied();
        Item::new(center, rating, level, media)
    });
    Ok(reply::ok(&List::new(
        items.collect(),
        found.listed.total,
        paging,
        found.matches,
    )))
}

/// Answers how many centers the list holds.
///
/// # Errors
/// When a parameter cannot be taken or the database does not answer.
pub async fn count(request: HttpRequest) -> Result<HttpResponse, Refusal> {
    let hides_ratings = hides_ratings(&request);
    let mut input = Input::of(&request);
    let (search, mut listing) = wanted(&mut input);
    input.finish()?;
    let needle = search.and_then(|text| Needle::new(&text));
    listing.texts.extend(needle.as_ref().map(AnyOf::anywhere));
    if hides_ratings {
        listing = listing.without_ratings();
    }
    let state = State::of(&request);
    let catalog = Arc::clone(&state.catalog);
    let counting = async move { catalog.store().count_listed(&listing).await };
    let total = state.queued(&state.queues.texts, counting).await?;
    Ok(reply::ok(&Count { total }))
}

fn hides_ratings(request: &HttpRequest) -> bool {
    let catalog = &State::of(request).catalog;
    catalog.rating_visibility() != Some(RatingVisibility::Shown)
}

/// A page of the list, as it is asked for.
struct Asked {
    listing: Listing,
    search: Option<Search>,
    level: DetailLevel,
    paging: Paging,
}

impl Asked {
    /// Reads the parameters: first each by itself, in the order in which Divemap
    /// declares them, then what Divemap checks by itself, in its order.
    fn of(request: &HttpRequest, hides_ratings: bool) -> Result<Self, Refusal> {
        let mut input = Input::of(request);
        let (search, mut listing) = wanted(&mut input);
        let sort_by = input.text("sort_by", ANY).filter(|text| !text.is_empty());
        let sort_order = input.text("sort_order", ANY);
        let page = input.integer("page", &(1..=i64::MAX)).unwrap_or(1);
        let page_size = input.integer("page_size", &(i64::MIN..=i64::MAX));
        let edges = ["north", "south", "east", "west"].map(|edge| input.finite(edge));
        let level = input.text("detail_level", ANY);
        listing.is_claimed = input.boolean("only_claimed").unwrap_or(false);
        input.finish()?;

        let level = level_of(level.as_deref().unwrap_or("full"))?;
        listing.viewport = viewport_of(edges)?;
        let paging = Paging::new(page, page_size.unwrap_or(25))?;
        if let Some(sort_by) = sort_by {
            let sort = sort_of(&sort_by, hides_ratings)?;
            listing.descending = is_descending(sort_order.as_deref().unwrap_or("asc"))?;
            listing.sort_by = sort.ok_or_else(|| for_administrators(&sort_by))?;
        } else if let Some(order) = sort_order.filter(|order| !order.is_empty()) {
            // Without a field to sort by the order says nothing, but a wrong one
            // is a mistake all the same.
            is_descending(&order)?;
        }
        if hides_ratings {
            listing = listing.without_ratings();
        }
        Ok(Self {
            listing,
            search: search.and_then(|text| search_of(&text)),
            level,
            paging,
        })
    }
}

/// What is searched, and which centers are wanted otherwise, but for where they are.
fn wanted<'a>(input: &mut Input<'a>) -> (Option<Cow<'a, str>>, Listing) {
    let search = input.text("search", SEARCH);
    let within = [
        TextField::Name,
        TextField::Country,
        TextField::Region,
        TextField::City,
    ]
    .map(|field| (field, input.text(field.name(), TEXT)));
    let ratings = RatingRange {
        min: input.number("min_rating", &(0.0..=MAX_RATING)),
        max: input.number("max_rating", &(0.0..=MAX_RATING)),
    };
    let within = within
        .into_iter()
        .filter_map(|(field, text)| Some(AnyOf::within(field, Needle::new(&text?)?)));
    let listing = Listing {
        texts: within.collect(),
        ratings,
        ..Listing::default()
    };
    (search, listing)
}

/// A search of the list: its text anywhere, or how it begins in the city's name, so
/// that a slip further on finds the place all the same.
fn search_of(text: &str) -> Option<Search> {
    let text = text.trim();
    let mut held = AnyOf::anywhere(&Needle::new(text)?);
    let beginning: String = text.chars().take(CITY_BEGINNING_CHARS).collect();
    let beginning = Needle::new(&beginning).map(|needle| (TextField::City, needle));
    held.fields.extend(beginning);
    let text = text.to_owned();
    Some(Search { text, held })
}

/// What reviews are about is nothing to sort by where they are hidden.
fn sort_of(text: &str, hides_ratings: bool) -> Result<Option<SortBy>, Refusal> {
    let is_open = |name: &str| !(hides_ratings && REVIEWS.contains(&name));
    let open = || SORTS.iter().filter(|(name, _)| is_open(name));
    let known = open().find(|(name, _)| *name == text);
    known.map(|(_, sort)| *sort).ok_or_else(|| {
        let names: Vec<&str> = open().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        Refusal::bad_request(format!("Invalid sort_by field. Must be one of: {names}"))
    })
}
