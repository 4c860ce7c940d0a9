//! Buckets in the order of their distance from an origin.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::bounds::{Bounds, Point, nearest_chord_squared};
use super::bucket::{BucketId, Buckets};
use super::lanes::places_within;
use super::tree::{BucketTree, Node};

/// Walks over trees and single buckets, nearest first.
///
/// A bucket that is reached in several ways is given once: its distance is the
/// same each time, nodes come before buckets that are just as far, and so all of
/// its ways come one after the other.
///
/// What may be looked at next is prefetched as soon as it is known.
pub(super) struct Walk<'a, P> {
    buckets: &'a Buckets,
    origin: Point,
    /// Whether anything in a box can be part of the answer.
    passes: P,
    pending: BinaryHeap<Pending<'a>>,
    /// Nodes that the walk went straight through, with the child that it took.
    passed: Vec<(&'a Node, usize)>,
    last_given: Option<BucketId>,
}

enum Way<'a> {
    Node(&'a Node),
    Bucket(BucketId),
}

impl<'a> Way<'a> {
    #[inline]
    fn below(node: &'a Node, slot: usize) -> Self {
        match node {
            Node::Nodes(nodes) => Self::Node(&nodes.children()[slot]),
            Node::Buckets(buckets) => Self::Bucket(buckets.children()[slot]),
        }
    }
}

struct Pending<'a> {
    /// The bits of the squared chord, which order as the number does.
    chord_squared: u64,
    way: Way<'a>,
}

impl Pending<'_> {
    /// Nearest first, nodes before buckets, buckets by number.
    fn rank(&self) -> (u64, u64) {
        let kind = match self.way {
            Way::Node(_) => 0,
            Way::Bucket(bucket) => u64::from(bucket) + 1,
        };
        (self.chord_squared, kind)
    }
}

impl Ord for Pending<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap gives its greatest, the walk needs the nearest.
        other.rank().cmp(&self.rank())
    }
}

impl PartialOrd for Pending<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pending<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Pending<'_> {}

/// What a walk starts with: most searches need no more room than this, and memory of
/// this size is had at once.
const PENDING_AT_ONCE: usize = 42;

impl<'a, P: Fn(&Bounds) -> bool> Walk<'a, P> {
    /// A walk from an origin that leaves out boxes that do not pass.
    pub(super) fn new(buckets: &'a Buckets, origin: Point, passes: P) -> Self {
        Self {
            buckets,
            origin,
            passes,
            pending: BinaryHeap::with_capacity(PENDING_AT_ONCE),
            passed: Vec::new(),
            last_given: None,
        }
    }

    /// Adds the buckets of a tree.
    pub(super) fn start_at_tree(&mut self, tree: &'a BucketTree) {
        self.pending.push(Pending {
            chord_squared: 0,
            way: Way::Node(tree.root()),
        });
    }

    /// Adds a bucket.
    pub(super) fn start_at_bucket(&mut self, bucket: BucketId, bound: f64) {
        let bounds = self.buckets.bounds(bucket);
        let chord_squared = nearest_chord_squared(&bounds, &self.origin);
        if chord_squared <= bound {
            self.consider(Way::Bucket(bucket), &bounds, chord_squared);
        }
    }

    /// Adds the buckets of the only tree, and goes straight down to one of them, which
    /// is near but need not be the nearest. Where no radius bounds a search, it can look
    /// into that bucket first: most of what was passed is then too far to be added.
    pub(super) fn start_straight_down(&mut self, tree: &'a BucketTree) -> Option<BucketId> {
        let mut node = tree.root();
        loop {
            let nearest = self.nearest_below(node)?;
            self.passed.push((node, nearest));
            match Way::below(node, nearest) {
                Way::Node(below) => node = below,
                Way::Bucket(bucket) => return Some(bucket),
            }
        }
    }

    /// The next bucket, if one begins within this squared chord.
    pub(super) fn next_within(&mut self, bound: f64) -> Option<BucketId> {
        while let Some((node, taken)) = self.passed.pop() {
            self.consider_below(node, Some(taken), bound);
        }
        while let Some(Pending { chord_squared, way }) = self.pending.pop() {
            if f64::from_bits(chord_squared) > bound {
                return None;
            }
            match way {
                Way::Node(node) => self.consider_below(node, None, bound),
                Way::Bucket(bucket) if self.last_given == Some(bucket) => {}
                Way::Bucket(bucket) => {
                    self.last_given = Some(bucket);
                    return Some(bucket);
                }
            }
        }
        None
    }

