//! A server whose sessions begin with everything set otherwise.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, resume_unwind};

use futures_util::FutureExt as _;
use serde_json::json;

use crate::cli::process::run;
use crate::cli::served::Served;
use crate::support::TestDatabase;

/// What `init_connect` sets for one user, and leaves as it is for all others.
const OTHERWISE: [(&str, &str); 22] = [
    ("autocommit", "0"),
    ("completion_type", "'CHAIN'"),
    ("transaction_isolation", "'SERIALIZABLE'"),
    ("transaction_read_only", "1"),
    ("sql_select_limit", "2"),
    ("sql_safe_updates", "1"),
    ("sql_auto_is_null", "1"),
    ("max_join_size", "1"),
    ("foreign_key_checks", "0"),
    ("max_execution_time", "1"),
    ("innodb_lock_wait_timeout", "1"),
    ("wait_timeout", "1"),
    ("group_concat_max_len", "4"),
    ("max_sort_length", "4"),
    ("div_precision_increment", "0"),
    ("time_zone", "'+09:00'"),
    ("default_storage_engine", "'MyISAM'"),
    ("default_tmp_storage_engine", "'MyISAM'"),
    ("explicit_defaults_for_timestamp", "0"),
    (
        "sql_mode",
        "'ANSI,NO_BACKSLASH_ESCAPES,NO_AUTO_VALUE_ON_ZERO'",
    ),
    ("character_set_results", "'latin1'"),
    ("lc_messages", "'ja_JP'"),
];

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn nothing_depends_on_what_a_session_begins_with() {
    let db = TestDatabase::mysql_empty().await;
    let url = db.user_with("ALL").await;
    let user = url::Url::parse(&url).unwrap().username().to_owned();
    let settings = OTHERWISE.map(|(name, value)| {
        let chosen = format!("IF(USER() LIKE '{user}@%', {value}, @@{name})");
        let chosen = if value.starts_with('\'') {
            chosen
        } else {
            // The types of numbers differ, and settings are particular about them.
            format!("CAST({chosen} AS UNSIGNED)")
        };
        format!("SESSION {name} = {}", chosen.replace('\'', "''"))
    });
    db.execute(&format!(
        "SET GLOBAL init_connect = 'SET {}'",
        settings.join(", ")
    ))
    .await;

    let done = AssertUnwindSafe(everything_works(&db, &url))
        .catch_unwind()
        .await;
    // Whatever came of it: other users log in, too.
    db.execute("SET GLOBAL init_connect = ''").await;
    done.unwrap_or_else(|panic| resume_unwind(panic));
}

async fn everything_works(db: &TestDatabase, url: &str) {
    let nearby = async |args: &[&str]| {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let url = url.to_owned();
        let ended = tokio::task::spawn_blocking(move || {
            let mut args = args;
            args.extend(["--database-url".to_owned(), url]);
            run(&args)
        });
        let ended = ended.await.expect("the command ends");
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended
    };
    nearby(&["migrate", "up"]).await;
    let engines = "SELECT COUNT(*) FROM information_schema.TABLES \
                   WHERE TABLE_SCHEMA = DATABASE() AND ENGINE <> 'InnoDB'";
    assert_eq!(db.number(engines).await, 0);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.csv");
    let mut csv = String::from("name,latitude,longitude,country\n");
    for n in 1..=9 {
        writeln!(csv, "center {n}\\s,{n},{n},GR").expect("a text takes text");
    }
    std::fs::write(&file, csv).unwrap();
    nearby(&["import", file.to_str().unwrap()]).await;
    assert_eq!(db.number("SELECT COUNT(*) FROM diving_centers").await, 9);

    let served = Served::start(&["--database-url", url]);
    let (status, created) = served
        .post(
            "/centers",
            &json!({"name": "ours", "latitude": 5, "longitude": 5}),
        )
        .await;
    assert_eq!(status, 201, "{created}");
    // Every connection of the pool has it, and goes on having it.
    for _ in 0..6 {
        let (_, found) = served.get("/nearby?lat=5&lng=5&radius_km=2000").await;
        assert_eq!(found["count"], 10, "{found}");
        let (_, listed) = served.get("/centers?country=GR").await;
        assert_eq!(listed["count"], 9, "{listed}");
    }
    let (_, found) = served.get("/search?q=center").await;
    assert_eq!(found["count"], 9, "{found}");
    let name = "SELECT COUNT(*) FROM diving_centers WHERE name = 'center 1\\\\s'";
    assert_eq!(db.number(name).await, 1, "a backslash is a backslash");
    let fresh = "SELECT COUNT(*) FROM diving_centers \
                 WHERE ABS(TIMESTAMPDIFF(SECOND, created_at, UTC_TIMESTAMP())) < 600";
    assert_eq!(db.number(fresh).await, 10, "times are UTC");
    let put = reqwest::Client::new()
        .put(served.url("/settings/any"))
        .bearer_auth(crate::api::server::KEY)
        .json(&json!({"value": 1}));
    assert!(put.send().await.unwrap().status().is_success());
    assert_eq!(db.number("SELECT COUNT(*) FROM settings").await, 1);
    db.execute("ALTER TABLE diving_centers ADD UNIQUE INDEX one_of_a_name (name)")
        .await;
    let twice = json!({"name": "ours", "latitude": 5, "longitude": 5});
    let (status, refused) = served.post("/centers", &twice).await;
    assert_eq!((status, &refused["parameter"]), (409, &json!("name")));
    db.execute("DROP INDEX one_of_a_name ON diving_centers")
        .await;
    served.stop();

    nearby(&["backfill"]).await;
    nearby(&["verify"]).await;
    nearby(&["export", "-"]).await;
    nearby(&["migrate", "down", "99", "--yes"]).await;
}
