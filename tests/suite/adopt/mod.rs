//! `nearby adopt`: tables that another application made and goes on writing.

mod apply;
mod beside;
mod column_case;
mod dive_sites;
mod half_done;
mod hostile_names;
mod interrupted;
mod keys;
mod links;
mod migrations;
mod neighbour;
mod old_tables;
mod one_table;
mod online;
mod only_place;
mod refused;
mod report;
mod rights;
mod served;
mod undo;
mod ways;
