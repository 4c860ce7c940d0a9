//! Cells side by side.

use super::cell::{Cell, cells_around, shift};
use super::point::{MAP_SIDE, MapPoint, latitude_of};
use super::zoom::Zoom;
use crate::domain::{Meridians, Viewport};

/// A rectangle of cells of one zoom; it may go on in the west where the map ends in the
/// east.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cells {
    zoom: Zoom,
    west: u32,
    width: u32,
    north: u32,
    height: u32,
}

impl Cells {
    /// The cells of a zoom that a viewport touches.
    #[must_use]
    pub fn of(viewport: &Viewport, zoom: Zoom) -> Self {
        let around = cells_around(zoom);
        let (west, width) = match viewport.meridians() {
            Meridians::All => (0, around),
            Meridians::Between { west, east } => {
                let column = |longitude| Cell::of(MapPoint::of_degrees(0.0, longitude), zoom).x;
                let degrees = (east - west).rem_euclid(360.0);
                let (west, east) = (column(west), column(east));
                if degrees >= 360.0 - 360.0 / f64::from(around) {
                    (0, around)
                } else {
                    (west, (east + around - west) % around + 1)
                }
            }
        };
        let row = |latitude| Cell::of(MapPoint::of_degrees(latitude, 0.0), zoom).y;
        let north = row(viewport.north());
        Self {
            zoom,
            west,
            width,
            north,
            height: row(viewport.south()) - north + 1,
        }
    }

    /// The cells of a square, which is so many wide, and those around it up to so many
    /// away.
    #[must_use]
    pub(super) fn around(zoom: Zoom, [west, north]: [u32; 2], side: u32, buffer: u32) -> Self {
        let around = cells_around(zoom);
        let first = north.saturating_sub(buffer);
        let end = (north + side + buffer).min(around);
        Self {
            zoom,
            west: (west + around - buffer) % around,
            width: (side + 2 * buffer).min(around),
            north: first,
            height: end - first,
        }
    }

    /// The cells of a zoom in a cell, or the one that the cell is in where that zoom is not
    /// as deep.
    #[must_use]
    pub fn within(cell: Cell, zoom: Zoom) -> Self {
        let corner = MapPoint {
            x: cell.x << shift(cell.zoom),
            y: cell.y << shift(cell.zoom),
        };
        let first = Cell::of(corner, zoom);
        let side = 1 << zoom.get().saturating_sub(cell.zoom.get());
        Self {
            zoom,
            west: first.x,
            width: side,
            north: first.y,
            height: side,
        }
    }

