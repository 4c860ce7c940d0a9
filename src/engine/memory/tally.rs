//! Counting what a search is about.

use std::collections::HashMap;

use super::bounds::{Bounds, farthest_chord_squared, nearest_chord_squared};
use super::bucket::{Bucket, BucketId, LANES};
use super::index::Index;
use super::lanes::places_within;
use super::search::{Wanted, chords_squared, radius_of};
use super::values::{Held, of_number, of_text};
use super::vocabulary::{Postings, ValueId};
use crate::domain::{Facet, FieldId, Search, Tally};

/// A box that is surely within a radius: more than any rounding of a chord.
const SURELY: f64 = 1.0 + 1e-9;

/// Counts the centers within the radius of a search that its filter keeps, and how often
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
        count.look_into_all(&wanted, radius_of(search));
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

impl<'a> Count<'a> {
    fn look_into_all(&mut self, wanted: &Wanted<'a>, radius: f64) {
        let reaches = |bounds: &Bounds| {
            nearest_chord_squared(bounds, wanted.origin()) <= radius && wanted.may_be_in(bounds)
        };
        let buckets = self.index.buckets();
        let Some(values) = wanted.narrowest_field() else {
            for leaf in self.index.tree().reached(reaches) {
                self.look_into(leaf.bucket, wanted, radius);
            }
            return;
        };
        // Several values may be in one bucket.
        let mut found: Vec<BucketId> = Vec::new();
        for postings in values.postings() {
            match postings {
                Postings::Many(tree) => {
                    found.extend(tree.reached(reaches).map(|leaf| leaf.bucket));
                }
                Postings::Few(few) => {
                    let near = few
                        .iter()
                        .filter(|&&bucket| reaches(&buckets.bounds(bucket)));
                    found.extend(near);
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        for bucket in found {
            self.look_into(bucket, wanted, radius);
        }
    }

    fn look_into(&mut self, id: BucketId, wanted: &Wanted<'a>, radius: f64) {
        let bucket = self.index.buckets().get(id);
        let takes_all = wanted.asks_for_whatever_is_near();
        if takes_all && self.facets.is_empty() {
            let bounds = self.index.buckets().bounds(id);
            if farthest_chord_squared(&bounds, wanted.origin()) * SURELY <= radius {
                self.total += bucket.len() as u64;
                return;
            }
        }
        for (number, block) in bucket.blocks().iter().enumerate() {
            let chords = chords_squared(block, wanted.origin());
            for lane in places_within(&chords, radius) {
                let slot = number * LANES + lane;
                if takes_all || wanted.takes(chords[lane], bucket, slot) {
                    self.total += 1;
                    for values in &mut self.facets {
                        values.add(bucket, slot);
                    }
                }
            }
        }
    }
}
