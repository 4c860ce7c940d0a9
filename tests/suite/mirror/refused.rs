//! Servers and tables that cannot be followed, and users who can.

use crate::cli::process::run;
use crate::cli::served::Served;
use crate::support::{OwnServer, TestDatabase};

const RIGHTS: &str = "SELECT, INSERT, UPDATE, DELETE";

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_user_without_the_right_is_told_which_statement_gives_it() {
    let db = TestDatabase::mysql().await;
    let url = db.user_with(RIGHTS).await;
    let args = ["serve", "--engine", "memory", "--bind", "127.0.0.1:0"];
    let ended = run(&[&args[..], &["--database-url", &url]].concat());
    let user = url::Url::parse(&url).unwrap().username().to_owned();
    let grant = format!("GRANT REPLICATION SLAVE ON *.* TO '{user}'@'%'");
    ended.assert(2, &["may not read the binary log", &grant, "--engine sql"]);

    db.execute(&grant).await;
    let server = Served::start(&["--engine", "memory", "--database-url", &url]);
    let said = server.said.join("\n");
    assert!(
        said.contains("from memory, which follows the binary log"),
        "{said}"
    );
    let (status, ready) = server.get("/readyz").await;
    assert_eq!((status, &ready["status"]), (200, &"ready".into()));
    assert!(ready["mirror_lag_s"].as_f64().is_some(), "{ready}");
    db.execute("INSERT INTO diving_centers (id, name, latitude, longitude) VALUES (5, 'x', 1, 1)")
        .await;
    let deadline = std::time::Instant::now() + crate::api::server::PATIENCE;
    while server.found_ids("/nearest?lat=1&lng=1").await != [5] {
        assert!(std::time::Instant::now() < deadline, "it is never found");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    server.stop();
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_view_is_refused_as_the_log_has_no_word_of_it() {
    let db = TestDatabase::mysql().await;
    db.execute(
        "RENAME TABLE diving_centers TO places; \
         CREATE VIEW diving_centers AS SELECT * FROM places",
    )
    .await;
    let args = ["serve", "--engine", "memory", "--bind", "127.0.0.1:0"];
    let ended = run(&[&args[..], &["--database-url", db.url()]].concat());
    let is_view = "diving_centers is a view, and the binary log tells of tables";
    ended.assert(2, &[is_view, "declare the table that it is of"]);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_server_whose_log_cannot_be_followed_is_told_which_statements_mend_it() {
    let alone = OwnServer::start();
    let db = TestDatabase::mysql_on(alone.url()).await;
    db.execute(
        "SET GLOBAL gtid_mode = ON_PERMISSIVE; SET GLOBAL gtid_mode = OFF_PERMISSIVE; \
         SET GLOBAL gtid_mode = OFF; SET GLOBAL binlog_format = 'MIXED'",
    )
    .await;
    let args = ["serve", "--engine", "memory", "--bind", "127.0.0.1:0"];
    let args = [&args[..], &["--database-url", db.url()]].concat();
    let format = "SET PERSIST binlog_format = ROW";
    let gtids = "SET PERSIST gtid_mode = OFF_PERMISSIVE; SET PERSIST gtid_mode = ON_PERMISSIVE; \
                 SET PERSIST gtid_mode = ON";
    let ended = run(&args);
    ended.assert(
        2,
        &["binlog_format is MIXED", format, "gtid_mode is OFF", gtids],
    );
    db.execute(&format!(
        "{format}; SET PERSIST enforce_gtid_consistency = ON; {gtids}"
    ))
    .await;
    let server = Served::start(&["--engine", "memory", "--database-url", db.url()]);
    server.stop();
}
