//! Whether an index holds what a table says: for whoever compares the two.

use super::Change;
use super::bucket::Place;
use super::index::Index;
use super::organizations::text_of;
use super::vocabulary::{ORGANIZATIONS, RATING};
use super::within::Lowest;
use crate::domain::{CenterId, FieldValue, MapPoint, Summary};
use crate::wire::render_rating;

/// Buckets that are looked through at once.
const BUCKETS_AT_ONCE: usize = 1_024;

/// Whether the index is as a change would leave it; of a center that was written, `text` is
/// what is answered.
pub(super) fn holds(index: &Index, change: &Change<'_>, text: &[u8]) -> bool {
    match change {
        Change::Upsert(center) => holds_center(index, center, text),
        Change::Remove(id) => index.place_of(*id).is_none(),
        Change::Organizations(id, organizations) => {
            let set = text_of(organizations);
            let noted = index.organizations().of(*id);
            noted == set.as_deref() && has_value(index, *id, ORGANIZATIONS, noted)
        }
        Change::Rating(id, rating) => {
            let rating = rating.map(render_rating);
            let noted = index.ratings().of(*id);
            noted == rating.as_deref() && has_value(index, *id, RATING, noted)
        }
    }
}

fn holds_center(index: &Index, center: &Summary<'_>, text: &[u8]) -> bool {
    let Some(place) = index.place_of(center.id) else {
        return false;
    };
    let (bucket, slot) = (index.buckets().get(place.bucket()), place.slot());
    let (values, vocabularies) = (bucket.values(slot), index.vocabularies());
    let fields = [center.country, center.region, center.city];
    let mut fields = vocabularies.iter().zip(values.built_in).zip(fields);
    let mut attributes = center.attributes.iter().enumerate();
    bucket.point(slot) == center.position.unit_vector().0
        && bucket.on_map(slot) == MapPoint::of(center.position)
        && bucket.text(slot) == text
        && fields.all(|((vocabulary, value), text)| vocabulary.text(value) == text)
        && attributes.all(|(place, value)| {
            let held = index.layout().attribute(place, values, vocabularies);
            held == value.as_ref().map(FieldValue::borrowed)
        })
}

/// Whether a center has a value in a field; true of one that has no position.
fn has_value(index: &Index, id: CenterId, field: usize, text: Option<&str>) -> bool {
    index.place_of(id).is_none_or(|place| {
        let values = index.buckets().get(place.bucket()).values(place.slot());
        index.vocabularies()[field].text(values.built_in[field]) == text
    })
}

/// The lowest ids beyond one.
pub(super) struct LowestIds {
    after: Option<CenterId>,
    lowest: Lowest,
}

impl LowestIds {
    pub(super) fn beyond(after: Option<CenterId>, most: usize) -> Self {
        Self {
            after,
            lowest: Lowest::of(most),
        }
    }

    /// Looks through some buckets from a number on; from which number to go on.
    pub(super) fn look(&mut self, index: &Index, from: usize) -> Option<usize> {
        let buckets = index.buckets();
        let end = buckets.numbers().min(from + BUCKETS_AT_ONCE);
        if from >= end {
            return None;
        }
        for (bucket_id, bucket) in buckets.between(from..end) {
            for (number, slot) in bucket.slots().iter().enumerate() {
                let is_beyond = self.after.is_none_or(|after| slot.id > after);
                if is_beyond && self.lowest.may_take(slot.id) {
                    self.lowest.take(slot.id, Place::new(bucket_id, number));
                }
            }
        }
        Some(end)
    }

    pub(super) fn sorted(mut self) -> Vec<CenterId> {
        let mut ids: Vec<CenterId> = self.lowest.sorted().iter().map(|&(id, _)| id).collect();
        // It may have been met before and after a write moved it.
        ids.dedup();
        ids
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::domain::{CenterId, OrganizationId, Position, Rating, Summary};
    use crate::engine::memory::{Change, MemoryEngine};

    fn id(id: i64) -> CenterId {
        CenterId::new(id).unwrap()
    }

    fn at(number: i64, latitude: f64, name: &str) -> Summary<'_> {
        Summary {
            id: id(number),
            position: Position::new(latitude, 1.0).unwrap(),
            name,
            country: Some("GR"),
            region: None,
            city: None,
            attributes: &[],
        }
    }

    fn engine(count: i64) -> MemoryEngine {
        let engine = MemoryEngine::new("centers");
        let mut loading = engine.begin_load();
        for number in 1..=count {
            let latitude = f64::from(i32::try_from(number % 90).unwrap());
            loading.push(&at(number, latitude, "one"));
        }
        engine.finish_load(loading.build());
        engine
    }

    #[test]
    fn what_was_applied_is_held_and_anything_else_is_not() {
        let engine = engine(100);
        let rating = Rating {
            average: 7.5,
            count: 2,
        };
        let set = [OrganizationId::new(3).unwrap()];
        let country = Summary {
            country: Some("FR"),
            ..at(5, 5.0, "one")
        };
        for change in [
            Change::Upsert(at(1, 1.0, "other")),
            Change::Upsert(at(2, 3.0, "one")),
            Change::Upsert(at(3, 3.000_001, "one")),
            Change::Upsert(country),
            Change::Upsert(at(101, 1.0, "new")),
            Change::Remove(id(4)),
            Change::Organizations(id(6), &set),
            Change::Rating(id(7), Some(rating)),
            Change::Rating(id(7), None),
            Change::Rating(id(999), Some(rating)),
        ] {
            let odd = engine.not_held(&[change]);
            assert_eq!(odd, BTreeSet::from([change.center()]), "{change:?}");
            engine.apply(&[change]);
            assert_eq!(engine.not_held(&[change]), BTreeSet::new(), "{change:?}");
        }
        let as_loaded = Change::Upsert(at(50, 50.0, "one"));
        assert_eq!(engine.not_held(&[as_loaded]), BTreeSet::new());
    }

    #[test]
    fn the_lowest_ids_beyond_one_come_in_their_order() {
        let engine = engine(1_000);
        engine.apply(&[Change::Remove(id(12)), Change::Upsert(at(-3, 1.0, "x"))]);
        let ids = |after, most| engine.lowest_ids(after, most);
        assert_eq!(ids(None, 2), [id(-3), id(1)]);
        assert_eq!(ids(Some(id(10)), 3), [id(11), id(13), id(14)]);
        assert_eq!(ids(Some(id(998)), 9), [id(999), id(1_000)]);
        assert_eq!(ids(Some(id(1_000)), 9), []);
    }
}
