//! Databases and servers for tests.

use std::fmt::Write as _;

mod address;
mod before;
mod behind;
mod cut;
mod database;
mod gate;
mod group;
mod held;
mod meddler;
mod own_server;
mod promised;
mod wire;

pub use address::Address;
pub use cut::{Commit, Cut, through_cut};
pub(crate) use database::on_both_stores;
pub use database::{TestDatabase, connect, their_connection, with_database};
pub use gate::Gate;
pub use group::Group;
pub use held::hold_center;
pub use meddler::{Meddler, Meddling};
pub use own_server::OwnServer;
pub use promised::holds_once_in_three;
pub use wire::{Trouble, Wire};

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
