//! The arguments of every command that acts on a database.
