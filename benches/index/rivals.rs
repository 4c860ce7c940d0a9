//! Simpler variants, measured beside the engine. They find centers only: no
//! texts, filters, exclusions or cursors, and not the one beyond the limit that
//! tells of a next page. So they do less than the engine, and a row that is
//! faster than the engine's does not alone make a faster service.

use nearby::domain::{Search, UnitVector, chord_squared_of};
use rstar::primitives::GeomWithData;
use rstar::{AABB, Envelope, PointDistance, RTree, RTreeObject};

use crate::world;

type Point = [f64; 3];

fn origin_of(search: &Search) -> UnitVector {
    let around = search.around().expect("it asks around an origin");
    around.origin.unit_vector()
}

fn radius_of(search: &Search) -> f64 {
    let around = search.around().expect("it asks around an origin");
    around
        .radius
        .map_or(f64::INFINITY, |radius| chord_squared_of(radius.m()))
}

/// One entry of the tree per center, as rstar is used out of the box.
pub struct OneEntryPerPoint(RTree<GeomWithData<Point, u32>>);

impl OneEntryPerPoint {
    pub fn build(count: u64) -> Self {
        let entries = (1..)
            .zip(world::centers(count))
            .map(|(id, center)| GeomWithData::new(center.position.unit_vector().0, id))
            .collect();
        Self(RTree::bulk_load(entries))
    }

    pub fn find(&self, search: &Search, found: &mut Vec<u32>) {
        found.clear();
        let radius = radius_of(search);
        found.extend(
            self.0
                .nearest_neighbor_iter_with_distance_2(origin_of(search).0)
                .take_while(|(_, chord)| *chord <= radius)
                .take(search.limit.get())
                .map(|(entry, _)| entry.data),
        );
    }
}

/// Runs of points under rstar's own nearest-first iterator: the engine's
/// buckets without its walk, its blocks and its pruning.
pub struct RunsOf<const SIZE: usize> {
    tree: RTree<Run>,
    points: Vec<(UnitVector, u32)>,
}

struct Run {
    bounds: AABB<Point>,
    start: usize,
    end: usize,
}

impl RTreeObject for Run {
    type Envelope = AABB<Point>;

    fn envelope(&self) -> AABB<Point> {
        self.bounds
    }
}

impl PointDistance for Run {
    fn distance_2(&self, point: &Point) -> f64 {
        Envelope::distance_2(&self.bounds, point)
    }
}

impl<const SIZE: usize> RunsOf<SIZE> {
    pub fn build(count: u64) -> Self {
        let mut points: Vec<(UnitVector, u32)> = (1..)
            .zip(world::centers(count))
            .map(|(id, center)| (center.position.unit_vector(), id))
            .collect();
        let mut runs = Vec::new();
        Self::divide(&mut points, 0, &mut runs);
        Self {
            tree: RTree::bulk_load(runs),
            points,
        }
    }

    fn divide(points: &mut [(UnitVector, u32)], start: usize, runs: &mut Vec<Run>) {
        let bounds = AABB::from_points(points.iter().map(|(point, _)| &point.0));
        if points.len() <= SIZE {
            let end = start + points.len();
            runs.push(Run { bounds, start, end });
            return;
        }
        let length = |axis: usize| bounds.upper()[axis] - bounds.lower()[axis];
        let axis = (0..3)
            .max_by(|a, b| length(*a).total_cmp(&length(*b)))
            .expect("there are three");
        let middle = points.len() / 2;
        points.select_nth_unstable_by(middle, |a, b| a.0.0[axis].total_cmp(&b.0.0[axis]));
        let (left, right) = points.split_at_mut(middle);
        Self::divide(left, start, runs);
        Self::divide(right, start + middle, runs);
    }

    pub fn find(&self, search: &Search, found: &mut Vec<u32>) {
        let origin = origin_of(search);
        let (limit, mut bound) = (search.limit.get(), radius_of(search));
        let mut best = std::collections::BinaryHeap::with_capacity(limit + 1);
        for (run, chord) in self.tree.nearest_neighbor_iter_with_distance_2(origin.0) {
            if chord > bound {
                break;
            }
            for (point, id) in &self.points[run.start..run.end] {
                let chord = point.chord_squared(origin);
                if chord <= bound {
                    best.push((chord.to_bits(), *id));
                    if best.len() > limit {
                        best.pop();
                        bound = f64::from_bits(best.peek().expect("it is full").0);
                    }
                }
            }
        }
        found.clear();
        found.extend(best.into_sorted_vec().into_iter().map(|(_, id)| id));
    }
}
