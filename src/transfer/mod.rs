//! Files of centers: import, export, the bundled places and generated ones.
//!
//! [`read`] turns a file into rows, one at a time, each a center or the reason
//! why it is none. [`import()`] writes rows to a store, [`mod@write`] and
//! [`export()`] bring them back. Nothing here holds more than a few batches of a
//! file in memory.

/// How files are made that hold rows: nobody but their owner reads them.
pub const PRIVATE_MODE: u32 = 0o600;

mod axis;
mod csv_centers;
mod export;
mod flatgeobuf;
mod format;
mod generate;
mod import;
mod journal;
mod kinds;
mod places;
pub mod read;
mod report;
pub mod write;

pub use export::{ExportError, Exported, export};
pub use format::Format;
pub use generate::{Generated, generate, write_generated};
pub use import::{
    Halt, ImportError, Imported, MAX_BATCH_ROWS, Rejected, RowBatches, Survey, import, survey,
};
pub use journal::{Journaling, Notes, import_id};
pub use kinds::find_kinds;
pub use places::{BUNDLED_PLACES, Place, bundled_places, has_demo_places, load_demo_places};
pub use report::Report;
