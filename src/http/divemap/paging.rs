//! What the lists have in common: pages, levels of detail, and what is refused.

use serde::Serialize;

use super::errors::Refusal;
use super::input::Length;
use super::item::DetailLevel;
use super::relevance::Matches;
use crate::domain::{Part, Viewport};

const PAGE_SIZES: [i64; 11] = [1, 3, 5, 10, 15, 20, 25, 50, 100, 250, 1_000];

/// What a search may be, and a text within one field.
pub(super) const SEARCH: Length = Length { min: 0, max: 200 };
pub(super) const TEXT: Length = Length { min: 0, max: 100 };
pub(super) const ANY: Length = Length {
    min: 0,
    max: usize::MAX,
};

/// How long a list is.
#[derive(Serialize)]
pub(super) struct Count {
    pub(super) total: u64,
}

/// A page of a list.
#[derive(Serialize)]
pub(super) struct List<T> {
    items: Vec<T>,
    total: u64,
    page: i64,
    page_size: i64,
    total_pages: u64,
    has_next_page: bool,
    has_prev_page: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    match_types: Option<Matches>,
}

/// Which page is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paging {
    page: i64,
    size: i64,
}

impl<T> List<T> {
    pub(super) fn new(
        items: Vec<T>,
        total: u64,
        Paging { page, size }: Paging,
        match_types: Option<Matches>,
    ) -> Self {
        let total_pages = total.div_ceil(size.unsigned_abs());
        Self {
            items,
            total,
            page,
            page_size: size,
            total_pages,
            has_next_page: page.unsigned_abs() < total_pages,
            has_prev_page: page > 1,
            match_types,
        }
    }
}

impl Paging {
    /// A page from 1 on, of one of the sizes.
    pub(super) fn new(page: i64, size: i64) -> Result<Self, Refusal> {
        if PAGE_SIZES.contains(&size) {
            return Ok(Self { page, size });
        }
        let sizes = PAGE_SIZES.map(|size| size.to_string()).join(", ");
        Err(Refusal::bad_request(format!(
            "page_size must be one of: {sizes}"
        )))
    }

    pub(super) fn part(self) -> Part {
        let before = self.page.unsigned_abs() - 1;
        Part {
            offset: before.saturating_mul(self.size.unsigned_abs()),
            count: usize::try_from(self.size).expect("it is one of the sizes"),
        }
    }
}

pub(super) fn level_of(text: &str) -> Result<DetailLevel, Refusal> {
    match text.to_lowercase().as_str() {
        "minimal" => Ok(DetailLevel::Minimal),
        "basic" => Ok(DetailLevel::Basic),
        "full" => Ok(DetailLevel::Full),
        _ => Err(Refusal::bad_request(
            "detail_level must be one of: minimal, basic, full",
        )),
    }
}

/// The viewport, where all of its edges are given: north, south, east and west.
pub(super) fn viewport_of(edges: [Option<f64>; 4]) -> Result<Option<Viewport>, Refusal> {
    let [Some(north), Some(south), Some(east), Some(west)] = edges else {
        return Ok(None);
    };
    let viewport = Viewport::new(north, south, east, west).filter(|_| north > south);
    let refused = || Refusal::bad_request("north must be greater than south");
    Ok(Some(viewport.ok_or_else(refused)?))
}

pub(super) fn is_descending(text: &str) -> Result<bool, Refusal> {
    match text {
        "asc" => Ok(false),
        "desc" => Ok(true),
        _ => Err(Refusal::bad_request("sort_order must be 'asc' or 'desc'")),
    }
}

/// An order that Divemap keeps for administrators.
pub(super) fn for_administrators(sort_by: &str) -> Refusal {
    Refusal::forbidden(format!(
        "Sorting by {sort_by} is only available for admin users"
    ))
}
