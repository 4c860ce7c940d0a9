//! Answers to searches that hold less or more than the plain one: `fields=`, `count=`
//! and `facets=`.
//!
//! The plain answer is written while the engine searches; here what was found is kept
//! first, so that rows can be read and centers counted before anything is written.

use std::collections::HashMap;

use serde::{Serialize, Serializer};

use super::answer::AnswerBody;
use super::chosen::{Chosen, push_member};
use super::dto::CenterView;
use super::negotiate::Format;
use super::params::names_of_shared;
use super::problem::Problem;
use super::query::Query;
use super::reply::rendered;
use crate::catalog::Catalog;
use crate::domain::{
    CenterId, Cursor, Facet, FieldId, FieldValue, Fields, MAX_FACETS, Search, Tally,
};
use crate::engine::{Answer, Hit, SearchError};
use crate::store::Collection;

/// The parameter that asks how many centers there are.
pub const COUNT: &str = "count";
/// The parameter that asks how often values are there.
pub const FACETS: &str = "facets";

/// What an answer to a search holds other than the plain one.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    /// The only members that centers have; `None` where they have the plain ones.
    pub chosen: Option<Chosen>,
    /// Whether it says how many centers there are.
    pub counts: bool,
    /// The fields of which it says how often each value is there.
    pub facets: Vec<FieldId>,
}

impl Shape {
    /// What `fields`, `count` and `facets` ask for; `None` for the plain answer.
    ///
    /// # Errors
    /// When one of them cannot be taken.
    pub fn of(
        query: &Query<'_>,
        collection: &Collection,
        measures: bool,
    ) -> Result<Option<Self>, Problem> {
        let shape = Self {
            chosen: Chosen::of(query, collection, measures)?,
            counts: match query.one(COUNT) {
                None | Some("false") => false,
                Some("true") => true,
                Some(other) => return Err(Problem::invalid(COUNT, other, "true or false")),
            },
            facets: match query.one(FACETS) {
                None => Vec::new(),
                Some(text) => facets(text.split(','), collection.fields())?,
            },
        };
        Ok(shape.unless_plain())
    }

    /// The same; `None` for the plain answer.
    pub fn unless_plain(self) -> Option<Self> {
        let is_plain = self.chosen.is_none() && !self.counts && self.facets.is_empty();
        (!is_plain).then_some(self)
    }

    /// Whether centers have to be counted, which may go through everything there is.
    pub fn asks_for_tally(&self) -> bool {
        self.counts || !self.facets.is_empty()
    }
}

/// Fields of which it is said how often each value is there.
///
/// # Errors
/// When one is not there, stands twice, or there are too many.
pub fn facets<'n>(
    names: impl Iterator<Item = &'n str>,
    fields: &Fields,
) -> Result<Vec<FieldId>, Problem> {
    let mut found: Vec<FieldId> = Vec::new();
    for name in names {
        let field = fields.shared().find(|(_, field)| field.name == name);
        let field = field.map(|(field, _)| field);
        let field = field.filter(|field| !found.contains(field) && found.len() < MAX_FACETS);
        found.push(field.ok_or_else(|| {
            let names = names_of_shared(fields);
            let allowed = format!("at most {MAX_FACETS} of these, each once: {names}");
            Problem::invalid(FACETS, name, allowed)
        })?);
    }
    Ok(found)
}

/// An answer, and what is to be known of it.
#[derive(Debug)]
pub struct Shaped {
    /// What is sent.
    pub body: Vec<u8>,
    /// How many centers it holds.
    pub count: usize,
    /// The cursor of the next answer.
    pub next: Option<String>,
}

/// Searches, and writes an answer of this shape behind what `out` holds.
///
/// # Errors
/// As [`Catalog::search`].
pub async fn answer(
    catalog: &Catalog,
    search: &Search,
    format: Format,
    shape: &Shape,
    out: Vec<u8>,
) -> Result<Shaped, SearchError> {
    let mut found = Found::default();
    catalog.search(search, &mut found).await?;
    let tally = if shape.asks_for_tally() {
        Some(catalog.tally(search, &shape.facets).await?)
    } else {
        None
    };
    let rows = match &shape.chosen {
        Some(chosen) => found.rows(chosen, catalog).await?,
        None => Vec::new(),
    };
    let mut body = AnswerBody::after(out, format, search);
    body.begin(found.hits.len(), found.next);
    for (place, hit) in found.hits().enumerate() {
        let Some(chosen) = &shape.chosen else {
            body.hit(hit);
            continue;
        };
        let mut members = Vec::new();
        chosen.push_members(hit.rendered, &mut members);
        if let Some(row) = rows.get(place) {
            members.extend_from_slice(if members.is_empty() { b"" } else { b"," });
            members.extend_from_slice(row);
        }
        if let Some(rating) = hit.rating {
            chosen.push_members(rating.as_bytes(), &mut members);
        }
        body.hit_of(&hit, &members);
    }
    let (count, next) = (body.count(), body.next().map(str::to_owned));
    let counted = tally.map_or_else(Vec::new, |tally| {
        told(shape, tally.as_ref(), catalog.collection().fields())
    });
    Ok(Shaped {
        body: body.finish_with(&counted),
        count,
        next,
    })
}

