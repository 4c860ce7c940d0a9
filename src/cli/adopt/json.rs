//! The report for programs.

use serde_json::{Value, json};

use super::super::findings;
use crate::store::feed::Lack;
use crate::store::{Adoption, Facts, Obstacle, Rows, Step, TriggerState};

pub(super) fn report(found: &Adoption, mirror: Option<&[Lack]>) -> Value {
    let state = if !found.obstacles.is_empty() {
        "cannot_be_adopted"
    } else if found.steps.is_empty() {
        "adopted"
    } else {
        "to_do"
    };
    json!({
        "state": state,
        "headline": found.headline().filter(|_| found.facts.engine.is_some()),
        "table": facts(&found.facts),
        "rows": found.rows.as_ref().map(rows),
        "obstacles": obstacles(&found.obstacles),
        "warnings": found.warnings,
        "mirror": mirror.map(fitness),
        "steps": steps(&found.steps),
        "administrator_steps": steps(&found.administrator_steps),
    })
}

/// Whether an index in memory could follow the server.
fn fitness(lacks: &[Lack]) -> Value {
    let told = lacks.iter();
    let told = told.map(|lack| json!({"what": lack.what, "remedy": lack.mend}));
    json!({"is_fit": lacks.is_empty(), "lacks": told.collect::<Vec<_>>()})
}

pub(super) fn obstacles(obstacles: &[Obstacle]) -> Vec<Value> {
    let told = obstacles.iter();
    told.map(|obstacle| json!({"what": obstacle.what, "remedy": obstacle.remedy}))
        .collect()
}

pub(super) fn steps(steps: &[Step]) -> Vec<Value> {
    let told = steps.iter().map(|step| {
        json!({
            "action": step.action.name(),
            "text": step.text,
            "locking": step.locking.name(),
            "expected_s": step.expected.as_secs(),
            "sql": step.statements.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    });
    told.collect()
}

fn facts(facts: &Facts) -> Value {
    let triggers = facts.triggers.iter();
    json!({
        "name": facts.table,
        "engine": facts.engine,
        "key": facts.key,
        "coordinates": facts.coordinates,
        "location": facts.location,
        "spatial_index": facts.spatial_index.as_ref().map(
            |index| json!({"name": index.name, "visible": index.visible})
        ),
        "triggers": triggers
            .map(|(name, state)| {
                // Null where this user cannot see.
                let in_place = (*state != TriggerState::Unseen)
                    .then_some(*state == TriggerState::InPlace);
                json!({"name": name, "in_place": in_place})
            })
            .collect::<Vec<_>>(),
        "other_triggers": facts.other_triggers,
        "user": facts.user,
        "grants": facts.rights,
        "server_version": facts.version,
        "binary_logging": facts.binary_logging,
        "log_bin_trust_function_creators": facts.trusts_creators,
    })
}

fn rows(rows: &Rows) -> Value {
    json!({
        "total": rows.total,
        "exact": true,
        "without_coordinates": rows.without_coordinates,
        "location_null": rows.null_locations,
        "latitude_only": findings::to_json(&rows.latitude_only),
        "longitude_only": findings::to_json(&rows.longitude_only),
        "drift": findings::drift_to_json(&rows.drift, rows.distances),
        "location_only": findings::to_json(&rows.location_only),
        "out_of_range": findings::to_json(&rows.out_of_range),
        "to_write": rows.to_write,
    })
}
