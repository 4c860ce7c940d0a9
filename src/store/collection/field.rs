//! What a collection's columns hold.

use crate::domain::TextField;

/// A column that a collection can have. What a table lacks of the optional ones
/// reads as NULL and is not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The primary key.
    Id,
    /// Degrees north.
    Latitude,
    /// Degrees east.
    Longitude,
    /// The point.
    Location,
    /// How often a center was viewed.
    ViewCount,
    /// When a center was created, UTC.
    CreatedAt,
    /// When a center was last written, UTC.
    UpdatedAt,
    /// Only rows where it is [`SHOWN_STATUS`] are shown.
    Status,
    /// Only rows where it is NULL are shown.
    DeletedAt,
    /// Whether a center is claimed, kept by the application that owns the table.
    OwnershipStatus,
    /// Who owns a center, kept by the same.
    OwnerId,
    /// A text.
    Text(TextField),
}

/// The status of rows that are shown.
pub const SHOWN_STATUS: &str = "approved";

/// The ownership status of centers whose owner was approved.
pub(super) const CLAIMED_STATUS: &str = "approved";

/// The column of the point where a collection names none.
pub(super) const DEFAULT_LOCATION: &str = "location";

impl Field {
    /// Every field there is.
    pub fn all() -> impl Iterator<Item = Self> {
        [
            Self::Id,
            Self::Latitude,
            Self::Longitude,
            Self::Location,
            Self::ViewCount,
            Self::CreatedAt,
            Self::UpdatedAt,
            Self::Status,
            Self::DeletedAt,
            Self::OwnershipStatus,
            Self::OwnerId,
        ]
        .into_iter()
        .chain(TextField::ALL.map(Self::Text))
    }

    /// What it is called in a collections file, and the column's name in tables
    /// of our own.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Latitude => "latitude",
            Self::Longitude => "longitude",
            Self::Location => DEFAULT_LOCATION,
            Self::ViewCount => "view_count",
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::Status => "status",
            Self::DeletedAt => "deleted_at",
            Self::OwnershipStatus => "ownership_status",
            Self::OwnerId => "owner_id",
            Self::Text(field) => field.name(),
        }
    }
}
