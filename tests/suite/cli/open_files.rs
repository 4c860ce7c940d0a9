//! The system's limit on open files.

use std::process::Command;

use super::served::Served;

fn limit_of(pid: u32) -> (String, String) {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .unwrap();
    let mut words = line.split_whitespace().skip(3).map(str::to_owned);
    (words.next().unwrap(), words.next().unwrap())
}

#[tokio::test]
async fn the_limit_on_open_files_is_raised_and_bounds_connections() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("a.gpkg").display());
    let mut limited = Command::new("prlimit");
    limited.args(["--nofile=200:400", "--"]);
    let mut server = Served::start_under(limited, &["serve", "--database-url", &database]);
    assert_eq!(limit_of(server.pid()), ("400".to_owned(), "400".to_owned()));
    server.until_it_says("leaves room for 200 connections");
    assert_eq!(server.get("/healthz").await.0, 200);
    server.stop();
}
