//! Every center in the order of a curve over the map, so that those of a cell, at any
//! zoom, stand side by side.
//!
//! The order is cut into short runs, each with the sums of its coordinates: a write moves
//! few entries, and a cell of many centers is summed up from its runs.

use crate::domain::{Cell, CellSum, Cells, CenterId, MapPoint};

/// The most centers in one run.
const CAPACITY: usize = 128;
/// How many a run gets at first: some room is left for the first writes.
const FILL: usize = CAPACITY - 16;
/// A run that came down to fewer centers joins one beside it.
const MIN_CENTERS: usize = CAPACITY / 4;
/// The most centers of a run that was joined.
const JOINED: usize = CAPACITY * 3 / 4;

/// A center and where it is on the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OnMap {
    pub(super) at: MapPoint,
    pub(super) id: CenterId,
}

/// What the order goes by.
type Key = (u64, CenterId);

impl OnMap {
    fn key(&self) -> Key {
        (self.at.place_on_curve(), self.id)
    }
}

/// What a run adds up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    count: u64,
    x: u64,
    y: u64,
}

impl Sum {
    fn of(run: &[OnMap]) -> Self {
        run.iter().fold(Self::default(), |sum, center| Self {
            count: sum.count + 1,
            x: sum.x + u64::from(center.at.x),
            y: sum.y + u64::from(center.at.y),
        })
    }

    fn plus(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            x: self.x + other.x,
            y: self.y + other.y,
        }
    }
}

/// A place in the order: a run, and a center of it, never one behind the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    run: usize,
    slot: usize,
}

/// The centers in their order.
#[derive(Debug, Default)]
pub(super) struct MapOrder {
    runs: Vec<Vec<OnMap>>,
    /// The first key of each run.
    firsts: Vec<Key>,
    sums: Vec<Sum>,
}

impl MapOrder {
    /// Puts centers in order.
    pub(super) fn of(centers: impl Iterator<Item = OnMap>) -> Self {
        let mut keyed: Vec<(u64, OnMap)> = centers
            .map(|center| (center.at.place_on_curve(), center))
            .collect();
        keyed.sort_unstable_by_key(|(place, center)| (*place, center.id));
        let mut order = Self::default();
        for part in keyed.chunks(FILL) {
            let run = part.iter().map(|(_, center)| *center).collect();
            order.put(order.runs.len(), run);
        }
        order
    }

    /// Adds a center that is not there.
    pub(super) fn insert(&mut self, center: OnMap) {
        let key = center.key();
        if self.runs.is_empty() {
            return self.put(0, vec![center]);
        }
        let number = self.run_of(&key);
        let run = &mut self.runs[number];
        let slot = run.partition_point(|other| other.key() < key);
        if run.len() == run.capacity() {
            run.reserve_exact(CAPACITY - run.len());
        }
        run.insert(slot, center);
        if run.len() < CAPACITY {
            return self.measure(number);
        }
        let behind = run.split_off(CAPACITY / 2);
        // It keeps the room of both halves.
        self.measure(number);
        self.put(number + 1, behind);
    }

    /// Takes out a center that is there.
    pub(super) fn remove(&mut self, center: OnMap) {
        let key = center.key();
        let number = self.run_of(&key);
        let run = &mut self.runs[number];
        let slot = run.partition_point(|other| other.key() < key);
        assert_eq!(run.get(slot), Some(&center), "it stands where it was put");
        run.remove(slot);
        if run.is_empty() {
            self.take(number);
        } else if run.len() < MIN_CENTERS && self.runs.len() > 1 {
            self.measure(number);
            let before = number.saturating_sub(1);
            let together = self.runs[before].len() + self.runs[before + 1].len();
            if together <= JOINED {
                let behind = self.take(before + 1);
                self.runs[before].extend(behind);
                self.measure(before);
            }
        } else {
            self.measure(number);
        }
    }

