//! Filling a new index: centers are collected in a compact form, divided k-d
//! fashion into runs of neighbours, and rendered run by run on every core.

use std::hint::black_box;
use std::thread;

use super::Change;
use super::bounds::{Point, bounds_of, widest_axis};
use super::bucket::{Bucket, CAPACITY, LANES};
use super::index::Index;
use super::organizations::Organizations;
use super::ratings::Ratings;
use super::values::{Layout, ValuesRef};
use super::vocabulary::{FIELDS, ValueId, Vocabulary};
use crate::domain::{
    CenterId, MapPoint, OrganizationId, OrganizationNames, Position, Rating, Summary,
};
use crate::wire::{push_attributes, render_summary};

/// The most centers that a new bucket gets: some room is left, so that the first
/// writes after a load do not split a bucket each.
const FILL: usize = CAPACITY - 8;

/// A new index being filled beside the one that answers.
///
/// Centers are held at about 90 bytes and their name each, and rendered when the
/// index is built: loading needs little more memory than the index itself.
#[derive(Debug)]
pub struct Loading {
    centers: Vec<Loaded>,
    keys: Vec<Key>,
    names: String,
    vocabularies: Vec<Vocabulary>,
    layout: Layout,
    /// The attributes of all centers, one behind the other.
    interned: Vec<ValueId>,
    numbers: Vec<f64>,
    organizations: Organizations,
    ratings: Ratings,
}

/// A new index, for [`super::MemoryEngine::finish_load`].
#[derive(Debug)]
pub struct BuiltIndex(pub(super) Index);

impl BuiltIndex {
    /// Follows committed writes, in their order.
    pub fn apply(&mut self, changes: &[Change<'_>]) {
        let layout = self.0.layout().clone();
        let mut text = Vec::new();
        for change in changes {
            change.render(&layout, &mut text);
            self.0.apply(change, &text);
        }
    }

    /// Follows what organizations are called.
    pub fn rename_organizations(&mut self, names: OrganizationNames) {
        self.0.rename_organizations(names);
    }

    /// The centers that have ratings or organizations, with a position or without.
    #[must_use]
    pub fn linked(&self) -> Vec<CenterId> {
        self.0.linked()
    }
}

#[derive(Debug)]
struct Loaded {
    id: CenterId,
    position: Position,
    values: [ValueId; FIELDS],
    /// Where its name begins; it ends where the next begins.
    name: usize,
}

/// What the division works on.
#[derive(Debug, Clone, Copy)]
struct Key {
    point: Point,
    center: u32,
}

impl Default for Loading {
    /// Of a collection without attributes.
    fn default() -> Self {
        Self::new(Layout::default())
    }
}

impl Loading {
    pub(super) fn new(layout: Layout) -> Self {
        Self {
            centers: Vec::new(),
            keys: Vec::new(),
            names: String::new(),
            vocabularies: layout.vocabularies(),
            layout,
            interned: Vec::new(),
            numbers: Vec::new(),
            organizations: Organizations::default(),
            ratings: Ratings::default(),
        }
    }

    /// Notes what organizations are called.
    pub fn name_organizations(&mut self, names: OrganizationNames) {
        self.organizations.rename(names);
    }

    /// Notes the organizations of a center, in the order of their numbers, before
    /// it is added.
    pub fn set_organizations(&mut self, center: CenterId, organizations: &[OrganizationId]) {
        self.organizations.set(center, organizations);
    }

    /// Notes how a center is rated, before it is added.
    pub fn set_rating(&mut self, center: CenterId, rating: Rating) {
        self.ratings.set(center, Some(rating));
    }

    /// Adds a center. Each id may be added once.
    ///
    /// # Panics
    /// Beyond four billion centers: memory ends before.
    pub fn push(&mut self, center: &Summary<'_>) {
        let set = self.organizations.of(center.id);
        let rating = self.ratings.of(center.id);
        let texts = [center.country, center.region, center.city, set, rating];
        let built_in = std::array::from_fn(|field| self.vocabularies[field].intern(texts[field]));
        let vocabularies = &mut self.vocabularies;
        let values = self
            .layout
            .values(built_in, center.attributes, vocabularies);
        self.interned.extend_from_slice(&values.interned);
        self.numbers.extend_from_slice(&values.numbers);
        self.keys.push(Key {
            point: center.position.unit_vector().0,
            center: u32::try_from(self.centers.len())
                .expect("memory ends before four billion centers"),
        });
        self.centers.push(Loaded {
            id: center.id,
            position: center.position,
            values: built_in,
            name: self.names.len(),
        });
        self.names.push_str(center.name);
    }

    /// How many centers were added.
    #[must_use]
    pub fn len(&self) -> usize {
        self.centers.len()
    }

    /// Whether no center was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.centers.is_empty()
    }

