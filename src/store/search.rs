//! Searching by SQL, where a database can.

use std::fmt::Debug;

use async_trait::async_trait;

use super::StoreError;
use crate::domain::{
    Bounds, CellSum, Cells, CenterId, FieldId, Filter, OrganizationId, Position, Search, Summary,
    Tally,
};

/// A search of one part of its area.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// Area, filter, exclusions and cursor. Its own radius and limit are not
    /// looked at.
    pub search: &'a Search,
    /// The great-circle radius in metres, inclusive, where it looks around an origin.
    pub radius_m: f64,
    /// What holds the part: one piece or several, as [`crate::domain::cover`]
    /// cuts a circle.
    pub cover: &'a [Bounds],
    /// How many rows at most.
    pub rows: usize,
    /// The organizations that the filter names, by id; looked at where it names
    /// any.
    pub organizations: &'a [OrganizationId],
    /// After how many milliseconds [`Searcher::find`] gives up, if ever.
    pub longest_ms: Option<u32>,
}

/// What stands in some cells of the map.
#[derive(Debug, Clone, Copy)]
pub struct InCells<'a> {
    /// The cells.
    pub cells: &'a Cells,
    /// Which centers count.
    pub filter: &'a Filter,
    /// The organizations that the filter names, by id; looked at where it names
    /// any.
    pub organizations: &'a [OrganizationId],
}

/// Takes a center with its distance in metres.
pub type EachFound<'a> = &'a mut (dyn for<'r> FnMut(f64, Summary<'r>) + Send + 'a);

/// Takes a position and a country.
pub type EachPosition<'a> = &'a mut (dyn for<'r> FnMut(Position, Option<&'r str>) + Send + 'a);

/// Searches a collection by SQL.
#[async_trait]
pub trait Searcher: Debug + Send + Sync {
    /// Hands on the centers that are there, beyond the search's cursor and in its order,
    /// with their distances in metres; [`BY_ID`](crate::domain::BY_ID) in the place of
    /// these where the order is by id. Gives whether these are all: it may have
    /// given up.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn find(&self, look: &Look<'_>, each: EachFound<'_>) -> Result<bool, StoreError>;

    /// Counts the centers within the cover that are not before the search's cursor, up to
    /// `look.rows`.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn count(&self, look: &Look<'_>) -> Result<usize, StoreError>;

    /// Counts the centers that a filter keeps, up to `most`.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn matching(
        &self,
        filter: &Filter,
        organizations: &[OrganizationId],
        most: usize,
    ) -> Result<usize, StoreError>;

    /// The greatest number of a field among all centers; `None` where there is none.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn greatest(&self, field: FieldId) -> Result<Option<f64>, StoreError>;

    /// Counts the centers that are there, and how often each value of some fields is among
    /// them; `None` where that takes too long. The search's cursor is not looked at.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn tally(&self, look: &Look<'_>, facets: &[FieldId])
    -> Result<Option<Tally>, StoreError>;

    /// Sums up the centers of each of some cells, where there are any; `None` where that
    /// takes too long.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn cell_sums(&self, asked: &InCells<'_>) -> Result<Option<Vec<CellSum>>, StoreError>;

    /// Up to so many centers of some cells with ids beyond one, by id; `None` where that
    /// takes too long.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn ids_in_cells(
        &self,
        asked: &InCells<'_>,
        after: Option<CenterId>,
        most: usize,
    ) -> Result<Option<Vec<CenterId>>, StoreError>;

    /// Learns which indexes the table has, and names them in searches from now on.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn learn_indexes(&self) -> Result<(), StoreError>;

    /// Hands on the positions of all centers that have one with their countries, in
    /// any order.
    ///
    /// # Errors
    /// When the database does not answer.
    async fn for_each_position(&self, each: EachPosition<'_>) -> Result<(), StoreError>;
}
