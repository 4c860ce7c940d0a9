//! Which engine is taken where none is named, and what the start says of it.

use serde_json::Value;

use crate::cli::served::Served;
use crate::support::{OwnServer, TestDatabase};

/// The line that says which engine was chosen, and why.
fn chosen(server: &Served) -> String {
    let lines = server.said.iter().filter_map(|line| {
        let event: Value = serde_json::from_str(line).ok()?;
        let said = event["message"].as_str()?;
        said.starts_with("searches are answered")
            .then(|| said.to_owned())
    });
    let lines: Vec<String> = lines.collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].clone()
}

async fn is_mirror(server: &Served) -> bool {
    let (status, ready) = server.get("/readyz").await;
    assert_eq!(status, 200, "{ready}");
    ready["mirror_lag_s"].is_f64()
}

async fn start(url: &str, more: &[&str]) -> (Served, bool, String) {
    let args = [&["--engine", "auto", "--database-url", url], more].concat();
    let server = Served::start(&args);
    let is_mirror = is_mirror(&server).await;
    let why = chosen(&server);
    (server, is_mirror, why)
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_server_that_can_be_followed_is_answered_from_memory_if_the_tables_fit() {
    let db = TestDatabase::mysql().await;
    db.execute(
        "INSERT INTO diving_centers (name, latitude, longitude) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) \
         SELECT 'one', i % 90, 1 FROM n; ANALYZE TABLE diving_centers",
    )
    .await;
    let (server, is_mirror, why) = start(db.url(), &[]).await;
    assert!(is_mirror, "{why}");
    assert!(
        why.contains("from memory, which follows the binary log: about 9"),
        "{why}"
    );
    assert!(why.contains("--mirror-memory allows that"), "{why}");
    assert_eq!(
        server.found_ids("/nearest?lat=1&lng=1&limit=5").await.len(),
        5
    );
    server.stop();

    let (server, is_mirror, why) = start(db.url(), &["--mirror-memory", "100000"]).await;
    assert!(!is_mirror, "{why}");
    assert!(why.contains("by SQL: about 9"), "{why}");
    assert!(why.contains("--mirror-memory is 1 MiB"), "{why}");
    server.stop();
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn whose_user_may_not_read_the_log_is_answered_by_sql_and_told_the_grant() {
    let db = TestDatabase::mysql().await;
    let url = db.user_with("SELECT, INSERT, UPDATE, DELETE").await;
    let (server, is_mirror, why) = start(&url, &[]).await;
    assert!(!is_mirror, "{why}");
    assert!(
        why.contains("by SQL: this user may not read the binary log"),
        "{why}"
    );
    assert!(why.contains("GRANT REPLICATION SLAVE ON *.* TO"), "{why}");
    server.stop();
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_server_that_cannot_be_followed_is_answered_by_sql_and_told_what_mends_it() {
    let alone = OwnServer::start();
    let db = TestDatabase::mysql_on(alone.url()).await;
    db.execute("SET GLOBAL binlog_format = 'MIXED'").await;
    let (server, is_mirror, why) = start(db.url(), &[]).await;
    assert!(!is_mirror, "{why}");
    assert!(why.contains("binlog_format is MIXED"), "{why}");
    assert!(why.contains("SET PERSIST binlog_format = ROW"), "{why}");
    server.stop();
}
