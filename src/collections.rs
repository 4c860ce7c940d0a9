//! Everything that is served: the default collection and the others, each with a
//! store and an engine of its own.

use std::sync::Arc;
use std::time::Duration;

use crate::catalog::Catalog;
use crate::domain::{Setting, SettingKey};
use crate::store::StoreError;

/// The collections of a service, told apart by their names.
#[derive(Debug, Clone)]
pub struct Collections {
    default: Arc<Catalog>,
    others: Vec<Arc<Catalog>>,
}

impl Collections {
    /// Joins the default collection, which paths need not name, and the others.
    #[must_use]
    pub fn new(default: Arc<Catalog>, others: Vec<Arc<Catalog>>) -> Self {
        Self { default, others }
    }

    /// The one that paths need not name.
    #[must_use]
    pub fn default(&self) -> &Arc<Catalog> {
        &self.default
    }

    /// All of them, the default one first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Catalog>> {
        std::iter::once(&self.default).chain(&self.others)
    }

    /// The one that clients call so.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Catalog>> {
        self.iter()
            .find(|catalog| catalog.collection().name.as_str() == name)
    }

    /// Writes a setting of the database; the next answer of every collection goes by it.
    ///
    /// # Errors
    /// When the database does not answer; nothing is written then.
    pub async fn put_setting(&self, key: &SettingKey, setting: &Setting) -> Result<(), StoreError> {
        let database = self.default.store().database();
        database.put_setting(key, setting).await?;
        for catalog in self.iter() {
            catalog.follow_setting(key, setting).await;
        }
        Ok(())
    }

    /// How long ago the first commit was that an index does not hold; `None` where no feed
    /// keeps them.
    #[must_use]
    pub fn lag(&self) -> Option<Duration> {
        self.iter().filter_map(|catalog| catalog.lag()).max()
    }

    /// Whether all of them answer searches.
    #[must_use]
    pub fn are_ready(&self) -> bool {
        self.iter().all(|catalog| catalog.is_ready())
    }
}

impl From<Arc<Catalog>> for Collections {
    /// The default collection and no others.
    fn from(default: Arc<Catalog>) -> Self {
        Self::new(default, Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::to_raw_value;

    use super::*;
    use crate::domain::{RatingVisibility, reviews_switch};
    use crate::engine::Engine;
    use crate::engine::memory::MemoryEngine;
    use crate::store::{Collection, Database, DatabaseUrl, PoolSettings, Store};

    #[tokio::test]
    async fn a_setting_is_told_to_centers_that_are_not_the_default_collection() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::of_file(&folder.path().join("test.gpkg"));
        let settings = PoolSettings::default();
        let database = Database::connect(&url, &settings).await.unwrap();
        database.ensure_schema(true).await.unwrap();
        let catalog = |collection: &Collection| {
            let engine = MemoryEngine::new(collection.name.as_str());
            let store = Store::new(&database, collection);
            Arc::new(Catalog::new(store, Arc::new(Engine::Memory(engine))))
        };
        let centers = catalog(&Collection::diving_centers());
        let default = catalog(&Collection::dive_sites());
        let collections = Collections::new(default, vec![Arc::clone(&centers)]);
        for (hides, visibility) in [
            (true, RatingVisibility::Hidden),
            (false, RatingVisibility::Shown),
        ] {
            let setting = Setting::new(to_raw_value(&hides).unwrap(), None).unwrap();
            let key = reviews_switch();
            collections.put_setting(&key, &setting).await.unwrap();
            assert_eq!(centers.rating_visibility(), Some(visibility));
        }
    }
}
