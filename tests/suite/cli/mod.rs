//! The commands, as processes.

mod collections;
mod database;
mod environment;
mod export;
mod generate;
mod import;
mod import_bad_files;
mod import_interrupted;
mod maintenance;
mod map_programs;
mod one_file;
mod organizations;
mod output;
pub mod process;
pub mod served;
mod signals;
