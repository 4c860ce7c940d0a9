//! Points on the globe, found by how near they are.
//!
//! A binary tree of boxes in space around them; the lowest are small or hold few.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use rstar::Envelope as _;

use crate::domain::{EARTH_RADIUS_M, Origin, Position, UnitVector, chord_squared_of};
use crate::engine::boxes::{Bounds, farthest_chord_squared, nearest_chord_squared, widest_axis};

/// The most points in a box that is not divided.
const FEW: usize = 32;
/// A box with sides up to this on the unit sphere, some 10 m, is never divided.
const TINY: f32 = 2e-6;
/// A box is looked at as a whole from this many times its size away.
const FAR: f64 = 4.0;

/// A point on the unit sphere, to a metre.
pub(super) type Point = [f32; 3];

/// Points, and the boxes around them.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// Every node is followed by its first child and all that is below it.
    nodes: Vec<Node>,
    /// Those of a node lie side by side.
    points: Vec<Point>,
}

#[derive(Debug)]
struct Node {
    bounds: Bounds,
    /// The first of its points, and how many there are.
    start: u32,
    count: u32,
    /// The second child; 0 where there are no children.
    second: u32,
}

impl Tree {
    /// Divides the globe by where points are.
    pub(super) fn of(mut points: Vec<Point>) -> Self {
        let mut nodes = Vec::new();
        if !points.is_empty() {
            push(&mut nodes, &mut points, 0);
        }
        nodes.shrink_to_fit();
        points.shrink_to_fit();
        Self { nodes, points }
    }

    /// How many points there are.
    pub(super) fn len(&self) -> usize {
        self.points.len()
    }

    /// How far points are from an origin beyond a distance, as squared chords, the
    /// nearest first.
    pub(super) fn nearest(&self, origin: Origin, beyond_m: f64) -> impl Iterator<Item = f64> {
        let mut ahead = BinaryHeap::new();
        if let Some(root) = self.nodes.first() {
            let origin = origin.unit_vector();
            ahead.push(Reverse(Ahead(root.nearest(origin), Some(0))));
        }
        Nearest {
            tree: self,
            origin: origin.unit_vector(),
            beyond: chord_squared_of(beyond_m),
            ahead,
        }
    }

    /// How many points lie within a circle.
    pub(super) fn count_within(&self, origin: Origin, radius_m: f64) -> usize {
        let chord = chord_squared_of(radius_m);
        let origin = origin.unit_vector();
        let mut count = 0;
        let mut open: Vec<usize> = self.root().collect();
        while let Some(place) = open.pop() {
            let node = &self.nodes[place];
            if node.farthest(origin) <= chord {
                count += node.count as usize;
            } else if node.nearest(origin) <= chord {
                match node.second as usize {
                    0 => {
                        let inside = |point: &&Point| chord_to(origin, **point) <= chord;
                        count += self.points_of(node).iter().filter(inside).count();
                    }
                    second => open.extend([place + 1, second]),
                }
            }
        }
        count
    }

    /// Where points are that lie beside a circle, between its northernmost and its
    /// southernmost latitude; the farther from it, the more of them as one crowd.
    pub(super) fn beside(&self, origin: Origin, radius_m: f64) -> Vec<Crowd> {
        let reach = (radius_m / EARTH_RADIUS_M).to_degrees();
        let height = |latitude: f64| latitude.clamp(-90.0, 90.0).to_radians().sin();
        let (low, high) = (
            height(origin.latitude() - reach),
            height(origin.latitude() + reach),
        );
        let chord = chord_squared_of(radius_m);
        let origin = origin.unit_vector();
        let mut found = Vec::new();
        let mut open: Vec<usize> = self.root().collect();
        while let Some(place) = open.pop() {
            let node = &self.nodes[place];
            let (lowest, highest) = (node.bounds.lower()[2], node.bounds.upper()[2]);
            let is_level = low <= highest.into() && high >= lowest.into();
            if !is_level || node.farthest(origin) <= chord {
                continue;
            }
            let gap = node.nearest(origin).sqrt() - chord.sqrt();
            if gap > f64::from(node.longest_side()) * FAR {
                found.push(Crowd::new(node.bounds.center(), node.count as usize));
                continue;
            }
            match node.second as usize {
                0 => {
                    let outside = |point: &&Point| chord_to(origin, **point) > chord;
                    let points = self.points_of(node).iter().filter(outside);
                    found.extend(points.map(|&point| Crowd::new(point, 1)));
                }
                second => open.extend([place + 1, second]),
            }
        }
        found
    }

    fn root(&self) -> impl Iterator<Item = usize> {
        (!self.nodes.is_empty()).then_some(0).into_iter()
    }

    fn points_of(&self, node: &Node) -> &[Point] {
        &self.points[node.start as usize..][..node.count as usize]
    }
}

fn push(nodes: &mut Vec<Node>, points: &mut [Point], start: usize) {
    let bounds = Bounds::from_points(&*points);
    let place = nodes.len();
    nodes.push(Node {
        bounds,
        start: as_u32(start),
        count: as_u32(points.len()),
        second: 0,
    });
    if points.len() <= FEW || nodes[place].longest_side() <= TINY {
        return;
    }
    let longest = widest_axis(&bounds);
    let middle = bounds.center()[longest];
    let (low, high) = partition(points, |point| point[longest] < middle);
    push(nodes, low, start);
    nodes[place].second = as_u32(nodes.len());
    push(nodes, high, start + low.len());
}

/// Points close to each other.
#[derive(Debug)]
pub(super) struct Crowd {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    pub(super) count: usize,
}

impl Crowd {
    /// All of them at one point.
    fn new(point: Point, count: usize) -> Self {
        let [x, y, z] = point.map(f64::from);
        Self {
            latitude: z.atan2(x.hypot(y)).to_degrees(),
            longitude: y.atan2(x).to_degrees(),
            count,
        }
    }
}

