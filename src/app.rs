//! Puts the service together: the same way in production, tests and benches.
