//! What a map shows: a rectangle of latitudes and longitudes.

use super::bounds::Bounds;
use super::position::Position;

/// A whole turn in degrees.
const TURN: f64 = 360.0;
/// A wrapped longitude is the double nearest to its decimal with ten places,
/// two more than stored ones have: 190.1 is the meridian of -169.9 then.
const WRAPPED_DECIMALS_FACTOR: f64 = 1e10;
/// More than the rounding of a spatial index, in degrees: a centimetre.
const INDEX_ROUNDING_DEG: f64 = 1e-7;

/// A rectangle on the globe, edges inside: from west eastwards to east, however
/// the map counts its turns, and from south to north, beyond the poles too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Viewport {
    south: f64,
    north: f64,
    meridians: Meridians,
}

/// The longitudes of a viewport.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Meridians {
    /// Every longitude.
    All,
    /// From `west` eastwards to `east`, both above -180 and up to 180: across
    /// the antimeridian where `west > east`.
    Between {
        /// The western edge.
        west: f64,
        /// The eastern edge.
        east: f64,
    },
}

impl Viewport {
    /// A viewport with these edges, all finite; `None` where south is above
    /// north. Longitudes may have any number of turns; `west > east` crosses
    /// the antimeridian.
    #[must_use]
    pub fn new(north: f64, south: f64, east: f64, west: f64) -> Option<Self> {
        let meridians = if east - west >= TURN {
            Meridians::All
        } else {
            Meridians::Between {
                west: wrap(west),
                east: wrap(east),
            }
        };
        (north >= south).then_some(Self {
            south,
            north,
            meridians,
        })
    }

    /// The southern edge in degrees, as it was given.
    #[must_use]
    pub fn south(&self) -> f64 {
        self.south
    }

    /// The northern edge in degrees, as it was given.
    #[must_use]
    pub fn north(&self) -> f64 {
        self.north
    }

    /// The longitudes.
    #[must_use]
    pub fn meridians(&self) -> Meridians {
        self.meridians
    }

    /// Whether a position is inside.
    #[must_use]
    pub fn contains(&self, position: Position) -> bool {
        let longitude = wrap(position.longitude());
        (self.south..=self.north).contains(&position.latitude())
            && match self.meridians {
                Meridians::All => true,
                Meridians::Between { west, east } if west <= east => {
                    (west..=east).contains(&longitude)
                }
                Meridians::Between { west, east } => longitude >= west || longitude <= east,
            }
    }

    /// What a spatial index can be asked for: holds the viewport, and a little more, or
    /// much where it is wide. What stands on an edge is not lost to the rounding of an index
    /// that computes on the globe.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        let south = (self.south - INDEX_ROUNDING_DEG).clamp(-90.0, 90.0);
        let north = (self.north + INDEX_ROUNDING_DEG).clamp(-90.0, 90.0);
        match self.meridians {
            Meridians::Between { west, east } if (east - west).rem_euclid(TURN) < 179.0 => {
                Bounds::Box {
                    west: wrap(west - INDEX_ROUNDING_DEG),
                    south,
                    east: wrap(east + INDEX_ROUNDING_DEG),
                    north,
                }
            }
            _ if south <= -90.0 && north >= 90.0 => Bounds::Globe,
            _ => Bounds::Band { south, north },
        }
    }
}

/// A longitude so many degrees of whole turns away, as its decimals say.
pub(super) fn turned(longitude: f64, turn: f64) -> f64 {
    if turn == 0.0 {
        return longitude;
    }
    ((longitude + turn) * WRAPPED_DECIMALS_FACTOR).round() / WRAPPED_DECIMALS_FACTOR
}

