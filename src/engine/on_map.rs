//! What a map shows of a collection.

use crate::domain::{CellSum, CenterId, MapPoint};

/// Clusters, and centers that stand alone, in the order of their numbers.
#[derive(Debug, Default)]
pub struct OnMap {
    /// Cells with several centers.
    pub clusters: Vec<CellSum>,
    centers: Vec<Alone>,
    rendered: Vec<u8>,
}

#[derive(Debug)]
struct Alone {
    id: CenterId,
    at: MapPoint,
    /// Where its text begins and ends.
    text: (usize, usize),
}

/// A center that a map shows by itself.
#[derive(Debug, Clone, Copy)]
pub struct CenterOnMap<'a> {
    /// Its number.
    pub id: CenterId,
    /// Where it is.
    pub at: MapPoint,
    /// The center as [`crate::wire::render_summary`] wrote it, with its rating.
    pub rendered: &'a [u8],
}

impl OnMap {
    /// Adds a center that stands alone; its text is written by `render`.
    pub(super) fn push_center(
        &mut self,
        id: CenterId,
        at: MapPoint,
        render: impl FnOnce(&mut Vec<u8>),
    ) {
        let begin = self.rendered.len();
        render(&mut self.rendered);
        let text = (begin, self.rendered.len());
        self.centers.push(Alone { id, at, text });
    }

    /// Puts all of it in order.
    pub(super) fn sort(&mut self) {
        self.clusters.sort_unstable_by_key(|sum| sum.cell.id());
        self.centers.sort_unstable_by_key(|center| center.id);
    }

    /// The centers that stand alone.
    pub fn centers(&self) -> impl Iterator<Item = CenterOnMap<'_>> {
        self.centers.iter().map(|center| CenterOnMap {
            id: center.id,
            at: center.at,
            rendered: &self.rendered[center.text.0..center.text.1],
        })
    }

    /// Whether there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clusters.is_empty() && self.centers.is_empty()
    }
}