    /// The centers of each of some cells, where there are any, summed up.
    pub(super) fn sums(&self, cells: &Cells) -> Vec<CellSum> {
        let mut found = Vec::new();
        self.visit(cells, &mut |cell, from, to| {
            found.push(self.sum(cell, from, to));
        });
        found
    }

    /// Every center in some cells.
    pub(super) fn each(&self, cells: &Cells, mut each: impl FnMut(&OnMap)) {
        self.visit(cells, &mut |_, from, to| {
            for number in from.run..self.runs.len().min(to.run + 1) {
                self.part(number, from, to).iter().for_each(&mut each);
            }
        });
    }

    /// What stands from one spot up to another, which are in a cell.
    fn sum(&self, cell: Cell, from: Spot, to: Spot) -> CellSum {
        let mut sum = Sum::default();
        let mut last = &self.runs[from.run][from.slot];
        let first = *last;
        for number in from.run..self.runs.len().min(to.run + 1) {
            let part = self.part(number, from, to);
            let is_whole = part.len() == self.runs[number].len();
            sum = sum.plus(if is_whole {
                self.sums[number]
            } else {
                Sum::of(part)
            });
            last = part.last().unwrap_or(last);
        }
        // All that is between two has the bits that they have in common.
        let one = (first.id, first.at);
        CellSum::new(cell, sum.count, one, [sum.x, sum.y], last.at)
    }

    /// What of a run is from one spot up to another.
    fn part(&self, number: usize, from: Spot, to: Spot) -> &[OnMap] {
        let run = &self.runs[number];
        let begin = if number == from.run { from.slot } else { 0 };
        let end = if number == to.run { to.slot } else { run.len() };
        &run[begin..end]
    }

    /// Goes through some cells that are not empty: from where to where each has its centers.
    fn visit(&self, cells: &Cells, each: &mut impl FnMut(Cell, Spot, Spot)) {
        let from = Spot { run: 0, slot: 0 };
        let to = Spot {
            run: self.runs.len(),
            slot: 0,
        };
        let whole = Square {
            bits: u32::BITS,
            x: 0,
            y: 0,
        };
        self.visit_square(whole, cells, from, to, each);
    }

    fn visit_square(
        &self,
        square: Square,
        cells: &Cells,
        from: Spot,
        to: Spot,
        each: &mut impl FnMut(Cell, Spot, Spot),
    ) {
        if from == to || !cells.meet(square.bits, square.x, square.y) {
            return;
        }
        if square.bits == cells.shift() {
            let cell = Cell {
                zoom: cells.zoom(),
                x: square.x,
                y: square.y,
            };
            return each(cell, from, to);
        }
        if from.run == to.run || to.run == from.run + 1 && to.slot == 0 {
            return self.visit_few(cells, from, to, each);
        }
        let mut begin = from;
        for (quarter, end_place) in square.quarters() {
            let end = end_place.map_or(to, |place| self.first_from(place, begin, to));
            self.visit_square(quarter, cells, begin, end, each);
            begin = end;
        }
    }

    /// The same within one run, center by center.
    fn visit_few(
        &self,
        cells: &Cells,
        from: Spot,
        to: Spot,
        each: &mut impl FnMut(Cell, Spot, Spot),
    ) {
        let run = self.part(from.run, from, to);
        let of_one_cell = |one: &OnMap, other: &OnMap| {
            Cell::of(one.at, cells.zoom()) == Cell::of(other.at, cells.zoom())
        };
        let mut begin = from;
        for part in run.chunk_by(of_one_cell) {
            let end = self.spot(begin.run, begin.slot + part.len());
            let cell = Cell::of(part[0].at, cells.zoom());
            if cells.place_of(cell).is_some() {
                each(cell, begin, end);
            }
            begin = end;
        }
    }