    /// The bucket that comes next, where it is known already.
    pub(super) fn peek_bucket(&self) -> Option<BucketId> {
        match self.pending.peek()?.way {
            Way::Bucket(bucket) => Some(bucket),
            Way::Node(_) => None,
        }
    }

    fn nearest_below(&self, node: &Node) -> Option<usize> {
        let chords_squared = node.nearest_chords_squared(&self.origin);
        (0..node.len())
            .filter(|&slot| (self.passes)(&node.bounds_at(slot)))
            .min_by(|&a, &b| chords_squared[a].total_cmp(&chords_squared[b]))
    }

    /// Adds what is in a node, but for what was taken from it before.
    fn consider_below(&mut self, node: &'a Node, taken: Option<usize>, bound: f64) {
        let chords_squared = node.nearest_chords_squared(&self.origin);
        for slot in places_within(&chords_squared, bound) {
            if slot < node.len() && Some(slot) != taken {
                let way = Way::below(node, slot);
                self.consider(way, &node.bounds_at(slot), chords_squared[slot]);
            }
        }
    }

    /// Adds what is near enough, if its box passes.
    fn consider(&mut self, way: Way<'a>, bounds: &Bounds, chord_squared: f64) {
        if (self.passes)(bounds) {
            match way {
                Way::Node(node) => node.prefetch(),
                Way::Bucket(bucket) => self.buckets.prefetch(bucket),
            }
            self.pending.push(Pending {
                chord_squared: chord_squared.to_bits(),
                way,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CenterId, MapPoint, Origin};
    use crate::engine::memory::bucket::{Bucket, Entry};
    use crate::engine::memory::values::ValuesRef;
    use crate::engine::memory::vocabulary::{FIELDS, ValueId};

    fn unit(latitude: f64, longitude: f64) -> Point {
        let origin = Origin::new(latitude, longitude).unwrap();
        origin.unit_vector().0
    }

    /// A bucket for each of many places all over the globe.
    fn scattered(count: u32) -> (Buckets, BucketTree) {
        let mut buckets = Buckets::default();
        for number in 0..count {
            let mut bucket = Bucket::default();
            bucket.push(Entry {
                id: CenterId::new(i64::from(number) + 1).unwrap(),
                point: unit(
                    f64::from(number * 37 % 179) - 89.0,
                    f64::from(number * 101 % 360) - 180.0,
                ),
                on_map: MapPoint { x: 0, y: 0 },
                values: ValuesRef {
                    built_in: [ValueId::NONE; FIELDS],
                    interned: &[],
                    numbers: &[],
                },
                text: b"",
            });
            buckets.add(bucket);
        }
        let tree = (0..count).map(|bucket| buckets.leaf(bucket)).collect();
        (buckets, tree)
    }

    #[test]
    fn a_walk_straight_down_gives_every_bucket_that_passes_once() {
        let (buckets, tree) = scattered(3_000);
        let origin = unit(37.9, 23.7);
        let chord_squared = |bucket| nearest_chord_squared(&buckets.bounds(bucket), &origin);
        for north_of in [-2.0, 0.0, 0.9] {
            let passes = |bounds: &Bounds| bounds.upper()[2] > north_of;
            let mut walk = Walk::new(&buckets, origin, passes);
            let first = walk.start_straight_down(&tree).expect("some pass");
            let rest: Vec<BucketId> = std::iter::from_fn(|| walk.next_within(4.0)).collect();
            assert!(rest.is_sorted_by_key(|&bucket| chord_squared(bucket)));
            let mut given = [rest, vec![first]].concat();
            given.sort_unstable();
            let passing = (0..3_000).filter(|&bucket| passes(&buckets.bounds(bucket)));
            assert_eq!(given, passing.collect::<Vec<_>>());
        }
        let mut walk = Walk::new(&buckets, origin, |_: &Bounds| false);
        assert_eq!(walk.start_straight_down(&tree), None);
        assert_eq!(walk.next_within(4.0), None);
    }

    #[test]
    fn what_was_passed_and_is_too_far_by_then_is_not_given() {
        let (buckets, tree) = scattered(3_000);
        let origin = unit(37.9, 23.7);
        let mut walk = Walk::new(&buckets, origin, |_: &Bounds| true);
        let first = walk.start_straight_down(&tree).expect("there are some");
        let bound = nearest_chord_squared(&buckets.bounds(first), &origin);
        let rest = std::iter::from_fn(|| walk.next_within(bound));
        let nearer = (0..3_000).filter(|&bucket| {
            bucket != first && nearest_chord_squared(&buckets.bounds(bucket), &origin) <= bound
        });
        assert_eq!(rest.count(), nearer.count());
    }
}
