//! Rows with something to be said of them, as `verify`, `adopt` and `backfill` report them.

use serde_json::{Value, json};

use crate::output::say;
use crate::store::{DriftDistances, Finding};

/// How many, and the first ids.
pub(super) fn print(name: &str, finding: &Finding) {
    let ids: Vec<String> = finding.first_ids.iter().map(i64::to_string).collect();
    let more = if (ids.len() as u64) < finding.count {
        ", …"
    } else {
        ""
    };
    match ids.as_slice() {
        [] => print_count(name, finding.count),
        ids => say!(
            "{name:<20} {:>12}  ids {}{more}",
            finding.count,
            ids.join(", ")
        ),
    }
}

pub(super) fn print_count(name: &str, count: u64) {
    say!("{name:<20} {count:>12}");
}

/// Rows of which only a latitude or only a longitude is known, where there are any.
pub(super) fn print_halves(latitude_only: &Finding, longitude_only: &Finding) {
    for (name, finding) in [
        ("  latitude only", latitude_only),
        ("  longitude only", longitude_only),
    ] {
        if finding.count > 0 {
            print(name, finding);
        }
    }
}

/// How far rows in drift are off, where there are any.
pub(super) fn print_distances(distances: DriftDistances, drift: u64) {
    let bands = [
        ("  under 1 mm", distances.under_1_mm),
        ("  under 1 m", distances.under_1_m),
        ("  under 100 m", distances.under_100_m),
        ("  100 m or more", distances.beyond(drift)),
    ];
    for (name, count) in bands {
        if count > 0 {
            print_count(name, count);
        }
    }
}

pub(super) fn to_json(finding: &Finding) -> Value {
    json!({"count": finding.count, "first_ids": finding.first_ids})
}

/// A finding of rows in drift.
pub(super) fn drift_to_json(finding: &Finding, distances: DriftDistances) -> Value {
    let mut object = to_json(finding);
    object["by_distance"] = json!({
        "under_1_mm": distances.under_1_mm,
        "under_1_m": distances.under_1_m,
        "under_100_m": distances.under_100_m,
        "from_100_m": distances.beyond(finding.count),
    });
    object
}
