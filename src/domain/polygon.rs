//! A shape on the map, with edges that are straight in longitude and latitude, as GeoJSON
//! has them (RFC 7946, section 3.1.1).

use thiserror::Error;

use super::position::Position;
use super::ring::{Corner, Ring, Side};
use super::viewport::{Viewport, turned};

/// The most positions of one shape, all rings together.
pub const MAX_POLYGON_POSITIONS: usize = 10_000;
/// How far from 0 longitudes may be: one turn beyond either side of a map.
pub const MAX_POLYGON_LONGITUDE: f64 = 540.0;
/// The turns in which a center may lie in such a shape.
const TURNS: [f64; 5] = [-720.0, -360.0, 0.0, 360.0, 720.0];
/// Coordinates of a table are rounded by less than this, in degrees.
const ROUNDING_DEG: f64 = 1e-8;

/// What is wrong with a shape, and where.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum PolygonError {
    /// There is no ring.
    #[error("a polygon has at least one ring")]
    Empty,
    /// There are more than [`MAX_POLYGON_POSITIONS`].
    #[error("a polygon has at most {MAX_POLYGON_POSITIONS} positions, this one has {0}")]
    TooLong(usize),
    /// A position is out of range.
    #[error(
        "{ring}: [{longitude}, {latitude}] is no position: longitudes are from \
         -{MAX_POLYGON_LONGITUDE} to {MAX_POLYGON_LONGITUDE}, latitudes from -90 to 90"
    )]
    OutOfRange {
        /// The ring.
        ring: RingName,
        /// The longitude.
        longitude: f64,
        /// The latitude.
        latitude: f64,
    },
    /// The last position of a ring is not its first.
    #[error("{ring} is open: it begins at {first:?} and ends at {last:?}")]
    Open {
        /// The ring.
        ring: RingName,
        /// The first position, longitude first.
        first: [f64; 2],
        /// The last position.
        last: [f64; 2],
    },
    /// A ring crosses or touches itself, or has no inside.
    #[error("{ring} crosses or touches itself at {at:?}")]
    MeetsItself {
        /// The ring.
        ring: RingName,
        /// Where, longitude first.
        at: [f64; 2],
    },
}

/// A ring by its places, both from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingName {
    /// The polygon, among several.
    pub polygon: usize,
    /// The ring of the polygon, the outer one first.
    pub ring: usize,
}

impl std::fmt::Display for RingName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ring {} of polygon {}", self.ring, self.polygon)
    }
}

/// One polygon or several. A center is inside where it is in any of them: in its outer
/// ring and in none of its holes. Edges are inside, those of holes too.
#[derive(Debug, Clone, PartialEq)]
pub struct Polygon {
    parts: Vec<Part>,
    viewport: Viewport,
}

/// A polygon without others.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    outer: Ring,
    holes: Vec<Ring>,
    viewport: Viewport,
}

impl Polygon {
    /// A shape of polygons of rings of positions, longitude first; the first ring of a
    /// polygon is the outer one, the others are holes. Longitudes beyond ±180 go on around
    /// the globe: from 170 to 190 crosses the antimeridian.
    ///
    /// # Errors
    /// When a ring is open, crosses or touches itself, or there are too many positions.
    #[expect(clippy::missing_panics_doc, reason = "a ring has some height")]
    pub fn new(polygons: &[Vec<Vec<[f64; 2]>>]) -> Result<Self, PolygonError> {
        let positions = polygons.iter().flatten().map(Vec::len).sum();
        if positions > MAX_POLYGON_POSITIONS {
            return Err(PolygonError::TooLong(positions));
        }
        let parts = polygons.iter().enumerate();
        let parts = parts.map(|(polygon, rings)| {
            let mut rings = rings.iter().enumerate().map(|(place, positions)| {
                let name = RingName {
                    polygon,
                    ring: place,
                };
                ring(name, positions)
            });
            let outer = rings.next().ok_or(PolygonError::Empty)??;
            let (low, high) = (outer.lowest(), outer.highest());
            Ok(Part {
                viewport: Viewport::new(high.y, low.y, high.x, low.x)
                    .expect("a ring has some height"),
                outer,
                holes: rings.collect::<Result<_, _>>()?,
            })
        });
        let parts = parts.collect::<Result<Vec<Part>, _>>()?;
        let viewport = around(&parts).ok_or(PolygonError::Empty)?;
        Ok(Self { parts, viewport })
    }

