//! The report for people.

use std::time::Duration;

use super::super::findings;
use crate::output::say;
use crate::store::feed::Lack;
use crate::store::{
    ADOPTION_SQL_MODE, Adoption, Collection, Facts, Indexing, Locking, Obstacle, Rows, Step,
    TriggerState,
};

/// The servers that will do, for the report.
const MINIMUM: &str = "8.0.41, 8.4.4 or 9";

pub(super) fn print_report(
    found: &Adoption,
    mirror: Option<&[Lack]>,
    collection: &Collection,
    indexing: Indexing,
) {
    if let Some(headline) = found.headline().filter(|_| found.facts.engine.is_some()) {
        say!("{headline}\n");
    }
    print_facts(&found.facts);
    if let Some(rows) = &found.rows {
        print_rows(rows, found.facts.location.is_some());
    }
    print_mirror(mirror);
    for obstacle in &found.obstacles {
        say!("\nin the way: {}\n  {}", obstacle.what, obstacle.remedy);
    }
    print_warnings(&found.warnings);
    if found.steps.is_empty() {
        if found.obstacles.is_empty() {
            say!("\nnothing to do");
        }
        return;
    }
    say!();
    print_steps(&found.steps);
    let mut flag = collection.flag();
    if indexing == Indexing::Online {
        flag.push_str(" --online");
    }
    if found.obstacles.is_empty() {
        say!(
            "\n`nearby adopt{flag} --apply` does this; `nearby adopt{flag} --sql` prints the statements"
        );
    } else if found.is_unfinished() {
        say!(
            "\n`nearby adopt{flag} --apply` does step 1, and the others once nothing is in the way"
        );
    }
}

/// What is going to be done, before it begins.
pub(super) fn print_plan(found: &Adoption) {
    print_steps(&found.steps);
    print_warnings(&found.warnings);
}

/// What is left after all that could be done.
pub(super) fn print_left(left: &Adoption) {
    let table = &left.facts.table;
    if super::is_all_done(left) {
        say!("{table} is adopted");
    } else {
        say!("{table} changed meanwhile, and something is left:");
        print_steps(&left.steps);
    }
    print_warnings(&left.warnings);
}

/// The statements, each to be run by hand.
pub(super) fn print_sql(found: &Adoption) {
    print_obstacles_as_comments(&found.obstacles);
    print_as_comments("warning: ", &found.warnings);
    print_statements(&found.administrator_steps);
}

pub(super) fn print_obstacles_as_comments(obstacles: &[Obstacle]) {
    for obstacle in obstacles {
        print_comment("in the way: ", &obstacle.what);
        print_comment("  ", &obstacle.remedy);
    }
}

pub(super) fn print_as_comments(before: &str, texts: &[String]) {
    for text in texts {
        print_comment(before, text);
    }
}

pub(super) fn print_statements(steps: &[Step]) {
    if !steps.is_empty() {
        print_comment("", "let old values stand, such as zero dates");
        say!("{ADOPTION_SQL_MODE};");
    }
    for step in steps {
        print_comment("", &step.text);
        if step.statements.is_empty() {
            print_comment(
                "  ",
                "no statement does this: run `nearby adopt --apply --online`",
            );
        }
        for statement in &step.statements {
            say!("{statement};");
        }
    }
}

/// A comment of SQL on one line: names from the database may hold line breaks, behind
/// which a client would read a statement.
fn print_comment(before: &str, text: &str) {
    let one_line: String = text
        .chars()
        .flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_default());
            let plain = escaped.is_none().then_some(c);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect();
    say!("-- {before}{one_line}");
}

