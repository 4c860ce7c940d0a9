//! Every engine against brute force, on the same centers and questions.
//!
//! Built without optimisation these tests ask a fiftieth of their questions; run
//! them with `cargo test --release --test exactness`.

mod anchors;
mod attributes;
mod compare;
mod covering;
mod declared;
mod memory;
mod mysql;
mod opening;
mod questions;
mod tally;
mod updates;
mod world;
