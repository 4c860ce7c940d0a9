//! `GET /api/v1/dive-sites/`, `/count`, one site, and the centers that dive there.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};

use super::dive_sites::{not_found, site_of};
use super::errors::Refusal;
use super::input::Input;
use super::is_left_to_divemap;
use super::item::DetailLevel;
use super::paging::{
    ANY, Count, List, Paging, SEARCH, TEXT, for_administrators, is_descending, level_of,
    viewport_of,
};
use super::relevance::{self, Found, Search};
use super::site::{CenterOfSite, SiteItem, WholeSite};
use crate::catalog::Catalog;
use crate::domain::{
    AnyOf, Center, CenterId, Listing, MAX_RATING, Needle, SiteDetails, SiteFilter, SortBy,
    TextField,
};
use crate::http::collections::DIVE_SITES;
use crate::http::reply;
use crate::http::state::State;
use crate::store::{SiteTables, StoreError};

/// The fewest characters that are searched for, and the most tags that are asked for.
const LEAST_SEARCH_CHARS: usize = 3;
const MOST_TAGS: usize = 20;

/// In the order in which errors list them; `None` for those that are for
/// administrators only.
const SORTS: [(&str, Option<Sort>); 9] = [
    ("average_rating", Some(Sort::Rating)),
    ("comment_count", None),
    (
        "country",
        Some(Sort::Plain(SortBy::Text(TextField::Country))),
    ),
    ("created_at", Some(Sort::Plain(SortBy::CreatedAt))),
    ("difficulty_level", Some(Sort::Difficulty)),
    ("name", Some(Sort::Plain(SortBy::Text(TextField::Name)))),
    ("region", Some(Sort::Plain(SortBy::Text(TextField::Region)))),
    ("updated_at", Some(Sort::Plain(SortBy::UpdatedAt))),
    ("view_count", None),
];

const WINDS: [&str; 5] = ["good", "caution", "difficult", "avoid", "unknown"];

/// What sites are sorted by: also by what only other tables say of them.
#[derive(Debug, Clone, Copy)]
enum Sort {
    Plain(SortBy),
    Difficulty,
    Rating,
}

/// Answers a page of the list.
///
/// # Errors
/// When a parameter cannot be taken or the database does not answer.
pub async fn list(request: HttpRequest) -> Result<HttpResponse, Refusal> {
    let state = State::of(&request);
    let sites = sites(state)?;
    let asked = Asked::of(&request)?;
    let (paging, level) = (asked.paging, asked.level);
    let reading = async move {
        let tables = sites.store().database().site_tables().await?;
        let found = asked.found(&sites, &tables).await?;
        let (centers, details) = told(&sites, &tables, &found.listed.ids).await?;
        Ok::<_, StoreError>((centers, details, found.listed.total))
    };
    let (centers, details, total) = state.queued(&state.queues.texts, reading).await?;
    let none = SiteDetails::default();
    let items = centers.iter().map(|site| {
        let details = details.get(&site.id).unwrap_or(&none);
        SiteItem::new(site, details, level)
    });
    Ok(reply::ok(&List::new(items.collect(), total, paging, None)))
}

/// Answers how many sites there are.
///
/// # Errors
/// When a parameter cannot be taken or the database does not answer.
pub async fn count(request: HttpRequest) -> Result<HttpResponse, Refusal> {
    let state = State::of(&request);
    let sites = sites(state)?;
    let mut input = Input::of(&request);
    let wanted = Wanted::read(&mut input);
    input.finish()?;
    wanted.check_tags()?;
    let counting = async move {
        let tables = sites.store().database().site_tables().await?;
        let (mut listing, search) = wanted.listing(&sites, &tables).await?;
        listing.texts.extend(search.map(|search| search.held));
        sites.store().count_listed(&listing).await
    };
    let total = state.queued(&state.queues.texts, counting).await?;
    Ok(reply::ok(&Count { total }))
}

/// Answers one site, whole.
///
/// # Errors
/// When there is none or the database does not answer.
pub async fn get(request: HttpRequest) -> Result<HttpResponse, Refusal> {
    let (state, sites) = (State::of(&request), sites(State::of(&request))?);
    let site = asked_site(&request, &sites).await?;
    let id = site.id;
    let reading = async move {
        let tables = sites.store().database().site_tables().await?;
        sites.store().database().site_details(&tables, &[id]).await
    };
    let details = state.run(reading).await?.remove(&id).unwrap_or_default();
    Ok(reply::ok(&WholeSite::new(&site, &details)))
}

