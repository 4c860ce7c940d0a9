//! Cells of the map and their numbers.

use super::point::MapPoint;
use super::zoom::{MAX_ZOOM, Zoom};

/// Cells a side of a tile.
pub(super) const CELLS_OF_TILE: u32 = 6;

/// The number before the first cluster. High, so that clusters and centers, which tiles
/// number together, are hardly ever called the same; the last is below 2^53, up to where
/// JavaScript has every whole number.
const BEFORE_FIRST: u64 = 1 << 52;

/// A square of the map at a zoom: a sixth of a tile wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cell {
    /// The zoom.
    pub zoom: Zoom,
    /// Its column, from the west.
    pub x: u32,
    /// Its row, from the north.
    pub y: u32,
}

/// How many cells of a zoom are side by side around the world.
pub(super) fn cells_around(zoom: Zoom) -> u32 {
    CELLS_OF_TILE << zoom.get()
}

/// By how many bits units are shifted to be cells of a zoom.
pub(super) fn shift(zoom: Zoom) -> u32 {
    29 - u32::from(zoom.get())
}

impl Cell {
    /// The cell of a zoom that a point is in.
    #[must_use]
    pub fn of(point: MapPoint, zoom: Zoom) -> Self {
        Self {
            zoom,
            x: point.x >> shift(zoom),
            y: point.y >> shift(zoom),
        }
    }

    /// The number of the cluster in it.
    #[must_use]
    pub fn id(self) -> ClusterId {
        let in_rows = u64::from(self.y) * u64::from(cells_around(self.zoom));
        let number = cells_before(self.zoom.get()) + in_rows + u64::from(self.x);
        ClusterId(BEFORE_FIRST + 1 + number)
    }
}

/// How many cells the zooms before one have.
fn cells_before(zoom: u8) -> u64 {
    // 36 · (1 + 4 + 16 + …)
    12 * ((1 << (2 * zoom)) - 1)
}

/// The number of a cluster: that of its zoom and cell, the same at all times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(u64);

impl ClusterId {
    /// `None` where no cluster has this number.
    #[must_use]
    pub fn new(id: u64) -> Option<Self> {
        let number = id.checked_sub(BEFORE_FIRST + 1)?;
        (number < cells_before(MAX_ZOOM + 1)).then_some(Self(id))
    }

    /// The plain number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }

    /// The cell that it is the number of.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "it was made of a cell")]
    pub fn cell(self) -> Cell {
        let number = self.0 - BEFORE_FIRST - 1;
        let zoom = (0..MAX_ZOOM).find(|zoom| number < cells_before(zoom + 1));
        let zoom = Zoom::new(zoom.unwrap_or(MAX_ZOOM)).expect("it is one of the zooms");
        let place = number - cells_before(zoom.get());
        let around = u64::from(cells_around(zoom));
        let coordinate = |number| u32::try_from(number).expect("a row has few cells");
        Cell {
            zoom,
            x: coordinate(place % around),
            y: coordinate(place / around),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::domain::map::point::MAP_SIDE;

    fn zoom(zoom: u8) -> Zoom {
        Zoom::new(zoom).unwrap()
    }

    #[test]
    fn every_cell_has_a_number_of_its_own_and_is_found_by_it() {
        let mut numbers = HashSet::new();
        for z in 0..=3 {
            let around = cells_around(zoom(z));
            for x in 0..around {
                for y in 0..around {
                    let cell = Cell {
                        zoom: zoom(z),
                        x,
                        y,
                    };
                    assert_eq!(cell.id().cell(), cell);
                    assert_eq!(ClusterId::new(cell.id().get()), Some(cell.id()));
                    numbers.insert(cell.id());
                }
            }
        }
        assert_eq!(numbers.len(), 36 * (1 + 4 + 16 + 64));
    }

    #[test]
    fn numbers_end_where_the_cells_do_and_javascript_has_all_of_them() {
        let end = MapPoint {
            x: MAP_SIDE - 1,
            y: MAP_SIDE - 1,
        };
        let last = Cell::of(end, Zoom::MAX).id();
        assert_eq!(last.cell(), Cell::of(end, Zoom::MAX));
        assert!(last.get() < 1 << 53);
        assert_eq!(ClusterId::new(last.get() + 1), None);
        let first = Cell::of(MapPoint { x: 0, y: 0 }, zoom(0)).id();
        assert_eq!(first.get(), (1 << 52) + 1);
        for no_cluster in [0, 7, first.get() - 1, u64::MAX] {
            assert_eq!(ClusterId::new(no_cluster), None);
        }
    }
}
