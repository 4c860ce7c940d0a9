//! Buckets: the leaves of the index, each with up to [`CAPACITY`] neighbours.
//!
//! What a search reads first (the points) lies apart from what it reads of the
//! few that qualify (ids, filter values) and of those that are answered (texts).
//! A bucket keeps the texts of its centers in one piece, so an answer is copied
//! from a handful of places.

use std::ops::Range;

use prefetch_index::prefetch_index;
use rstar::Envelope as _;

use super::bounds::{Bounds, Point, bounds_of, widest_axis};
use super::columns::Columns;
use super::tree::Leaf;
use super::values::ValuesRef;
use super::vocabulary::{FIELDS, ValueId};
use crate::domain::{CenterId, MapPoint};

/// The most centers in one bucket. Runs of 8 to 64 were measured in a sketch,
/// where 64 was the fastest; `benches/index` has rows for 32 and 64.
pub(super) const CAPACITY: usize = 64;

/// Points are held in blocks of this many, coordinate by coordinate, so that
/// distances are computed several at a time.
pub(super) const LANES: usize = 8;

/// The number of a bucket.
pub(super) type BucketId = u32;

/// x, y and z of [`LANES`] points. Unused lanes are NaN: farther than anything.
pub(super) type Block = [[f64; LANES]; 3];

/// Bytes that the processor fetches together.
const CACHE_LINE: usize = 64;

const EMPTY_BLOCK: Block = [[f64::NAN; LANES]; 3];

/// Where a center is: its bucket and its slot there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place(pub(super) u32);

impl Place {
    /// Joins a bucket and a slot.
    #[inline]
    pub(super) fn new(bucket: BucketId, slot: usize) -> Self {
        let slot = u32::try_from(slot).expect("a bucket has few slots");
        Self(bucket * SLOTS_PER_BUCKET + slot)
    }

    /// The bucket.
    #[inline]
    pub(super) fn bucket(self) -> BucketId {
        self.0 / SLOTS_PER_BUCKET
    }

    /// The slot within the bucket.
    #[inline]
    pub(super) fn slot(self) -> usize {
        (self.0 % SLOTS_PER_BUCKET) as usize
    }
}

#[expect(clippy::cast_possible_truncation, reason = "64 fits")]
const SLOTS_PER_BUCKET: u32 = CAPACITY as u32;

/// The most buckets that [`Place`] can tell apart.
pub(super) const MAX_BUCKETS: usize = u32::MAX as usize / CAPACITY;

/// What a bucket knows of one center beside its point and text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    /// The center.
    pub(super) id: CenterId,
    /// Its country, region, city, organizations and rating.
    pub(super) values: [ValueId; FIELDS],
    /// Where its text ends; it begins where the one before ends.
    end: u32,
}

/// A center on its way into a bucket or out of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) id: CenterId,
    pub(super) point: Point,
    pub(super) on_map: MapPoint,
    pub(super) values: ValuesRef<'a>,
    pub(super) text: &'a [u8],
}

/// Up to [`CAPACITY`] centers that are near each other.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    blocks: Vec<Block>,
    slots: Vec<Slot>,
    texts: Vec<u8>,
    columns: Columns,
    /// Where each center is on the map: searches do not look at it.
    on_map: Vec<MapPoint>,
}

impl Bucket {
    /// An empty bucket with room for so many centers and bytes of text.
    pub(super) fn with_capacity(centers: usize, text_bytes: usize) -> Self {
        Self {
            blocks: Vec::with_capacity(centers.div_ceil(LANES)),
            slots: Vec::with_capacity(centers),
            texts: Vec::with_capacity(text_bytes),
            columns: Columns::default(),
            on_map: Vec::with_capacity(centers),
        }
    }

    /// Has the points fetched.
    #[inline]
    pub(super) fn prefetch_points(&self) {
        for numbers in self.blocks.iter().flatten() {
            prefetch_index(numbers, 0);
        }
    }

    /// Has what is known of one center beside its point and text fetched.
    #[inline]
    pub(super) fn prefetch_slot(&self, slot: usize) {
        prefetch_index(&self.slots, slot);
    }

    /// Has a text fetched.
    #[inline]
    pub(super) fn prefetch_text(&self, slot: usize) {
        let text = self.text_start(slot)..self.slots[slot].end as usize;
        for line in text.step_by(CACHE_LINE) {
            prefetch_index(&self.texts, line);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() == CAPACITY
    }

    #[inline]
    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    #[inline]
    pub(super) fn slot(&self, slot: usize) -> &Slot {
        &self.slots[slot]
    }

    pub(super) fn point(&self, slot: usize) -> Point {
        let [x, y, z] = &self.blocks[slot / LANES];
        let lane = slot % LANES;
        [x[lane], y[lane], z[lane]]
    }

    /// Where a center is on the map.
    pub(super) fn on_map(&self, slot: usize) -> MapPoint {
        self.on_map[slot]
    }

    #[inline]
    pub(super) fn text(&self, slot: usize) -> &[u8] {
        &self.texts[self.text_start(slot)..self.slots[slot].end as usize]
    }

    pub(super) fn entry(&self, slot: usize) -> Entry<'_> {
        Entry {
            id: self.slots[slot].id,
            point: self.point(slot),
            on_map: self.on_map(slot),
            values: self.values(slot),
            text: self.text(slot),
        }
    }

