//! The R-tree over buckets.
//!
//! Searches walked over rstar's before. With this one they take a sixth less time,
//! in turn: docs/decisions/searches-in-memory.md. `benches/index` still has rows for rstar.

use rstar::Envelope as _;

use super::bounds::{Bounds, Point, divide_at};
use super::bucket::BucketId;
use super::node_entries::{NodeEntries, WIDTH};

/// How many boxes a node gets in a new tree: some room is left, so that the first
/// writes do not split a node each.
const FILL: usize = WIDTH - 2;

/// A node that came down to fewer buckets gives them to its neighbours.
const MIN_BUCKETS: usize = WIDTH / 4;

/// What the tree holds: a bucket, by its box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Leaf {
    /// The tightest box around the bucket's points.
    pub(super) bounds: Bounds,
    /// Which bucket.
    pub(super) bucket: BucketId,
}

/// A tree of buckets by their boxes. Every box in it is the tightest around what
/// is below.
#[derive(Debug, Default)]
pub(super) struct BucketTree {
    root: Node,
    len: usize,
}

/// A part of the tree.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all nodes are of buckets, and lie side by side in the node above"
)]
pub(super) enum Node {
    Buckets(NodeEntries<BucketId>),
    Nodes(Box<NodeEntries<Node>>),
}

impl Default for Node {
    fn default() -> Self {
        Self::Buckets(NodeEntries::default())
    }
}

impl FromIterator<Leaf> for BucketTree {
    /// Divides the leaves k-d fashion, level by level.
    fn from_iter<I: IntoIterator<Item = Leaf>>(leaves: I) -> Self {
        let mut leaves: Vec<Leaf> = leaves.into_iter().collect();
        Self {
            root: Node::over(&mut leaves),
            len: leaves.len(),
        }
    }
}

impl BucketTree {
    /// How many buckets there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn root(&self) -> &Node {
        &self.root
    }

    /// The tightest box around all buckets.
    pub(super) fn bounds(&self) -> Bounds {
        self.root.bounds()
    }

    /// Adds a bucket that is not there yet.
    pub(super) fn insert(&mut self, leaf: Leaf) {
        self.len += 1;
        self.put(leaf);
    }

    /// Takes a bucket out that was added with this box; `false` where it was not.
    pub(super) fn remove(&mut self, leaf: &Leaf) -> bool {
        let mut orphans = Vec::new();
        if !self.root.remove(leaf, &mut orphans) {
            return false;
        }
        self.len -= 1;
        while let Node::Nodes(nodes) = &mut self.root
            && nodes.children().len() == 1
        {
            self.root = nodes.swap_remove(0);
        }
        for orphan in orphans {
            self.put(orphan);
        }
        true
    }

    /// The buckets in boxes that pass, in any order. A box that does not pass hides
    /// all that is inside.
    pub(super) fn reached(&self, passes: impl Fn(&Bounds) -> bool) -> impl Iterator<Item = Leaf> {
        let mut nodes = vec![&self.root];
        let mut leaves = Vec::new();
        std::iter::from_fn(move || {
            while leaves.is_empty() {
                match nodes.pop()? {
                    Node::Buckets(buckets) => leaves.extend(
                        buckets
                            .iter()
                            .filter(|(bounds, _)| passes(bounds))
                            .map(|(bounds, &bucket)| Leaf { bounds, bucket }),
                    ),
                    Node::Nodes(below) => {
                        let passing = below.iter().filter(|(bounds, _)| passes(bounds));
                        nodes.extend(passing.map(|(_, node)| node));
                    }
                }
            }
            leaves.pop()
        })
    }

    /// Whether any bucket's box has a point in common with another box.
    pub(super) fn meets(&self, bounds: &Bounds) -> bool {
        self.root.meets(bounds)
    }

    fn put(&mut self, leaf: Leaf) {
        if let Some(other) = self.root.insert(leaf) {
            let halves = [std::mem::take(&mut self.root), other];
            self.root = Node::joining(halves);
        }
    }
}

impl Node {
    fn over(leaves: &mut [Leaf]) -> Self {
        if leaves.len() <= WIDTH {
            let boxed = leaves.iter().map(|leaf| (leaf.bounds, leaf.bucket));
            return Self::Buckets(boxed.collect());
        }
        let mut below = FILL;
        while below * FILL < leaves.len() {
            below *= FILL;
        }
        let parts = leaves.len().div_ceil(below);
        let mut nodes = Vec::with_capacity(parts);
        divide(leaves, parts, &mut |part| nodes.push(Self::over(part)));
        Self::joining(nodes)
    }

