//! Whether locations say what coordinates say, and whether the table can hold
//! it so.

mod allowed;
mod schema;

use super::survey::{DriftDistances, Fault, Survey};
use super::{Collection, Database, StoreError};
pub use allowed::{Allowed, AllowedError};
pub use schema::{SchemaFinding, Severity};

/// How many rows are looked at in one statement: short enough to hold nobody up.
const CHUNK: u32 = 5_000;
/// How many ids are kept of rows with one fault.
pub const MAX_FIRST_IDS: usize = 10;

/// Rows with one fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finding {
    /// How many.
    pub count: u64,
    /// The first of them, at most [`MAX_FIRST_IDS`].
    pub first_ids: Vec<i64>,
}

impl Finding {
    fn wants_ids(&self, more: u64) -> usize {
        if more == 0 {
            0
        } else {
            MAX_FIRST_IDS - self.first_ids.len()
        }
    }
}

/// What verifying found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// How many rows there are.
    pub rows: u64,
    /// Rows with one coordinate or none: allowed, and never found by a search.
    pub without_coordinates: u64,
    /// Of these, rows with a latitude alone.
    pub latitude_only: Finding,
    /// Of these, rows with a longitude alone.
    pub longitude_only: Finding,
    /// Rows whose location is none: the sentinel on MySQL, NULL on SQLite.
    pub without_location: u64,
    /// Rows with a position whose location is another; backfill mends them.
    pub drift: Finding,
    /// How far these are off.
    pub distances: DriftDistances,
    /// Rows without a position that have a location; backfill mends them.
    pub location_only: Finding,
    /// Rows with coordinates that are no point on the globe; somebody must
    /// correct those.
    pub out_of_range: Finding,
    /// What is wrong with the table itself.
    pub schema: Vec<SchemaFinding>,
}

impl Verification {
    /// Whether nothing is wrong; warnings do not count.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.is_sound_but_for(&[])
    }

    /// Whether nothing is wrong with the table as such; warnings do not count.
    #[must_use]
    pub fn is_schema_sound(&self) -> bool {
        self.schema_faults() == 0
    }

    /// How much is wrong with the table as such.
    #[must_use]
    pub fn schema_faults(&self) -> usize {
        let wrong = |finding: &&SchemaFinding| finding.severity == Severity::Wrong;
        self.schema.iter().filter(wrong).count()
    }
}

impl Database {
    /// Verifies a collection, some thousand rows at a time, so that no
    /// transaction is long. `each` is told how many rows were looked at.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn verify(
        &self,
        collection: &Collection,
        mut each: impl FnMut(u64),
    ) -> Result<Verification, StoreError> {
        let mut found = Verification {
            schema: self.inspect(collection).await?,
            ..Verification::default()
        };
        if found.schema.iter().any(|finding| finding.hides_rows) {
            return Ok(found);
        }
        let beyond = self.rows_beyond_ids(collection).await?;
        found.schema.extend(beyond.map(SchemaFinding::wrong));
        let mut after = i64::MIN;
        while let Some(last) = self.verify_chunk(collection, after, &mut found).await? {
            after = last;
            each(found.rows);
        }
        Ok(found)
    }

    async fn verify_chunk(
        &self,
        collection: &Collection,
        after: i64,
        found: &mut Verification,
    ) -> Result<Option<i64>, StoreError> {
        let survey = self.backend().survey(collection, after, CHUNK).await?;
        let Some(last) = survey.last_id else {
            return Ok(None);
        };
        for (fault, count) in found.add(&survey) {
            let finding = found.finding(fault);
            let wanted = finding.wants_ids(count);
            if wanted > 0 {
                let run = (after, last);
                let ids = self.backend().ids_with(collection, fault, run, wanted);
                finding.first_ids.extend(ids.await?);
            }
        }
        Ok(Some(last))
    }
}

impl Verification {
    /// Adds up; gives how many rows with each fault came along.
    fn add(&mut self, survey: &Survey) -> [(Fault, u64); 5] {
        self.rows += survey.rows;
        self.without_coordinates += survey.without_coordinates;
        self.without_location += survey.without_location;
        self.distances += survey.distances;
        let counts = [
            (Fault::LatitudeOnly, survey.latitude_only),
            (Fault::LongitudeOnly, survey.longitude_only),
            (Fault::Drift, survey.drift),
            (Fault::LocationOnly, survey.location_only),
            (Fault::OutOfRange, survey.out_of_range),
        ];
        for (fault, count) in counts {
            self.finding(fault).count += count;
        }
        counts
    }

    fn finding(&mut self, fault: Fault) -> &mut Finding {
        match fault {
            Fault::LatitudeOnly => &mut self.latitude_only,
            Fault::LongitudeOnly => &mut self.longitude_only,
            Fault::Drift => &mut self.drift,
            Fault::LocationOnly => &mut self.location_only,
            Fault::OutOfRange => &mut self.out_of_range,
        }
    }
}
