//! Judges an engine's answer by what brute force measured.
//!
//! The tolerances are those of the design: distances within 1e-9 of their
//! length, 1 mm below a kilometre, and 1e-7 within a degree of the antipode,
//! where the haversine formula itself loses digits. Two centers closer to a tie
//! than that may swap, and one so close to the radius may be in or out.

use std::collections::HashMap;

use nearby::domain::{Area, CenterId, EARTH_RADIUS_M, Radius, Search, ValueKey, covers};
use nearby::engine::brute::Found;

const HALF_GLOBE_M: f64 = std::f64::consts::PI * EARTH_RADIUS_M;
const DEGREE_M: f64 = HALF_GLOBE_M / 180.0;

/// One center of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answered {
    pub id: CenterId,
    pub distance_m: f64,
}

/// How far two right answers may be apart at a distance, in metres.
pub fn tolerance_m(distance_m: f64) -> f64 {
    if distance_m > HALF_GLOBE_M - DEGREE_M {
        1e-7 * distance_m
    } else if distance_m < 1_000.0 {
        1e-3
    } else {
        1e-9 * distance_m
    }
}

/// Whether an answer to a search is right; the arguments are those of [`judge`].
///
/// # Errors
/// What is wrong.
pub fn judge_search(
    search: &Search,
    measured: Vec<Found>,
    limit: usize,
    answered: &[Answered],
) -> Result<(), String> {
    match &search.area {
        Area::Around(around) => {
            let mut measured = measured;
            leave_out_what_is_too_near(search, &mut measured, answered);
            judge(measured, around.radius.map(Radius::m), limit, answered)
        }
        Area::Within(_) => judge_by_id(&measured, limit, answered),
    }
}

/// One so close to the least radius may be in or out.
fn leave_out_what_is_too_near(search: &Search, measured: &mut Vec<Found>, answered: &[Answered]) {
    let Some(min_radius) = search.around().and_then(|around| around.min_radius) else {
        return;
    };
    let (least_m, slack_m) = (min_radius.m(), tolerance_m(min_radius.m()));
    measured.retain(|found| {
        found.distance_m >= least_m + slack_m
            || found.distance_m >= least_m - slack_m && is_answered(answered, found.id)
    });
}

fn is_answered(answered: &[Answered], id: CenterId) -> bool {
    answered.iter().any(|answered| answered.id == id)
}

/// Leaves out what does not reach the origin with its own radius; one that so nearly does or
/// does not may be in or out.
pub fn leave_out_what_does_not_reach(
    measured: &mut Vec<Found>,
    reach_of: impl Fn(CenterId) -> Option<f64>,
    answered: &[Answered],
) {
    measured.retain(|found| {
        let Some(reach_m) = reach_of(found.id).filter(|reach_m| *reach_m > 0.0) else {
            return false;
        };
        let slack_m = tolerance_m(found.distance_m);
        if (reach_m - found.distance_m).abs() <= slack_m {
            is_answered(answered, found.id)
        } else {
            covers(reach_m, found.distance_m)
        }
    });
}

/// Whether an answer to a search of the nearest of each group is right; `value_of` gives
/// the group of a center.
///
/// # Errors
/// What is wrong.
pub fn judge_groups(
    search: &Search,
    mut measured: Vec<Found>,
    value_of: impl Fn(CenterId) -> Option<ValueKey>,
    answered: &[Answered],
) -> Result<(), String> {
    leave_out_what_is_too_near(search, &mut measured, answered);
    measured.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m).then(a.id.cmp(&b.id)));
    let mut nearest: Vec<Found> = Vec::new();
    let mut places: HashMap<ValueKey, usize> = HashMap::new();
    for found in measured {
        let Some(value) = value_of(found.id) else {
            nearest.push(found);
            continue;
        };
        let place = *places.entry(value).or_insert(nearest.len());
        let Some(first) = nearest.get_mut(place) else {
            nearest.push(found);
            continue;
        };
        // Two that are so close to a tie may swap, but on one spot.
        let is_tie = found.distance_m <= first.distance_m + tolerance_m(first.distance_m)
            && found.position != first.position;
        if is_tie && is_answered(answered, found.id) && !is_answered(answered, first.id) {
            *first = found;
        }
    }
    judge_search(search, nearest, search.limit.get(), answered)
}

fn judge_by_id(measured: &[Found], limit: usize, answered: &[Answered]) -> Result<(), String> {
    let mut expected: Vec<CenterId> = measured.iter().map(|found| found.id).collect();
    expected.sort_unstable();
    expected.truncate(limit);
    let answered = answered.iter().map(|answered| answered.id);
    if answered.eq(expected.iter().copied()) {
        return Ok(());
    }
    Err(format!("expected {expected:?}"))
}

/// Whether an answer is right.
///
/// `measured` is what [`nearby::engine::brute::BruteForce::measured`] gives for
/// the search; `answered` is one page, or all pages joined with a `limit` that
/// they did not reach.
///
/// # Errors
/// What is wrong.
pub fn judge(
    mut measured: Vec<Found>,
    radius_m: Option<f64>,
    limit: usize,
    answered: &[Answered],
) -> Result<(), String> {
    if !measured.is_sorted_by_key(|found| found.id) {
        measured.sort_unstable_by_key(|found| found.id);
    }
    let expected = answered
        .iter()
        .map(|answered| find(&measured, answered))
        .collect::<Result<Vec<&Found>, String>>()?;
    if answered.len() > limit {
        return Err(format!("{} centers for limit {limit}", answered.len()));
    }
    each_is_measured_right(answered, &expected)?;
    each_is_within(radius_m, &expected)?;
    each_follows_the_one_before(&expected)?;
    nothing_nearer_is_missing(&measured, radius_m, limit, &expected)
}

