//! `--engine memory` on MySQL: an index that follows whoever writes, by the binary log.

mod changes;
mod choice;
mod connection;
mod foreign;
mod large;
mod links;
mod own;
mod refused;
mod schema;
mod staleness;
mod sweep;
mod torture;
mod verify;

use nearby::store::Collection;
use serde_json::Value;
use sqlx::AssertSqlSafe;

use crate::api::server::TestServer;
use crate::support::TestDatabase;

/// A running mirror of a fresh database.
async fn mirror() -> TestServer {
    mirror_of(TestDatabase::mysql().await, Vec::new()).await
}

/// The same, compared with its tables many times a second.
async fn swept_mirror() -> TestServer {
    mirror_swept_at(20_000).await
}

/// The same, never compared.
async fn unswept_mirror() -> TestServer {
    mirror_swept_at(0).await
}

async fn mirror_swept_at(rows_per_second: u32) -> TestServer {
    let db = TestDatabase::mysql().await;
    let url = db.url().to_owned();
    TestServer::start_mirror_with(db, &url, Vec::new(), |settings| {
        settings.watched.sweep_rows_per_second = rows_per_second;
    })
    .await
}

/// A running mirror, of declared collections as well.
async fn mirror_of(db: TestDatabase, declared: Vec<Collection>) -> TestServer {
    let url = db.url().to_owned();
    TestServer::start_mirror(db, &url, declared).await
}

/// A center as searches answer it: id, name, position, country, average rating and how
/// many ratings.
type Row = (i64, String, f64, f64, Option<String>, Option<f64>, i64);

/// Every center that the index holds, by id.
async fn held(server: &TestServer, filter: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/nearest?lat=10&lng=20&limit=1000{filter}{cursor}");
        let answer = server.found(&path).await;
        rows.extend(answer["centers"].as_array().unwrap().iter().map(row));
        match answer["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    rows.sort_by_key(|row| row.0);
    rows
}

fn row(center: &Value) -> Row {
    (
        center["id"].as_i64().unwrap(),
        center["name"].as_str().unwrap().to_owned(),
        center["latitude"].as_f64().unwrap(),
        center["longitude"].as_f64().unwrap(),
        center["country"].as_str().map(str::to_owned),
        center["average_rating"].as_f64(),
        center["rating_count"].as_i64().unwrap_or(0),
    )
}

/// Every center with a position that the table has, by id, by plain SQL.
async fn stored(server: &TestServer, condition: &str) -> Vec<Row> {
    let sql = format!(
        "SELECT CAST(c.id AS SIGNED), c.name, CAST(c.latitude AS DOUBLE), \
                CAST(c.longitude AS DOUBLE), c.country, \
                (SELECT SUM(score) * 1e0 / COUNT(*) FROM center_ratings WHERE diving_center_id = c.id), \
                (SELECT COUNT(*) FROM center_ratings WHERE diving_center_id = c.id) \
         FROM diving_centers c \
         WHERE c.latitude BETWEEN -90 AND 90 AND c.longitude BETWEEN -180 AND 180 AND {condition} \
         ORDER BY c.id"
    );
    let reading = sqlx::query_as(AssertSqlSafe(sql));
    reading.fetch_all(server.db.mysql_pool()).await.unwrap()
}

/// How index and table differ; nothing where they do not.
async fn difference(server: &TestServer) -> Option<String> {
    let (held, stored) = (held(server, "").await, stored(server, "TRUE").await);
    if !is_same(&held, &stored) {
        let odd = |one: &[Row], other: &[Row]| -> Vec<Row> {
            let odd = one
                .iter()
                .filter(|row| !other.iter().any(|o| row_is(row, o)));
            odd.take(5).cloned().collect()
        };
        return Some(format!(
            "{} held, {} stored; only held: {:?}; only stored: {:?}",
            held.len(),
            stored.len(),
            odd(&held, &stored),
            odd(&stored, &held),
        ));
    }
    let acronyms: Vec<String> = sqlx::query_scalar("SELECT acronym FROM diving_organizations")
        .fetch_all(server.db.mysql_pool())
        .await
        .unwrap();
    for acronym in acronyms {
        let held = self::held(server, &format!("&organization={acronym}")).await;
        let condition = format!(
            "EXISTS (SELECT 1 FROM diving_center_organizations m JOIN diving_organizations o \
             ON o.id = m.diving_organization_id \
             WHERE m.diving_center_id = c.id AND o.acronym = '{acronym}')"
        );
        let stored = self::stored(server, &condition).await;
        if !is_same(&held, &stored) {
            let ids = |rows: &[Row]| rows.iter().map(|row| row.0).collect::<Vec<_>>();
            return Some(format!(
                "of {acronym}: {:?} held, {:?} stored",
                ids(&held),
                ids(&stored)
            ));
        }
    }
    None
}

fn is_same(one: &[Row], other: &[Row]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| row_is(one, other))
}

/// Averages are answered with few digits.
fn row_is(one: &Row, other: &Row) -> bool {
    let rounded = |average: Option<f64>| average.map(|average| (average * 100.0).round());
    let plain = |row: &Row| (row.0, row.1.clone(), row.2, row.3, row.4.clone(), row.6);
    plain(one) == plain(other) && rounded(one.5) == rounded(other.5)
}

/// Waits until index and table are the same.
async fn soon_the_same(server: &TestServer) {
    server
        .soon("index and table are the same", async || {
            difference(server).await.is_none()
        })
        .await;
}

/// One number of the metrics.
pub async fn metric(server: &TestServer, name: &str) -> f64 {
    let text = server.get("/metrics").send().await.text();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let value = line.unwrap_or_else(|| panic!("no {name} in {text}"));
    value.trim().parse().unwrap()
}

pub async fn reloads(server: &TestServer, reason: &str) -> f64 {
    let name = format!("nearby_mirror_reloads_total{{reason=\"{reason}\"}}");
    metric(server, &name).await
}
