//! Schemas: which migrations there are, which are applied, up and down.

use sqlx::migrate::Migrator;

use super::{Database, StoreError};

static MYSQL: Migrator = sqlx::migrate!("migrations/mysql");
static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");

impl Database {
    /// Applies every migration that is pending.
    ///
    /// # Errors
    /// When the database refuses one.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let migrated = match self {
            Self::MySql(pool) => MYSQL.run(pool).await,
            Self::Sqlite(pools) => SQLITE.run(&pools.writer).await,
        };
        migrated.map_err(|error| StoreError::from(sqlx::Error::from(error)))
    }
}
