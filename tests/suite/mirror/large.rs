//! Transactions of many rows.

use std::time::Instant;

use super::{difference, held, metric, mirror, mirror_of, reloads, soon_the_same};
use crate::api::collections::shops;
use crate::api::server::TestServer;
use crate::support::TestDatabase;

/// Fills columns of a name and of coordinates with so many rows, by one statement.
async fn fill(server: &TestServer, columns: &str, rows: u32) {
    server
        .db
        .execute(&format!(
            "SET SESSION cte_max_recursion_depth = {rows}; \
             INSERT INTO {columns} \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
             SELECT i, MOD(i * 0.618034, 170) - 85, MOD(i * 0.414214, 360) - 180 FROM n"
        ))
        .await;
}

async fn until_held(server: &TestServer, collection: &str, rows: usize) {
    let started = Instant::now();
    let name = format!("nearby_index_centers{{collection=\"{collection}\"}}");
    server
        .eventually("all are held", async || {
            #[expect(clippy::cast_precision_loss, reason = "few rows")]
            let wanted = rows as f64;
            metric(server, &name).await == wanted
        })
        .await;
    println!("{rows} rows held after {:?}", started.elapsed());
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn many_rows_of_one_transaction_are_followed_by_their_keys() {
    let server = mirror().await;
    fill(&server, "diving_centers (name, latitude, longitude)", 2_500).await;
    until_held(&server, "centers", 2_500).await;
    server
        .db
        .execute("UPDATE diving_centers SET name = CONCAT(name, '!'), latitude = -latitude")
        .await;
    soon_the_same(&server).await;
    server
        .db
        .execute("DELETE FROM diving_centers WHERE id % 2 = 0")
        .await;
    until_held(&server, "centers", 1_250).await;
    assert_eq!(difference(&server).await, None);
    assert_eq!(reloads(&server, "large_transaction").await, 0.0);
}

/// Where there are more than are worth it, everything is loaded anew.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn more_rows_than_are_worth_following_are_loaded_anew() {
    let db = TestDatabase::mysql().await;
    // Of others: without triggers, so many rows are quickly written.
    db.execute(
        "CREATE TABLE shops (shop_id INT AUTO_INCREMENT PRIMARY KEY, title VARCHAR(50), \
         lat DOUBLE, lon DOUBLE, country_code CHAR(2))",
    )
    .await;
    let columns = db.database().columns(&shops()).await.unwrap();
    let server = mirror_of(db, vec![shops().read_from(&columns)]).await;
    fill(&server, "shops (title, lat, lon)", 200_500).await;
    until_held(&server, "shops", 200_500).await;
    assert_eq!(reloads(&server, "large_transaction").await, 1.0);
    server
        .db
        .execute("DELETE FROM shops WHERE shop_id > 100")
        .await;
    until_held(&server, "shops", 100).await;
    assert_eq!(reloads(&server, "large_transaction").await, 2.0);
    server
        .db
        .execute("UPDATE shops SET title = 'kept', lat = 89, lon = 7 WHERE shop_id = 9")
        .await;
    server
        .soon("it is followed by its key", async || {
            let path = "/collections/shops/nearby?lat=89&lng=7&radius_m=1";
            server.found_ids(path).await == [9]
        })
        .await;
    assert_eq!(held(&server, "").await, []);
}
