//! Databases and servers for tests.

mod behind;
mod database;

pub(crate) use database::on_both_stores;
pub use database::{TestDatabase, connect, with_database};
