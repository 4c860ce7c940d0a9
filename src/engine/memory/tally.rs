//! Counting what a search is about.

use std::collections::HashMap;

use super::bucket::{Bucket, BucketId};
use super::index::Index;
use super::region::Region;
use super::search::Wanted;
use super::values::{Held, of_number, of_text};
use super::vocabulary::ValueId;
use crate::domain::{Facet, FieldId, Search, Tally};

/// Counts the centers in the area of a search that its filter keeps, and how often
/// each value of some fields is among them.
pub(super) fn tally(index: &Index, search: &Search, facets: &[FieldId]) -> Tally {
    let everywhere = Search {
        after: None,
        ..search.clone()
    };
    let mut count = Count {
        index,
        total: 0,
        facets: facets
            .iter()
            .map(|&field| Values::of(field, index))
            .collect(),
    };
    if let Some(wanted) = Wanted::of(index, &everywhere) {
        let region = Region::of(&search.area, index);
        let reaches = |bounds: &_| region.may_reach_into(bounds);
        wanted.visit_buckets(reaches, |bucket| count.look_into(bucket, &wanted, &region));
    }
    let facets = facets.iter().zip(count.facets);
    Tally {
        total: count.total,
        facets: facets
            .map(|(&field, values)| values.into_facet(field, index))
            .collect(),
    }
}

struct Count<'a> {
    index: &'a Index,
    total: u64,
    facets: Vec<Values>,
}

/// How often each value of a field was met.
enum Values {
    Interned(usize, HashMap<ValueId, u64>),
    /// By the bits of each number; what is no number is no value.
    Numbers(usize, HashMap<u64, u64>),
}

impl Values {
    fn of(field: FieldId, index: &Index) -> Self {
        let held = index.layout().held(field);
        match held.expect("names are not counted one by one") {
            Held::Interned(vocabulary) => Self::Interned(vocabulary, HashMap::new()),
            Held::Number(place) => Self::Numbers(place, HashMap::new()),
        }
    }

    fn add(&mut self, bucket: &Bucket, slot: usize) {
        let count = match self {
            Self::Interned(vocabulary, counts) => {
                counts.entry(bucket.value(slot, *vocabulary)).or_default()
            }
            // Minus 0 is 0.
            Self::Numbers(place, counts) => {
                let number = bucket.number(slot, *place) + 0.0;
                counts.entry(number.to_bits()).or_default()
            }
        };
        *count += 1;
    }

    fn into_facet(self, field: FieldId, index: &Index) -> Facet {
        let kind = index.layout().fields().get(field).kind;
        match self {
            Self::Interned(vocabulary, counts) => {
                let text = |value| index.vocabularies()[vocabulary].text(value);
                let value = |value| text(value).map(|text| of_text(kind, text).into());
                let counts = counts.into_iter();
                Facet::of(field, counts.map(|(id, count)| (value(id), count)))
            }
            Self::Numbers(_, counts) => {
                let value = |bits| of_number(kind, f64::from_bits(bits)).map(Into::into);
                let counts = counts.into_iter();
                Facet::of(field, counts.map(|(bits, count)| (value(bits), count)))
            }
        }
    }
}

impl Count<'_> {
    fn look_into(&mut self, id: BucketId, wanted: &Wanted<'_>, region: &Region<'_>) {
        let bucket = self.index.buckets().get(id);
        if wanted.misses(id, bucket) {
            return;
        }
        let takes_all = wanted.takes_all();
        if takes_all && self.facets.is_empty() {
            let bounds = self.index.buckets().bounds(id);
            if region.surely_holds(&bounds) {
                self.total += bucket.len() as u64;
                return;
            }
        }
        region.visit(bucket, |key, slot| {
            if takes_all || wanted.takes(key, bucket, slot) {
                self.total += 1;
                for values in &mut self.facets {
                    values.add(bucket, slot);
                }
            }
        });
    }
}
