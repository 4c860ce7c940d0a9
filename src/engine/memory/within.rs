//! One search by id of what a map shows.

use super::bucket::Place;
use super::index::Index;
use super::search::{Found, Wanted, deliver};
use super::viewport::Shape;
use crate::domain::{BY_ID, CenterId, Search, Viewport};
use crate::engine::Answer;

/// Finds what is inside and hands it to `answer`. Goes through all of it.
pub(super) fn search(
    collection: &str,
    index: &Index,
    search: &Search,
    viewport: &Viewport,
    answer: &mut impl Answer,
) {
    let mut lowest = Lowest::of(search.sought());
    if let Some(wanted) = Wanted::of(index, search) {
        find(index, &wanted, &Shape::of(viewport), &mut lowest);
    }
    let as_found = |&(_, place): &(CenterId, Place)| Found {
        place,
        key: BY_ID,
        distance_m: None,
    };
    deliver(collection, index, search, lowest.sorted(), as_found, answer);
}

fn find(index: &Index, wanted: &Wanted<'_>, shape: &Shape<'_>, lowest: &mut Lowest) {
    let reaches = |bounds: &_| shape.may_reach_into(bounds);
    wanted.visit_buckets(reaches, |bucket_id| {
        let bucket = index.buckets().get(bucket_id);
        if wanted.misses(bucket_id, bucket) {
            return;
        }
        let holds_all = shape.surely_holds(&index.buckets().bounds(bucket_id));
        for (number, slot) in bucket.slots().iter().enumerate() {
            if lowest.may_take(slot.id)
                && wanted.takes(BY_ID, bucket, number)
                && (holds_all || shape.contains(bucket, number))
            {
                lowest.take(slot.id, Place::new(bucket_id, number));
            }
        }
    });
}

/// The centers of the lowest ids of those taken, so many.
pub(super) struct Lowest {
    keep: usize,
    taken: Vec<(CenterId, Place)>,
    /// Beyond this id there are enough.
    last: Option<CenterId>,
}

impl Lowest {
    pub(super) fn of(keep: usize) -> Self {
        Self {
            keep,
            taken: Vec::new(),
            last: None,
        }
    }

    /// Whether a center may be one of them.
    pub(super) fn may_take(&self, id: CenterId) -> bool {
        self.last.is_none_or(|last| id < last)
    }

    pub(super) fn take(&mut self, id: CenterId, place: Place) {
        self.taken.push((id, place));
        if self.taken.len() == self.keep * 2 {
            let (_, last, _) = self.taken.select_nth_unstable(self.keep - 1);
            self.last = Some(last.0);
            self.taken.truncate(self.keep);
        }
    }

    pub(super) fn sorted(&mut self) -> &[(CenterId, Place)] {
        self.taken.sort_unstable();
        self.taken.truncate(self.keep);
        &self.taken
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_lowest_ids_are_those_that_sorting_gives(
            ids in Just((1..=60_i64).collect::<Vec<_>>()).prop_shuffle(),
            count in 0_usize..=60,
            keep in 1_usize..12,
        ) {
            let mut lowest = Lowest::of(keep);
            let id = |id: i64| CenterId::new(id).unwrap();
            for (&number, place) in ids[..count].iter().zip(0..) {
                if lowest.may_take(id(number)) {
                    lowest.take(id(number), Place(place));
                }
            }
            let mut expected = ids[..count].to_vec();
            expected.sort_unstable();
            expected.truncate(keep);
            let found: Vec<i64> = lowest.sorted().iter().map(|(id, _)| id.get()).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
