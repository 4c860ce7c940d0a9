//! Keys and passwords: how they are given, and which are good enough.

use std::process::{Command, Stdio};

use super::process::{Ended, nearby};
use super::served::Served;
use crate::api::server::KEY;
use crate::support::TestDatabase;

/// A start that is to fail at once, with these variables.
fn refused(db: &TestDatabase, variables: &[(&str, &str)], said: &[&str]) {
    let mut command = serve(db);
    command.envs(variables.iter().copied());
    ended(&mut command).assert(2, said);
}

fn serve(db: &TestDatabase) -> Command {
    let mut command = nearby();
    command.args(["serve", "--bind", "127.0.0.1:0", "--database-url", db.url()]);
    command
}

/// Ends with the test where it serves all the same.
fn ended(command: &mut Command) -> Ended {
    let mut timed = Command::new("timeout");
    timed.arg("20").arg(command.get_program());
    timed.args(command.get_args()).stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => timed.env(name, value),
            None => timed.env_remove(name),
        };
    }
    timed.output().expect("timeout is there").into()
}

#[tokio::test]
async fn a_key_that_can_be_guessed_ends_the_start() {
    let db = TestDatabase::sqlite().await;
    for short in ["fifteen-chars-1", "  fifteen-chars-1\n", "x"] {
        let said = [
            "NEARBY_ADMIN_KEY has",
            "at least 16 random ones",
            "openssl rand -hex 32",
        ];
        refused(&db, &[("NEARBY_ADMIN_KEY", short)], &said);
    }
    refused(
        &db,
        &[("NEARBY_ADMIN_KEY", "   ")],
        &["NEARBY_ADMIN_KEY is empty"],
    );
    let two_lines = "a-long-enough-key\nof-two-lines";
    refused(
        &db,
        &[("NEARBY_ADMIN_KEY", two_lines)],
        &["cannot be sent in a header"],
    );
}

#[tokio::test]
async fn a_secret_comes_from_a_file_and_from_one_place_alone() {
    let db = TestDatabase::sqlite().await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("the folder is writable");
        path.display().to_string()
    };
    let key = file("key", &format!("{KEY}\n"));
    let both = [
        ("NEARBY_ADMIN_KEY", KEY),
        ("NEARBY_ADMIN_KEY_FILE", key.as_str()),
    ];
    refused(
        &db,
        &both,
        &["NEARBY_ADMIN_KEY and NEARBY_ADMIN_KEY_FILE are both set"],
    );
    for (file, said) in [
        (file("short", "fifteen-chars-1"), "at least 16 random ones"),
        (file("empty", " \n"), "is empty"),
        (file("large", &"k".repeat(70_000)), "is no secret"),
        (
            folder.path().join("missing").display().to_string(),
            "cannot read",
        ),
    ] {
        let named = [("NEARBY_ADMIN_KEY_FILE", file.as_str())];
        refused(&db, &named, &[said]);
    }
    let url = file("url", &format!("{}\n", db.url()));
    let verify = |variables: &[(&str, &str)]| {
        let mut command = nearby();
        ended(command.arg("verify").envs(variables.iter().copied()))
    };
    verify(&[("DATABASE_URL_FILE", &url)]).assert(0, &[]);
    verify(&[("DATABASE_URL_FILE", &url), ("DATABASE_URL", "")]).assert(0, &[]);
    verify(&[("DATABASE_URL_FILE", &url), ("DATABASE_URL", db.url())])
        .assert(2, &["--database-url", "cannot be used with"]);
    verify(&[("DATABASE_URL_FILE", "/no/such/file")]).assert(2, &["/no/such/file"]);
    verify(&[("DATABASE_URL_FILE", &file("typo", "mysq://u:s3cret@h/a"))]).assert(
        2,
        &["`mysql://user:password@host[:port][,host[:port]…]/database` or `sqlite:PATH`"],
    );
    let source = file("one.csv", "name,latitude,longitude\nA,1,1\n");
    let mut import = nearby();
    import
        .args(["import", &source])
        .env("DATABASE_URL_FILE", &url);
    ended(&mut import).assert(0, &[]);
}

#[tokio::test]
async fn a_service_takes_the_key_of_a_file_without_the_line_break_at_its_end() {
    let db = TestDatabase::sqlite().await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let key = folder.path().join("key");
    std::fs::write(&key, format!("{KEY}\n")).expect("the folder is writable");
    let variables = [
        ("NEARBY_ADMIN_KEY", ""),
        ("NEARBY_ADMIN_KEY_FILE", key.to_str().expect("it is UTF-8")),
    ];
    let served = Served::start_with(&["--database-url", db.url()], &variables);
    let body = serde_json::json!({ "name": "a" });
    let (status, _) = served.post("/centers", &body).await;
    assert_eq!(status, 201);
}

#[tokio::test]
async fn metrics_are_for_operators_alone_where_they_have_a_listener() {
    let db = TestDatabase::sqlite().await;
    let mut served = Served::start(&["--database-url", db.url(), "--admin-bind", "127.0.0.1:0"]);
    served.until_it_says("ready");
    let told: Vec<serde_json::Value> = served
        .said
        .iter()
        .map(|line| serde_json::from_str(line).expect("it logs JSON"))
        .collect();
    let address = told
        .iter()
        .find_map(|event| event["admin_address"].as_str());
    let address = address.expect("it says where operators ask");
    let (status, problem) = served.get("/metrics").await;
    assert_eq!((status, &problem["code"]), (404, &"path_unknown".into()));
    assert!(
        !problem["allowed"]
            .as_str()
            .expect("it is a text")
            .contains("/metrics")
    );
    for path in ["/healthz", "/readyz"] {
        assert_eq!(served.get(path).await.0, 200, "{path}");
    }
    for (path, status) in [
        ("/metrics", 200),
        ("/healthz", 200),
        ("/readyz", 200),
        ("/nearby?lat=0&lng=0", 404),
        ("/settings/disable_diving_center_reviews", 404),
        ("/", 404),
    ] {
        let answer = reqwest::get(format!("http://{address}{path}"))
            .await
            .expect("it answers");
        assert_eq!(answer.status().as_u16(), status, "{path}");
    }
}
