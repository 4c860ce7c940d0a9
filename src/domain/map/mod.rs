//! The map of the world as tiles show it: Web Mercator, a square that is cut into tiles
//! of half the side with every zoom, and cells within them, where centers that stand close
//! together are shown as one cluster.
//!
//! A cluster is all that stands in a cell. So it follows from the centers alone, in
//! whatever order they were written; it stays at its place and keeps its number while
//! others come and go; it is in one tile; and it falls apart into the four cells of the
//! next zoom.

mod cell;
mod cells;
mod point;
mod sum;
mod tile;
mod zoom;

pub use cell::{Cell, ClusterId};
pub use cells::Cells;
pub use point::{MAP_EDGE_LATITUDE, MAP_SIDE, MapPoint};
pub use sum::{CellSum, Cluster};
pub use tile::{TILE_BUFFER, TILE_EXTENT, Tile};
pub use zoom::{MAX_ZOOM, Zoom};
