//! A closed line of straight edges in longitude and latitude, and which side of it a point
//! is on.
//!
//! Sides are told by exact predicates (J. R. Shewchuk, "Adaptive Precision Floating-Point
//! Arithmetic and Fast Robust Geometric Predicates"). What makes it fast is bands of
//! latitude: the edges that go through the whole of a band stand there from west to east,
//! so that few edges are looked at, whatever the ring's shape.

use robust::{Coord, orient2d};

/// So many corners begin a new band. More than that on one latitude have one by themselves,
/// in which edges are as good as points: rings of combs are no slower than others.
const CORNERS_IN_A_BAND: usize = 64;
/// Farther from a point than this in degrees, arithmetic tells on which side of it an edge
/// is: its errors are below a thousandth of that.
const CLOSE_DEG: f64 = 1e-9;

/// A corner: x is the longitude, y the latitude.
pub(super) type Corner = Coord<f64>;

/// Where a point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Inside,
    On,
    Outside,
}

/// A closed line that neither crosses nor touches itself.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ring {
    /// The first corner is not there again.
    corners: Vec<Corner>,
    bands: Vec<Band>,
    lowest: Corner,
    highest: Corner,
}

/// The edges between two latitudes; the upper one belongs to the next band. An edge goes
/// by the number of the corner that it begins at.
#[derive(Debug, Clone, PartialEq)]
struct Band {
    south: f64,
    north: f64,
    /// Those that reach from below to above, from west to east.
    through: Vec<u32>,
    /// The others.
    partly: Vec<u32>,
}

impl Ring {
    /// A ring of corners that follow one another, the last of which is followed by the
    /// first. Corners that repeat the one before count once.
    ///
    /// # Errors
    /// Where it crosses or touches itself; a ring of fewer than three corners does.
    pub(super) fn new(mut corners: Vec<Corner>) -> Result<Self, Corner> {
        let first = corners
            .first()
            .copied()
            .unwrap_or(Corner { x: 0.0, y: 0.0 });
        corners.dedup();
        if corners.len() > 1 && corners.last() == corners.first() {
            corners.pop();
        }
        if corners.len() < 3 {
            return Err(first);
        }
        let fold = |pick: fn(f64, f64) -> f64| {
            let whole = |a: Corner, b: &Corner| Corner {
                x: pick(a.x, b.x),
                y: pick(a.y, b.y),
            };
            corners.iter().fold(first, whole)
        };
        let (lowest, highest) = (fold(f64::min), fold(f64::max));
        let mut ring = Self {
            bands: Vec::new(),
            lowest,
            highest,
            corners,
        };
        ring.bands = ring.bands();
        match ring.met_itself() {
            Some(at) => Err(at),
            None => Ok(ring),
        }
    }

    /// The corners, the first of them once.
    pub(super) fn corners(&self) -> &[Corner] {
        &self.corners
    }

    /// The least longitude and latitude.
    pub(super) fn lowest(&self) -> Corner {
        self.lowest
    }

    /// The greatest longitude and latitude.
    pub(super) fn highest(&self) -> Corner {
        self.highest
    }

    /// Which side of it a point is on.
    pub(super) fn side(&self, point: Corner) -> Side {
        let is_between = |low: f64, value: f64, high: f64| low <= value && value <= high;
        if !is_between(self.lowest.x, point.x, self.highest.x)
            || !is_between(self.lowest.y, point.y, self.highest.y)
        {
            return Side::Outside;
        }
        let band = &self.bands[self.band_at(point.y)];
        let (first, close_end) = self.close(band, point);
        // Every edge to the east is crossed on the way there.
        let mut crossed = band.through.len() - close_end;
        let close = &band.through[first..close_end];
        for &edge in close.iter().chain(&band.partly) {
            let (lower, upper) = self.upwards(edge);
            if !is_between(lower.y, point.y, upper.y) {
                continue;
            }
            let turn = orient2d(lower, upper, point);
            let (west, east) = (lower.x.min(upper.x), lower.x.max(upper.x));
            if turn == 0.0 && is_between(west, point.x, east) {
                return Side::On;
            }
            // The upper end of an edge belongs to the next one.
            crossed += usize::from(turn > 0.0 && point.y < upper.y);
        }
        if crossed % 2 == 1 {
            Side::Inside
        } else {
            Side::Outside
        }
    }