    /// Builds the index. Takes a second for a million centers, and every core.
    #[must_use]
    pub fn build(mut self) -> BuiltIndex {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let mut keys = std::mem::take(&mut self.keys);
        let buckets = if keys.is_empty() {
            Vec::new()
        } else {
            let runs = keys.len().div_ceil(FILL);
            self.fill(&mut keys, runs, threads)
        };
        drop(keys);
        let vocabularies = std::mem::take(&mut self.vocabularies);
        let organizations = std::mem::take(&mut self.organizations);
        let ratings = std::mem::take(&mut self.ratings);
        let layout = std::mem::take(&mut self.layout);
        drop(self);
        BuiltIndex(Index::new(
            buckets.into_iter(),
            vocabularies,
            layout,
            organizations,
            ratings,
        ))
    }

    /// Divides keys into so many runs of about equal length, at medians of the
    /// longest axis, and makes a bucket of each.
    fn fill(&self, keys: &mut [Key], runs: usize, threads: usize) -> Vec<Bucket> {
        if runs == 1 {
            order(keys);
            return vec![self.bucket(keys)];
        }
        let (left_runs, right_runs) = (runs / 2, runs - runs / 2);
        let (left, right) = divide(keys, keys.len() * left_runs / runs);
        let (mut filled, rest) = if threads > 1 {
            let (left_threads, right_threads) = (threads / 2, threads - threads / 2);
            thread::scope(|scope| {
                let left = scope.spawn(move || self.fill(left, left_runs, left_threads));
                let right = self.fill(right, right_runs, right_threads);
                (left.join().expect("dividing does not panic"), right)
            })
        } else {
            (
                self.fill(left, left_runs, 1),
                self.fill(right, right_runs, 1),
            )
        };
        filled.extend(rest);
        filled
    }

    fn bucket(&self, keys: &[Key]) -> Bucket {
        self.touch(keys);
        let mut rendered = Vec::with_capacity(keys.len() * 256);
        let mut ends = [0; CAPACITY];
        for (key, end) in keys.iter().zip(&mut ends) {
            let number = key.center as usize;
            render_summary(&self.summary(number), &mut rendered);
            let values = self.values(number);
            let value = |place| self.layout.attribute(place, values, &self.vocabularies);
            push_attributes(self.layout.fields(), value, &mut rendered);
            *end = rendered.len();
        }
        let mut bucket = Bucket::with_capacity(keys.len(), rendered.len());
        let mut start = 0;
        for (key, end) in keys.iter().zip(ends) {
            let center = &self.centers[key.center as usize];
            let values = self.values(key.center as usize);
            let on_map = MapPoint::of(center.position);
            bucket.push_with(center.id, (key.point, on_map), values, |texts| {
                texts.extend_from_slice(&rendered[start..end]);
            });
            start = end;
        }
        bucket
    }

    /// Reads the beginning of what is rendered of each center. They lie anywhere in
    /// memory; these reads do not depend on each other, so that the processor waits
    /// for many at once.
    fn touch(&self, keys: &[Key]) {
        let centers = || keys.iter().map(|key| &self.centers[key.center as usize]);
        black_box(centers().fold(0, |all, center| all ^ center.name));
        let names = self.names.as_bytes();
        black_box(centers().fold(None, |all, center| names.get(center.name).max(all)));
    }

    fn values(&self, number: usize) -> ValuesRef<'_> {
        let count = self.centers.len();
        let (interned, numbers) = (self.interned.len() / count, self.numbers.len() / count);
        ValuesRef {
            built_in: self.centers[number].values,
            interned: &self.interned[number * interned..][..interned],
            numbers: &self.numbers[number * numbers..][..numbers],
        }
    }

    /// A center without its attributes.
    fn summary(&self, number: usize) -> Summary<'_> {
        let center = &self.centers[number];
        let name_end = self
            .centers
            .get(number + 1)
            .map_or(self.names.len(), |next| next.name);
        let text = |field: usize| self.vocabularies[field].text(center.values[field]);
        Summary {
            id: center.id,
            position: center.position,
            name: &self.names[center.name..name_end],
            country: text(0),
            region: text(1),
            city: text(2),
            attributes: &[],
        }
    }
}

/// Divides keys along the longest axis: so many on the left.
fn divide(keys: &mut [Key], left: usize) -> (&mut [Key], &mut [Key]) {
    let axis = widest_axis(&bounds_of(keys.iter().map(|key| key.point)));
    keys.select_nth_unstable_by(left, |a, b| a.point[axis].total_cmp(&b.point[axis]));
    keys.split_at_mut(left)
}

/// Puts neighbours side by side within a bucket: what a search takes from it then
/// lies in fewer cache lines.
fn order(keys: &mut [Key]) {
    if keys.len() > LANES {
        let (left, right) = divide(keys, (keys.len() / 2).next_multiple_of(LANES));
        order(left);
        order(right);
    }
}