/// What a search found, kept until all that belongs to its answer is there.
#[derive(Debug, Default)]
struct Found {
    next: Option<Cursor>,
    rendered: Vec<u8>,
    hits: Vec<KeptHit>,
}

#[derive(Debug)]
struct KeptHit {
    id: CenterId,
    distance_m: Option<f64>,
    /// Where it ends in what is rendered.
    end: usize,
    rating: Option<String>,
}

impl Answer for Found {
    fn begin(&mut self, count: usize, next: Option<Cursor>) {
        self.next = next;
        self.hits.reserve(count);
    }

    fn hit(&mut self, hit: Hit<'_>) {
        self.rendered.extend_from_slice(hit.rendered);
        self.hits.push(KeptHit {
            id: hit.id,
            distance_m: hit.distance_m,
            end: self.rendered.len(),
            rating: hit.rating.map(str::to_owned),
        });
    }
}

impl Found {
    fn hits(&self) -> impl Iterator<Item = Hit<'_>> {
        let mut start = 0;
        self.hits.iter().map(move |hit| {
            let rendered = &self.rendered[start..hit.end];
            start = hit.end;
            Hit {
                id: hit.id,
                distance_m: hit.distance_m,
                rendered,
                rating: hit.rating.as_deref(),
            }
        })
    }

    /// The members that only rows have, of each hit; empty where none of them was asked
    /// for. Those of a row that is gone by now are null.
    async fn rows(&self, chosen: &Chosen, catalog: &Catalog) -> Result<Vec<Vec<u8>>, SearchError> {
        let collection = catalog.collection();
        let names: Vec<&str> = chosen.of_rows(collection).collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<CenterId> = self.hits.iter().map(|hit| hit.id).collect();
        let read = catalog.read_many(&ids).await?;
        let rows: HashMap<CenterId, Vec<u8>> = read
            .iter()
            .map(|center| (center.id, rendered(&CenterView::from(center))))
            .collect();
        let chosen = Chosen::of_known(names.iter().copied());
        let members = |id: &CenterId| {
            let mut members = Vec::new();
            match rows.get(id) {
                Some(row) => chosen.push_members(row, &mut members),
                None => {
                    for name in &names {
                        push_member(format!("\"{name}\":null").as_bytes(), &mut members);
                    }
                }
            }
            members
        };
        Ok(ids.iter().map(members).collect())
    }
}

/// Facets by the names of their fields, in their order.
struct FacetViews<'a> {
    facets: &'a [Facet],
    fields: &'a Fields,
}

impl Serialize for FacetViews<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let facets = self.facets.iter();
        serializer.collect_map(facets.map(|facet| {
            let name = &self.fields.get(facet.field).name;
            (name, FacetView::from(facet))
        }))
    }
}

#[derive(Serialize)]
struct FacetView<'a> {
    values: Vec<ValueView<'a>>,
    other: u64,
}

#[derive(Serialize)]
struct ValueView<'a> {
    value: Option<FieldValueView<'a>>,
    count: u64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum FieldValueView<'a> {
    Text(&'a str),
    Number(f64),
    Boolean(bool),
    Date(String),
}

impl<'a> From<&'a Facet> for FacetView<'a> {
    fn from(facet: &'a Facet) -> Self {
        let values = facet.values.iter().map(|(value, count)| ValueView {
            value: value.as_ref().map(FieldValueView::from),
            count: *count,
        });
        Self {
            values: values.collect(),
            other: facet.other,
        }
    }
}

impl<'a> From<&'a FieldValue> for FieldValueView<'a> {
    fn from(value: &'a FieldValue) -> Self {
        match value {
            FieldValue::Text(text) => Self::Text(text),
            FieldValue::Number(number) => Self::Number(*number),
            FieldValue::Boolean(boolean) => Self::Boolean(*boolean),
            FieldValue::Date(day) => Self::Date(day.format("%Y-%m-%d").to_string()),
        }
    }
}

/// What was counted, as members behind the centers; null where that took too long.
fn told(shape: &Shape, tally: Option<&Tally>, fields: &Fields) -> Vec<u8> {
    let mut members = Vec::new();
    if shape.counts {
        members.extend_from_slice(br#","total":"#);
        members.extend(rendered(&tally.map(|tally| tally.total)));
    }
    if !shape.facets.is_empty() {
        members.extend_from_slice(br#","facets":"#);
        let views = tally.map(|tally| FacetViews {
            facets: &tally.facets,
            fields,
        });
        members.extend(rendered(&views));
    }
    members
}
