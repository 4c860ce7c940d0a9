//! `nearby backfill`

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::ValueEnum;

use super::collections::CollectionArgs;
use super::database::DatabaseArgs;
use super::{Outcome, findings};
use crate::backfill::{self, Progress, Settings};
use crate::output::say;
use crate::progress;
use crate::store::{BackfillFrom, Collection, Database};

/// Write locations from latitudes and longitudes, or the other way, batch by batch.
///
/// Only rows where the two disagree are written, and none loses the only place that it
/// has: without coordinates a location stays, and without a location coordinates do.
/// Every batch is a short transaction or a few; other writers go on. Ctrl-C or SIGTERM
/// ends it after the batch under way; run it again at any time. Exit code 1 where
/// it was stopped before the end, or where a dry run found something to write.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which of the two counts where they disagree; the other is written
    #[arg(long, value_enum, default_value_t = Counts::Coordinates)]
    from: Counts,
    /// The most rows in a batch; fewer where the server is slow
    #[arg(long, env = "NEARBY_BACKFILL_BATCH_SIZE", value_name = "ROWS", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batch_size: u32,
    /// Pause between two batches, in milliseconds
    #[arg(
        long,
        env = "NEARBY_BACKFILL_PAUSE_MS",
        value_name = "MS",
        default_value_t = 0
    )]
    pause_ms: u64,
    /// Count what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Begin with the rows beyond this id
    #[arg(long, value_name = "ID")]
    after: Option<i64>,
    #[command(flatten)]
    collection: CollectionArgs,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Which of a row's two places counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Counts {
    /// Latitude and longitude, which count in a row that was written with both: locations are
    /// moved to them
    Coordinates,
    /// The location: latitudes and longitudes are taken from it
    Location,
}

pub(super) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let database = &args.database;
    database
        .with(async |database| backfill(database, &args).await)
        .await
}

async fn backfill(database: &Database, args: &Args) -> anyhow::Result<Outcome> {
    let declared = args.collection.declared()?;
    database.ensure_schema_for(&declared).await?;
    let collection = args.collection.open_located(database).await?;
    if !args.dry_run && !database.may_be_mended(&collection).await? {
        let table = collection.table.as_str();
        bail!(
            "{table} was made by another application and is not adopted, so nothing is written to \
             it: run `nearby adopt{flag}`, and `nearby adopt{flag} --apply`, which writes its \
             locations, too. `--dry-run` counts what would be written",
            flag = collection.flag()
        );
    }
    let settings = Settings {
        from: match args.from {
            Counts::Coordinates => BackfillFrom::Coordinates,
            Counts::Location => BackfillFrom::Location,
        },
        batch_size: args.batch_size,
        pause: Duration::from_millis(args.pause_ms),
        dry_run: args.dry_run,
        after: args.after,
    };
    let total = database.count_rows(&collection, settings.after).await?;
    let mut shown = progress::Progress::new("backfill", Some(total));
    let mut so_far = Progress::default();
    let ended = backfill::run(
        database,
        &collection,
        &settings,
        super::signals::stop(),
        |progress| {
            so_far = *progress;
            shown.set(progress.checked);
        },
    )
    .await;
    shown.finish();
    if !args.dry_run {
        backfill::note(database, &collection, &so_far, "nearby backfill").await;
    }
    let progress = match ended {
        Ok(progress) => progress,
        Err(error) => {
            report(&so_far, &collection, args.from, settings.dry_run);
            return Err(error).context("backfill ended early; run it again");
        }
    };
    report(&progress, &collection, args.from, settings.dry_run);
    let found = settings.dry_run && progress.written > 0;
    Ok(if progress.complete && !found {
        Outcome::Done
    } else {
        Outcome::FoundWrong
    })
}

fn report(progress: &Progress, collection: &Collection, from: Counts, dry_run: bool) {
    let written = if dry_run { "to write" } else { "written" };
    findings::print_count("rows checked", progress.checked);
    findings::print_count(written, progress.written);
    let drift = if dry_run {
        "in drift"
    } else {
        "in drift before"
    };
    findings::print_count(drift, progress.drift);
    findings::print_distances(progress.distances, progress.drift);
    if progress.drift > 0 && from == Counts::Coordinates {
        say!("coordinates count where a row was written with both (--from location: the location)");
    }
    findings::print_count("without coordinates", progress.without_coordinates);
    for (name, count) in [
        ("  latitude only", progress.latitude_only),
        ("  longitude only", progress.longitude_only),
    ] {
        if count > 0 {
            findings::print_count(name, count);
        }
    }
    findings::print_count("out of range", progress.out_of_range);
    say!(
        "longest transaction  {:>9} ms",
        progress.longest_transaction.as_millis()
    );
    if progress.retries > 0 {
        say!("stepped aside        {:>12}", progress.retries);
    }
    if !progress.complete {
        match progress.last_id {
            Some(id) => say!(
                "stopped before the end: run it again, or go on with `nearby backfill{} --after {id}`",
                collection.flag()
            ),
            None => say!("stopped before the first row: run it again"),
        }
    }
}