/// Brings a longitude into the range above -180 and up to 180.
fn wrap(degrees: f64) -> f64 {
    if degrees > -180.0 && degrees <= 180.0 {
        return degrees;
    }
    let turned = degrees.rem_euclid(TURN);
    let wrapped = if turned > 180.0 {
        turned - TURN
    } else {
        turned
    };
    let rounded = (wrapped * WRAPPED_DECIMALS_FACTOR).round() / WRAPPED_DECIMALS_FACTOR;
    if rounded <= -180.0 { 180.0 } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sees(viewport: (f64, f64, f64, f64), latitude: f64, longitude: f64) -> bool {
        let (north, south, east, west) = viewport;
        Viewport::new(north, south, east, west)
            .expect("north is above south")
            .contains(Position::new(latitude, longitude).unwrap())
    }

    #[test]
    fn edges_are_inside() {
        let here = (2.0, -1.0, 4.0, 3.0);
        for (latitude, longitude) in [(2.0, 3.0), (-1.0, 4.0), (0.0, 3.5)] {
            assert!(sees(here, latitude, longitude));
        }
        for (latitude, longitude) in [(2.000_000_01, 3.5), (0.0, 2.999_999_99), (0.0, -3.5)] {
            assert!(!sees(here, latitude, longitude));
        }
    }

    #[test]
    fn a_viewport_across_the_antimeridian_may_be_written_in_any_turn() {
        for (east, west) in [
            (-170.0, 170.0),
            (190.0, 170.0),
            (-170.0, -190.0),
            (550.0, 530.0),
            (-530.0, -550.0),
        ] {
            let here = (1.0, -1.0, east, west);
            for inside in [170.0, 175.0, 180.0, -180.0, -170.0] {
                assert!(sees(here, 0.0, inside), "{east} {west} {inside}");
            }
            for outside in [169.999_999_99, -169.999_999_99, 0.0] {
                assert!(!sees(here, 0.0, outside), "{east} {west} {outside}");
            }
        }
    }

    #[test]
    fn the_antimeridian_has_two_names() {
        for (east, west) in [
            (180.0, 170.0),
            (-170.0, -180.0),
            (-170.0, 180.0),
            (180.0, 180.0),
        ] {
            for longitude in [180.0, -180.0] {
                assert!(
                    sees((1.0, -1.0, east, west), 0.0, longitude),
                    "{east} {west}"
                );
            }
        }
    }

    #[test]
    fn a_viewport_may_be_a_line_or_a_point() {
        assert!(sees((1.0, 1.0, 2.0, 2.0), 1.0, 2.0));
        assert!(sees((1.0, 1.0, -179.0, 179.0), 1.0, 180.0));
        assert!(!sees((1.0, 1.0, 2.0, 2.0), 1.0, -178.0));
        assert!(!sees((1.0, 1.0, 2.0, 2.0), 1.000_000_01, 2.0));
    }

    #[test]
    fn a_whole_turn_or_more_is_every_longitude() {
        for (east, west) in [(180.0, -180.0), (400.0, -400.0), (360.0, 0.0)] {
            for longitude in [0.0, 90.0, 180.0, -180.0, -90.0] {
                assert!(
                    sees((1.0, -1.0, east, west), 0.0, longitude),
                    "{east} {west}"
                );
            }
        }
        let nearly = (1.0, -1.0, 179.0, -180.0);
        assert!(sees(nearly, 0.0, 0.0) && !sees(nearly, 0.0, 179.5));
    }

    #[test]
    fn latitudes_may_lie_beyond_the_poles() {
        assert!(sees((95.0, 60.0, 1.0, -1.0), 90.0, 0.0));
        assert!(sees((0.0, -120.0, 1.0, -1.0), -90.0, 0.0));
        assert!(!sees((99.0, 91.0, 1.0, -1.0), 90.0, 0.0));
        assert_eq!(Viewport::new(1.0, 1.1, 1.0, 0.0), None);
    }

    #[test]
    fn a_wrapped_edge_is_where_its_decimals_say() {
        for turns in -3_i32..=3 {
            for tenths in -1799_i32..=1800 {
                let plain = f64::from(tenths) / 10.0;
                let turned = f64::from(tenths + turns * 3600) / 10.0;
                assert_eq!(wrap(turned), plain);
            }
        }
    }

    /// An index that computes on the globe may have what stands on an edge beyond it.
    #[test]
    fn the_bounds_of_a_viewport_go_beyond_each_of_its_edges() {
        let bounds = |north, south, east, west| {
            let viewport = Viewport::new(north, south, east, west).unwrap();
            viewport.bounds()
        };
        let Bounds::Box {
            west,
            south,
            east,
            north,
        } = bounds(2.0, 1.0, 4.0, 3.0)
        else {
            panic!("it is narrow");
        };
        assert!(west < 3.0 && south < 1.0 && east > 4.0 && north > 2.0);
        let Bounds::Box { west, east, .. } = bounds(2.0, 1.0, -180.0, 180.0) else {
            panic!("it is a line");
        };
        assert!(west < 180.0 && west > 179.9 && east > -180.0 && east < -179.9);
        let Bounds::Band { south, north } = bounds(2.0, 1.0, 180.0, -170.0) else {
            panic!("it is wide");
        };
        assert!(south < 1.0 && north > 2.0);
    }

    #[test]
    fn the_bounds_of_a_viewport_are_one_box_only_while_it_is_narrow() {
        let bounds =
            |north, south, east, west| Viewport::new(north, south, east, west).unwrap().bounds();
        assert!(matches!(
            bounds(99.0, 0.0, 190.0, 170.0),
            Bounds::Box { north: 90.0, .. }
        ));
        assert!(matches!(bounds(9.0, 0.0, 90.0, -90.0), Bounds::Band { .. }));
        assert_eq!(bounds(99.0, -99.0, 90.0, -90.0), Bounds::Globe);
    }
}
