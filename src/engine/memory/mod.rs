//! The engine that keeps every center in memory.

use super::{Answer, SearchError};
use crate::domain::{CenterId, Search, Summary};

/// A committed write that the index has to follow.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// A center with a position was created or written.
    Upsert(Summary<'a>),
    /// A center was deleted or lost its position.
    Remove(CenterId),
}

/// Answers searches from an R-tree in memory.
#[derive(Debug)]
pub struct MemoryEngine {}

/// A new index being filled beside the one that answers.
#[derive(Debug)]
pub struct Loading {}

impl Loading {
    /// Adds a center.
    pub fn push(&mut self, _center: &Summary<'_>) {
        todo!()
    }
}

impl Default for MemoryEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryEngine {
    /// An engine that answers [`SearchError::Loading`] until it is loaded.
    #[must_use]
    pub fn new() -> Self {
        todo!()
    }

    /// Starts a new index; the present one goes on answering.
    #[must_use]
    pub fn begin_load(&self) -> Loading {
        todo!()
    }

    /// Builds the new index and puts it in the place of the present one.
    pub fn finish_load(&self, _loading: Loading) {
        todo!()
    }

    /// Follows committed writes.
    pub fn apply(&self, _changes: &[Change<'_>]) {
        todo!()
    }

    /// Answers a search.
    ///
    /// # Errors
    /// [`SearchError::Loading`] before the first load.
    pub fn search(&self, _search: &Search, _answer: &mut impl Answer) -> Result<(), SearchError> {
        todo!()
    }

    /// stub
    pub fn is_loaded(&self) -> bool {
        todo!()
    }
    /// stub
    pub fn len(&self) -> usize {
        todo!()
    }
    /// stub
    pub fn changed_at(&self) -> Option<std::time::SystemTime> {
        todo!()
    }
}
