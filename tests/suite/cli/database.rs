//! `--database-url`: what is told where there is no database to be had.

use std::time::{Duration, Instant};

use super::process::run;
use crate::support::{TestDatabase, with_database};

fn refused(url: &str, said: &[&str]) {
    let ended = run(&[
        "migrate",
        "status",
        "--connect-tries",
        "1",
        "--database-url",
        url,
    ]);
    ended.assert(2, said);
    assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
}

#[test]
fn a_typo_is_told_with_the_forms_there_are_and_without_the_password() {
    for url in [
        "mysq://u:s3cret@h/a",
        "u:s3cret@h/a",
        "mysql://u:s3cret@h",
        "",
    ] {
        refused(
            url,
            &["`mysql://user:password@host[:port][,host[:port]…]/database` or `sqlite:PATH`"],
        );
    }
    run(&[
        "migrate",
        "up",
        "--database-url",
        "sqlite:/proc/no/such.gpkg",
    ])
    .assert(2, &["its folder does not exist"]);
    run(&["verify"]).assert(2, &["--database-url <URL>"]);
}

/// Where a path was mistyped, an empty database would be read instead of the one that
/// was meant, and left behind.
#[test]
fn a_file_that_is_not_there_is_made_only_by_commands_that_fill_it() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("mistyped.gpkg");
    let url = format!("sqlite:{}", path.display());
    let copy = folder.path().join("copy.csv").display().to_string();
    for reading in [
        &["export", copy.as_str()][..],
        &["verify"],
        &["backfill"],
        &["backfill", "--dry-run"],
        &["adopt"],
        &["migrate", "status"],
        &["migrate", "down"],
        &["migrate", "stamp", "1"],
        &["organizations", "list"],
        &["organizations", "seed"],
    ] {
        let ended = run(&[reading, &["--database-url", &url]].concat());
        ended.assert(
            2,
            &["mistyped.gpkg", "there is no such file", "`nearby import`"],
        );
        let left = folder.path().read_dir().expect("it is there").count();
        assert_eq!(left, 0, "{reading:?} made something");
    }
    run(&["migrate", "up", "--database-url", &url]).assert(0, &[]);
    run(&["organizations", "seed", "--database-url", &url]).assert(0, &[]);
    run(&["export", &copy, "--database-url", &url]).assert(0, &[]);
}

#[test]
fn help_never_shows_the_url_of_the_environment() {
    let ended = super::process::nearby()
        .args(["verify", "--help"])
        .env("DATABASE_URL", "mysql://u:s3cret@h/a")
        .output()
        .expect("the binary starts");
    let help = String::from_utf8(ended.stdout).expect("help is UTF-8");
    assert!(
        help.contains("DATABASE_URL") && !help.contains("s3cret"),
        "{help}"
    );
}

#[test]
fn a_server_that_is_not_there_is_waited_for_and_then_told() {
    let start = Instant::now();
    let url = "mysql://u:s3cret@localhost:1/a";
    let ended = run(&["verify", "--connect-tries", "2", "--database-url", url]);
    ended.assert(
        2,
        &[
            "no connection yet (try 1 of 2)",
            "mysql://u@localhost:1/a did not answer in 2 tries",
        ],
    );
    assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn what_the_server_refuses_for_good_is_told_at_once() {
    let db = TestDatabase::mysql().await;
    refused(
        &with_database(db.url(), "no_such_database"),
        &["no_such_database", "CREATE DATABASE"],
    );
    let mut wrong_user = url::Url::parse(db.url()).expect("it is a URL");
    wrong_user.set_username("nobody").expect("it has a host");
    wrong_user
        .set_password(Some("s3cret"))
        .expect("it has a host");
    refused(wrong_user.as_str(), &["check user and password"]);
}

#[test]
fn help_says_which_engine_is_for_which_database() {
    let ended = super::process::run(&["serve", "--help"]);
    let help = String::from_utf8(ended.stdout).expect("help is UTF-8");
    let memory = help
        .lines()
        .find(|line| line.trim().starts_with("- memory:"));
    assert!(
        memory.is_some_and(|line| line.contains("on MySQL it follows other writers")),
        "{help}"
    );
}