impl Node {
    fn longest_side(&self) -> f32 {
        let axis = widest_axis(&self.bounds);
        self.bounds.upper()[axis] - self.bounds.lower()[axis]
    }

    /// The squared chord from a point to the nearest of the box.
    fn nearest(&self, origin: UnitVector) -> f64 {
        nearest_chord_squared(&self.bounds, &origin.0)
    }

    /// The squared chord from a point to the farthest of the box, if it were on
    /// the globe.
    fn farthest(&self, origin: UnitVector) -> f64 {
        farthest_chord_squared(&self.bounds, &origin.0).min(4.0)
    }
}

/// Goes through a tree from near to far.
struct Nearest<'a> {
    tree: &'a Tree,
    origin: UnitVector,
    beyond: f64,
    ahead: BinaryHeap<Reverse<Ahead>>,
}

impl Iterator for Nearest<'_> {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        loop {
            let Reverse(Ahead(chord, node)) = self.ahead.pop()?;
            let Some(place) = node else {
                return Some(chord);
            };
            let node = &self.tree.nodes[place];
            match node.second as usize {
                0 => {
                    let chords = self.tree.points_of(node).iter();
                    let chords = chords.map(|&point| chord_to(self.origin, point));
                    let beyond = chords.filter(|&chord| self.beyond <= 0.0 || chord > self.beyond);
                    self.ahead
                        .extend(beyond.map(|chord| Reverse(Ahead(chord, None))));
                }
                second => {
                    for place in [place + 1, second] {
                        let node = &self.tree.nodes[place];
                        if node.farthest(self.origin) >= self.beyond {
                            let begins = node.nearest(self.origin);
                            self.ahead.push(Reverse(Ahead(begins, Some(place))));
                        }
                    }
                }
            }
        }
    }
}

/// A squared chord at which a node begins, or a point lies.
#[derive(Debug, Clone, Copy)]
struct Ahead(f64, Option<usize>);

impl PartialEq for Ahead {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ahead {}

impl PartialOrd for Ahead {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ahead {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0).then(self.1.cmp(&other.1))
    }
}

/// Where a center is on the unit sphere, as precisely as is needed here.
#[expect(clippy::cast_possible_truncation, reason = "7 digits are 1 m")]
pub(super) fn point(position: Position) -> Point {
    position.unit_vector().0.map(|along| along as f32)
}

fn chord_to(origin: UnitVector, point: Point) -> f64 {
    origin.chord_squared(UnitVector(point.map(f64::from)))
}

/// Brings points that hold to the front.
fn partition(points: &mut [Point], holds: impl Fn(&Point) -> bool) -> (&mut [Point], &mut [Point]) {
    let mut front = 0;
    for at in 0..points.len() {
        if holds(&points[at]) {
            points.swap(front, at);
            front += 1;
        }
    }
    points.split_at_mut(front)
}

fn as_u32(count: usize) -> u32 {
    u32::try_from(count).expect("memory ends before four billion centers")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::sql::density::tests::{distances, origins, world};

    #[test]
    fn points_come_by_how_near_they_are() {
        let world = world();
        let tree = Tree::of(world.iter().copied().map(point).collect());
        for origin in origins() {
            let distances = distances(&world, origin);
            for beyond_m in [0.0, distances[40], distances[3_000]] {
                let expected: Vec<f64> = distances
                    .iter()
                    .copied()
                    .filter(|&at| beyond_m == 0.0 || at > beyond_m + 20.0)
                    .collect();
                let found: Vec<f64> = tree.nearest(origin, beyond_m).collect();
                assert!(found.is_sorted());
                // Those as far as the distance may count or not.
                assert!(found.len() >= expected.len());
                assert!(found.len() <= expected.len() + 30, "{}", found.len());
            }
        }
    }

    #[test]
    fn a_circle_holds_those_that_are_near_and_has_the_others_beside_it() {
        let world = world();
        let tree = Tree::of(world.iter().copied().map(point).collect());
        for origin in origins() {
            let distances = distances(&world, origin);
            for radius_m in [1e3, 30e3, 500e3, 3_000e3, 9_000e3] {
                let near = |slack_m: f64| {
                    let inside = |&&at: &&f64| at <= radius_m + slack_m;
                    distances.iter().filter(inside).count()
                };
                let held = tree.count_within(origin, radius_m);
                assert!((near(-2.0)..=near(2.0)).contains(&held), "{held}");
                let beside = tree.beside(origin, radius_m);
                let beside: usize = beside.iter().map(|crowd| crowd.count).sum();
                assert!(beside <= world.len() - held, "{beside}");
            }
        }
    }

    #[test]
    fn far_from_a_circle_there_are_few_crowds() {
        let world = world();
        let tree = Tree::of(world.iter().copied().map(point).collect());
        // Level with both towns.
        let origin = Origin::new(20.0, -100.0).unwrap();
        let beside = tree.beside(origin, 4_500_000.0);
        let count: usize = beside.iter().map(|crowd| crowd.count).sum();
        assert!(count > 3_500 && beside.len() < 300, "{}", beside.len());
    }

    #[test]
    fn many_points_in_one_place_are_one_box() {
        let here = point(Position::new(10.0, 20.0).unwrap());
        let tree = Tree::of(vec![here; 1_000]);
        assert_eq!((tree.nodes.len(), tree.len()), (1, 1_000));
        let origin = Origin::new(10.0, 20.0).unwrap();
        assert_eq!(tree.nearest(origin, 0.0).count(), 1_000);
        assert_eq!(Tree::default().nearest(origin, 0.0).count(), 0);
    }
}