    /// Whether a position is inside, by its coordinates: a pole is where its longitude
    /// says.
    #[must_use]
    pub fn contains(&self, position: Position) -> bool {
        self.parts.iter().any(|part| part.contains(position))
    }

    /// The polygons that it is made of.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What a map has to show of the globe to show it, as narrow as can be.
    #[must_use]
    pub fn viewport(&self) -> &Viewport {
        &self.viewport
    }

    /// Writes it in bytes that tell it from every other one.
    pub fn encode(&self, out: &mut impl FnMut(&[u8])) {
        for part in &self.parts {
            out(&(part.holes.len() as u64).to_le_bytes());
            for ring in std::iter::once(&part.outer).chain(&part.holes) {
                out(&(ring.corners().len() as u64).to_le_bytes());
                for corner in ring.corners() {
                    out(&corner.x.to_le_bytes());
                    out(&corner.y.to_le_bytes());
                }
            }
        }
    }
}

impl Part {
    /// What it lies in.
    #[must_use]
    pub fn viewport(&self) -> &Viewport {
        &self.viewport
    }

    fn contains(&self, position: Position) -> bool {
        let (low, high) = (self.outer.lowest().x, self.outer.highest().x);
        TURNS.into_iter().any(|turn| {
            let point = Corner {
                x: turned(position.longitude(), turn),
                y: position.latitude(),
            };
            low <= point.x
                && point.x <= high
                && self.outer.side(point) != Side::Outside
                && self
                    .holes
                    .iter()
                    .all(|hole| hole.side(point) != Side::Inside)
        })
    }
}

/// The narrowest viewport around parts, with some room for rounding.
fn around(parts: &[Part]) -> Option<Viewport> {
    let whole = |pick: fn(f64, f64) -> f64, value: fn(&Ring) -> f64| {
        let values = parts.iter().map(|part| value(&part.outer));
        values.reduce(pick)
    };
    let south = whole(f64::min, |ring| ring.lowest().y)? - ROUNDING_DEG;
    let north = whole(f64::max, |ring| ring.highest().y)? + ROUNDING_DEG;
    // From west to east, each from where it begins in the turn that begins at 0.
    let mut spans: Vec<(f64, f64)> = parts
        .iter()
        .map(|Part { outer, .. }| {
            let west = outer.lowest().x.rem_euclid(360.0);
            (west, west + outer.highest().x - outer.lowest().x)
        })
        .collect();
    spans.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    // The widest gap is left out. What reaches farthest may reach into the next turn.
    let mut reached = spans.iter().fold(f64::MIN, |east, span| east.max(span.1)) - 360.0;
    let (mut gap, mut west, mut east) = (f64::MIN, 0.0, 0.0);
    for &(begins, ends) in &spans {
        if begins - reached > gap {
            (gap, west, east) = (begins - reached, begins, reached);
        }
        reached = reached.max(ends);
    }
    let (west, east) = if gap <= 2.0 * ROUNDING_DEG {
        (0.0, 360.0)
    } else {
        (west - ROUNDING_DEG, east + ROUNDING_DEG)
    };
    Viewport::new(north.min(90.0), south.max(-90.0), east, west)
}

