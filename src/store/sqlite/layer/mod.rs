//! Layers of points in `GeoPackage` files that are no database of ours: files that
//! are imported and exported.

mod read;
mod write;

use thiserror::Error;

pub use read::{LayerPlace, LayerRow, LayerValue, PointLayer};
pub use write::LayerWriter;

/// Why a layer cannot be read.
#[derive(Debug, Error)]
pub enum LayerError {
    /// The file has none of the tables of a `GeoPackage`.
    #[error("is an SQLite file and no GeoPackage: it has no layers")]
    NotAGeoPackage,
    /// There is no layer that may hold points.
    #[error("has no layer of points; {}", listed("its layers are", .others))]
    NoPoints {
        /// The names of its other layers.
        others: Vec<String>,
    },
    /// The layer that was asked for is not there.
    #[error("has no layer `{asked}` of points; {}", listed("it has", .has))]
    NoSuchLayer {
        /// Its name.
        asked: String,
        /// The names of the layers of points.
        has: Vec<String>,
    },
    /// It could be any of several.
    #[error("has several layers of points; {}: choose one with --layer", listed("they are", .has))]
    Several {
        /// Their names.
        has: Vec<String>,
    },
    /// SQLite cannot read it.
    #[error("cannot be read: {0}")]
    Read(#[from] rusqlite::Error),
}

fn listed(what: &str, names: &[String]) -> String {
    if names.is_empty() {
        return "it has none".to_owned();
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("{what} {}", names.join(", "))
}
