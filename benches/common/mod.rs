//! What the benchmarks over HTTP have in common.

pub mod client;
pub mod questions;
pub mod report;
pub mod world;
