//! The store contract, on both stores.
