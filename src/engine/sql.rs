//! The engine that asks MySQL.

use super::{Answer, SearchError};
use crate::domain::Search;
use crate::store::Store;

/// Answers searches from a MySQL store.
#[derive(Debug)]
pub struct SqlEngine {
    store: Store,
}

impl SqlEngine {
    /// An engine over a MySQL store.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Answers a search.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn search(
        &self,
        _search: &Search,
        _answer: &mut impl Answer,
    ) -> Result<(), SearchError> {
        let _ = &self.store;
        todo!()
    }
}
