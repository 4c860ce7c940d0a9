//! Looks how far indexes are behind that follow a feed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::catalog::{Catalog, Freshness};

/// How often.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Looks until it is dropped.
pub(super) async fn watch(catalogs: &[Arc<Catalog>], wanted: Option<Freshness>) {
    let mut is_prepared = false;
    loop {
        sleep(LOOK_EVERY).await;
        for catalog in catalogs {
            catalog.look_at_lag(wanted).await;
        }
        if !is_prepared && catalogs.iter().all(|catalog| catalog.is_ready()) {
            is_prepared = true;
            for catalog in catalogs {
                catalog.prepare_to_ask().await;
            }
        }
    }
}
