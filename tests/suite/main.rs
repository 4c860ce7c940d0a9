//! Everything that is tested from outside the crate, in one binary: real HTTP,
//! real files, real MySQL.
//!
//! Tests that need MySQL are ignored unless `NEARBY_TEST_MYSQL_URL` (or `CI`) is
//! set at build time: `scripts/test` starts a server and sets it.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails; bodies given to macros are not seen as tests"
)]

mod adopt;
mod api;
mod backfill;
mod cli;
mod connections;
mod deploy;
mod grants;
mod layers;
mod migrations;
mod mirror;
mod readme;
mod servers;
mod sessions;
mod store;
mod support;
mod torture;
mod verify;
