//! Guards that hold locations right against writers that forget them.

use async_trait::async_trait;

use super::{Collection, Database, StoreError};

/// Guards collections against other writers.
#[async_trait]
pub(super) trait Guards {
    /// Guards a collection with triggers; `None` where there is nothing to do.
    async fn guard(&self, _collection: &Collection) -> Result<Option<Guard>, StoreError> {
        Ok(None)
    }

    /// The grant that shows this user the triggers of a collection.
    async fn grant_to_see_triggers(
        &self,
        _collection: &Collection,
    ) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    /// Whether any table of the database was adopted, as far as this user may see.
    async fn is_any_adopted(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Whether the locations of a table may be mended unasked.
    async fn may_be_mended(&self, _collection: &Collection) -> Result<bool, StoreError> {
        Ok(true)
    }

    /// Whether a collection is a layer that another program made in an embedded file.
    fn is_layer_of_others(&self, _collection: &Collection) -> bool {
        false
    }

    /// The triggers that such a layer lacks.
    async fn missing_layer_triggers(
        &self,
        _collection: &Collection,
    ) -> Result<Vec<LayerTrigger>, StoreError> {
        Ok(Vec::new())
    }

    /// Makes triggers of such a layer, and notes the points that were drawn before.
    async fn make_layer_triggers(
        &self,
        _collection: &Collection,
        _triggers: &[LayerTrigger],
    ) -> Result<(), StoreError> {
        Ok(())
    }
}

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
        self.backend().is_layer_of_others(collection)
    }

    /// The triggers that such a layer lacks; none on MySQL, where adopting takes more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn missing_layer_triggers(
        &self,
        collection: &Collection,
    ) -> Result<Vec<LayerTrigger>, StoreError> {
        self.backend().missing_layer_triggers(collection).await
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
        let making = self.backend().make_layer_triggers(collection, triggers);
        making.await
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
        self.backend().grant_to_see_triggers(collection).await
    }

    /// Guards a collection where the database allows it. `None` where there is
    /// nothing to do: the table is missing, or its own migration guards it, as
    /// on SQLite.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn guard(&self, collection: &Collection) -> Result<Option<Guard>, StoreError> {
        self.backend().guard(collection).await
    }

    /// Whether the locations of a table may be mended unasked: a migration of nearby made
    /// it, or it was adopted.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn may_be_mended(&self, collection: &Collection) -> Result<bool, StoreError> {
        self.backend().may_be_mended(collection).await
    }
}
