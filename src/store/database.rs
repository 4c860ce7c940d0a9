//! Connections: which database, how many, how long, and waiting for it.

use sqlx::MySqlPool;

use super::sqlite::SqlitePools;

/// An open database.
#[derive(Debug, Clone)]
pub enum Database {
    /// A MySQL server.
    MySql(MySqlPool),
    /// An embedded GeoPackage file.
    Sqlite(SqlitePools),
}
