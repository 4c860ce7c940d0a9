//! Distances and orders known from elsewhere, so that the engines and brute
//! force cannot be wrong together.
//!
//! The sphere's radius is 6,371,008.771415 m; a degree of a great circle is
//! pi * R / 180 = 111,195.079735 m, by hand.

use nearby::domain::{Area, Filter, Limit, Origin, Search};
use nearby::engine::brute::Found;

use crate::compare::tolerance_m;
use crate::memory::{both, page};
use crate::world::Place;

const DEGREE_M: f64 = 111_195.079_735;

fn places(spots: &[(f64, f64)]) -> Vec<Place> {
    (1..)
        .zip(spots)
        .map(|(id, &at)| Place {
            id,
            name: format!("anchor {id}"),
            country: None,
            region: None,
            city: None,
            at: Some(at),
        })
        .collect()
}

fn from(latitude: f64, longitude: f64) -> Search {
    Search {
        area: Area::around(
            Origin::new(latitude, longitude).expect("within range"),
            None,
        ),
        limit: Limit::new(100).expect("within range"),
        filter: Filter::default(),
        exclude: Vec::new(),
        after: None,
    }
}

/// Both the engine and brute force find these ids at these distances.
fn assert_found(spots: &[(f64, f64)], search: &Search, expected: &[(i64, f64)]) {
    let (engine, brute) = both(&places(spots));
    let by_engine: Vec<(i64, f64)> = page(&engine, search)
        .centers
        .iter()
        .map(|found| (found.id.get(), found.distance_m))
        .collect();
    let by_brute: Vec<(i64, f64)> = brute
        .ranked(search)
        .iter()
        .map(|found: &Found| (found.id.get(), found.distance_m))
        .collect();
    for found in [by_engine, by_brute] {
        assert_eq!(found.len(), expected.len());
        for ((id, distance_m), (expected_id, expected_m)) in found.iter().zip(expected) {
            assert_eq!(id, expected_id, "{found:?}");
            let off_m = (distance_m - expected_m).abs();
            assert!(
                off_m <= tolerance_m(*expected_m),
                "{id}: {distance_m} is not {expected_m}"
            );
        }
    }
}

#[test]
fn degrees_along_the_equator_and_a_meridian_are_degrees_of_a_great_circle() {
    assert_found(
        &[(0.0, 3.0), (0.0, -1.0), (2.0, 0.0), (0.0, 90.0)],
        &from(0.0, 0.0),
        &[
            (2, DEGREE_M),
            (3, 2.0 * DEGREE_M),
            (1, 3.0 * DEGREE_M),
            (4, 90.0 * DEGREE_M),
        ],
    );
}

#[test]
fn the_antimeridian_is_no_border() {
    assert_found(
        &[(0.0, 179.0), (0.0, -179.5), (0.0, 177.0)],
        &from(0.0, 180.0),
        &[(2, 0.5 * DEGREE_M), (1, DEGREE_M), (3, 3.0 * DEGREE_M)],
    );
}

#[test]
fn over_a_pole_latitudes_add_up() {
    // 88 N on opposite meridians are 4 degrees apart, over the pole.
    assert_found(
        &[(88.0, 180.0), (90.0, 45.0), (87.0, 0.0)],
        &from(88.0, 0.0),
        &[(3, DEGREE_M), (2, 2.0 * DEGREE_M), (1, 4.0 * DEGREE_M)],
    );
}

#[test]
fn an_antipode_is_half_a_circumference_away() {
    assert_found(
        &[(-40.0, -140.0), (0.0, 0.0)],
        &from(40.0, 40.0),
        // By the cosine rule: cos 40 squared is 0.586824, the cosine of
        // 54.068041680 degrees.
        &[(2, 54.068_041_680 * DEGREE_M), (1, 180.0 * DEGREE_M)],
    );
}

#[test]
fn paris_to_london_is_what_mysql_says() {
    // On 9.7.4: SELECT ST_Distance_Sphere(ST_SRID(POINT(2.3522, 48.8566), 4326),
    //                           ST_SRID(POINT(-0.1278, 51.5074), 4326))
    assert_found(
        &[(51.507_4, -0.127_8)],
        &from(48.856_6, 2.352_2),
        &[(1, 343_556.533_339)],
    );
}
