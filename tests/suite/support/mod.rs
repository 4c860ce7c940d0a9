//! Databases and servers for tests.

mod database;

pub use database::TestDatabase;
pub(crate) use database::on_both_stores;
