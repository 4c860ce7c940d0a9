//! How gently the server alters a table: indexes and row formats rule ways out.
//!
//! Measured on MySQL 9.7 with every kind of table below; a way that another server refuses
//! is followed by the next rougher one when the statement is carried out.

use std::time::Duration;

use super::gather::Gathered;
use super::{Locking, Way};
use crate::store::Collection;
use crate::store::mysql::schema::Index;

/// Measured on two cores; other servers differ.
const ROWS_REBUILT_PER_S: u64 = 200_000;
const ROWS_COPIED_PER_S: u64 = 100_000;
/// With an index of words, which is built anew as well: of names alone 10,000, of names and
/// descriptions 1,400.
const ROWS_WITH_WORDS_PER_S: u64 = 2_500;

/// What of a table rules ways out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ways<'g> {
    /// A FULLTEXT index.
    full_text: Option<&'g str>,
    /// A spatial index of another column.
    spatial: Option<&'g str>,
    is_compressed: bool,
}

impl<'g> Ways<'g> {
    pub(super) fn of(gathered: &'g Gathered, collection: &Collection) -> Self {
        let location = collection.location.as_str();
        let named = |is_such: &dyn Fn(&Index) -> bool| {
            let index = gathered.indexes.iter().find(|index| is_such(index));
            index.map(|index| index.name.as_str())
        };
        Self {
            full_text: named(&|index| index.kind == "FULLTEXT"),
            spatial: named(&|index| index.kind == "SPATIAL" && !index.is_spatial_on(location)),
            is_compressed: gathered
                .table
                .as_ref()
                .is_some_and(|table| table.is_compressed),
        }
    }

    /// Of adding or dropping a column.
    pub(super) fn of_column(&self) -> Way {
        if self.full_text.is_some() {
            Way::Copy
        } else if self.is_compressed {
            Way::Online
        } else {
            Way::Instant
        }
    }

    /// Of making a column NOT NULL.
    pub(super) fn of_not_null(&self) -> Way {
        if self.full_text.is_some() {
            Way::Copy
        } else if self.spatial.is_some() {
            Way::Shared
        } else {
            Way::Online
        }
    }

    /// How long the table takes that way.
    pub(super) fn expected(&self, way: Way, rows: u64) -> Duration {
        let per_s = match way {
            Way::Instant => return Duration::ZERO,
            Way::Online | Way::Shared => ROWS_REBUILT_PER_S,
            Way::Copy if self.full_text.is_some() => ROWS_WITH_WORDS_PER_S,
            Way::Copy => ROWS_COPIED_PER_S,
        };
        Duration::from_secs(rows.div_ceil(per_s))
    }

    /// Which index keeps writers waiting.
    pub(super) fn blocking_index(&self) -> Option<String> {
        let full_text = self
            .full_text
            .map(|name| format!("the FULLTEXT index {name}"));
        let spatial = || self.spatial.map(|name| format!("the spatial index {name}"));
        full_text.or_else(spatial)
    }
}

impl Way {
    /// How it holds other writers up.
    pub(super) fn locking(self) -> Locking {
        match self {
            Self::Instant => Locking::Instant,
            Self::Online => Locking::Online,
            Self::Shared | Self::Copy => Locking::BlocksWrites,
        }
    }
}
