//! The report for programs.

use serde_json::{Value, json};

use crate::store::{Adoption, Facts, Finding, Rows};

pub(super) fn report(found: &Adoption) -> Value {
    let state = if !found.obstacles.is_empty() {
        "cannot_be_adopted"
    } else if found.steps.is_empty() {
        "adopted"
    } else {
        "to_do"
    };
    let obstacles = found.obstacles.iter();
    let steps = found.steps.iter();
    json!({
        "state": state,
        "headline": found.headline().filter(|_| found.facts.engine.is_some()),
        "table": facts(&found.facts),
        "rows": found.rows.as_ref().map(rows),
        "obstacles": obstacles
            .map(|obstacle| json!({"what": obstacle.what, "remedy": obstacle.remedy}))
            .collect::<Vec<_>>(),
        "warnings": found.warnings,
        "steps": steps
            .map(|step| json!({
                "action": step.action.name(),
                "text": step.text,
                "locking": step.locking.name(),
                "expected_s": step.expected.as_secs(),
                "sql": step.statements.iter().map(ToString::to_string).collect::<Vec<_>>(),
            }))
            .collect::<Vec<_>>(),
    })
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
            .map(|(name, in_place)| json!({"name": name, "in_place": in_place}))
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
    let finding =
        |finding: &Finding| json!({"count": finding.count, "first_ids": finding.first_ids});
    json!({
        "total": rows.total,
        "exact": true,
        "without_coordinates": rows.without_coordinates,
        "location_null": rows.null_locations,
        "drift": finding(&rows.drift),
        "location_only": finding(&rows.location_only),
        "out_of_range": finding(&rows.out_of_range),
        "to_write": rows.to_write,
    })
}