/// Answers the centers that dive at a site.
///
/// # Errors
/// When there is no such site or the database does not answer.
pub async fn centers(request: HttpRequest) -> Result<HttpResponse, Refusal> {
    let (state, sites) = (State::of(&request), sites(State::of(&request))?);
    let site = asked_site(&request, &sites).await?;
    let catalog = Arc::clone(&state.catalog);
    let reading = async move {
        let database = catalog.store().database();
        let diving = database.centers_of_site(site.id).await?;
        let ids: Vec<CenterId> = diving.iter().map(|one| one.center).collect();
        let centers = catalog.store().read_many(&ids).await?;
        Ok::<_, StoreError>((centers, diving))
    };
    let (centers, diving) = state.run(reading).await?;
    let by_id: HashMap<CenterId, &Center> =
        centers.iter().map(|center| (center.id, center)).collect();
    let views = diving.iter().filter_map(|diving| {
        let center = by_id.get(&diving.center)?;
        Some(CenterOfSite::new(center, &diving.cost))
    });
    Ok(reply::ok(&views.collect::<Vec<_>>()))
}

/// The collection; where it is not served, its paths are not there.
fn sites(state: &State) -> Result<Arc<Catalog>, Refusal> {
    let sites = state.collections.get(DIVE_SITES);
    sites.map(Arc::clone).ok_or_else(Refusal::unknown_path)
}

async fn asked_site(request: &HttpRequest, sites: &Arc<Catalog>) -> Result<Center, Refusal> {
    if is_left_to_divemap(request.match_info().query("dive_site_id")) {
        return Err(Refusal::unknown_path());
    }
    let mut input = Input::of(request);
    let id = input.path_integer(request, "dive_site_id");
    input.finish()?;
    let id = CenterId::new(id).ok_or_else(not_found)?;
    site_of(State::of(request), sites, id.get()).await
}

/// Sites with what other tables say of them.
async fn told(
    sites: &Catalog,
    tables: &SiteTables,
    ids: &[CenterId],
) -> Result<(Vec<Center>, HashMap<CenterId, SiteDetails>), StoreError> {
    let centers = sites.store().read_many(ids).await?;
    let details = sites.store().database().site_details(tables, ids).await?;
    Ok((centers, details))
}

/// Which sites are wanted, but for where they are.
#[derive(Debug)]
struct Wanted {
    search: Option<String>,
    name: Option<Needle>,
    places: Vec<AnyOf>,
    filter: SiteFilter,
}

impl Wanted {
    /// Reads the parameters that the list and its length have in common.
    fn read(input: &mut Input<'_>) -> Self {
        let trimmed = |text: Option<Cow<'_, str>>| text.map(|text| text.trim().to_owned());
        let search = trimmed(input.text("search", SEARCH));
        let name = input.text("name", TEXT);
        let difficulty = input.text("difficulty_code", ANY);
        let is_specified = input.boolean("exclude_unspecified_difficulty");
        let min_rating = input.number("min_rating", &(0.0..=MAX_RATING));
        let tags = input.integers("tag_ids");
        let places = [TextField::Country, TextField::Region];
        let places = places.map(|field| (field, input.text(field.name(), TEXT)));
        // Of whoever is signed in, who is nobody here.
        input.boolean("my_dive_sites");
        let created_by = input.text("created_by_username", ANY);
        let given =
            |text: Option<Cow<'_, str>>| text.filter(|t| !t.is_empty()).map(Cow::into_owned);
        let places = places
            .into_iter()
            .filter_map(|(field, text)| Some(AnyOf::within(field, Needle::new(&text?)?)));
        Self {
            search: search.filter(|text| !text.is_empty()),
            name: name.and_then(|text| Needle::new(&text)),
            places: places.collect(),
            filter: SiteFilter {
                difficulty: given(difficulty),
                is_specified: is_specified.unwrap_or(false),
                tags,
                min_rating,
                created_by: given(created_by),
            },
        }
    }

    fn check_tags(&self) -> Result<(), Refusal> {
        if self.filter.tags.len() > MOST_TAGS {
            return Err(Refusal::bad_request("Too many tag filters"));
        }
        Ok(())
    }

