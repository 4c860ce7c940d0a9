//! Several servers of one database, and a change of the one that takes writes.

mod one_address;
mod writers;
