//! The words of nearby search, as types that cannot be wrong.
//!
//! Everything here is pure: no I/O, no clock, no actix and no sqlx. Values are
//! parsed once, at the edge, and trusted afterwards.

mod access;
mod attributes;
mod bounds;
mod center;
mod condition;
mod cover;
mod cursor;
mod distance;
mod dive_site;
mod duplicate;
mod fields;
mod fold;
mod listing;
mod map;
mod name_search;
mod opening;
mod organization;
mod polygon;
mod position;
mod rating;
mod ring;
mod search;
mod setting;
mod tally;
mod typos;
mod value_key;
mod viewport;

pub use access::{AccessKey, AccessKeyName, Lifetime, OPERATOR, Rate, Scope};
pub use attributes::{Attributes, MAX_ATTRIBUTE_CHARS, is_attribute_text};
pub use bounds::Bounds;
pub use center::{
    CHOSEN_IDS, Center, CenterDraft, CenterEdit, CenterId, CenterText, FieldError, IDS, Summary,
    TextField,
};
pub use condition::{
    Comparison, Condition, FieldId, FieldKind, FieldValue, Pattern, Piece, ValueRef,
};
pub use cover::cover;
#[cfg(test)]
pub(crate) use cover::tests::{coarsest_cover, finest_cover};
pub use cursor::{Cursor, CursorError, EngineKind};
pub use distance::{EARTH_RADIUS_M, UnitVector, chord_squared_of, distance_m_of};
pub use dive_site::{Alias, DiveCost, SiteCenter, SiteDetails, SiteFilter, Tag};
pub use duplicate::{MAX_DUPLICATE_DISTANCE_M, MAX_NEIGHBOURS, Neighbour, are_alike};
pub use fields::{Fields, FilterField, SERVICE_RADIUS};
pub use fold::{fold, word_starts};
pub use listing::{AnyOf, ListRow, Listed, Listing, Needle, Part, SortBy, SortKey, sort_key};
pub use map::{
    Cell, CellSum, Cells, Cluster, ClusterId, MAP_EDGE_LATITUDE, MAP_SIDE, MAX_ZOOM, MapPoint,
    TILE_BUFFER, TILE_EXTENT, Tile, Zoom,
};
pub use name_search::{FoundName, MAX_NAME_QUERY_CHARS, NameMatch, NameQuery};
pub use opening::{
    Moment, OPENING_HOURS, OpenAt, Opening, OpeningHours, TIME_ZONE, Zone, time_zone,
    unreadable_hours,
};
pub use organization::{
    MAX_FOUNDED_YEAR, MIN_FOUNDED_YEAR, Membership, Organization, OrganizationDraft,
    OrganizationFieldError, OrganizationId, OrganizationName, OrganizationNames, OrganizationText,
    large_organizations,
};
pub use polygon::{
    MAX_POLYGON_LONGITUDE, MAX_POLYGON_POSITIONS, Part as PolygonPart, Polygon, PolygonError,
    RingName,
};
pub use position::{Origin, Position, PositionError};
pub use rating::{MAX_RATING, MinRating, Rating, RatingRange, RatingVisibility, reviews_switch};
pub use search::{
    Area, Around, BY_ID, Filter, HALF_A_MICROMETRE_M, Limit, LimitError, MAX_EXCLUDED,
    MAX_FILTER_VALUES, MAX_LIMIT, MAX_RADIUS_M, Radius, RadiusError, Search, covers,
};
pub use setting::{
    MAX_DESCRIPTION_CHARS, MAX_SETTING_BYTES, MAX_SETTING_KEY_CHARS, Setting, SettingError,
    SettingKey,
};
pub use tally::{Counts, Facet, MAX_FACET_VALUES, MAX_FACETS, Tally};
pub use typos::Typos;
pub use value_key::ValueKey;
pub use viewport::{Meridians, Viewport};