fn print_facts(facts: &Facts) {
    let line = |name: &str, value: &str| say!("{name:<20} {value}");
    let on = |is_on: bool| if is_on { "on" } else { "off" };
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let engine = facts.engine.as_deref().unwrap_or("not found");
    line("table", &format!("{} ({engine})", facts.table));
    line("key", &or_none(&facts.key));
    line("coordinates", &list(&facts.coordinates));
    line("location", &or_none(&facts.location));
    line(
        "spatial index",
        &match &facts.spatial_index {
            Some(index) if index.visible => index.name.clone(),
            Some(index) => format!("{}, invisible", index.name),
            None => "none".to_owned(),
        },
    );
    for (name, state) in &facts.triggers {
        let state = match state {
            TriggerState::InPlace => "in place",
            TriggerState::LacksColumn => {
                "uses a column that is gone: every write fails with it (error 1054)"
            }
            TriggerState::Differs => "to be made anew",
            TriggerState::Missing => "missing",
            TriggerState::Unseen => "cannot be seen by this user",
        };
        line("trigger", &format!("{name}: {state}"));
    }
    line("triggers of others", &list(&facts.other_triggers));
    line("user", &facts.user);
    line("grants", &list(&facts.rights));
    line(
        "server",
        &format!("MySQL {} (at least {MINIMUM})", facts.version),
    );
    line(
        "binary logging",
        &format!(
            "{}, log_bin_trust_function_creators {}",
            on(facts.binary_logging),
            on(facts.trusts_creators)
        ),
    );
}

/// Whether an index in memory could follow the server.
fn print_mirror(mirror: Option<&[Lack]>) {
    match mirror {
        None => {}
        Some([]) => say!("fit for a mirror     yes"),
        Some(lacks) => {
            for Lack { what, mend } in lacks {
                say!("fit for a mirror     no, because {what}");
                say!("                       {mend}");
            }
        }
    }
}

/// The same for whoever runs the statements.
pub(super) fn print_mirror_as_comments(mirror: Option<&[Lack]>) {
    match mirror {
        None => {}
        Some([]) => print_comment("fit for a mirror: ", "yes"),
        Some(lacks) => {
            for Lack { what, mend } in lacks {
                print_comment("fit for a mirror: no, because ", what);
                print_comment("  ", mend);
            }
        }
    }
}

fn print_rows(rows: &Rows, has_location: bool) {
    say!("rows                 {:>12}  counted exactly", rows.total);
    findings::print_count("without coordinates", rows.without_coordinates);
    findings::print_halves(&rows.latitude_only, &rows.longitude_only);
    findings::print("out of range", &rows.out_of_range);
    if has_location {
        findings::print_count("location NULL", rows.null_locations);
        findings::print("in drift", &rows.drift);
        findings::print_distances(rows.distances, rows.drift.count);
        findings::print("location only", &rows.location_only);
    }
}

pub(super) fn print_warnings(warnings: &[String]) {
    for warning in warnings {
        say!("\nwarning: {warning}");
    }
}

pub(super) fn print_steps(steps: &[Step]) {
    say!("to do");
    for (place, step) in (1..).zip(steps) {
        say!("{place:>2}. {}\n    {}", step.text, cost(step));
    }
}

/// How long a step takes and whom it holds up.
fn cost(step: &Step) -> String {
    let time = about(step.expected);
    match step.locking {
        Locking::Instant => "at once, as soon as transactions on the table are over".to_owned(),
        Locking::Online => format!("{time}; others read and write meanwhile"),
        Locking::Chunks => format!("{time}; others wait for a tenth of a second at most"),
        Locking::BlocksWrites => {
            format!("{time}, in which other writers of the table WAIT; readers go on")
        }
    }
}

fn about(time: Duration) -> String {
    match time.as_secs() {
        0 => "at once".to_owned(),
        seconds @ 1..120 => format!("about {seconds} s"),
        seconds => format!("about {} min", seconds.div_ceil(60)),
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_roughly() {
        for (seconds, told) in [(0, "at once"), (40, "about 40 s"), (150, "about 3 min")] {
            assert_eq!(about(Duration::from_secs(seconds)), told);
        }
    }
}