    /// What a center can be filtered by.
    pub(super) fn values(&self, slot: usize) -> ValuesRef<'_> {
        ValuesRef {
            built_in: self.slots[slot].values,
            interned: self.columns.interned(slot, self.len()),
            numbers: self.columns.numbers(slot, self.len()),
        }
    }

    /// The value that a center has in a vocabulary.
    #[inline]
    pub(super) fn value(&self, slot: usize, vocabulary: usize) -> ValueId {
        match vocabulary.checked_sub(FIELDS) {
            None => self.slots[slot].values[vocabulary],
            Some(place) => self.columns.interned(slot, self.len())[place],
        }
    }

    /// A number of a center.
    pub(super) fn number(&self, slot: usize, place: usize) -> f64 {
        self.columns.numbers(slot, self.len())[place]
    }

    /// Whether no center has a number in this place that is within a range.
    pub(super) fn misses(&self, place: usize, low: f64, high: f64) -> bool {
        self.columns.misses(place, low, high)
    }

    /// The greatest number in this place; negative infinity where there is none.
    pub(super) fn greatest(&self, place: usize) -> f64 {
        self.columns.greatest(place)
    }

    /// The tightest box around the points.
    pub(super) fn bounds(&self) -> Bounds {
        bounds_of((0..self.len()).map(|slot| self.point(slot)))
    }

    /// Whether a center here has this value in this field.
    pub(super) fn holds(&self, field: usize, value: ValueId) -> bool {
        (0..self.len()).any(|slot| self.value(slot, field) == value)
    }

    /// The values of one field, each once.
    pub(super) fn distinct_values(&self, field: usize) -> Vec<ValueId> {
        let mut values: Vec<ValueId> = (0..self.len())
            .map(|slot| self.value(slot, field))
            .filter(|value| value.is_some())
            .collect();
        values.sort_unstable();
        values.dedup();
        values
    }

    /// Adds a center behind the others.
    pub(super) fn push(&mut self, entry: Entry<'_>) {
        let Entry {
            id,
            point,
            on_map,
            values,
            text,
        } = entry;
        self.push_with(id, (point, on_map), values, |texts| {
            reserve_some(texts, text.len());
            texts.extend_from_slice(text);
        });
    }

    /// Adds a center whose text is written in place.
    pub(super) fn push_with(
        &mut self,
        id: CenterId,
        (point, on_map): (Point, MapPoint),
        values: ValuesRef<'_>,
        write_text: impl FnOnce(&mut Vec<u8>),
    ) {
        debug_assert!(!self.is_full());
        let slot = self.len();
        if slot.is_multiple_of(LANES) {
            self.blocks.reserve_exact(1);
            self.blocks.push(EMPTY_BLOCK);
        }
        self.set_point(slot, point);
        write_text(&mut self.texts);
        if self.slots.len() == self.slots.capacity() {
            self.slots.reserve_exact(LANES);
            self.on_map.reserve_exact(LANES);
        }
        self.columns.push(values);
        self.on_map.push(on_map);
        self.slots.push(Slot {
            id,
            values: values.built_in,
            end: offset(self.texts.len()),
        });
    }

    /// Puts other values in the place of a center's.
    pub(super) fn set_values(&mut self, slot: usize, values: ValuesRef<'_>) {
        let slots = self.len();
        self.slots[slot].values = values.built_in;
        self.columns.set(slot, slots, values);
    }

    /// Puts other values and another text in the place of a center's.
    pub(super) fn rewrite(&mut self, slot: usize, values: ValuesRef<'_>, text: &[u8]) {
        self.set_values(slot, values);
        self.replace_text(slot, text);
    }

    /// Takes a center out. The last one moves into its slot.
    pub(super) fn swap_remove(&mut self, slot: usize) {
        let last = self.len() - 1;
        let slots = self.len();
        self.columns.swap_remove(slot, slots);
        self.on_map.swap_remove(slot);
        let last_text = self.texts.split_off(self.text_start(last));
        let last_point = self.point(last);
        let moved = self.slots.pop().expect("the slot to remove is there");
        if slot != last {
            self.slots[slot].id = moved.id;
            self.slots[slot].values = moved.values;
            self.replace_text(slot, &last_text);
            self.set_point(slot, last_point);
        }
        self.set_point(last, [f64::NAN; 3]);
        self.blocks.truncate(self.len().div_ceil(LANES));
    }

    /// Divides the centers at the median of the longest axis.
    pub(super) fn split(&self) -> (Self, Self) {
        let axis = widest_axis(&self.bounds());
        let mut order: Vec<usize> = (0..self.len()).collect();
        let middle = order.len() / 2;
        order.select_nth_unstable_by(middle, |&a, &b| {
            self.point(a)[axis].total_cmp(&self.point(b)[axis])
        });
        (self.pick(&order[..middle]), self.pick(&order[middle..]))
    }

    fn pick(&self, slots: &[usize]) -> Self {
        let text_bytes = slots.iter().map(|&slot| self.text(slot).len()).sum();
        let mut picked = Self::with_capacity(slots.len().next_multiple_of(LANES), text_bytes);
        for &slot in slots {
            picked.push(self.entry(slot));
        }
        picked
    }

    #[cfg(test)]
    pub(super) fn check_columns(&self) {
        self.columns.check();
    }

    fn set_point(&mut self, slot: usize, point: Point) {
        let block = &mut self.blocks[slot / LANES];
        for axis in 0..3 {
            block[axis][slot % LANES] = point[axis];
        }
    }

    #[inline]
    fn text_start(&self, slot: usize) -> usize {
        match slot {
            0 => 0,
            _ => self.slots[slot - 1].end as usize,
        }
    }

    fn replace_text(&mut self, slot: usize, text: &[u8]) {
        let old = self.text_start(slot)..self.slots[slot].end as usize;
        let (old_len, new_len) = (old.len(), text.len());
        reserve_some(&mut self.texts, new_len.saturating_sub(old_len));
        self.texts.splice(old, text.iter().copied());
        for later in &mut self.slots[slot..] {
            later.end = offset(later.end as usize + new_len - old_len);
        }
    }
}

