//! Prometheus metrics, in a registry of their own.
