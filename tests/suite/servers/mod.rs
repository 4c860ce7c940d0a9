//! Several servers of one database, and a change of the one that takes writes.

mod one_address;
mod readers;
mod several;
mod writers;

use crate::support::OwnServer;

/// What the centers of a database are called, as a server has them.
async fn names_on(server: &OwnServer, database: &str) -> Vec<String> {
    let sql = format!("SELECT CAST(JSON_ARRAYAGG(name) AS CHAR) FROM `{database}`.diving_centers");
    serde_json::from_str(&server.text(&sql).await).expect("it is a list of names")
}
