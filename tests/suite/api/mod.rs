//! The HTTP interface, against `openapi.yaml`, on both stores.
//!
//! Files mirror paths. Every response that a test gets is checked against the
//! contract by [`server::Request::send`].

mod access_keys;
mod attributes;
pub mod audit;
mod bad_input;
mod batch;
mod bodies;
mod broken_connections;
mod centers;
mod centers_batch;
pub mod changes;
mod charsets;
mod clusters;
pub mod collections;
mod conditional_writes;
mod conditions;
mod connections;
mod contract;
mod cors;
mod covering;
mod dive_sites;
mod divemap;
mod duplicates;
mod features;
mod groups;
mod idempotency;
mod ids;
mod kept;
mod left_by_others;
mod limits;
mod list;
mod names;
mod nearby;
mod nearest;
mod one_way;
mod ops;
mod organizations;
mod overload;
mod packed;
mod pages;
mod patience;
mod ratings;
mod references;
mod refused_rows;
mod repeated;
mod replaced_file;
mod requests;
pub mod server;
mod settings;
mod shapes;
mod shutdown;
mod slow_clients;
mod tiles;
mod waiting_writes;
mod within;
