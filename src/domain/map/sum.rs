//! What stands in a cell.

use super::cell::{Cell, ClusterId};
use super::point::MapPoint;
use super::zoom::{MAX_ZOOM, Zoom};
use crate::domain::CenterId;

/// The centers of a cell, summed up in whole numbers: in whatever order they are added,
/// the sum is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellSum {
    /// The cell.
    pub cell: Cell,
    /// How many there are.
    pub count: u64,
    /// One of them: the only one where there is but one.
    pub one: CenterId,
    one_at: MapPoint,
    sum_x: u64,
    sum_y: u64,
    /// The first bits that all coordinates of all have in common.
    common_bits: u32,
}

impl CellSum {
    /// A cell with its first center.
    #[must_use]
    pub fn of_one(cell: Cell, one: CenterId, at: MapPoint) -> Self {
        Self::new(cell, 1, (one, at), [at.x, at.y].map(u64::from), at)
    }

    /// The centers of a cell: how many they are, one of them and where it is, the sums of
    /// their coordinates, and where another one is that has as few bits in common with
    /// that one as any two have.
    #[must_use]
    pub fn new(
        cell: Cell,
        count: u64,
        (one, one_at): (CenterId, MapPoint),
        [sum_x, sum_y]: [u64; 2],
        farthest: MapPoint,
    ) -> Self {
        Self {
            cell,
            count,
            one,
            one_at,
            sum_x,
            sum_y,
            common_bits: common_bits(one_at, farthest),
        }
    }

    /// Adds a center.
    pub fn add(&mut self, at: MapPoint) {
        self.count += 1;
        self.sum_x += u64::from(at.x);
        self.sum_y += u64::from(at.y);
        self.common_bits = self.common_bits.min(common_bits(self.one_at, at));
    }

    /// The mean of where they are.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "a mean is within the map")]
    pub fn middle(&self) -> MapPoint {
        let mean = |sum: u64| u32::try_from(sum / self.count).expect("a mean is within the map");
        MapPoint {
            x: mean(self.sum_x),
            y: mean(self.sum_y),
        }
    }

    /// The cluster that they are on a map which shows every center by itself from a zoom
    /// on.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "coordinates have 32 bits")]
    pub fn cluster(&self, all_from: Zoom) -> Cluster {
        // The cells of zoom z go by the first z + 3 bits.
        let apart = u8::try_from(self.common_bits + 1 - 3).expect("coordinates have 32 bits");
        let own = self.cell.zoom.get();
        let shown_alone = all_from.get().max(own + 1);
        Cluster {
            id: self.cell.id(),
            count: self.count,
            at: self.middle(),
            expansion_zoom: apart.min(shown_alone).min(MAX_ZOOM),
        }
    }
}

fn common_bits(one: MapPoint, other: MapPoint) -> u32 {
    ((one.x ^ other.x) | (one.y ^ other.y)).leading_zeros()
}

/// Centers that stand together, as a map shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cluster {
    /// Its number.
    pub id: ClusterId,
    /// How many centers.
    pub count: u64,
    /// Their middle.
    pub at: MapPoint,
    /// The first zoom at which they are no longer one.
    pub expansion_zoom: u8,
}
