//! The commands, as processes.

mod collections;
mod database;
mod demo;
mod environment;
mod export;
mod generate;
mod import;
mod import_bad_files;
mod import_continued;
mod import_files_as_they_are;
mod import_interrupted;
mod import_map_formats;
mod import_refused;
mod maintenance;
mod manual;
mod map_programs;
pub mod memory;
mod one_file;
mod open_files;
mod organizations;
mod output;
pub mod process;
mod secrets;
pub mod served;
mod signals;
mod systemd;
mod tls;
