//! Lists that are searched: those that fit best first, and some that nearly do.

use std::collections::HashMap;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::score::{SCORED, Searched};
use crate::catalog::Catalog;
use crate::domain::{AnyOf, CenterId, ListRow, Listed, Listing, Part, SortBy, SortKey};
use crate::store::StoreError;

/// Searches with at most so many letters, of several words, or that find fewer than
/// so many are answered by relevance, as typing mistakes are likely in the rest.
const SHORT_CHARS: usize = 10;
const FEW: usize = 5;
/// Where so many hold the text, nobody looks for those that nearly do; of these, there
/// are at most so many.
const ENOUGH: usize = 10;
const MOST_CLOSE: usize = 10;
/// More than these are not told by relevance: nobody reads so many.
const MOST_RATED: usize = 10_000;

/// A search within a list.
#[derive(Debug)]
pub(super) struct Search {
    /// What was searched, without blanks around it.
    pub(super) text: String,
    /// What holds it.
    pub(super) held: AnyOf,
}

/// How a center fits a search, as the front end shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Match {
    kind: &'static str,
    score: f64,
}

/// The matches of a page, by id.
#[derive(Debug, Default)]
pub(super) struct Matches(Vec<(CenterId, Match)>);

/// A part of a list, with how its centers fit what was searched, where that is told.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) listed: Listed,
    pub(super) matches: Option<Matches>,
}

impl Match {
    /// Of a center that holds the text.
    fn held(score: f64) -> Self {
        let kind = match score {
            0.9.. => "exact",
            0.7.. => "exact_words",
            _ => "partial_words",
        };
        Self { kind, score }
    }

    /// Of one that nearly does.
    fn close(score: f64) -> Self {
        let kind = match score {
            0.9.. => "exact_phrase",
            0.7.. => "exact_words",
            0.5.. => "partial_words",
            0.3.. => "similar",
            _ => "fuzzy",
        };
        Self { kind, score }
    }
}

impl Serialize for Matches {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct View {
            r#type: &'static str,
            score: f64,
        }
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (id, Match { kind, score }) in &self.0 {
            let view = View {
                r#type: kind,
                score: *score,
            };
            map.serialize_entry(&id.to_string(), &view)?;
        }
        map.end()
    }
}

/// Answers a part of a list in which is searched.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn listed(
    catalog: &Catalog,
    filters: &Listing,
    search: &Search,
    part: Part,
) -> Result<Found, StoreError> {
    let searched = Searched::new(&search.text);
    let mut listing = filters.clone();
    listing.texts.push(search.held.clone());
    let held = catalog
        .store()
        .fold_list(&listing, &SCORED, Held::default(), |held, row| {
            held.take(&listing, row, &searched);
        })
        .await?;
    let is_typed = search.text.chars().count() <= SHORT_CHARS || search.text.contains(' ');
    let by_relevance = is_typed || held.keyed.len() < FEW;
    let Some(mut found) = held.rated().filter(|_| by_relevance) else {
        return Ok(Found {
            listed: part.of(held.keyed, listing.descending),
            matches: None,
        });
    };
    let everything = Part {
        offset: 0,
        count: found.len(),
    };
    let in_order = everything.of(held.keyed, listing.descending).ids;
    let mut found: Vec<(CenterId, Match)> = in_order
        .into_iter()
        .filter_map(|id| Some((id, Match::held(found.remove(&id)?))))
        .collect();
    if !is_of_other_use(filters.sort_by) {
        found.sort_by(|(_, one), (_, other)| other.score.total_cmp(&one.score));
    }
    if found.len() < ENOUGH {
        let close = close(catalog, filters, &searched, &found).await?;
        found.extend(close);
    }
    let total = found.len();
    let start = usize::try_from(part.offset).map_or(total, |offset| offset.min(total));
    let end = start.saturating_add(part.count).min(total);
    let page = found[start..end].to_vec();
    Ok(Found {
        listed: Listed {
            ids: page.iter().map(|(id, _)| *id).collect(),
            total: total as u64,
        },
        matches: (!page.is_empty()).then_some(Matches(page)),
    })
}

/// Whether an order is wanted for more than to have one: those by name and place give
/// way to relevance.
fn is_of_other_use(sort_by: SortBy) -> bool {
    matches!(
        sort_by,
        SortBy::CreatedAt | SortBy::UpdatedAt | SortBy::Rating | SortBy::Rank
    )
}

/// Centers that hold a text, and their scores unless they are too many.
#[derive(Debug, Default)]
struct Held {
    keyed: Vec<(SortKey, CenterId)>,
    scores: Vec<(CenterId, f64)>,
}

impl Held {
    fn take(&mut self, listing: &Listing, row: &ListRow<'_>, searched: &Searched) {
        self.keyed.push((listing.key(row), row.id));
        if self.keyed.len() <= MOST_RATED {
            self.scores.push((row.id, searched.score(row)));
        }
    }

    /// The scores by id; `None` where these are too many.
    fn rated(&self) -> Option<HashMap<CenterId, f64>> {
        let all = self.keyed.len() == self.scores.len();
        all.then(|| self.scores.iter().copied().collect())
    }
}

/// Those that nearly hold the text, the best first; not those that were found.
async fn close(
    catalog: &Catalog,
    filters: &Listing,
    searched: &Searched,
    found: &[(CenterId, Match)],
) -> Result<Vec<(CenterId, Match)>, StoreError> {
    let best = catalog
        .store()
        .fold_list(filters, &SCORED, Vec::new(), |best, row| {
            if found.iter().any(|(id, _)| *id == row.id) {
                return;
            }
            if let Some(score) = searched.close(row) {
                keep(best, (row.id, score));
            }
        })
        .await?;
    let best = best.into_iter();
    Ok(best.map(|(id, score)| (id, Match::close(score))).collect())
}

/// Keeps the best, in their order.
fn keep(best: &mut Vec<(CenterId, f64)>, (id, score): (CenterId, f64)) {
    let is_better = |(other, than): &(CenterId, f64)| {
        than.total_cmp(&score)
            .reverse()
            .then(other.cmp(&id))
            .is_lt()
    };
    let place = best.partition_point(is_better);
    best.insert(place, (id, score));
    best.truncate(MOST_CLOSE);
}
