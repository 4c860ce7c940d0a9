//! `nearby audit`

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use clap::ValueEnum;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Outcome;
use super::database::DatabaseArgs;
use crate::http::audited::as_kept;
use crate::output::{self, note, say};
use crate::store::{Account, AuditEntry, AuditFilter, Database};

/// How many entries are read at a time.
const PAGE: u64 = 100;

#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Times are UTC. A line begins with `-` for what a row said before, and with `+` for what it \
        says since. Collections are `centers`, `dive-sites` and those that are declared; besides there \
        are `organizations`, `memberships` (whose id is CENTER/ORGANIZATION), `settings` and \
        `access-keys` (whose ids are their names), and `ratings`."
)]
pub(super) struct Args {
    /// Of this collection only
    #[arg(long, value_name = "NAME")]
    collection: Option<String>,
    /// Of the row with this id only
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Of this key only, by its name (`admin` is the operator's), or of a command, as `nearby import`
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// From then on, as 2026-11-30 or 2026-11-30T18:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<DateTime<Utc>>,
    /// The most entries, the newest first
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    limit: u64,
    /// How they are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    database: DatabaseArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: what changed, field by field
    Text,
    /// For programs: a JSON object a line, with the whole row before and after
    Json,
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    let day: Option<NaiveDate> = text.parse().ok();
    let midnight = day.and_then(|day| day.and_hms_opt(0, 0, 0));
    let midnight = midnight.map(|midnight| midnight.and_utc());
    midnight
        .ok_or_else(|| "write a day as 2026-11-30, or a time as 2026-11-30T18:00:00Z".to_owned())
}

/// The account of a command that changes rows one by one.
pub(super) fn account_of(command: &str) -> Account {
    Account::new(command, None, as_kept)
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let database = &args.database;
    database
        .with(async |database| print_all(database, &args).await)
        .await
}

async fn print_all(database: &Database, args: &Args) -> anyhow::Result<Outcome> {
    let filter = AuditFilter {
        collection: args.collection.clone(),
        row_id: args.id.clone(),
        who: args.who.clone(),
        since: args.since,
    };
    let mut left = args.limit;
    let mut last: Option<AuditEntry> = None;
    while left > 0 && output::is_read() {
        let count = left.min(PAGE);
        let page = database
            .audit_entries(&filter, last.as_ref(), count)
            .await?;
        let Some(page) = page else {
            anyhow::bail!(
                "this database has no table nearby_audit, or none that this user may see: \
                 `nearby migrate up` makes it"
            );
        };
        for entry in &page {
            match args.format {
                Format::Text => print(entry),
                Format::Json => say!("{}", json(entry)),
            }
        }
        let is_last = (page.len() as u64) < count;
        left -= page.len() as u64;
        last = page.into_iter().last().or(last);
        if is_last {
            break;
        }
    }
    if last.is_none() {
        note!("there are no such entries");
    }
    Ok(Outcome::Done)
}

/// An entry for programs.
#[derive(Serialize)]
struct EntryView<'a> {
    entry: i64,
    at: String,
    who: &'a str,
    action: &'a str,
    collection: &'a str,
    id: Option<&'a str>,
    request_id: Option<&'a str>,
    before: Option<&'a RawValue>,
    after: Option<&'a RawValue>,
    counts: Option<&'a RawValue>,
}

fn json(entry: &AuditEntry) -> String {
    let view = EntryView {
        entry: entry.id,
        at: told(entry.at),
        who: &entry.who,
        action: &entry.action,
        collection: &entry.collection,
        id: entry.row_id.as_deref(),
        request_id: entry.request_id.as_deref(),
        before: entry.before.as_deref(),
        after: entry.after.as_deref(),
        counts: entry.counts.as_deref(),
    };
    serde_json::to_string(&view).expect("texts and numbers are always JSON")
}

fn print(entry: &AuditEntry) {
    let AuditEntry {
        who,
        action,
        collection,
        ..
    } = entry;
    let mut line = format!("{}  {who}  {action}  {collection}", told(entry.at));
    if let Some(id) = &entry.row_id {
        line = format!("{line} {id}");
    }
    if let Some(request) = &entry.request_id {
        line = format!("{line}  request {request}");
    }
    for (name, count) in members(entry.counts.as_deref()) {
        line = format!("{line}  {name}: {count}");
    }
    say!("{line}");
    let (before, after) = (
        members(entry.before.as_deref()),
        members(entry.after.as_deref()),
    );
    for line in differences(&before, &after) {
        say!("  {line}");
    }
}

fn members(json: Option<&RawValue>) -> Map<String, Value> {
    json.and_then(|json| serde_json::from_str(json.get()).ok())
        .unwrap_or_default()
}

/// What one row says that the other does not, as lines.
fn differences(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut lines = Vec::new();
    for name in names {
        let (was, is) = (before.get(name), after.get(name));
        if was == is {
            continue;
        }
        for (sign, value) in [('-', was), ('+', is)] {
            if let Some(value) = value.filter(|value| !value.is_null()) {
                lines.push(format!("{sign} {name}: {value}"));
            }
        }
    }
    lines
}

fn told(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_is_a_day_or_a_moment() {
        let read = |text: &str| time(text).map(told);
        assert_eq!(read("2026-11-30").unwrap(), "2026-11-30T00:00:00.000Z");
        assert_eq!(
            read("2026-11-30T18:00:00+01:00").unwrap(),
            "2026-11-30T17:00:00.000Z"
        );
        for bad in [
            "",
            "yesterday",
            "2026-13-01",
            "2026-11-30 18:00",
            "1700000000",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_differs_is_told_and_nothing_else() {
        let members = |value: Value| value.as_object().cloned().unwrap_or_default();
        let before = members(json!({ "id": 1, "name": "a", "city": null, "phone": "1" }));
        let after = members(json!({ "id": 1, "name": "b", "city": "x", "phone": null }));
        assert_eq!(
            differences(&before, &after),
            [
                r#"+ city: "x""#,
                r#"- name: "a""#,
                r#"+ name: "b""#,
                r#"- phone: "1""#
            ]
        );
        assert_eq!(
            differences(&Map::new(), &members(json!({ "id": 1 }))),
            ["+ id: 1"]
        );
    }
}
