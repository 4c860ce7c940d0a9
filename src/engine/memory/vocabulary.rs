//! The values of the filter fields, each kept once, and where they are.

use rstar::Envelope as _;

use super::bounds::{Bounds, bounds_around};
use super::bucket::{BucketId, Buckets};
use super::table::Table;
use super::tree::{BucketTree, Leaf};

/// How many fields of every collection can be filtered by: country, region, city, the set
/// of organizations and the rating, in this order. Attributes follow.
pub(super) const FIELDS: usize = 5;
pub(super) const ORGANIZATIONS: usize = 3;
pub(super) const RATING: usize = 4;

/// Shards of the table of one field's values.
const SHARDS: usize = 64;

/// A value in more buckets than this keeps them in a tree of its own. Small in
/// unit tests, so that they meet both forms.
const MANY_BUCKETS: usize = if cfg!(test) { 4 } else { 64 };

/// A value that came down to this many buckets does without its tree again.
const FEW_BUCKETS: usize = MANY_BUCKETS / 2;

/// The number of a value within its field, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ValueId(u32);

impl ValueId {
    /// The field is empty.
    pub(super) const NONE: Self = Self(u32::MAX);

    /// Whether there is a value.
    pub(super) fn is_some(self) -> bool {
        self != Self::NONE
    }
}

/// The buckets that hold a value.
#[derive(Debug)]
pub(super) enum Postings {
    /// In the order of their numbers.
    Few(Vec<BucketId>),
    /// By their boxes, so that a search does not look at all of them.
    Many(Box<BucketTree>),
}

impl Postings {
    /// How many buckets there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(buckets) => buckets.len(),
            Self::Many(tree) => tree.len(),
        }
    }

    /// Whether any bucket may have something inside a box.
    pub(super) fn reach_into(&self, bounds: &Bounds, buckets: &Buckets) -> bool {
        match self {
            Self::Few(few) => few
                .iter()
                .any(|&bucket| buckets.bounds(bucket).intersects(bounds)),
            Self::Many(tree) => tree.meets(bounds),
        }
    }

    fn add(&mut self, leaf: Leaf, buckets: &Buckets) {
        match self {
            Self::Few(few) => {
                if let Err(at) = few.binary_search(&leaf.bucket) {
                    few.insert(at, leaf.bucket);
                }
                if few.len() > MANY_BUCKETS {
                    *self = Self::Many(tree_of(few, buckets));
                }
            }
            Self::Many(tree) => tree.insert(leaf),
        }
    }

    fn remove(&mut self, leaf: &Leaf) {
        match self {
            Self::Few(few) => {
                if let Ok(at) = few.binary_search(&leaf.bucket) {
                    few.remove(at);
                }
            }
            Self::Many(tree) => {
                tree.remove(leaf);
                if tree.len() <= FEW_BUCKETS {
                    let leaves = tree.reached(|_| true);
                    let mut few: Vec<BucketId> = leaves.map(|leaf| leaf.bucket).collect();
                    few.sort_unstable();
                    *self = Self::Few(few);
                }
            }
        }
    }

    fn move_to(&mut self, old: &Leaf, new: Leaf) {
        if let Self::Many(tree) = self {
            tree.remove(old);
            tree.insert(new);
        }
    }
}

fn tree_of(few: &[BucketId], buckets: &Buckets) -> Box<BucketTree> {
    let leaves = few.iter().map(|&bucket| buckets.leaf(bucket));
    Box::new(leaves.collect())
}

#[derive(Debug)]
struct Value {
    text: Box<str>,
    postings: Postings,
}

/// The values of one field.
#[derive(Debug)]
pub(super) struct Vocabulary {
    by_text: Table,
    values: Vec<Value>,
    free: Vec<u32>,
}

