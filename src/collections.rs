//! Everything that is served: the default collection and the others, each with a
//! store and an engine of its own.

use std::sync::Arc;

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
            catalog.follow_setting(key, setting);
        }
        Ok(())
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