    /// The first spot between two that is not before a place on the curve.
    fn first_from(&self, place: u64, from: Spot, to: Spot) -> Spot {
        let last = if to.slot == 0 { to.run } else { to.run + 1 };
        let firsts = &self.firsts[from.run..last];
        let before = firsts.partition_point(|first| first.0 < place);
        let Some(before) = before.checked_sub(1) else {
            return from;
        };
        let number = from.run + before;
        let part = self.part(number, from, to);
        let begin = if number == from.run { from.slot } else { 0 };
        let slot = begin + part.partition_point(|center| center.at.place_on_curve() < place);
        self.spot(number, slot)
    }

    /// A center of a run, or the first of the next where it has no more.
    fn spot(&self, run: usize, slot: usize) -> Spot {
        if slot == self.runs[run].len() {
            Spot {
                run: run + 1,
                slot: 0,
            }
        } else {
            Spot { run, slot }
        }
    }

    /// The run that a key belongs to.
    fn run_of(&self, key: &Key) -> usize {
        let up_to = self.firsts.partition_point(|first| first <= key);
        up_to.saturating_sub(1)
    }

    fn put(&mut self, number: usize, run: Vec<OnMap>) {
        self.firsts.insert(number, run[0].key());
        self.sums.insert(number, Sum::of(&run));
        self.runs.insert(number, run);
    }

    fn take(&mut self, number: usize) -> Vec<OnMap> {
        self.firsts.remove(number);
        self.sums.remove(number);
        self.runs.remove(number)
    }

    fn measure(&mut self, number: usize) {
        let run = &self.runs[number];
        self.firsts[number] = run[0].key();
        self.sums[number] = Sum::of(run);
    }
}

/// A square of the map, 2 to the power of `bits` units wide.
#[derive(Clone, Copy)]
struct Square {
    bits: u32,
    x: u32,
    y: u32,
}

impl Square {
    /// Its quarters in the order of the curve, each with the place where it ends; the last
    /// ends with the square.
    fn quarters(self) -> impl Iterator<Item = (Self, Option<u64>)> {
        let bits = self.bits - 1;
        let quarters = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(x, y)| Self {
            bits,
            x: self.x << 1 | x,
            y: self.y << 1 | y,
        });
        let begin = move |square: Self| {
            let corner = MapPoint {
                x: square.x << bits,
                y: square.y << bits,
            };
            corner.place_on_curve()
        };
        let ends = quarters.into_iter().skip(1).map(begin).map(Some);
        quarters.into_iter().zip(ends.chain([None]))
    }
}

