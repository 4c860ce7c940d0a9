//! The index itself: buckets, the tree over them, the way from an id to its
//! place and from a value to its buckets, all kept in step by every write.

use std::thread;

use super::Change;
use super::bounds::{Point, is_within, may_hold_open};
use super::bucket::{Bucket, BucketId, Buckets, CAPACITY, Entry, Place, Slot};
use super::map_order::{MapOrder, OnMap};
use super::opening::Hours;
use super::organizations::Organizations;
use super::ratings::Ratings;
use super::table::Table;
use super::tree::BucketTree;
use super::values::{Held, Layout, Values, ValuesRef, of_number, of_text, text_of};
use super::vocabulary::{ORGANIZATIONS, RATING, ValueId, Vocabulary};
use super::walk::Walk;
use crate::domain::{
    CenterId, FieldId, FieldValue, MapPoint, OrganizationId, OrganizationNames, Rating, Summary,
    ValueRef,
};

/// Shards of the table of places: a write that makes one grow hashes some
/// thousand ids again at ten million centers.
const SHARDS: usize = 4096;

/// A bucket that came down to fewer centers gives them to its neighbours.
const MIN_CENTERS: usize = CAPACITY / 8;

/// Every center that has a position.
#[derive(Debug)]
pub(super) struct Index {
    tree: BucketTree,
    buckets: Buckets,
    places: Table,
    /// Those of the built-in fields, then those of attributes.
    vocabularies: Vec<Vocabulary>,
    layout: Layout,
    /// No number of a center is greater than the one in its place here. They only grow until
    /// another index is built.
    greatest: Vec<f64>,
    hours: Hours,
    organizations: Organizations,
    ratings: Ratings,
    map_order: MapOrder,
}

impl Index {
    /// Joins buckets and the vocabularies their values are numbered by.
    pub(super) fn new(
        filled: impl Iterator<Item = Bucket>,
        vocabularies: Vec<Vocabulary>,
        layout: Layout,
        organizations: Organizations,
        ratings: Ratings,
    ) -> Self {
        let mut index = Self {
            tree: BucketTree::default(),
            buckets: Buckets::default(),
            places: Table::new(SHARDS),
            vocabularies,
            greatest: vec![f64::NEG_INFINITY; layout.numbers()],
            hours: Hours::default(),
            layout,
            organizations,
            ratings,
            map_order: MapOrder::default(),
        };
        for bucket in filled {
            for (place, greatest) in index.greatest.iter_mut().enumerate() {
                *greatest = greatest.max(bucket.greatest(place));
            }
            index.buckets.add(bucket);
        }
        let (buckets, places) = (&index.buckets, &mut index.places);
        let (tree, vocabularies) = (&mut index.tree, &mut index.vocabularies);
        let map_order = &mut index.map_order;
        thread::scope(|scope| {
            scope.spawn(|| {
                places.reserve(buckets.iter().map(|(_, bucket)| bucket.len()).sum());
                for (id, bucket) in buckets.iter() {
                    for slot in 0..bucket.len() {
                        let place = Place::new(id, slot).0;
                        places.insert(place, |place| buckets.id_at(Place(place)));
                    }
                }
            });
            scope.spawn(|| *map_order = MapOrder::of(on_map(buckets)));
            *tree = buckets.iter().map(|(id, _)| buckets.leaf(id)).collect();
            for (field, vocabulary) in vocabularies.iter_mut().enumerate() {
                vocabulary.post_all(field, buckets);
            }
        });
        index.hours = Hours::of(&index.layout, &index.vocabularies);
        index
    }

    pub(super) fn map_order(&self) -> &MapOrder {
        &self.map_order
    }

