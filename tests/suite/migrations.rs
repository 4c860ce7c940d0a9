//! Schemas up, down and up again, with rows in them.
