//! The commands, as processes.