    /// How many centers there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn tree(&self) -> &BucketTree {
        &self.tree
    }

    pub(super) fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    pub(super) fn vocabularies(&self) -> &[Vocabulary] {
        &self.vocabularies
    }

    pub(super) fn organizations(&self) -> &Organizations {
        &self.organizations
    }

    pub(super) fn ratings(&self) -> &Ratings {
        &self.ratings
    }

    /// How the center in a place is rated, rendered.
    pub(super) fn rating(&self, slot: &Slot) -> Option<&str> {
        self.vocabularies[RATING].text(slot.values[RATING])
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(super) fn hours(&self) -> &Hours {
        &self.hours
    }

    /// What no number in this place is greater than; negative infinity where there is none.
    pub(super) fn greatest(&self, place: usize) -> f64 {
        self.greatest[place]
    }

    /// The value of a field, of the center in a place of a bucket.
    pub(super) fn value(
        &self,
        bucket: &Bucket,
        slot: usize,
        field: FieldId,
        held: Held,
    ) -> Option<ValueRef<'_>> {
        let kind = self.layout.fields().get(field).kind;
        match held {
            Held::Interned(vocabulary) => {
                let value = bucket.value(slot, vocabulary);
                let text = self.vocabularies[vocabulary].text(value)?;
                Some(of_text(kind, text))
            }
            Held::Number(place) => of_number(kind, bucket.number(slot, place)),
        }
    }

    /// The numbers of those values of a vocabulary that any center has, in their order.
    pub(super) fn values_of(&self, vocabulary: usize, values: &[FieldValue]) -> Vec<ValueId> {
        let find = |value: &FieldValue| self.vocabularies[vocabulary].find(text_of(value)?);
        let mut found: Vec<ValueId> = values.iter().filter_map(find).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Notes what organizations are called.
    pub(super) fn rename_organizations(&mut self, names: OrganizationNames) {
        self.organizations.rename(names);
    }

    /// Follows a committed write; of a center that was written, `text` is what is answered.
    pub(super) fn apply(&mut self, change: &Change<'_>, text: &[u8]) {
        match change {
            Change::Upsert(center) => self.upsert(center, text),
            Change::Remove(id) => {
                self.remove(*id);
            }
            Change::Organizations(id, organizations) => self.set_organizations(*id, organizations),
            Change::Rating(id, rating) => self.set_rating(*id, *rating),
        }
    }

    /// The centers that have ratings or organizations, with a position or without.
    pub(super) fn linked(&self) -> Vec<CenterId> {
        let rated = self.ratings.centers();
        self.organizations.centers().chain(rated).collect()
    }

    /// Notes the organizations of a center, whether it has a position or not.
    fn set_organizations(&mut self, id: CenterId, organizations: &[OrganizationId]) {
        self.organizations.set(id, organizations);
        self.set_value(id, ORGANIZATIONS);
    }

    /// Notes how a center is rated, whether it has a position or not.
    fn set_rating(&mut self, id: CenterId, rating: Option<Rating>) {
        self.ratings.set(id, rating);
        self.set_value(id, RATING);
    }

    /// Gives a center the set of organizations, or the rating, that is noted of it.
    fn set_value(&mut self, id: CenterId, field: usize) {
        let Some(place) = self.place_of(id) else {
            return;
        };
        let text = match field {
            RATING => self.ratings.of(id),
            _ => self.organizations.of(id),
        };
        let old = self.values_at(place);
        let mut new = old.clone();
        new.built_in[field] = self.vocabularies[field].intern(text);
        self.post_values(place.bucket(), new.borrowed());
        let bucket = self.buckets.get_mut(place.bucket());
        bucket.set_values(place.slot(), new.borrowed());
        self.forget_values(place.bucket(), old.borrowed());
        self.release_values(old.borrowed());
    }

    /// Puts a center where it belongs, with its text rendered already.
    pub(super) fn upsert(&mut self, center: &Summary<'_>, text: &[u8]) {
        let point = center.position.unit_vector().0;
        let on_map = MapPoint::of(center.position);
        if let Some(place) = self.place_of(center.id) {
            let bucket = self.buckets.get(place.bucket());
            let is_same = bucket.point(place.slot()) == point;
            if is_same && bucket.on_map(place.slot()) == on_map {
                self.rewrite(place, center, text);
                return;
            }
            self.remove(center.id);
        }
        let values = self.intern(center);
        self.insert(Entry {
            id: center.id,
            point,
            on_map,
            values: values.borrowed(),
            text,
        });
        self.map_order.insert(OnMap {
            at: on_map,
            id: center.id,
        });
    }

    /// Takes a center out; `false` where it is not there.
    pub(super) fn remove(&mut self, id: CenterId) -> bool {
        let Some(place) = self.place_of(id) else {
            return false;
        };
        let (bucket_id, slot) = (place.bucket(), place.slot());
        let bucket = self.buckets.get(bucket_id);
        let Entry {
            point,
            on_map,
            values,
            ..
        } = bucket.entry(slot);
        let values = values.owned();
        let last = Place::new(bucket_id, bucket.len() - 1);

        self.map_order.remove(OnMap { at: on_map, id });
        self.places.remove(place.0, id);
        if last != place {
            self.places.remove(last.0, self.buckets.id_at(last));
        }
        self.buckets.get_mut(bucket_id).swap_remove(slot);
        if last != place {
            self.insert_place(place);
        }

        self.forget_values(bucket_id, values.borrowed());
        if self.may_dissolve(bucket_id) {
            self.dissolve(bucket_id);
        } else {
            self.tighten(bucket_id, point);
        }
        self.release_values(values.borrowed());
        true
    }

    /// The same position with other texts.
    fn rewrite(&mut self, place: Place, center: &Summary<'_>, text: &[u8]) {
        let new = self.intern(center);
        let old = self.values_at(place);
        self.post_values(place.bucket(), new.borrowed());
        let bucket = self.buckets.get_mut(place.bucket());
        bucket.rewrite(place.slot(), new.borrowed(), text);
        self.forget_values(place.bucket(), old.borrowed());
        self.release_values(old.borrowed());
    }

    fn insert(&mut self, entry: Entry<'_>) {
        loop {
            let Some(bucket_id) = self.nearest_bucket(&entry.point) else {
                let mut first = Bucket::default();
                first.push(entry);
                return self.adopt(first);
            };
            if !self.buckets.get(bucket_id).is_full() {
                return self.push(bucket_id, entry);
            }
            self.split(bucket_id);
        }
    }

    fn nearest_bucket(&self, point: &Point) -> Option<BucketId> {
        let mut walk = Walk::new(&self.buckets, *point, |_| true);
        walk.start_at_tree(&self.tree);
        walk.next_within(f64::INFINITY)
    }

    /// Adds a center to a bucket that has room and grows its box.
    fn push(&mut self, bucket_id: BucketId, entry: Entry<'_>) {
        self.post_values(bucket_id, entry.values);
        let place = Place::new(bucket_id, self.buckets.get(bucket_id).len());
        self.buckets.get_mut(bucket_id).push(entry);
        self.insert_place(place);

        if !is_within(&self.buckets.bounds(bucket_id), &entry.point) {
            self.fit_bounds(bucket_id);
        }
    }

    fn split(&mut self, bucket_id: BucketId) {
        let whole = self.take_apart(bucket_id);
        let (left, right) = whole.split();
        for half in [left, right] {
            self.adopt(half);
        }
    }

    /// Whether a bucket is small and its centers have somewhere to go.
    fn may_dissolve(&self, bucket_id: BucketId) -> bool {
        match self.buckets.get(bucket_id).len() {
            0 => true,
            few => few < MIN_CENTERS && self.tree.len() > 1,
        }
    }

    /// Gives the centers of a bucket to its neighbours.
    fn dissolve(&mut self, bucket_id: BucketId) {
        let bucket = self.take_apart(bucket_id);
        for slot in 0..bucket.len() {
            self.insert(bucket.entry(slot));
        }
    }

    /// Takes a bucket out of everything that points to it.
    fn take_apart(&mut self, bucket_id: BucketId) -> Bucket {
        let leaf = self.buckets.leaf(bucket_id);
        self.tree.remove(&leaf);
        for (field, vocabulary) in self.vocabularies.iter_mut().enumerate() {
            for value in self.buckets.get(bucket_id).distinct_values(field) {
                vocabulary.remove(value, &leaf);
            }
        }
        let bucket = self.buckets.take(bucket_id);
        for (number, slot) in bucket.slots().iter().enumerate() {
            self.places.remove(Place::new(bucket_id, number).0, slot.id);
        }
        bucket
    }

    /// Lets everything point to a new bucket.
    fn adopt(&mut self, bucket: Bucket) {
        let bucket_id = self.buckets.add(bucket);
        let leaf = self.buckets.leaf(bucket_id);
        self.tree.insert(leaf);
        for (field, vocabulary) in self.vocabularies.iter_mut().enumerate() {
            for value in self.buckets.get(bucket_id).distinct_values(field) {
                vocabulary.add(value, leaf, &self.buckets);
            }
        }
        for slot in 0..self.buckets.get(bucket_id).len() {
            self.insert_place(Place::new(bucket_id, slot));
        }
    }

    /// Shrinks a bucket's box if a point that is gone held it open.
    fn tighten(&mut self, bucket_id: BucketId, gone: Point) {
        if may_hold_open(&self.buckets.bounds(bucket_id), &gone) {
            self.fit_bounds(bucket_id);
        }
    }

    /// Measures the box of a bucket again, wherever it is kept.
    fn fit_bounds(&mut self, bucket_id: BucketId) {
        let old = self.buckets.leaf(bucket_id);
        let bounds = self.buckets.get(bucket_id).bounds();
        if bounds == old.bounds {
            return;
        }
        self.buckets.set_bounds(bucket_id, bounds);
        let new = self.buckets.leaf(bucket_id);
        if self.tree.remove(&old) {
            self.tree.insert(new);
        }
        for (field, vocabulary) in self.vocabularies.iter_mut().enumerate() {
            for value in self.buckets.get(bucket_id).distinct_values(field) {
                vocabulary.move_to(value, &old, new);
            }
        }
    }

    /// Where the center of a number is.
    pub(super) fn place_of(&self, id: CenterId) -> Option<Place> {
        self.places
            .get(&id, |place| self.buckets.id_at(Place(place)))
            .map(Place)
    }

    /// A center as answers hold it.
    pub(super) fn text_of(&self, id: CenterId) -> Option<&[u8]> {
        let place = self.place_of(id)?;
        Some(self.buckets.get(place.bucket()).text(place.slot()))
    }

    fn insert_place(&mut self, place: Place) {
        self.places
            .insert(place.0, |place| self.buckets.id_at(Place(place)));
    }

    fn values_at(&self, place: Place) -> Values {
        self.buckets
            .get(place.bucket())
            .values(place.slot())
            .owned()
    }

    fn intern(&mut self, center: &Summary<'_>) -> Values {
        let set = self.organizations.of(center.id);
        let rating = self.ratings.of(center.id);
        let texts = [center.country, center.region, center.city, set, rating];
        let built_in = std::array::from_fn(|field| self.vocabularies[field].intern(texts[field]));
        let vocabularies = &mut self.vocabularies;
        let values = self
            .layout
            .values(built_in, center.attributes, vocabularies);
        for (greatest, number) in self.greatest.iter_mut().zip(&values.numbers) {
            // NaN, which is NULL, is not greater.
            *greatest = greatest.max(*number);
        }
        for (vocabulary, value) in values.borrowed().interned() {
            self.hours
                .note(vocabulary, value, &self.vocabularies[vocabulary]);
        }
        values
    }

    /// Adds a bucket to the postings of values that it is about to hold.
    fn post_values(&mut self, bucket_id: BucketId, values: ValuesRef<'_>) {
        let leaf = self.buckets.leaf(bucket_id);
        for (field, value) in values.interned() {
            if !self.buckets.get(bucket_id).holds(field, value) {
                self.vocabularies[field].add(value, leaf, &self.buckets);
            }
        }
    }

    /// Takes a bucket off the postings of values that it may hold no more.
    fn forget_values(&mut self, bucket_id: BucketId, values: ValuesRef<'_>) {
        let leaf = self.buckets.leaf(bucket_id);
        for (field, value) in values.interned() {
            if !self.buckets.get(bucket_id).holds(field, value) {
                self.vocabularies[field].remove(value, &leaf);
            }
        }
    }

    fn release_values(&mut self, values: ValuesRef<'_>) {
        for (field, value) in values.interned() {
            if self.vocabularies[field].release(value) {
                self.hours.forget(field, value);
            }
        }
    }
}

