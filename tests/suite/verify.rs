//! Verifying tables that others wrote.
