//! Databases and servers for tests.