    /// The list of these sites, but for the search, which is beside it. Aliases are
    /// looked up here: a site is called by them as well.
    async fn listing(
        self,
        sites: &Catalog,
        tables: &SiteTables,
    ) -> Result<(Listing, Option<Search>), StoreError> {
        let database = sites.store().database();
        let searched = self.search.as_deref().and_then(Needle::new);
        let needles: Vec<&Needle> = searched.iter().chain(&self.name).collect();
        let called = database.sites_called(tables, &needles).await?;
        let mut called = called.into_iter();
        let search = searched.zip(self.search).map(|(needle, text)| Search {
            text,
            held: AnyOf {
                or_these: called.next().unwrap_or_default(),
                ..AnyOf::anywhere(&needle)
            },
        });
        let mut texts = self.places;
        texts.extend(self.name.map(|needle| AnyOf {
            or_these: called.next().unwrap_or_default(),
            ..AnyOf::within(TextField::Name, needle)
        }));
        let listing = Listing {
            texts,
            among: database.sites_of(tables, &self.filter).await?,
            ..Listing::default()
        };
        Ok((listing, search))
    }
}

/// A page of the list, as it is asked for.
struct Asked {
    wanted: Wanted,
    viewport: Option<crate::domain::Viewport>,
    sort: Option<Sort>,
    descending: bool,
    level: DetailLevel,
    paging: Paging,
}

impl Asked {
    /// Reads the parameters: first each by itself, in the order in which Divemap
    /// declares them, then what Divemap checks by itself, in its order.
    fn of(request: &HttpRequest) -> Result<Self, Refusal> {
        let mut input = Input::of(request);
        let wanted = Wanted::read(&mut input);
        let sort_by = input.text("sort_by", ANY).filter(|text| !text.is_empty());
        let sort_order = input.text("sort_order", ANY);
        let page = input.integer("page", &(1..=i64::MAX)).unwrap_or(1);
        let page_size = input.integer("page_size", &(i64::MIN..=i64::MAX));
        let wind = input.text("wind_suitability", ANY);
        input.boolean("include_unknown_wind");
        let edges = ["north", "south", "east", "west"].map(|edge| input.finite(edge));
        let level = input.text("detail_level", ANY);
        input.boolean("include_archived");
        input.integer("dive_site_id", &(i64::MIN..=i64::MAX));
        let search_chars = wanted.search.as_ref().map(|text| text.chars().count());
        input.finish()?;

        let paging = Paging::new(page, page_size.unwrap_or(25))?;
        if search_chars.is_some_and(|chars| chars < LEAST_SEARCH_CHARS) {
            return Err(Refusal::bad_request(format!(
                "Search query must be at least {LEAST_SEARCH_CHARS} characters long"
            )));
        }
        if let Some(wind) = wind {
            return Err(Refusal::bad_request(
                if WINDS.contains(&wind.to_lowercase().as_str()) {
                    "wind_suitability is for Divemap itself: nearby knows no weather".to_owned()
                } else {
                    format!("wind_suitability must be one of: {}", WINDS.join(", "))
                },
            ));
        }
        let level = level_of(level.as_deref().unwrap_or("full"))?;
        let viewport = viewport_of(edges)?;
        wanted.check_tags()?;
        let (sort, descending) = match sort_by {
            Some(sort_by) => sort_of(&sort_by, sort_order.as_deref().unwrap_or("asc"))?,
            None => (None, false),
        };
        Ok(Self {
            wanted,
            viewport,
            sort,
            descending,
            level,
            paging,
        })
    }

    async fn found(self, sites: &Catalog, tables: &SiteTables) -> Result<Found, StoreError> {
        let part = self.paging.part();
        let database = sites.store().database();
        let (mut listing, search) = self.wanted.listing(sites, tables).await?;
        listing.viewport = self.viewport;
        listing.descending = self.descending;
        match self.sort {
            Some(Sort::Plain(sort_by)) => listing.sort_by = sort_by,
            Some(Sort::Difficulty) => {
                listing.sort_by = SortBy::Rank;
                listing.ranks = database.site_difficulties(tables).await?;
            }
            Some(Sort::Rating) => {
                listing.sort_by = SortBy::Rank;
                listing.ranks = database.site_averages(tables).await?;
            }
            None => {}
        }
        match search {
            Some(search) => relevance::listed(sites, &listing, &search, part).await,
            None => Ok(Found {
                listed: sites.listed(&listing, part).await?,
                matches: None,
            }),
        }
    }
}

fn sort_of(text: &str, order: &str) -> Result<(Option<Sort>, bool), Refusal> {
    let known = SORTS.iter().find(|(name, _)| *name == text);
    let Some((name, sort)) = known else {
        let names = SORTS.map(|(name, _)| name).join(", ");
        return Err(Refusal::bad_request(format!(
            "Invalid sort_by field. Must be one of: {names}"
        )));
    };
    let descending = is_descending(order)?;
    let sort = sort.ok_or_else(|| for_administrators(name))?;
    Ok((Some(sort), descending))
}