fn find<'a>(measured: &'a [Found], answered: &Answered) -> Result<&'a Found, String> {
    measured
        .binary_search_by_key(&answered.id, |found| found.id)
        .map(|at| &measured[at])
        .map_err(|_| format!("{} does not qualify", answered.id))
}

fn each_is_measured_right(answered: &[Answered], expected: &[&Found]) -> Result<(), String> {
    for (answered, expected) in answered.iter().zip(expected) {
        let off_m = (answered.distance_m - expected.distance_m).abs();
        if off_m.is_nan() || off_m > tolerance_m(expected.distance_m) {
            return Err(format!("{answered:?} is not at {expected:?}"));
        }
    }
    Ok(())
}

fn each_is_within(radius_m: Option<f64>, expected: &[&Found]) -> Result<(), String> {
    let Some(radius_m) = radius_m else {
        return Ok(());
    };
    match expected
        .iter()
        .find(|found| found.distance_m > radius_m + tolerance_m(radius_m))
    {
        Some(beyond) => Err(format!("{beyond:?} is beyond {radius_m}")),
        None => Ok(()),
    }
}

fn each_follows_the_one_before(expected: &[&Found]) -> Result<(), String> {
    for pair in expected.windows(2) {
        let (first, second) = (pair[0], pair[1]);
        // Centers on one spot are a true tie on every engine.
        let right = if first.position == second.position {
            first.id < second.id
        } else {
            first.distance_m <= second.distance_m + tolerance_m(second.distance_m)
        };
        if !right {
            return Err(format!("{second:?} comes after {first:?}"));
        }
    }
    let mut ids: Vec<CenterId> = expected.iter().map(|found| found.id).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(twice) => Err(format!("{} is there twice", twice[0])),
        None => Ok(()),
    }
}

fn nothing_nearer_is_missing(
    measured: &[Found],
    radius_m: Option<f64>,
    limit: usize,
    expected: &[&Found],
) -> Result<(), String> {
    let end_m = match expected.last() {
        Some(last) if expected.len() == limit => last.distance_m,
        _ => radius_m.unwrap_or(f64::INFINITY),
    };
    // Infinity has no tolerance: infinity less infinity is no number.
    let surely_within_m = if end_m.is_finite() {
        end_m - tolerance_m(end_m)
    } else {
        end_m
    };
    let nearer = |found: &&Found| found.distance_m < surely_within_m;
    let (there, answered) = (
        measured.iter().filter(nearer).count(),
        expected.iter().copied().filter(nearer).count(),
    );
    if there == answered {
        return Ok(());
    }
    let missing = measured
        .iter()
        .filter(nearer)
        .find(|found| !expected.iter().any(|answered| answered.id == found.id));
    Err(format!("{answered} of {there} were found, not {missing:?}"))
}

#[test]
fn the_judge_refuses_what_is_wrong() {
    let at = |id: i64, longitude: f64, distance_m: f64| Found {
        id: CenterId::new(id).unwrap(),
        position: nearby::domain::Position::new(0.0, longitude).unwrap(),
        distance_m,
    };
    let measured = vec![
        at(1, 1.0, 2_000.0),
        at(2, 1.0, 2_000.0),
        at(3, 2.0, 3_000.0),
        at(4, 3.0, 5_000.0),
    ];
    let judged = |radius_m: f64, limit: usize, answer: &[(i64, f64)]| {
        let answered: Vec<Answered> = answer
            .iter()
            .map(|&(id, distance_m)| Answered {
                id: CenterId::new(id).unwrap(),
                distance_m,
            })
            .collect();
        judge(measured.clone(), Some(radius_m), limit, &answered)
    };
    let whole = [(1, 2_000.0), (2, 2_000.0), (3, 3_000.0)];
    assert_eq!(judged(4_000.0, 9, &whole), Ok(()));
    assert_eq!(judged(4_000.0, 2, &whole[..2]), Ok(()));
    // Swapped ids of one spot, a swapped order, a gap, a distance 1 cm off, one
    // beyond the radius, one twice, one that does not exist, one too many.
    for (radius_m, limit, wrong) in [
        (4_000.0, 9, vec![(2, 2_000.0), (1, 2_000.0), (3, 3_000.0)]),
        (4_000.0, 9, vec![(3, 3_000.0), (1, 2_000.0), (2, 2_000.0)]),
        (4_000.0, 9, vec![(1, 2_000.0), (3, 3_000.0)]),
        (4_000.0, 9, vec![(1, 2_000.01), (2, 2_000.0), (3, 3_000.0)]),
        (2_500.0, 9, whole.to_vec()),
        (2_500.0, 9, vec![(1, 2_000.0), (1, 2_000.0)]),
        (2_500.0, 9, vec![(1, 2_000.0), (2, 2_000.0), (9, 2_000.0)]),
        (4_000.0, 2, whole.to_vec()),
    ] {
        assert!(judged(radius_m, limit, &wrong).is_err(), "{wrong:?}");
    }
}