    /// Their zoom.
    #[must_use]
    pub fn zoom(&self) -> Zoom {
        self.zoom
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Between which units, both among them, coordinates of points in them are: from west
    /// to east, where the east is before the west if they go on beyond the end of the map,
    /// and from north to south.
    #[must_use]
    pub fn units(&self) -> [(u32, u32); 2] {
        let shift = shift(self.zoom);
        let around = cells_around(self.zoom);
        let last = |cell: u32| (cell << shift) | ((1 << shift) - 1);
        let (west, east) = if self.width == around {
            (0, around - 1)
        } else {
            (self.west, (self.west + self.width - 1) % around)
        };
        [
            (west << shift, last(east)),
            (self.north << shift, last(self.north + self.height - 1)),
        ]
    }

    /// The place of a cell of their zoom among them, row by row; `None` where it is not
    /// one of them.
    #[must_use]
    pub fn place_of(&self, cell: Cell) -> Option<usize> {
        let (column, row) = (self.column(cell.x), cell.y.wrapping_sub(self.north));
        let is_there = column < self.width && row < self.height;
        is_there.then(|| row as usize * self.width as usize + column as usize)
    }

    /// By how many bits units are shifted to be their columns and rows.
    #[must_use]
    pub fn shift(&self) -> u32 {
        shift(self.zoom)
    }

    /// How far to the east of the western column one is.
    fn column(&self, x: u32) -> u32 {
        if x >= self.west {
            x - self.west
        } else {
            x + cells_around(self.zoom) - self.west
        }
    }

    /// Whether any is in a square of the map that is as large as a cell or larger: 2 to the
    /// power of `bits` units wide, in this column and row of such squares.
    #[must_use]
    pub fn meet(&self, bits: u32, x: u32, y: u32) -> bool {
        let wider = bits - shift(self.zoom);
        let ends = |number: u32| (number << wider, ((number + 1) << wider) - 1);
        let ((west, east), (north, south)) = (ends(x), ends(y));
        let last_row = self.north + self.height - 1;
        let last_column = self.west + self.width - 1;
        let around = cells_around(self.zoom);
        let columns_meet = if last_column < around {
            west <= last_column && east >= self.west
        } else {
            east >= self.west || west <= last_column - around
        };
        columns_meet && north <= last_row && south >= self.north
    }

    /// A viewport that holds all positions in them, and hardly more.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "a cell has some height")]
    pub fn viewport(&self) -> Viewport {
        let part = |cell: u32| f64::from(cell) / f64::from(cells_around(self.zoom));
        let latitude = |row: u32, pole: f64| {
            // What stands beyond the edge is shown on it.
            let is_edge = row == 0 || row << shift(self.zoom) >= MAP_SIDE;
            if is_edge {
                pole
            } else {
                latitude_of(part(row))
            }
        };
        let north = latitude(self.north, 90.0);
        let south = latitude(self.north + self.height, -90.0);
        let west = part(self.west) * 360.0 - 180.0;
        let east = part(self.west + self.width) * 360.0 - 180.0;
        Viewport::new(north, south, east, west).expect("a cell has some height")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Position;

    fn zoom(zoom: u8) -> Zoom {
        Zoom::new(zoom).unwrap()
    }

    fn cells(north: f64, south: f64, east: f64, west: f64, z: u8) -> Cells {
        Cells::of(&Viewport::new(north, south, east, west).unwrap(), zoom(z))
    }

    fn holds(cells: &Cells, latitude: f64, longitude: f64) -> bool {
        let point = MapPoint::of(Position::new(latitude, longitude).unwrap());
        cells.place_of(Cell::of(point, cells.zoom())).is_some()
    }

    #[test]
    fn the_cells_of_a_viewport_hold_all_that_is_in_it() {
        for z in [0, 3, 9, 22] {
            for (north, south, east, west) in [
                (38.1, 37.9, 23.8, 23.6),
                (90.0, -90.0, 180.0, -180.0),
                (1.0, -1.0, -170.0, 170.0),
                (1.0, -1.0, 180.0, 170.0),
                (1.0, -1.0, 180.0, -179.9),
                (1.0, -1.0, -179.9, 180.0),
                (1.0, -1.0, 179.9, -180.0),
                (95.0, 80.0, 20.0, 10.0),
            ] {
                let viewport = Viewport::new(north, south, east, west).unwrap();
                let cells = Cells::of(&viewport, zoom(z));
                for latitude in [north, south, f64::midpoint(north, south)] {
                    for longitude in [east, west, east - 1e-8, west + 1e-8] {
                        let latitude = latitude.clamp(-90.0, 90.0);
                        let longitude = longitude.clamp(-180.0, 180.0);
                        if viewport.contains(Position::new(latitude, longitude).unwrap()) {
                            assert!(holds(&cells, latitude, longitude), "{viewport:?} {z}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn cells_across_the_antimeridian_are_few() {
        let across = cells(1.0, -1.0, -179.0, 179.0, 5);
        assert_eq!(across.count(), 2 * 2);
        assert!(holds(&across, 0.5, 180.0) && holds(&across, -0.5, 179.9));
        assert!(!holds(&across, 0.5, 0.0) && !holds(&across, 30.0, 180.0));
        assert_eq!(cells(90.0, -90.0, 180.0, -180.0, 0).count(), 36);
    }

    #[test]
    fn the_viewport_of_cells_holds_their_positions() {
        for z in [0, 1, 7] {
            for given in [
                cells(90.0, -90.0, 180.0, -180.0, z),
                cells(1.0, -1.0, -179.0, 179.0, z),
                cells(89.0, 84.0, 10.0, 9.0, z),
            ] {
                let viewport = given.viewport();
                for latitude in -90..=90 {
                    for longitude in -180..=180 {
                        let position =
                            Position::new(f64::from(latitude), f64::from(longitude)).unwrap();
                        if holds(&given, position.latitude(), position.longitude()) {
                            assert!(viewport.contains(position), "{viewport:?} {position:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn squares_meet_the_cells_that_are_in_them() {
        let some = cells(1.0, -1.0, -179.0, 179.0, 3);
        for bits in [30, 29, 27, 26] {
            let side = MAP_SIDE >> bits;
            let mut meeting = 0;
            for x in 0..side {
                for y in 0..side {
                    let expected = (0..cells_around(zoom(3))).any(|cx| {
                        (0..cells_around(zoom(3))).any(|cy| {
                            let cell = Cell {
                                zoom: zoom(3),
                                x: cx,
                                y: cy,
                            };
                            let inside = cx >> (bits - 26) == x && cy >> (bits - 26) == y;
                            inside && some.place_of(cell).is_some()
                        })
                    });
                    meeting += usize::from(expected);
                    assert_eq!(some.meet(bits, x, y), expected, "{bits} {x} {y}");
                }
            }
            assert!(meeting > 0);
        }
    }

    #[test]
    fn a_cell_has_four_in_the_next_zoom() {
        let cell = Cell {
            zoom: zoom(3),
            x: 47,
            y: 0,
        };
        let four = Cells::within(cell, zoom(4));
        assert_eq!(four.count(), 4);
        for (x, y) in [(94, 0), (95, 0), (94, 1), (95, 1)] {
            let child = Cell {
                zoom: zoom(4),
                x,
                y,
            };
            assert!(four.place_of(child).is_some());
        }
        assert_eq!(Cells::within(cell, zoom(3)).count(), 1);
    }
}
