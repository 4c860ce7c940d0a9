//! How densely centers lie where: what a radius is chosen by.
//!
//! A binary tree of boxes in space around the centers, each with how many are in
//! it; the lowest are small or hold few. It is a picture of the table at one
//! moment and may be wrong by now: then a search takes longer, and no more.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::domain::{
    EARTH_RADIUS_M, Origin, Position, UnitVector, chord_squared_of, distance_m_of,
};

/// The most centers in a box that is not divided, if it is small.
const FEW: usize = 32;
/// The longest side of such a box on the unit sphere: some 30 km.
const SMALL: f32 = 0.005;
/// A box with sides up to this, some 10 m, is never divided.
const TINY: f32 = 2e-6;

/// Added to a radius, which was measured between coordinates of 7 digits.
const SLACK_M: f64 = 10.0;

/// Where centers lie, roughly.
#[derive(Debug, Default)]
pub(super) struct Density {
    /// Every node is followed by its first child and all that is below it.
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    min: Point,
    max: Point,
    count: u32,
    /// The second child; 0 where there are no children.
    second: u32,
}

type Point = [f32; 3];

impl Density {
    /// Divides the globe by where centers are.
    pub(super) fn of(mut points: Vec<Point>) -> Self {
        let mut density = Self::default();
        if !points.is_empty() {
            density.push(&mut points);
        }
        density.nodes.shrink_to_fit();
        density
    }

    fn push(&mut self, points: &mut [Point]) {
        let (min, max) = bounds(points);
        let sides: Point = std::array::from_fn(|axis| max[axis] - min[axis]);
        let longest = (0..3).max_by(|&a, &b| sides[a].total_cmp(&sides[b]));
        let longest = longest.expect("there are three sides");
        let place = self.nodes.len();
        self.nodes.push(Node {
            min,
            max,
            count: as_u32(points.len()),
            second: 0,
        });
        let undivided = if points.len() <= FEW { SMALL } else { TINY };
        if sides[longest] <= undivided {
            return;
        }
        let middle = f32::midpoint(min[longest], max[longest]);
        let (low, high) = partition(points, |point| point[longest] < middle);
        self.push(low);
        self.nodes[place].second = as_u32(self.nodes.len());
        self.push(high);
    }

    /// The radius in metres of a circle that held as many centers as are wanted
    /// beyond a distance, and few more; `None` where there were fewer.
    pub(super) fn radius_m(&self, origin: Origin, wanted: usize, beyond_m: f64) -> Option<f64> {
        let beyond = chord_squared_of(beyond_m);
        let origin = origin.unit_vector();
        let mut held = 0;
        // Boxes by where they begin, and those passed by where they end.
        let mut ahead: BinaryHeap<Reverse<Place>> = BinaryHeap::new();
        let mut passed: BinaryHeap<Reverse<Place>> = BinaryHeap::new();
        let begin = |node: usize| Reverse(Place(self.nodes[node].nearest(origin), node));
        ahead.extend((!self.nodes.is_empty()).then(|| begin(0)));
        loop {
            let next = ahead.pop();
            let reached = next.map_or(f64::INFINITY, |Reverse(Place(begins, _))| begins);
            while let Some(Reverse(Place(end, node))) = passed.peek().copied()
                && end <= reached
            {
                passed.pop();
                held += self.nodes[node].count as usize;
                if held >= wanted {
                    return Some(distance_m_of(end) + SLACK_M);
                }
            }
            let Reverse(Place(begins, node)) = next?;
            match self.nodes[node].second as usize {
                // What begins before the distance may lie before it, too.
                0 if begins >= beyond || beyond_m <= 0.0 => {
                    passed.push(Reverse(Place(self.nodes[node].farthest(origin), node)));
                }
                0 => {}
                second => ahead.extend([begin(node + 1), begin(second)]),
            }
        }
    }

    /// Where centers are that lie beside a circle, between its northernmost and
    /// its southernmost latitude: those that a cover had better leave out.
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
        let mut open: Vec<usize> = (!self.nodes.is_empty()).then_some(0).into_iter().collect();
        while let Some(place) = open.pop() {
            let node = &self.nodes[place];
            let is_level = low <= node.max[2].into() && high >= node.min[2].into();
            if !is_level || node.farthest(origin) <= chord {
                continue;
            }
            match node.second as usize {
                0 if node.nearest(origin) > chord => found.push(node.crowd()),
                0 => {}
                second => open.extend([place + 1, second]),
            }
        }
        found
    }
}

/// Centers close to each other.
#[derive(Debug)]
pub(super) struct Crowd {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    pub(super) count: usize,
}