    fn edge(&self, edge: u32) -> (Corner, Corner) {
        let at = edge as usize;
        let next = if at + 1 == self.corners.len() {
            0
        } else {
            at + 1
        };
        (self.corners[at], self.corners[next])
    }

    fn upwards(&self, edge: u32) -> (Corner, Corner) {
        let (from, to) = self.edge(edge);
        if from.y <= to.y {
            (from, to)
        } else {
            (to, from)
        }
    }

    fn band_at(&self, latitude: f64) -> usize {
        let above = self.bands.partition_point(|band| band.south <= latitude);
        above.saturating_sub(1)
    }

    /// The part of those through a band that are close to a point within it: what is
    /// before is surely to the west, what is behind to the east.
    fn close(&self, band: &Band, point: Corner) -> (usize, usize) {
        let ahead = |edge: &u32| {
            let (lower, upper) = self.upwards(*edge);
            let share = (point.y - lower.y) / (upper.y - lower.y);
            lower.x + share * (upper.x - lower.x) - point.x
        };
        let through = &band.through;
        let first = through.partition_point(|edge| ahead(edge) < -CLOSE_DEG);
        let end = through.partition_point(|edge| ahead(edge) <= CLOSE_DEG);
        (first, end.max(first))
    }

    /// Between which longitudes an edge is within a band, with some room for rounding; and
    /// the edge.
    fn reach(&self, band: &Band, edge: u32) -> (f64, f64, u32) {
        let (lower, upper) = self.upwards(edge);
        let at = |latitude: f64| {
            let share = (latitude - lower.y) / (upper.y - lower.y);
            lower.x + share.clamp(0.0, 1.0) * (upper.x - lower.x)
        };
        let (one, other) = if lower.y == upper.y {
            (lower.x, upper.x)
        } else {
            (at(band.south), at(band.north))
        };
        (one.min(other) - CLOSE_DEG, one.max(other) + CLOSE_DEG, edge)
    }

    fn bands(&self) -> Vec<Band> {
        let mut latitudes: Vec<f64> = self.corners.iter().map(|corner| corner.y).collect();
        latitudes.sort_unstable_by(f64::total_cmp);
        let mut souths: Vec<f64> = Vec::new();
        let mut count = CORNERS_IN_A_BAND;
        for on_one in latitudes.chunk_by(|one, other| one == other) {
            let is_crowded = on_one.len() > CORNERS_IN_A_BAND;
            if count >= CORNERS_IN_A_BAND || is_crowded {
                souths.push(on_one[0]);
                count = 0;
            }
            count += on_one.len();
            if is_crowded {
                souths.push(on_one[0].next_up());
                count = 0;
            }
        }
        // What follows a crowded latitude may begin there by itself.
        souths.dedup();
        souths.retain(|south| *south <= self.highest.y);
        // No edge goes through the last one, in which the northernmost corners are.
        souths.push(self.highest.y.next_up());
        let mut bands: Vec<Band> = souths
            .windows(2)
            .map(|ends| Band {
                south: ends[0],
                north: ends[1],
                through: Vec::new(),
                partly: Vec::new(),
            })
            .collect();
        for (edge, _) in (0..).zip(&self.corners) {
            let (lower, upper) = self.upwards(edge);
            let first = bands.partition_point(|band| band.south <= lower.y).max(1) - 1;
            let reached = bands[first..].iter_mut();
            for band in reached.take_while(|band| band.south <= upper.y) {
                if lower.y <= band.south && band.north <= upper.y {
                    band.through.push(edge);
                } else {
                    band.partly.push(edge);
                }
            }
        }
        for band in &mut bands {
            let middle = f64::midpoint(band.south, band.north);
            let longitude = |edge: u32| {
                let (lower, upper) = self.upwards(edge);
                lower.x + (middle - lower.y) / (upper.y - lower.y) * (upper.x - lower.x)
            };
            let through = band.through.iter();
            let mut through: Vec<_> = through.map(|&edge| (longitude(edge), edge)).collect();
            through.sort_unstable_by(|(one, _), (other, _)| one.total_cmp(other));
            band.through = through.into_iter().map(|(_, edge)| edge).collect();
        }
        bands
    }