/// Reserves with little slack: the texts are most of the memory of the index,
/// and copying a bucket's takes less than a microsecond.
fn reserve_some(texts: &mut Vec<u8>, additional: usize) {
    if texts.capacity() - texts.len() < additional {
        texts.reserve_exact(additional.max(texts.len() / 16));
    }
}

fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("the texts of one bucket stay below 4 GiB")
}

/// The buckets by their numbers, with their boxes beside them.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    slab: Vec<Option<Bucket>>,
    bounds: Vec<Bounds>,
    free: Vec<BucketId>,
}

impl Buckets {
    /// Takes a bucket in and gives it a number.
    pub(super) fn add(&mut self, bucket: Bucket) -> BucketId {
        let bounds = bucket.bounds();
        if let Some(id) = self.free.pop() {
            self.slab[id as usize] = Some(bucket);
            self.bounds[id as usize] = bounds;
            return id;
        }
        assert!(self.slab.len() < MAX_BUCKETS, "the index is full");
        let id = offset(self.slab.len());
        self.slab.push(Some(bucket));
        self.bounds.push(bounds);
        id
    }

    /// Takes a bucket out; its number is given again later.
    pub(super) fn take(&mut self, id: BucketId) -> Bucket {
        self.free.push(id);
        self.bounds[id as usize] = Bounds::new_empty();
        self.slab[id as usize]
            .take()
            .expect("whoever names a bucket knows that it is there")
    }

    /// Has what leads to a bucket's centers fetched.
    #[inline]
    pub(super) fn prefetch(&self, id: BucketId) {
        prefetch_index(&self.slab, id as usize);
    }

    #[inline]
    pub(super) fn get(&self, id: BucketId) -> &Bucket {
        self.slab[id as usize]
            .as_ref()
            .expect("whoever names a bucket knows that it is there")
    }

    pub(super) fn get_mut(&mut self, id: BucketId) -> &mut Bucket {
        self.slab[id as usize]
            .as_mut()
            .expect("whoever names a bucket knows that it is there")
    }

    /// The box around a bucket.
    pub(super) fn bounds(&self, id: BucketId) -> Bounds {
        self.bounds[id as usize]
    }

    /// What trees hold of a bucket.
    pub(super) fn leaf(&self, bucket: BucketId) -> Leaf {
        Leaf {
            bounds: self.bounds(bucket),
            bucket,
        }
    }

    pub(super) fn set_bounds(&mut self, id: BucketId, bounds: Bounds) {
        self.bounds[id as usize] = bounds;
    }

    /// The center at a place.
    #[inline]
    pub(super) fn id_at(&self, place: Place) -> CenterId {
        self.get(place.bucket()).slot(place.slot()).id
    }

    /// How many numbers have been given to buckets.
    pub(super) fn numbers(&self) -> usize {
        self.slab.len()
    }

    /// Every bucket with its number.
    pub(super) fn iter(&self) -> impl Iterator<Item = (BucketId, &Bucket)> {
        self.between(0..self.slab.len())
    }

    /// The buckets with some numbers.
    pub(super) fn between(
        &self,
        numbers: Range<usize>,
    ) -> impl Iterator<Item = (BucketId, &Bucket)> {
        let slab = &self.slab[numbers.clone()];
        (offset(numbers.start)..)
            .zip(slab)
            .filter_map(|(id, bucket)| Some((id, bucket.as_ref()?)))
    }
}
