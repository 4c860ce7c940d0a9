//! Compares indexes with the tables that they mirror, slowly, all the time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::mirror::name;
use crate::catalog::{Catalog, Sweep, Swept};
use crate::metrics::Metrics;

/// Rows that are compared at once.
const PART: u32 = 500;
/// Ids that the log names.
const NAMED: usize = 20;

/// Goes through the tables again and again, at so many rows a second, until it is dropped;
/// not at all at none.
pub(super) async fn sweep(catalogs: &[Arc<Catalog>], rows_per_second: u32, metrics: &Metrics) {
    if rows_per_second == 0 {
        return;
    }
    let part = rows_per_second.min(PART);
    let rest = Duration::from_secs(1).mul_f64(f64::from(part) / f64::from(rows_per_second));
    let mut sweeps: Vec<Sweep> = catalogs.iter().map(|_| Sweep::default()).collect();
    loop {
        for (catalog, sweep) in catalogs.iter().zip(&mut sweeps) {
            sleep(rest).await;
            match catalog.sweep_part(sweep, part as usize).await {
                Ok(Some(swept)) => tell(catalog, &swept, metrics),
                Ok(None) => {}
                Err(error) => tracing::debug!(
                    collection = name(catalog),
                    cause = %error,
                    "the table cannot be compared with the index now; trying on"
                ),
            }
        }
    }
}

fn tell(catalog: &Catalog, swept: &Swept, metrics: &Metrics) {
    let Swept {
        rows,
        is_last,
        mismatches,
        organizations,
    } = swept;
    let count = mismatches.len() + usize::from(*organizations);
    metrics.mirror().swept(*rows, count, *is_last);
    if count == 0 {
        return;
    }
    let ids: Vec<String> = mismatches
        .iter()
        .take(NAMED)
        .map(ToString::to_string)
        .collect();
    tracing::warn!(
        collection = name(catalog),
        count,
        ids = ids.join(", "),
        organizations,
        "the index did not hold what the tables say, of which no log told; now it does"
    );
}