    /// A point where it crosses or touches itself.
    ///
    /// Of the edges through a band, neighbours are enough: without one of them nobody
    /// gets past it. So it is with those that begin or end in it.
    fn met_itself(&self) -> Option<Corner> {
        for band in &self.bands {
            for pair in band.through.windows(2) {
                if let Some(at) = self.meeting(pair[0], pair[1]) {
                    return Some(at);
                }
            }
            let mut partly: Vec<_> = band
                .partly
                .iter()
                .map(|&edge| self.reach(band, edge))
                .collect();
            partly.sort_unstable_by(|(one, ..), (other, ..)| one.total_cmp(other));
            for (place, &(_, east, edge)) in partly.iter().enumerate() {
                let others = partly[place + 1..].iter();
                for &(_, _, other) in others.take_while(|(west, ..)| *west <= east) {
                    if let Some(at) = self.meeting(edge, other) {
                        return Some(at);
                    }
                }
                let (from, to) = self.edge(edge);
                let within = |end: &Corner| (band.south..=band.north).contains(&end.y);
                for end in [from, to].into_iter().filter(within) {
                    let (first, close_end) = self.close(band, end);
                    let beside = first.saturating_sub(1)..band.through.len().min(close_end + 1);
                    for &other in &band.through[beside] {
                        if let Some(at) = self.meeting(edge, other) {
                            return Some(at);
                        }
                    }
                }
            }
        }
        None
    }

    /// Where two edges meet other than where one follows the other.
    fn meeting(&self, one: u32, other: u32) -> Option<Corner> {
        let ((a, b), (c, d)) = (self.edge(one), self.edge(other));
        let count = self.corners.len();
        let follows = |first: u32, second: u32| (first as usize + 1) % count == second as usize;
        if follows(one, other) {
            // They share b: only one that turns back on itself meets the other again.
            return turns_back(a, b, d).then_some(b);
        }
        if follows(other, one) {
            return turns_back(c, a, b).then_some(a);
        }
        let sides = [
            orient2d(a, b, c),
            orient2d(a, b, d),
            orient2d(c, d, a),
            orient2d(c, d, b),
        ];
        let apart = |p: f64, q: f64| p > 0.0 && q < 0.0 || p < 0.0 && q > 0.0;
        if apart(sides[0], sides[1]) && apart(sides[2], sides[3]) {
            let share = sides[2] / (sides[2] - sides[3]);
            return Some(Corner {
                x: a.x + share * (b.x - a.x),
                y: a.y + share * (b.y - a.y),
            });
        }
        let ends = [(c, a, b), (d, a, b), (a, c, d), (b, c, d)];
        let mut touching = sides.into_iter().zip(ends);
        let touch =
            touching.find(|(side, (end, from, to))| *side == 0.0 && is_in_box(*end, *from, *to));
        touch.map(|(_, (end, ..))| end)
    }
}

/// Whether a line from a over b to c runs back along itself.
fn turns_back(a: Corner, b: Corner, c: Corner) -> bool {
    orient2d(a, b, c) == 0.0 && (is_in_box(c, a, b) || is_in_box(a, b, c))
}

