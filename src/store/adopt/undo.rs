//! Taking away again what adopting a table made.

use super::{AdoptError, Obstacle, Step};
use crate::store::{Collection, Database, mysql};

/// What adopting a table made, and what it takes to undo it.
#[derive(Debug, Clone, Default)]
pub struct Undoing {
    /// Why it cannot be undone as it is.
    pub obstacles: Vec<Obstacle>,
    /// What to know before.
    pub warnings: Vec<String>,
    /// What is to do, in the order in which to do it.
    pub steps: Vec<Step>,
    /// What stays although adopting may have something to do with it, and why.
    pub stays: Vec<String>,
}

impl Database {
    /// Looks at what adopting a table made, and changes nothing.
    ///
    /// # Errors
    /// When this is not MySQL, or it does not answer.
    pub async fn inspect_undoing(&self, collection: &Collection) -> Result<Undoing, AdoptError> {
        match self {
            Self::MySql(pool) => Ok(mysql::adopt::inspect_undoing(pool, self, collection).await?),
            Self::Sqlite(_) => Err(AdoptError::NotMySql),
        }
    }
}
