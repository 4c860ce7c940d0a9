//! Guards that hold locations right against writers that forget them.

use super::{Collection, Database, StoreError, mysql, sqlite};

/// How a collection is guarded against other writers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// The triggers were there.
    InPlace,
    /// The triggers were made, or made anew.
    Installed,
    /// They can be neither seen nor made by this user.
    Unseen {
        /// The grant that shows them.
        grant: String,
    },
    /// They could not be made. Nothing of ours depends on them: our own writes
    /// set the location themselves, and `verify` and `backfill` mend what others
    /// leave.
    Missing {
        /// What the database said.
        reason: String,
        /// Which setting or grant is missing.
        advice: String,
    },
}

/// A trigger that notes points which other programs draw or move in a layer of an
/// embedded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerTrigger {
    /// Its name.
    pub name: String,
    /// The statement that makes it.
    pub sql: String,
}

impl Database {
    /// Whether a collection is a layer that another program made in an embedded file.
    #[must_use]
    pub fn is_layer_of_others(&self, collection: &Collection) -> bool {
        matches!(self, Self::Sqlite(_)) && !collection.is_ours()
    }

    /// The triggers that such a layer lacks; none on MySQL, where adopting takes more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn missing_layer_triggers(
        &self,
        collection: &Collection,
    ) -> Result<Vec<LayerTrigger>, StoreError> {
        match self {
            Self::MySql(_) => Ok(Vec::new()),
            Self::Sqlite(pools) => sqlite::triggers::missing(pools, collection).await,
        }
    }

    /// Makes triggers of such a layer, and notes the points that were drawn before.
    ///
    /// # Errors
    /// When the database does not answer; nothing is made then.
    pub async fn make_layer_triggers(
        &self,
        collection: &Collection,
        triggers: &[LayerTrigger],
    ) -> Result<(), StoreError> {
        match self {
            Self::MySql(_) => Ok(()),
            Self::Sqlite(pools) => sqlite::triggers::make(pools, collection, triggers).await,
        }
    }

    /// The grant that shows this user the triggers of a collection; `None` where they can be
    /// seen, or the table is missing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn grant_to_see_triggers(
        &self,
        collection: &Collection,
    ) -> Result<Option<String>, StoreError> {
        match self {
            Self::MySql(pool) if mysql::table_exists(pool, collection.table.as_str()).await? => {
                Ok(mysql::adopt::grant_to_see_triggers(pool, collection).await?)
            }
            Self::MySql(_) | Self::Sqlite(_) => Ok(None),
        }
    }

    /// Guards a collection where the database allows it. `None` where there is
    /// nothing to do: the table is missing, or its own migration guards it, as
    /// on SQLite.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn guard(&self, collection: &Collection) -> Result<Option<Guard>, StoreError> {
        match self {
            Self::MySql(pool) => mysql::triggers::ensure(pool, collection).await,
            Self::Sqlite(_) => Ok(None),
        }
    }
}