    fn joining(nodes: impl IntoIterator<Item = Self>) -> Self {
        let boxed = nodes.into_iter().map(|node| (node.bounds(), node));
        Self::Nodes(Box::new(boxed.collect()))
    }

    /// Has what a search reads of it fetched.
    #[inline]
    pub(super) fn prefetch(&self) {
        match self {
            Self::Buckets(buckets) => buckets.prefetch(),
            Self::Nodes(nodes) => nodes.prefetch(),
        }
    }

    /// How many boxes it has.
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Buckets(buckets) => buckets.children().len(),
            Self::Nodes(nodes) => nodes.children().len(),
        }
    }

    /// One of its boxes.
    #[inline]
    pub(super) fn bounds_at(&self, slot: usize) -> Bounds {
        match self {
            Self::Buckets(buckets) => buckets.bounds(slot),
            Self::Nodes(nodes) => nodes.bounds(slot),
        }
    }

    /// The smallest squared chords from a point to anything in each of its boxes, and
    /// behind those of no meaning.
    #[inline]
    pub(super) fn nearest_chords_squared(&self, point: &Point) -> [f64; WIDTH] {
        match self {
            Self::Buckets(buckets) => buckets.nearest_chords_squared(point),
            Self::Nodes(nodes) => nodes.nearest_chords_squared(point),
        }
    }

    fn bounds(&self) -> Bounds {
        match self {
            Self::Buckets(buckets) => buckets.whole(),
            Self::Nodes(nodes) => nodes.whole(),
        }
    }

    fn meets(&self, bounds: &Bounds) -> bool {
        match self {
            Self::Buckets(buckets) => buckets.meeting(bounds).contains(&true),
            Self::Nodes(nodes) => {
                let mut below = nodes.children().iter().zip(nodes.meeting(bounds));
                below.any(|(node, is_met)| is_met && node.meets(bounds))
            }
        }
    }

    /// Adds a bucket. What this node has no room for is returned.
    fn insert(&mut self, leaf: Leaf) -> Option<Self> {
        match self {
            Self::Buckets(buckets) => buckets.add(leaf.bounds, leaf.bucket).map(Self::Buckets),
            Self::Nodes(nodes) => {
                let slot = nodes
                    .slot_to_grow(&leaf.bounds)
                    .expect("a node above others is not empty");
                let node = nodes.child_mut(slot);
                let other = node.insert(leaf);
                let bounds = node.bounds();
                nodes.set_bounds(slot, &bounds);
                let other = other?;
                let half = nodes.add(other.bounds(), other);
                half.map(Box::new).map(Self::Nodes)
            }
        }
    }

    /// Takes a bucket out, and with it those that would be too few for a node.
    fn remove(&mut self, leaf: &Leaf, orphans: &mut Vec<Leaf>) -> bool {
        match self {
            Self::Buckets(buckets) => {
                let is_it = |bucket: &BucketId| *bucket == leaf.bucket;
                let slot = buckets.children().iter().position(is_it);
                slot.map(|slot| buckets.swap_remove(slot)).is_some()
            }
            Self::Nodes(nodes) => {
                let Some(slot) = (0..nodes.children().len()).find(|&slot| {
                    nodes.bounds(slot).contains_envelope(&leaf.bounds)
                        && nodes.child_mut(slot).remove(leaf, orphans)
                }) else {
                    return false;
                };
                let node = &nodes.children()[slot];
                if node.is_worth_keeping() {
                    let bounds = node.bounds();
                    nodes.set_bounds(slot, &bounds);
                } else if let Self::Buckets(few) = nodes.swap_remove(slot) {
                    let few = few.iter();
                    orphans.extend(few.map(|(bounds, &bucket)| Leaf { bounds, bucket }));
                }
                true
            }
        }
    }

    fn is_worth_keeping(&self) -> bool {
        match self {
            Self::Buckets(buckets) => buckets.children().len() >= MIN_BUCKETS,
            Self::Nodes(nodes) => !nodes.children().is_empty(),
        }
    }
}

/// Divides leaves into so many parts of about equal length, at medians of the
/// longest axis.
fn divide(leaves: &mut [Leaf], parts: usize, each: &mut impl FnMut(&mut [Leaf])) {
    if parts == 1 {
        return each(leaves);
    }
    let left_parts = parts / 2;
    let at = leaves.len() * left_parts / parts;
    divide_at(leaves, at, |leaf| leaf.bounds);
    let (left, right) = leaves.split_at_mut(at);
    divide(left, left_parts, each);
    divide(right, parts - left_parts, each);
}

