//! Guarding layers that other programs made. Migrations guard nearby's own tables.

use async_trait::async_trait;

use super::{SqliteDatabase, triggers};
use crate::store::guard::Guards;
use crate::store::{Collection, LayerTrigger, StoreError};

#[async_trait]
impl Guards for SqliteDatabase {
    fn is_layer_of_others(&self, collection: &Collection) -> bool {
        !collection.is_ours()
    }

    async fn missing_layer_triggers(
        &self,
        collection: &Collection,
    ) -> Result<Vec<LayerTrigger>, StoreError> {
        let collection = collection.clone();
        let looking = self.read(move |connection| Ok(triggers::missing(connection, &collection)?));
        looking.await
    }

    async fn make_layer_triggers(
        &self,
        collection: &Collection,
        triggers: &[LayerTrigger],
    ) -> Result<(), StoreError> {
        let (collection, triggers) = (collection.clone(), triggers.to_vec());
        let making =
            self.write(move |writing| Ok(triggers::make(writing, &collection, &triggers)?));
        making.await
    }
}
