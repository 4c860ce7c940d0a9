//! Conditions in CQL2 Text (OGC 21-065), the language of `filter=`.
//!
//! Comparisons of a property with a value, `AND`, `OR`, `NOT`, `IN`, `BETWEEN`, `LIKE`,
//! `IS NULL`, and `S_INTERSECTS` and `S_WITHIN` of the geometry with a polygon are read;
//! other functions and arithmetic are not. Every token is
//! looked at once, so a text is read in a time that grows with its length.

mod error;
mod parse;
#[cfg(test)]
mod print;
#[cfg(test)]
mod tests;
mod token;

#[cfg(test)]
use error::Fault;
pub use error::{Cql2Error, Fault as Cql2Fault};
pub use parse::parse_cql2;

/// The longest text in bytes.
pub const MAX_CQL2_BYTES: usize = 32 * 1024;
/// The most properties and values in one text.
pub const MAX_CQL2_TERMS: usize = 200;
/// The most parentheses and `NOT`s inside one another.
pub const MAX_CQL2_DEPTH: usize = 32;