#[cfg(test)]
impl BucketTree {
    /// Panics unless all boxes are tight, no node is empty and the root divides.
    pub(super) fn check(&self) {
        if let Node::Nodes(nodes) = &self.root {
            assert!(nodes.children().len() > 1);
        }
        assert_eq!(self.root.check(), self.len);
    }
}

#[cfg(test)]
impl Node {
    /// How many buckets are below.
    fn check(&self) -> usize {
        match self {
            Self::Buckets(buckets) => buckets.children().len(),
            Self::Nodes(nodes) => {
                assert!(!nodes.children().is_empty());
                let boxed = nodes.iter();
                let counts = boxed.map(|(bounds, node)| {
                    assert_eq!(bounds, node.bounds(), "boxes are tight");
                    node.check()
                });
                counts.sum()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn a_box() -> impl Strategy<Value = Bounds> {
        let corner = || prop::array::uniform3(-9_i8..=9);
        (corner(), corner())
            .prop_map(|(a, b)| Bounds::from_corners(a.map(f32::from), b.map(f32::from)))
    }

    #[derive(Debug, Clone)]
    enum Step {
        Insert(Bounds),
        /// The bucket at this place of those that are there.
        Remove(usize),
    }

    fn a_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            a_box().prop_map(Step::Insert),
            (0_usize..1_000).prop_map(Step::Remove)
        ]
    }

    proptest! {
        #[test]
        fn a_tree_holds_what_was_put_in_and_not_taken_out(
            loaded in prop::collection::vec(a_box(), 0..400),
            steps in prop::collection::vec(a_step(), 0..400),
            wanted in a_box(),
        ) {
            let mut expected: BTreeMap<BucketId, Bounds> = (0..).zip(loaded).collect();
            let leaf = |(&bucket, &bounds): (&BucketId, &Bounds)| Leaf { bounds, bucket };
            let mut tree: BucketTree = expected.iter().map(leaf).collect();
            tree.check();
            for (bucket, step) in (1_000..).zip(steps) {
                match step {
                    Step::Insert(bounds) => {
                        tree.insert(Leaf { bounds, bucket });
                        expected.insert(bucket, bounds);
                    }
                    Step::Remove(place) => {
                        let Some(held) = expected.iter().nth(place % expected.len().max(1)).map(leaf) else {
                            continue;
                        };
                        prop_assert!(tree.remove(&held));
                        prop_assert!(!tree.remove(&held));
                        expected.remove(&held.bucket);
                    }
                }
            }
            tree.check();
            prop_assert_eq!(tree.len(), expected.len());
            let reached = |wanted: &Bounds| {
                let mut reached: Vec<Leaf> = tree.reached(|bounds| bounds.intersects(wanted)).collect();
                reached.sort_by_key(|leaf| leaf.bucket);
                reached
            };
            let meeting = expected.iter().map(leaf).filter(|leaf| leaf.bounds.intersects(&wanted));
            let meeting: Vec<Leaf> = meeting.collect();
            prop_assert_eq!(tree.meets(&wanted), !meeting.is_empty());
            prop_assert_eq!(reached(&wanted), meeting);
            let all = reached(&tree.bounds());
            prop_assert_eq!(all, expected.iter().map(leaf).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_tree_that_is_emptied_takes_buckets_again() {
        let leaf = |bucket: BucketId| Leaf {
            bounds: Bounds::from_point([f32::from(u16::try_from(bucket).unwrap()), 0.0, 0.0]),
            bucket,
        };
        // Some orders leave the root with one node, and that one with one.
        for step in [1, 17] {
            let order = (0..1_000).map(|number| number * step % 1_000);
            let mut tree: BucketTree = (0..1_000).map(leaf).collect();
            for bucket in order {
                assert!(tree.remove(&leaf(bucket)));
                tree.check();
            }
            assert_eq!((tree.len(), tree.bounds()), (0, Bounds::new_empty()));
            assert_eq!(tree.reached(|_| true).next(), None);
            for bucket in (0..1_000).rev() {
                tree.insert(leaf(bucket));
                tree.check();
            }
            assert_eq!(tree.reached(|_| true).count(), 1_000);
        }
    }
}
