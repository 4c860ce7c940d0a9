//! A look at a run of rows: what verify counts and backfill goes by.

use std::fmt::Debug;

use async_trait::async_trait;

use super::{Collection, StoreError};

/// Looks at runs of rows, and mends them.
#[async_trait]
pub(super) trait Surveys {
    /// Looks at up to `count` rows with ids beyond `after`.
    async fn survey(
        &self,
        collection: &Collection,
        after: i64,
        count: u32,
    ) -> Result<Survey, StoreError>;

    /// The first ids with a fault, beyond `after` and up to `last`.
    async fn ids_with(
        &self,
        collection: &Collection,
        fault: Fault,
        (after, last): (i64, i64),
        count: usize,
    ) -> Result<Vec<i64>, StoreError>;

    /// Prepares to write the locations of a table, or its coordinates.
    async fn mender(
        &self,
        collection: &Collection,
        from: BackfillFrom,
    ) -> Result<Box<dyn Mender>, StoreError>;
}

/// Writes locations, or coordinates, where they disagree.
#[async_trait]
pub(super) trait Mender: Debug + Send {
    /// Writes what differs in the ids beyond `after` up to `last`, or in some of them, in
    /// one transaction; `count` rows are there or a few more.
    async fn mend(&mut self, run: (i64, i64), count: u32) -> Result<Mended, StoreError>;

    /// Leaves the database to itself until there is more to write.
    async fn rest(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// What became of one transaction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mended {
    /// How many rows were written.
    pub(super) written: u64,
    /// The part of the run that is left.
    pub(super) rest: Option<(i64, i64)>,
}

/// What a run of rows holds, by id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Survey {
    /// How many rows.
    pub rows: u64,
    /// The id of the last of them; `None` where there is none.
    pub last_id: Option<i64>,
    /// Rows with one coordinate or none.
    pub without_coordinates: u64,
    /// Of these, rows with a latitude alone.
    pub latitude_only: u64,
    /// Of these, rows with a longitude alone.
    pub longitude_only: u64,
    /// Rows with coordinates that are no point on the globe.
    pub out_of_range: u64,
    /// Rows whose location is none: the sentinel on MySQL (a real center at 0/0
    /// too), NULL on SQLite.
    pub without_location: u64,
    /// Rows with a position whose location is another.
    pub drift: u64,
    /// How far these are off.
    pub distances: DriftDistances,
    /// Rows without a position that have a location.
    pub location_only: u64,
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

/// How far locations are from their coordinates, in rows: hairs of rounding are another
/// affair than kilometres.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DriftDistances {
    /// Less than a millimetre.
    pub under_1_mm: u64,
    /// From there, less than a metre.
    pub under_1_m: u64,
    /// From there, less than 100 metres.
    pub under_100_m: u64,
}

impl DriftDistances {
    pub(super) fn add(&mut self, distance_m: f64) {
        match distance_m {
            ..0.001 => self.under_1_mm += 1,
            ..1.0 => self.under_1_m += 1,
            ..100.0 => self.under_100_m += 1,
            _ => {}
        }
    }

    /// Of so many rows in drift, those that are further off, or have no point at all.
    #[must_use]
    pub fn beyond(self, drift: u64) -> u64 {
        drift.saturating_sub(self.under_1_mm + self.under_1_m + self.under_100_m)
    }
}

impl std::ops::AddAssign for DriftDistances {
    fn add_assign(&mut self, other: Self) {
        self.under_1_mm += other.under_1_mm;
        self.under_1_m += other.under_1_m;
        self.under_100_m += other.under_100_m;
    }
}

/// What can be said of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    LatitudeOnly,
    LongitudeOnly,
    Drift,
    LocationOnly,
    OutOfRange,
}
