//! `nearby` answers one question fast and exactly: which centers are close to
//! this point?
//!
//! The folders are the layers, and each knows only those above it in this list:
//!
//! - [`domain`]: positions, distances, centers and searches; pure, knows neither
//!   actix nor sqlx.
//! - [`wire`]: what goes over the wire, as serde types and pre-rendered bytes.
//! - [`store`]: the only place with SQL; MySQL and SQLite behind one contract.
//! - [`engine`]: what answers searches, in memory or by SQL.
//! - [`catalog`]: a store and its engine, kept together by every write.
//! - [`collections`]: every catalog of a service, by name.
//! - [`backfill`]: locations written from coordinates, table-wide.
//! - [`adopt`]: a table of another application made fit, step by step.
//! - [`transfer`]: import and export of files.
//! - [`follow`]: the indexes loaded at the start and after other writers.
//! - [`expiry`]: answers kept under an `Idempotency-Key`, removed a day after.
//! - [`keyring`]: the keys that clients may show, in memory.
//! - [`sockets`]: where the service listens.
//! - [`upkeep`]: locations verified, and mended, while the service runs.
//! - [`http`]: the only place, with [`app`], that knows actix.
//! - [`cli`]: the commands, and with their arguments every setting.
//!
//! Used by all of them: [`metrics`] counts, [`telemetry`] sets up the log, [`progress`] shows
//! how far a command is, [`output`] writes to a terminal or a pipe that may be closed.

// These panic where nobody reads: see [`output`].
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod adopt;
pub mod app;
pub mod backfill;
pub mod catalog;
pub mod cli;
pub mod collections;
pub mod domain;
pub mod engine;
pub mod expiry;
pub mod follow;
pub mod http;
pub mod keyring;
pub mod metrics;
mod output;
pub mod progress;
pub mod sockets;
pub mod store;
pub mod telemetry;
pub mod transfer;
pub mod upkeep;
pub mod wire;