/// Every center with where it is on the map.
fn on_map(buckets: &Buckets) -> impl Iterator<Item = OnMap> {
    buckets.iter().flat_map(|(_, bucket)| {
        (0..bucket.len()).map(|slot| OnMap {
            at: bucket.on_map(slot),
            id: bucket.slot(slot).id,
        })
    })
}

#[cfg(test)]
impl Index {
    /// Panics unless everything that is kept in step is.
    pub(super) fn check(&self) {
        self.tree.check();
        let mut leaves: Vec<_> = self.tree.reached(|_| true).collect();
        leaves.sort_by_key(|leaf| leaf.bucket);
        let buckets: Vec<BucketId> = self.buckets.iter().map(|(id, _)| id).collect();
        let expected: Vec<_> = buckets.iter().map(|&id| self.buckets.leaf(id)).collect();
        assert_eq!(leaves, expected, "the tree holds every bucket by its box");
        let mut centers = 0;
        for (id, bucket) in self.buckets.iter() {
            assert!((1..=CAPACITY).contains(&bucket.len()));
            assert_eq!(bucket.bounds(), self.buckets.bounds(id), "boxes are tight");
            centers += bucket.len();
            bucket.check_columns();
            for (place, greatest) in self.greatest.iter().enumerate() {
                assert!(bucket.greatest(place) <= *greatest, "no number is greater");
            }
            for (number, slot) in bucket.slots().iter().enumerate() {
                assert_eq!(self.place_of(slot.id), Some(Place::new(id, number)));
                let text = std::str::from_utf8(bucket.text(number)).unwrap();
                assert!(text.starts_with(&format!("{{\"id\":{},", slot.id)));
                assert!(text.ends_with('"') || text.ends_with("null"), "{text}");
            }
        }
        assert_eq!(self.len(), centers);
        self.map_order.check(on_map(&self.buckets).collect());
        for (field, vocabulary) in self.vocabularies.iter().enumerate() {
            let mut posted = 0;
            for (id, bucket) in self.buckets.iter() {
                let distinct = bucket.distinct_values(field);
                posted += distinct.len();
                for value in distinct {
                    let text = vocabulary.text(value).unwrap();
                    assert_eq!(vocabulary.find(text), Some(value));
                    assert!(vocabulary.postings(value).contain(&self.buckets.leaf(id)));
                }
            }
            assert_eq!(vocabulary.posted(), posted, "no posting is stale");
        }
    }
}