fn is_in_box(point: Corner, a: Corner, b: Corner) -> bool {
    let between =
        |one: f64, value: f64, other: f64| one.min(other) <= value && value <= one.max(other);
    between(a.x, point.x, b.x) && between(a.y, point.y, b.y)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn corners(corners: &[(f64, f64)]) -> Vec<Corner> {
        corners.iter().map(|&(x, y)| Corner { x, y }).collect()
    }

    /// Coordinates in quarters, so that everything here is exact in whole numbers.
    fn whole(value: f64) -> i128 {
        #[expect(clippy::cast_possible_truncation, reason = "quarters were asked for")]
        let quarters = (value * 4.0) as i128;
        quarters
    }

    /// By the winding number (D. Sunday), in whole numbers.
    fn expected(ring: &[Corner], point: Corner) -> Side {
        let at = |corner: Corner| (whole(corner.x), whole(corner.y));
        let (x, y) = at(point);
        let mut winding = 0;
        for (place, &from) in ring.iter().enumerate() {
            let ((ax, ay), (bx, by)) = (at(from), at(ring[(place + 1) % ring.len()]));
            let left = (bx - ax) * (y - ay) - (x - ax) * (by - ay);
            let is_in_box =
                ax.min(bx) <= x && x <= ax.max(bx) && ay.min(by) <= y && y <= ay.max(by);
            if left == 0 && is_in_box {
                return Side::On;
            }
            if ay <= y && by > y && left > 0 {
                winding += 1;
            }
            if ay > y && by <= y && left < 0 {
                winding -= 1;
            }
        }
        if winding == 0 {
            Side::Outside
        } else {
            Side::Inside
        }
    }

    /// Whether any two edges meet, in whole numbers.
    fn is_simple(ring: &[Corner]) -> bool {
        let count = ring.len();
        let at = |place: usize| {
            let corner = ring[place % count];
            (whole(corner.x), whole(corner.y))
        };
        let turn = |a: (i128, i128), b: (i128, i128), c: (i128, i128)| {
            ((b.0 - a.0) * (c.1 - a.1) - (c.0 - a.0) * (b.1 - a.1)).signum()
        };
        let on = |a: (i128, i128), b: (i128, i128), p: (i128, i128)| {
            turn(a, b, p) == 0
                && a.0.min(b.0) <= p.0
                && p.0 <= a.0.max(b.0)
                && a.1.min(b.1) <= p.1
                && p.1 <= a.1.max(b.1)
        };
        for i in 0..count {
            for j in i + 1..count {
                let (a, b, c, d) = (at(i), at(i + 1), at(j), at(j + 1));
                let meet = if j == i + 1 {
                    on(a, b, d) || on(c, d, a)
                } else if i == 0 && j == count - 1 {
                    on(c, d, b) || on(a, b, c)
                } else {
                    turn(a, b, c) * turn(a, b, d) < 0 && turn(c, d, a) * turn(c, d, b) < 0
                        || on(a, b, c)
                        || on(a, b, d)
                        || on(c, d, a)
                        || on(c, d, b)
                };
                if meet {
                    return false;
                }
            }
        }
        true
    }

    fn quarters(most: i32) -> impl Strategy<Value = f64> {
        (-most..=most).prop_map(|quarters| f64::from(quarters) / 4.0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]

        #[test]
        fn a_ring_is_taken_unless_it_meets_itself_and_tells_sides_exactly(
            spots in prop::collection::vec((quarters(12), quarters(12)), 3..9),
            points in prop::collection::vec((quarters(14), quarters(14)), 20),
        ) {
            let mut spots = corners(&spots);
            spots.dedup();
            prop_assume!(spots.len() >= 3 && spots.first() != spots.last());
            let ring = Ring::new(spots.clone());
            prop_assert_eq!(ring.is_ok(), is_simple(&spots), "{:?}", spots);
            let Ok(ring) = ring else { return Ok(()) };
            for point in corners(&points).into_iter().chain(spots.iter().copied()) {
                prop_assert_eq!(ring.side(point), expected(&spots, point), "{:?}", point);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// Stars around a point have many corners and never meet themselves.
        #[test]
        fn a_ring_of_many_corners_tells_sides_exactly(
            radii in prop::collection::vec(20_i32..400, 3..700),
            points in prop::collection::vec((quarters(420), quarters(420)), 50),
        ) {
            let count = f64::from(u32::try_from(radii.len()).unwrap());
            let spots = (0_u32..).zip(&radii).map(|(place, &radius)| {
                let angle = std::f64::consts::TAU * f64::from(place) / count;
                let quarter = |value: f64| (value * 4.0).round() / 4.0;
                Corner {
                    x: quarter(angle.cos() * f64::from(radius) / 4.0),
                    y: quarter(angle.sin() * f64::from(radius) / 4.0),
                }
            });
            let mut spots: Vec<Corner> = spots.collect();
            spots.dedup();
            let Ok(ring) = Ring::new(spots.clone()) else {
                prop_assert!(spots.len() < 3 || !is_simple(&spots));
                return Ok(());
            };
            for point in corners(&points).into_iter().chain(spots.iter().copied()) {
                prop_assert_eq!(ring.side(point), expected(&spots, point), "{:?}", point);
            }
        }

        /// Combs with teeth between few latitudes, some of which may cross others.
        #[test]
        fn a_comb_is_taken_unless_it_meets_itself_and_tells_sides_exactly(
            teeth in prop::collection::vec((0_i32..4, 0_i32..40), 80..260),
            crossed in prop::option::of((0_usize..260, 0_i32..1_200)),
            points in prop::collection::vec((quarters(1_000), quarters(170)), 60),
        ) {
            let mut spots = vec![(-1.0, -40.0)];
            spots.extend((0_i32..).zip(&teeth).map(|(tooth, &(end, bent))| {
                let latitude = if tooth % 2 == 0 { 40.0 - f64::from(end / 3) } else { -39.0 };
                (f64::from(tooth) + f64::from(bent % 3) / 4.0, latitude)
            }));
            spots.push((f64::from(u16::try_from(teeth.len()).unwrap()), -40.0));
            if let Some((tooth, moved)) = crossed {
                let tooth = 1 + tooth % teeth.len();
                spots[tooth].0 += f64::from(moved) / 4.0 - 150.0;
            }
            let spots = corners(&spots);
            let ring = Ring::new(spots.clone());
            prop_assert_eq!(ring.is_ok(), is_simple(&spots), "{:?}", spots);
            let Ok(ring) = ring else { return Ok(()) };
            for point in corners(&points).into_iter().chain(spots.iter().copied()) {
                prop_assert_eq!(ring.side(point), expected(&spots, point), "{:?}", point);
            }
        }
    }

    #[test]
    fn a_comb_whose_teeth_all_reach_through_is_quick_and_exact() {
        let teeth = 4_999_i32;
        let mut spots = vec![(-1.0, -80.0)];
        spots.extend((0..teeth).map(|tooth| {
            let end = if tooth % 2 == 0 { 80.0 } else { -79.0 };
            (f64::from(tooth) / 4.0, end)
        }));
        spots.push((f64::from(teeth), -80.0));
        let spots = corners(&spots);
        let began = std::time::Instant::now();
        let ring = Ring::new(spots.clone()).expect("it is simple");
        let took = began.elapsed();
        assert!(
            took < std::time::Duration::from_secs(2),
            "{took:?} without optimisation"
        );
        for step in 0..400_i32 {
            let point = Corner {
                x: f64::from(step * 13 % 5_000) / 4.0,
                y: f64::from(step * 7 % 640 - 320) / 4.0,
            };
            assert_eq!(ring.side(point), expected(&spots, point), "{point:?}");
        }
    }

    #[test]
    fn where_a_ring_meets_itself_is_told() {
        let met = |spots: &[(f64, f64)]| Ring::new(corners(spots)).unwrap_err();
        let bow = met(&[(0.0, 0.0), (2.0, 2.0), (2.0, 0.0), (0.0, 2.0)]);
        assert_eq!((bow.x, bow.y), (1.0, 1.0));
        let spike = met(&[(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (4.0, 2.0)]);
        assert_eq!(spike.x, 4.0);
        assert!(Ring::new(corners(&[(0.0, 0.0), (1.0, 1.0)])).is_err());
        assert!(Ring::new(corners(&[(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)])).is_err());
    }

    /// Where arithmetic with doubles alone gets sides wrong (L. Kettner et al.,
    /// "Classroom Examples of Robustness Problems in Geometric Computations").
    #[test]
    fn points_by_an_edge_are_on_the_side_that_they_are_on() {
        let ring = corners(&[(12.0, 12.0), (24.0, 24.0), (12.0, 24.0)]);
        let ring = Ring::new(ring).expect("it is a triangle");
        for steps in 1..200_u64 {
            let up = |value: f64, steps: u64| f64::from_bits(value.to_bits() + steps);
            let base = up(12.5, steps);
            let side = |x: f64, y: f64| ring.side(Corner { x, y });
            assert_eq!(side(base, base), Side::On);
            assert_eq!(side(base, up(base, 1)), Side::Inside);
            assert_eq!(side(up(base, 1), base), Side::Outside);
        }
    }
}
