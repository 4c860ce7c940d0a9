//! `nearby verify`

mod instance;
mod mirror;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::collections::CollectionArgs;
use super::database::DatabaseArgs;
use super::{Outcome, findings};
use crate::output::say;
use crate::progress::Progress;
use crate::store::{
    Allowed, Collection, Database, SchemaFinding, SchemaState, Severity, Verification,
};

/// How the report looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How the report looks
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Rows that may be at fault without the table's being unsound: drift, location-only or
    /// out-of-range, with how many
    #[arg(
        long,
        env = "NEARBY_ALLOW",
        value_name = "KIND=ROWS",
        value_delimiter = ','
    )]
    allow: Vec<Allowed>,
    /// Compare what a running instance with `--engine memory` holds with what MySQL does, once, now; its
    /// address, as `http://127.0.0.1:8080`
    #[arg(long, value_name = "URL", conflicts_with = "allow")]
    mirror: Option<String>,
    #[command(flatten)]
    collection: CollectionArgs,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let database = &args.database;
    database
        .with(async |database| verify(database, &args).await)
        .await
}

async fn verify(database: &Database, args: &Args) -> anyhow::Result<Outcome> {
    let collection = args.collection.open(database).await?;
    if let Some(url) = &args.mirror {
        return mirror::verify(database, &collection, url, args.format).await;
    }
    let total = database.count_rows(&collection, None).await?;
    let mut shown = Progress::new("verify", Some(total));
    let found = database.verify(&collection, |rows| shown.set(rows)).await?;
    shown.finish();
    let state = database.schema_state_for(&collection).await?;
    let sound = found.is_sound_but_for(&args.allow) && state.is_sound();
    match args.format {
        Format::Text => print_text(&found, &collection, &state),
        Format::Json => say!("{:#}", to_json(&found, &state, sound)),
    }
    Ok(if sound {
        Outcome::Done
    } else {
        Outcome::FoundWrong
    })
}

fn print_text(found: &Verification, collection: &Collection, state: &SchemaState) {
    findings::print_count("rows", found.rows);
    findings::print_count("without coordinates", found.without_coordinates);
    findings::print_halves(&found.latitude_only, &found.longitude_only);
    findings::print_count("without location", found.without_location);
    findings::print("in drift", &found.drift);
    findings::print_distances(found.distances, found.drift.count);
    findings::print("location only", &found.location_only);
    findings::print("out of range", &found.out_of_range);
    for SchemaFinding { severity, text, .. } in &found.schema {
        match severity {
            Severity::Wrong => say!("wrong: {text}"),
            Severity::Warning => say!("warning: {text}"),
        }
    }
    if !state.is_sound() {
        say!("wrong: {state}");
    }
    let flag = collection.flag();
    if found.drift.count > 0 {
        say!(
            "coordinates count where a row was written with both: `nearby backfill{flag}` moves the \
             locations in drift to them"
        );
    }
    if found.location_only.count > 0 {
        say!(
            "`nearby backfill{flag} --from location` writes the coordinates of rows that have a location only"
        );
    }
    if found.out_of_range.count > 0 {
        say!(
            "latitude must be within ±90 and longitude within ±180: correct the rows out of range"
        );
    }
}

fn to_json(found: &Verification, state: &SchemaState, sound: bool) -> Value {
    let mut schema: Vec<Value> = found
        .schema
        .iter()
        .map(|finding| {
            let severity = match finding.severity {
                Severity::Wrong => "wrong",
                Severity::Warning => "warning",
            };
            json!({"severity": severity, "text": finding.text})
        })
        .collect();
    if !state.is_sound() {
        schema.push(json!({"severity": "wrong", "text": state.to_string()}));
    }
    json!({
        "sound": sound,
        "rows": found.rows,
        "without_coordinates": found.without_coordinates,
        "latitude_only": findings::to_json(&found.latitude_only),
        "longitude_only": findings::to_json(&found.longitude_only),
        "without_location": found.without_location,
        "drift": findings::drift_to_json(&found.drift, found.distances),
        "location_only": findings::to_json(&found.location_only),
        "out_of_range": findings::to_json(&found.out_of_range),
        "schema": schema,
    })
}