#[cfg(test)]
impl MapOrder {
    /// Panics unless it is in order and holds exactly these centers.
    pub(super) fn check(&self, mut expected: Vec<OnMap>) {
        expected.sort_unstable_by_key(OnMap::key);
        let held: Vec<OnMap> = self.runs.concat();
        assert_eq!(held, expected, "it holds every center in its order");
        assert_eq!(
            (self.firsts.len(), self.sums.len()),
            (self.runs.len(), self.runs.len())
        );
        for (number, run) in self.runs.iter().enumerate() {
            assert!((1..CAPACITY).contains(&run.len()));
            assert_eq!(self.firsts[number], run[0].key());
            assert_eq!(self.sums[number], Sum::of(run));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Cluster, Position, Viewport, Zoom};

    /// What stands in some cells, center by center.
    fn sums_of(centers: &BTreeMap<i64, MapPoint>, cells: &Cells) -> Vec<CellSum> {
        let mut found: HashMap<Cell, CellSum> = HashMap::new();
        for (number, at) in centers {
            let cell = Cell::of(*at, cells.zoom());
            if cells.place_of(cell).is_none() {
                continue;
            }
            found
                .entry(cell)
                .and_modify(|sum| sum.add(*at))
                .or_insert_with(|| CellSum::of_one(cell, id(*number), *at));
        }
        found.into_values().collect()
    }

    /// In the order of cells: the clusters, and the center that stands alone.
    fn comparable(mut sums: Vec<CellSum>) -> Vec<(Cluster, Option<CenterId>)> {
        sums.sort_unstable_by_key(|sum| sum.cell.id());
        let sums = sums.iter();
        let alone = |sum: &CellSum| (sum.count == 1).then_some(sum.one);
        sums.map(|sum| (sum.cluster(Zoom::MAX), alone(sum)))
            .collect()
    }

    fn id(id: i64) -> CenterId {
        CenterId::new(id).unwrap()
    }

    /// Some spots are taken again and again, others lie side by side or anywhere.
    fn a_point() -> impl Strategy<Value = MapPoint> {
        let at = |latitude, longitude| MapPoint::of(Position::new(latitude, longitude).unwrap());
        prop_oneof![
            (0..3_u8).prop_map(move |spot| at(f64::from(spot) * 30.0, 180.0)),
            (0..40_u8, 0..40_u8).prop_map(move |(north, east)| {
                at(
                    37.9 + f64::from(north) * 1e-4,
                    23.7 + f64::from(east) * 1e-4,
                )
            }),
            (-90.0..=90.0, -180.0..=180.0)
                .prop_map(move |(latitude, longitude)| { at(latitude, longitude) }),
        ]
    }

    fn some_cells() -> impl Strategy<Value = Cells> {
        let viewport = prop_oneof![
            Just((90.0, -90.0, 180.0, -180.0)),
            (0.01..3.0, 0.01..3.0).prop_map(|(north, east)| (
                37.8 + north,
                37.8,
                23.6 + east,
                23.6
            )),
            (0.1..80.0, -180.0..180.0, -180.0..180.0).prop_map(|(height, east, west)| (
                height - 40.0,
                -40.0,
                east,
                west
            )),
        ];
        (viewport, 0..=22_u8).prop_map(|((north, south, east, west), zoom)| {
            let viewport = Viewport::new(north, south, east, west).unwrap();
            Cells::of(&viewport, Zoom::new(zoom).unwrap())
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn clusters_are_those_of_the_centers_that_are_there_whatever_was_written_before(
            loaded in prop::collection::vec(a_point(), 0..900),
            writes in prop::collection::vec((0..1_200_i64, prop::option::of(a_point())), 0..1_200),
            asked in prop::collection::vec(some_cells(), 1..12),
        ) {
            let mut there: BTreeMap<i64, MapPoint> = (0..).zip(loaded).collect();
            let on_map = |(&number, &at): (&i64, &MapPoint)| OnMap { at, id: id(number) };
            let mut order = MapOrder::of(there.iter().map(on_map));
            for (number, at) in writes {
                if let Some(at) = there.remove(&number) {
                    order.remove(OnMap { at, id: id(number) });
                }
                if let Some(at) = at {
                    order.insert(OnMap { at, id: id(number) });
                    there.insert(number, at);
                }
            }
            order.check(there.iter().map(on_map).collect());
            let rebuilt = MapOrder::of(there.iter().map(on_map));
            for cells in asked {
                let expected = comparable(sums_of(&there, &cells));
                prop_assert_eq!(&comparable(order.sums(&cells)), &expected);
                prop_assert_eq!(&comparable(rebuilt.sums(&cells)), &expected);
                let mut each = 0;
                order.each(&cells, |_| each += 1);
                prop_assert_eq!(each, expected.iter().map(|(cluster, _)| cluster.count).sum::<u64>());
            }
        }
    }

    #[test]
    fn an_order_that_is_emptied_takes_centers_again() {
        let center = |number: i64| OnMap {
            at: MapPoint {
                x: u32::try_from(number * 7_919 % 1_000).unwrap(),
                y: 5,
            },
            id: id(number),
        };
        let mut order = MapOrder::of((0..1_000).map(center));
        for number in 0..1_000 {
            order.remove(center(number));
            order.check((number + 1..1_000).map(center).collect());
        }
        for number in 0..300 {
            order.insert(center(number));
        }
        order.check((0..300).map(center).collect());
    }
}
