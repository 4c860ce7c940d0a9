//! HTTP: routes, parameters, answers and problems. With `app`, the only place
//! that knows actix.
//!
//! One file a resource; what they share is beside them: [`query`] and [`params`]
//! read what is asked, [`shape`] what an answer is to hold, [`body`] and [`dto`] what is sent, [`answer`] writes what
//! is found, [`reply`] sends it, [`idempotency`] has what POSTs make made once, [`audited`] says on
//! whose account,
//! [`queue`] and [`budget`] bound what is under way, [`problem`] says what went wrong,
//! [`features`] tells map programs what there is, [`observe`] watches over all, [`pages`] hands
//! out web pages, and [`connection`] answers what the parser refuses.

pub mod allowance;
mod answer;
mod around;
mod attributes;
pub(crate) mod audited;
mod auth;
mod batch;
mod body;
pub(crate) mod budget;
mod caught;
mod centers;
mod centers_batch;
pub(crate) mod changes;
mod chosen;
mod clusters;
pub mod code;
pub(crate) mod coding;
mod collections;
pub(crate) mod connection;
mod content;
mod covering;
mod cql2;
mod divemap;
mod dto;
mod features;
pub(crate) mod idempotency;
mod known;
pub mod lateness;
pub(crate) mod limits;
mod list;
mod list_cursor;
mod list_page;
mod map;
mod memberships;
mod names;
mod nearby;
mod nearest;
mod negotiate;
pub(crate) mod network;
pub(crate) mod observe;
mod ops;
mod organizations;
mod pages;
mod params;
mod precondition;
pub(crate) mod problem;
mod query;
pub(crate) mod queue;
mod reply;
mod request_id;
pub mod routes;
mod search;
mod settings;
mod shape;
pub(crate) mod staleness;
pub(crate) mod state;
mod tiles;
pub(crate) mod timing;
mod within;
pub(crate) mod wrong_keys;

pub use connection::tls::Tls;
pub use divemap::media::MediaUrl;
pub use network::TrustedProxies;