fn ring(name: RingName, positions: &[[f64; 2]]) -> Result<Ring, PolygonError> {
    for &[longitude, latitude] in positions {
        let is_position = longitude.abs() <= MAX_POLYGON_LONGITUDE && latitude.abs() <= 90.0;
        if !is_position {
            return Err(PolygonError::OutOfRange {
                ring: name,
                longitude,
                latitude,
            });
        }
    }
    if let (Some(&first), Some(&last)) = (positions.first(), positions.last())
        && first != last
    {
        return Err(PolygonError::Open {
            ring: name,
            first,
            last,
        });
    }
    // Minus 0 is 0.
    let corners = positions.iter().map(|&[x, y]| Corner {
        x: x + 0.0,
        y: y + 0.0,
    });
    Ring::new(corners.collect()).map_err(|at| PolygonError::MeetsItself {
        ring: name,
        at: [at.x, at.y],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn polygon(rings: &[&[[f64; 2]]]) -> Result<Polygon, PolygonError> {
        let rings = rings.iter().map(|ring| ring.to_vec());
        Polygon::new(&[rings.collect()])
    }

    fn square(west: f64, south: f64, size: f64) -> Vec<[f64; 2]> {
        let (east, north) = (west + size, south + size);
        vec![
            [west, south],
            [east, south],
            [east, north],
            [west, north],
            [west, south],
        ]
    }

    fn holds(polygon: &Polygon, latitude: f64, longitude: f64) -> bool {
        polygon.contains(Position::new(latitude, longitude).unwrap())
    }

    #[test]
    fn edges_corners_and_edges_of_holes_are_inside_and_holes_are_not() {
        let holed = polygon(&[&square(0.0, 0.0, 10.0), &square(4.0, 4.0, 2.0)]).unwrap();
        for (latitude, longitude) in [
            (0.0, 0.0),
            (10.0, 10.0),
            (0.0, 5.0),
            (5.0, 10.0),
            (4.0, 4.0),
            (5.0, 4.0),
            (6.0, 5.0),
            (3.0, 5.0),
        ] {
            assert!(holds(&holed, latitude, longitude), "{latitude} {longitude}");
        }
        for (latitude, longitude) in [
            (5.0, 5.0),
            (4.000_000_01, 4.000_000_01),
            (-0.000_000_01, 5.0),
            (5.0, 10.000_000_01),
            (10.0, -170.0),
        ] {
            assert!(
                !holds(&holed, latitude, longitude),
                "{latitude} {longitude}"
            );
        }
    }

    #[test]
    fn longitudes_go_on_beyond_the_antimeridian_in_either_direction() {
        for west in [170.0, -190.0] {
            let crossing = polygon(&[&square(west, -5.0, 20.0)]).unwrap();
            for longitude in [170.0, 179.9, 180.0, -180.0, -179.9, -170.0] {
                assert!(holds(&crossing, 0.0, longitude), "{west} {longitude}");
                assert!(holds(&crossing, -5.0, longitude), "{west} {longitude}");
            }
            for longitude in [169.999_999_99, -169.999_999_99, 0.0] {
                assert!(!holds(&crossing, 0.0, longitude), "{west} {longitude}");
            }
        }
        // Where longitudes do not go on, an edge goes the long way: GeoJSON says so.
        let long_way = [
            [170.0, -5.0],
            [-170.0, -5.0],
            [-170.0, 5.0],
            [170.0, 5.0],
            [170.0, -5.0],
        ];
        let long_way = polygon(&[&long_way]).unwrap();
        assert!(holds(&long_way, 0.0, 0.0) && !holds(&long_way, 0.0, 175.0));
        // The decimal that an edge is written as is the meridian that it is on.
        let tenths = polygon(&[&square(180.1, 0.0, 1.0)]).unwrap();
        assert!(holds(&tenths, 0.5, -179.9));
    }

    #[test]
    fn a_pole_is_where_its_longitude_says() {
        let cap = [
            [-180.0, 60.0],
            [180.0, 60.0],
            [180.0, 90.0],
            [-180.0, 90.0],
            [-180.0, 60.0],
        ];
        let cap = polygon(&[&cap]).unwrap();
        assert!(holds(&cap, 90.0, 12.0) && holds(&cap, 60.0, -180.0) && !holds(&cap, 59.9, 0.0));
        let wedge = polygon(&[&[
            [0.0, 80.0],
            [10.0, 80.0],
            [10.0, 90.0],
            [0.0, 90.0],
            [0.0, 80.0],
        ]]);
        let wedge = wedge.unwrap();
        assert!(holds(&wedge, 90.0, 5.0) && !holds(&wedge, 90.0, 11.0));
    }

    #[test]
    fn the_viewport_of_several_polygons_leaves_the_widest_gap_out() {
        let of = |wests: &[f64]| {
            let polygons: Vec<_> = wests
                .iter()
                .map(|&west| vec![square(west, 0.0, 10.0)])
                .collect();
            *Polygon::new(&polygons).unwrap().viewport()
        };
        let sees = |viewport: Viewport, longitude: f64| {
            viewport.contains(Position::new(5.0, longitude).unwrap())
        };
        let pacific = of(&[170.0, -180.0]);
        assert!(sees(pacific, 175.0) && sees(pacific, -175.0) && !sees(pacific, 0.0));
        let pair = of(&[20.0, 60.0]);
        assert!(sees(pair, 20.0) && sees(pair, 70.0) && !sees(pair, 80.0) && !sees(pair, 10.0));
        let over_greenwich = of(&[-5.0]);
        assert!(
            sees(over_greenwich, -5.0) && sees(over_greenwich, 5.0) && !sees(over_greenwich, 10.0)
        );
        let far_apart = of(&[0.0, 100.0, -110.0]);
        for inside in [0.0, 110.0, -110.0, -100.0] {
            assert!(sees(far_apart, inside), "{inside}");
        }
        assert!(!sees(far_apart, 180.0));
    }

    #[test]
    fn what_is_no_polygon_is_told_what_and_where() {
        let told = |rings: &[&[[f64; 2]]]| polygon(rings).unwrap_err().to_string();
        let open = told(&[&square(0.0, 0.0, 1.0)[..4]]);
        assert_eq!(
            open,
            "ring 0 of polygon 0 is open: it begins at [0.0, 0.0] and ends at [0.0, 1.0]"
        );
        let bow = told(&[&[[0.0, 0.0], [2.0, 2.0], [2.0, 0.0], [0.0, 2.0], [0.0, 0.0]]]);
        assert_eq!(
            bow,
            "ring 0 of polygon 0 crosses or touches itself at [1.0, 1.0]"
        );
        let hole = told(&[
            &square(0.0, 0.0, 9.0),
            &[[1.0, 1.0], [2.0, 2.0], [1.0, 1.0]],
        ]);
        assert!(hole.starts_with("ring 1 of polygon 0 crosses"), "{hole}");
        assert!(
            told(&[&[[0.0, 0.0], [0.0, 91.0], [1.0, 1.0], [0.0, 0.0]]])
                .contains("[0, 91] is no position")
        );
        assert!(told(&[&[[0.0, 0.0], [541.0, 1.0], [1.0, 1.0], [0.0, 0.0]]]).contains("541"));
        assert!(told(&[]).contains("at least one ring"));
        assert_eq!(Polygon::new(&[]), Err(PolygonError::Empty));
        assert!(told(&[&[]]).contains("ring 0"));
        let many = |count: usize| {
            let corners = u32::try_from(count - 1).unwrap();
            let circle = (0..corners).map(|n| {
                let angle = f64::from(n) / f64::from(corners) * std::f64::consts::TAU;
                [angle.cos(), angle.sin()]
            });
            let mut circle: Vec<_> = circle.collect();
            circle.push(circle[0]);
            polygon(&[&circle])
        };
        assert!(many(MAX_POLYGON_POSITIONS).is_ok());
        assert_eq!(
            many(MAX_POLYGON_POSITIONS + 1),
            Err(PolygonError::TooLong(MAX_POLYGON_POSITIONS + 1))
        );
    }
}
