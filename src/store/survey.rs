//! A look at a run of rows: what verify counts and backfill goes by.

/// What a run of rows holds, by id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Survey {
    /// How many rows.
    pub rows: u64,
    /// The id of the last of them; `None` where there is none.
    pub last_id: Option<i64>,
    /// Rows with one coordinate or none.
    pub without_coordinates: u64,
    /// Rows with coordinates that are no point on the globe.
    pub out_of_range: u64,
    /// Rows whose location is none: the sentinel on MySQL (a real center at 0/0
    /// too), NULL on SQLite.
    pub without_location: u64,
    /// Rows with a position whose location is another.
    pub drift: u64,
    /// Rows without a position that have a location.
    pub stray: u64,
    /// Rows whose location [`BackfillFrom::Coordinates`] would write.
    pub to_write: u64,
    /// Rows whose coordinates [`BackfillFrom::Location`] would write.
    pub to_take: u64,
}

/// Which of a row's two places counts where they disagree, and the other is made of.
/// Neither way takes away what is a row's only place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BackfillFrom {
    /// Latitude and longitude: locations are written.
    #[default]
    Coordinates,
    /// The location: latitudes and longitudes are written.
    Location,
}

impl Survey {
    /// How many rows backfill would write.
    #[must_use]
    pub fn to_mend(&self, from: BackfillFrom) -> u64 {
        match from {
            BackfillFrom::Coordinates => self.to_write,
            BackfillFrom::Location => self.to_take,
        }
    }
}

/// What can be wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Drift,
    Stray,
    OutOfRange,
}
