//! Backfilling under other writers.
