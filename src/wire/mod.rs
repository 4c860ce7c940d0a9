//! What goes over the wire: serde types and pre-rendered bytes, apart from the
//! domain types and the database rows. Pure, like the domain.

mod attributes;
mod cluster;
mod cql2;
mod id;
mod members;
mod mvt;
mod object;
mod polygon;
mod summary;
mod words;

pub use attributes::{AttributeMembers, parse_date, push_attributes};
pub use cluster::{Abbreviated, ClusterFeature, ClusterView};
pub use cql2::{Cql2Error, Cql2Fault, MAX_CQL2_BYTES, MAX_CQL2_DEPTH, MAX_CQL2_TERMS, parse_cql2};
pub use id::JsonId;
pub use members::{Member, Members};
pub use mvt::MvtLayer;
pub use object::{Object, WithOthers};
pub use polygon::{ShapeError, parse_polygon, parse_wkt, polygon_of_json};
pub use summary::{
    SummaryParts, average_of, name_of, push_distance, render_rating, render_summary,
    without_position,
};
pub use words::{JSON_WORDS, TOML_WORDS, Words};
