//! Tiles of the map.

use super::cell::CELLS_OF_TILE;
use super::cells::Cells;
use super::point::{MAP_SIDE, MapPoint};
use super::zoom::Zoom;

/// How many steps a tile has a side.
pub const TILE_EXTENT: u32 = 4_096;
/// How many steps beyond its edges a tile shows what stands there, so that symbols are not
/// cut off.
pub const TILE_BUFFER: u32 = 256;

/// A square of the map at a zoom, by its column from the west and its row from the north.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    zoom: Zoom,
    x: u32,
    y: u32,
}

impl Tile {
    /// `None` where the zoom has no such column or row.
    #[must_use]
    pub fn new(zoom: Zoom, x: u32, y: u32) -> Option<Self> {
        let count = 1 << zoom.get();
        (x < count && y < count).then_some(Self { zoom, x, y })
    }

    /// Its zoom.
    #[must_use]
    pub fn zoom(self) -> Zoom {
        self.zoom
    }

    /// The cells that it shows, those of the buffer among them, of the zoom that is so much
    /// deeper than its own.
    #[must_use]
    pub fn cells(self, deeper: u8) -> Cells {
        let zoom = self.zoom.deeper(deeper);
        let side = CELLS_OF_TILE << (zoom.get() - self.zoom.get());
        let buffer = (side * TILE_BUFFER).div_ceil(TILE_EXTENT);
        Cells::around(zoom, [self.x * side, self.y * side], side, buffer)
    }

    /// Where a point is shown, in steps from the north-western corner: nowhere where it
    /// is beyond the buffer, at several places where the tile goes around the world.
    pub fn places_of(self, point: MapPoint) -> impl Iterator<Item = (i32, i32)> {
        let side = i64::from(MAP_SIDE >> self.zoom.get());
        let steps = move |units: u32, tile: u32, turns: i64| {
            let from_corner =
                i64::from(units) - i64::from(tile) * side + turns * i64::from(MAP_SIDE);
            let steps = (from_corner * i64::from(TILE_EXTENT)).div_euclid(side);
            let shown = -i64::from(TILE_BUFFER)..i64::from(TILE_EXTENT + TILE_BUFFER);
            i32::try_from(steps).ok().filter(|_| shown.contains(&steps))
        };
        let y = steps(point.y, self.y, 0);
        let xs = (-1..=1).filter_map(move |turns| steps(point.x, self.x, turns));
        xs.filter_map(move |x| Some((x, y?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Cell, Position};

    fn tile(zoom: u8, x: u32, y: u32) -> Option<Tile> {
        Tile::new(Zoom::new(zoom).unwrap(), x, y)
    }

    #[test]
    fn a_zoom_has_as_many_tiles_as_it_has() {
        assert!(tile(0, 0, 0).is_some() && tile(3, 7, 7).is_some());
        for (zoom, x, y) in [(0, 1, 0), (0, 0, 1), (3, 8, 0), (3, 0, u32::MAX)] {
            assert_eq!(tile(zoom, x, y), None);
        }
    }

    #[test]
    fn a_point_belongs_to_one_tile_and_is_in_the_cells_of_each_that_shows_it() {
        for (latitude, longitude) in [
            (0.0, 0.0),
            (90.0, 180.0),
            (-90.0, -180.0),
            (37.98, 23.73),
            (66.513_260_44, -90.0),
            (1e-8, 179.999_999_99),
            (40.979_898_07, 45.000_001),
        ] {
            let at = MapPoint::of(Position::new(latitude, longitude).unwrap());
            for zoom in 0..=4 {
                let mut owners = 0;
                for (x, y) in (0..1 << zoom).flat_map(|x| (0..1 << zoom).map(move |y| (x, y))) {
                    let tile = tile(zoom, x, y).unwrap();
                    for (step_x, step_y) in tile.places_of(at) {
                        owners +=
                            u32::from((0..4_096).contains(&step_x) && (0..4_096).contains(&step_y));
                        for deeper in 0..=5 {
                            let cells = tile.cells(deeper);
                            let cell = Cell::of(at, cells.zoom());
                            assert!(cells.place_of(cell).is_some(), "{tile:?} {at:?}");
                        }
                    }
                }
                assert_eq!(owners, 1, "{latitude} {longitude} {zoom}");
            }
        }
    }

    #[test]
    fn a_tile_shows_what_stands_a_little_beyond_its_edges() {
        let west_of_greenwich = MapPoint::of(Position::new(1.0, -1e-6).unwrap());
        let places = |x, y| tile(1, x, y).unwrap().places_of(west_of_greenwich);
        let beside: Vec<_> = places(1, 0).collect();
        assert_eq!(beside[0].0, -1);
        let own: Vec<_> = places(0, 0).collect();
        assert_eq!(own[0].0, 4_095);
        assert_eq!(own[0].1, beside[0].1);
        let world = tile(0, 0, 0).unwrap();
        let antimeridian = MapPoint {
            x: 0,
            y: MAP_SIDE / 2,
        };
        let both: Vec<_> = world.places_of(antimeridian).collect();
        assert_eq!(both, [(0, 2_048), (4_096, 2_048)]);
    }
}