impl Default for Vocabulary {
    fn default() -> Self {
        Self {
            by_text: Table::new(SHARDS),
            values: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl Vocabulary {
    /// The number of a value, if any center has it.
    pub(super) fn find(&self, text: &str) -> Option<ValueId> {
        self.by_text
            .get(&text, |number| &*self.values[number as usize].text)
            .map(ValueId)
    }

    /// The numbers of the values that qualify, in their order. Looks at all of
    /// them.
    pub(super) fn find_all(&self, qualifies: impl Fn(&str) -> bool) -> Vec<ValueId> {
        (0..)
            .zip(&self.values)
            // One that was released has no bucket.
            .filter(|(_, value)| value.postings.len() > 0 && qualifies(&value.text))
            .map(|(number, _)| ValueId(number))
            .collect()
    }

    /// The number of a value, new if no center has it yet.
    pub(super) fn intern(&mut self, text: Option<&str>) -> ValueId {
        let Some(text) = text else {
            return ValueId::NONE;
        };
        if let Some(known) = self.find(text) {
            return known;
        }
        let value = Value {
            text: text.into(),
            postings: Postings::Few(Vec::new()),
        };
        let number = if let Some(number) = self.free.pop() {
            self.values[number as usize] = value;
            number
        } else {
            self.values.push(value);
            u32::try_from(self.values.len() - 1).expect("values are fewer than places")
        };
        self.by_text
            .insert(number, |number| &*self.values[number as usize].text);
        ValueId(number)
    }

    /// The text of a value; `None` where there is none.
    pub(super) fn text(&self, value: ValueId) -> Option<&str> {
        value
            .is_some()
            .then(|| &*self.values[value.0 as usize].text)
    }

    /// Where a value is.
    pub(super) fn postings(&self, value: ValueId) -> &Postings {
        &self.values[value.0 as usize].postings
    }

    /// Notes that a bucket holds a value that it did not hold before.
    pub(super) fn add(&mut self, value: ValueId, leaf: Leaf, buckets: &Buckets) {
        if value.is_some() {
            self.values[value.0 as usize].postings.add(leaf, buckets);
        }
    }

    /// Notes that a bucket holds a value no more.
    pub(super) fn remove(&mut self, value: ValueId, leaf: &Leaf) {
        if value.is_some() {
            self.values[value.0 as usize].postings.remove(leaf);
        }
    }

    /// Notes that the box of a bucket that holds a value has changed.
    pub(super) fn move_to(&mut self, value: ValueId, old: &Leaf, new: Leaf) {
        self.values[value.0 as usize].postings.move_to(old, new);
    }

    /// Forgets a value if no bucket holds it, and says so.
    pub(super) fn release(&mut self, value: ValueId) -> bool {
        if !value.is_some() || self.postings(value).len() > 0 {
            return false;
        }
        let text = std::mem::take(&mut self.values[value.0 as usize].text);
        self.by_text.remove(value.0, &*text);
        self.free.push(value.0);
        true
    }

    /// Fills the postings of a new index in one go: bucket after bucket, then
    /// the trees.
    pub(super) fn post_all(&mut self, field: usize, buckets: &Buckets) {
        for (id, bucket) in buckets.iter() {
            for value in bucket.distinct_values(field) {
                let Postings::Few(few) = &mut self.values[value.0 as usize].postings else {
                    unreachable!("trees are made below");
                };
                few.push(id);
            }
        }
        for value in &mut self.values {
            let Postings::Few(few) = &mut value.postings else {
                unreachable!("trees are made here");
            };
            if few.len() > MANY_BUCKETS {
                value.postings = Postings::Many(tree_of(few, buckets));
            } else {
                few.shrink_to_fit();
            }
        }
    }
}

/// The box around every bucket of some postings.
pub(super) fn bounds_of_postings(postings: &Postings, buckets: &Buckets) -> Bounds {
    match postings {
        Postings::Few(few) => bounds_around(few.iter().map(|&bucket| buckets.bounds(bucket))),
        Postings::Many(tree) => tree.bounds(),
    }
}

#[cfg(test)]
impl Postings {
    pub(super) fn contain(&self, leaf: &Leaf) -> bool {
        match self {
            Self::Few(few) => few.contains(&leaf.bucket),
            Self::Many(tree) => tree.reached(|_| true).any(|held| held == *leaf),
        }
    }
}

#[cfg(test)]
impl Vocabulary {
    /// The postings of all values, counted; every value in use has some.
    pub(super) fn posted(&self) -> usize {
        let used = self.values.len() - self.free.len();
        assert_eq!(self.by_text.len(), used);
        let posted = self.values.iter().map(|value| value.postings.len());
        assert_eq!(posted.clone().filter(|&count| count > 0).count(), used);
        posted.sum()
    }
}
