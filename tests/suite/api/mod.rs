//! The HTTP interface, against `openapi.yaml`, on both stores.
