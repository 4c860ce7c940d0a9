//! What goes over the wire: serde types and pre-rendered bytes, apart from the
//! domain types and the database rows. Pure, like the domain.

mod summary;

pub use summary::{
    SummaryParts, average_of, name_of, push_distance, render_rating, render_summary,
    without_position,
};