impl Node {
    /// All of them in the middle.
    fn crowd(&self) -> Crowd {
        let [x, y, z]: [f64; 3] =
            std::array::from_fn(|axis| f64::midpoint(self.min[axis].into(), self.max[axis].into()));
        Crowd {
            latitude: z.atan2(x.hypot(y)).to_degrees(),
            longitude: y.atan2(x).to_degrees(),
            count: self.count as usize,
        }
    }

    /// The squared chord from a point to the nearest of the box.
    fn nearest(&self, origin: UnitVector) -> f64 {
        self.squares(origin, |min, max, at| (min - at).max(at - max).max(0.0))
    }

    /// The squared chord from a point to the farthest of the box, if it were on
    /// the globe.
    fn farthest(&self, origin: UnitVector) -> f64 {
        self.squares(origin, |min, max, at| (at - min).max(max - at))
            .min(4.0)
    }

    fn squares(&self, origin: UnitVector, along: impl Fn(f64, f64, f64) -> f64) -> f64 {
        (0..3)
            .map(|axis| {
                let (min, max) = (self.min[axis].into(), self.max[axis].into());
                along(min, max, origin.0[axis]).powi(2)
            })
            .sum()
    }
}

/// A squared chord at which a box begins or ends.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place(f64, usize);

impl Eq for Place {}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0).then(self.1.cmp(&other.1))
    }
}

/// Where a center is on the unit sphere, as precisely as is needed here.
#[expect(clippy::cast_possible_truncation, reason = "7 digits are 1 m")]
pub(super) fn point(position: Position) -> Point {
    position.unit_vector().0.map(|along| along as f32)
}

fn bounds(points: &[Point]) -> (Point, Point) {
    let mut min = points[0];
    let mut max = points[0];
    for point in points {
        for axis in 0..3 {
            min[axis] = min[axis].min(point[axis]);
            max[axis] = max[axis].max(point[axis]);
        }
    }
    (min, max)
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
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;

    /// Two towns, and a few centers anywhere.
    fn world() -> Vec<Position> {
        let mut random = StdRng::seed_from_u64(7);
        let mut around = |latitude: f64, longitude: f64, degrees: f64, count: usize| {
            let mut off = || random.random_range(-degrees..=degrees);
            let positions = (0..count).map(|_| (latitude + off(), longitude + off()));
            positions.collect::<Vec<_>>()
        };
        let mut all = around(48.9, 2.3, 0.2, 3_000);
        all.extend(around(-17.5, 179.9, 0.09, 500));
        all.extend(around(0.0, 0.0, 89.0, 200));
        all.extend([(90.0, 0.0), (-90.0, 0.0)]);
        let position = |(latitude, longitude)| Position::new(latitude, longitude).unwrap();
        all.into_iter().map(position).collect()
    }

    fn density(world: &[Position]) -> Density {
        Density::of(world.iter().copied().map(point).collect())
    }

    fn distances(world: &[Position], origin: Origin) -> Vec<f64> {
        let origin = origin.unit_vector();
        let measure = |at: &Position| distance_m_of(origin.chord_squared(at.unit_vector()));
        let mut distances: Vec<f64> = world.iter().map(measure).collect();
        distances.sort_by(f64::total_cmp);
        distances
    }

    #[test]
    fn a_circle_holds_as_many_as_wanted_and_few_more() {
        let world = world();
        let density = density(&world);
        for (latitude, longitude) in [
            (48.9, 2.3),
            (45.0, 2.0),
            (-17.5, -179.9),
            (-48.9, -123.4),
            (90.0, 7.0),
            (-90.0, 0.0),
        ] {
            let origin = Origin::new(latitude, longitude).unwrap();
            let distances = distances(&world, origin);
            for wanted in [1, 11, 51, 1_001] {
                for passed in [0, 40] {
                    let beyond_m = if passed > 0 { distances[passed] } else { 0.0 };
                    let radius_m = density.radius_m(origin, wanted, beyond_m).unwrap();
                    let held = distances.iter().filter(|&&at| at <= radius_m).count();
                    assert!(held >= wanted, "{held} of {wanted} around {origin:?}");
                    let most = (wanted + passed + 5 * FEW) * 2;
                    assert!(held <= most, "{held} for {wanted} around {origin:?}");
                }
            }
        }
    }

    #[test]
    fn no_circle_holds_more_than_there_are() {
        let world = world();
        let origin = Origin::new(1.0, 2.0).unwrap();
        let all = density(&world);
        assert!(all.radius_m(origin, world.len(), 0.0).is_some());
        assert_eq!(all.radius_m(origin, world.len() + 1, 0.0), None);
        assert_eq!(density(&[]).radius_m(origin, 1, 0.0), None);
    }

    #[test]
    fn many_centers_in_one_place_are_one_box() {
        let crowd = vec![Position::new(10.0, 20.0).unwrap(); 1_000];
        assert_eq!(density(&crowd).nodes.len(), 1);
    }
}
