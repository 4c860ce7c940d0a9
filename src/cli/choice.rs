//! Which engine answers searches, and why.

use anyhow::bail;
use clap::ValueEnum;

use super::machine::memory_bytes;
use crate::domain::EngineKind;
use crate::store::feed::{ChangeFeed, Extent, Lack};
use crate::store::{Collection, Database};

/// What a center takes in memory beside what its row holds.
const BYTES_BESIDE_ROW: u64 = 350;

/// What answers searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum EngineChoice {
    /// `memory` on an embedded file, and on MySQL where the binary log can be followed and the
    /// tables fit --mirror-memory; else `sql`
    Auto,
    /// An R-tree in memory; on MySQL it follows other writers by the binary log, which needs
    /// the right REPLICATION SLAVE
    Memory,
    /// The spatial index of MySQL; refused on an embedded file, which has no spatial functions
    Sql,
}

/// Chooses, and says which and why, in one line.
///
/// # Errors
/// When what is wanted cannot be had, or the database does not answer.
pub(super) async fn choose(
    database: &Database,
    collections: &[Collection],
    wanted: EngineChoice,
    most_bytes: Option<u64>,
) -> anyhow::Result<EngineKind> {
    let Some(feed) = database.feed() else {
        if wanted == EngineChoice::Sql {
            bail!(
                "--engine sql needs MySQL: SQLite has no spatial functions; use --engine memory or auto"
            );
        }
        return Ok(EngineKind::Memory);
    };
    match wanted {
        EngineChoice::Sql => Ok(EngineKind::Sql),
        EngineChoice::Memory => {
            refuse_unfit(&feed.lacks(collections).await?)?;
            tracing::info!("searches are answered from memory, which follows the binary log");
            Ok(EngineKind::Memory)
        }
        EngineChoice::Auto => Ok(match why_not(&*feed, collections, most_bytes).await {
            Ok(extent) => {
                tracing::info!(
                    "searches are answered from memory, which follows the binary log: {extent}, and \
                     --mirror-memory allows that"
                );
                EngineKind::Memory
            }
            Err(why) => {
                tracing::info!("searches are answered by SQL: {why}");
                EngineKind::Sql
            }
        }),
    }
}

/// What the index will take; the error says what keeps it from memory, and what mends that.
async fn why_not(
    feed: &dyn ChangeFeed,
    collections: &[Collection],
    most_bytes: Option<u64>,
) -> Result<String, String> {
    let lacks = feed.lacks(collections).await;
    let lacks = lacks
        .map_err(|error| format!("whether the server can be followed is not known: {error}"))?;
    if !lacks.is_empty() {
        let lacks = lacks.iter();
        let said: Vec<String> = lacks
            .map(|Lack { what, mend }| format!("{what} ({mend})"))
            .collect();
        return Err(said.join("; "));
    }
    let extent = feed.extent(collections).await;
    let extent =
        extent.map_err(|error| format!("how large the tables are is not known: {error}"))?;
    let needed = bytes_of(extent);
    let about = format!("about {} rows take about {}", extent.rows, mib(needed));
    let Some(most) = most_bytes.or_else(|| Some(memory_bytes()? / 2)) else {
        return Err(format!(
            "{about}, and this system does not tell how much memory there is: say --mirror-memory"
        ));
    };
    if needed > most {
        return Err(format!(
            "{about}, and --mirror-memory is {} (half of this machine's memory, unless it is said)",
            mib(most)
        ));
    }
    Ok(about)
}

fn bytes_of(extent: Extent) -> u64 {
    let beside = extent.rows.saturating_mul(BYTES_BESIDE_ROW);
    beside.saturating_add(extent.bytes)
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

/// Ends the start where a database cannot be followed.
fn refuse_unfit(lacks: &[Lack]) -> anyhow::Result<()> {
    if lacks.is_empty() {
        return Ok(());
    }
    let lines = lacks.iter();
    let lines = lines.map(|Lack { what, mend }| format!("\n  {what}\n    {mend}"));
    bail!(
        "--engine memory cannot follow other writers here; mend this, or use --engine sql:{}",
        lines.collect::<String>()
    )
}
