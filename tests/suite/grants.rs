//! What users with fewer rights than an administrator can do on MySQL.

use nearby::store::{Collection, Guard, Migrated, SchemaState, Severity};
use reqwest::Method;
use serde_json::json;

use crate::cli::process::run;
use crate::cli::served::Served;
use crate::support::{TestDatabase, connect};

/// The rights that the README asks for.
const USUAL: &str = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES";

fn advice(guard: Option<Guard>) -> String {
    match guard {
        Some(Guard::Missing { reason, advice }) => format!("{reason} {advice}"),
        other => panic!("{other:?}"),
    }
}

fn guard_of_centers(migrated: &Migrated) -> Option<Guard> {
    let mut guards = migrated.guards.iter();
    let of_centers = guards.find(|(table, _)| table == "diving_centers");
    of_centers.map(|(_, guard)| guard.clone())
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn without_the_right_to_triggers_the_schema_goes_up_and_the_grant_is_named() {
    let db = TestDatabase::mysql_empty().await;
    let user = connect(&db.user_with(USUAL).await).await;
    let migrated = user.migrate_up(None).await.unwrap();
    assert!(!migrated.applied.is_empty());
    assert_eq!(migrated.guards.len(), 2);
    for (_, guard) in migrated.guards {
        let Guard::Unseen { grant } = guard else {
            panic!("{guard:?}");
        };
        assert!(grant.starts_with("GRANT TRIGGER ON `"), "{grant}");
    }
    assert_eq!(user.schema_state().await.unwrap(), SchemaState::UpToDate);

    let found = user
        .verify(&Collection::diving_centers(), |_| {})
        .await
        .unwrap();
    assert!(found.is_sound());
    assert_eq!(found.schema[0].severity, Severity::Warning);
    let text = &found.schema[0].text;
    assert!(text.contains("cannot be seen by this user"), "{text}");
    user.close().await;
}

/// Needs the server's default, `log_bin_trust_function_creators = 0`.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn under_binary_logging_the_setting_is_named_and_guards_stay() {
    let db = TestDatabase::mysql_empty().await;
    let user = connect(&db.user_with(&format!("{USUAL}, TRIGGER")).await).await;
    let text = advice(guard_of_centers(&user.migrate_up(None).await.unwrap()));
    assert!(text.contains("(error 1419)"), "{text}");
    assert!(
        text.contains("log_bin_trust_function_creators = 1"),
        "{text}"
    );

    // A trigger that another version made is not lost to the refusal.
    db.execute(
        "CREATE TRIGGER diving_centers_location_insert BEFORE INSERT ON diving_centers \
         FOR EACH ROW SET NEW.city = NEW.city",
    )
    .await;
    advice(user.guard(&Collection::diving_centers()).await.unwrap());
    let kept = "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()";
    assert_eq!(db.number(kept).await, 1);

    // An administrator makes them once; from then on all is well for the user.
    let administrator = db.database().migrate_up(None).await.unwrap();
    assert_eq!(guard_of_centers(&administrator), Some(Guard::Installed));
    let again = user.migrate_up(None).await.unwrap();
    assert_eq!(guard_of_centers(&again), Some(Guard::InPlace));
    user.close().await;
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn whoever_may_only_read_can_still_look() {
    let db = TestDatabase::mysql().await;
    let user = connect(&db.user_with("SELECT").await).await;
    assert_eq!(user.schema_state().await.unwrap(), SchemaState::UpToDate);
    let found = user
        .verify(&Collection::diving_centers(), |_| {})
        .await
        .unwrap();
    assert!(found.is_sound(), "{found:?}");
    user.close().await;
}

/// An administrator made them: they are there, and not said to be missing.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn triggers_that_a_user_may_not_see_are_told_so_with_the_grant_that_shows_them() {
    let db = TestDatabase::mysql().await;
    let url = db.user_with(USUAL).await;
    let ask = async |args: &'static [&'static str]| {
        let url = url.clone();
        let asking = move || run(&[args, &["--database-url", &url]].concat());
        tokio::task::spawn_blocking(asking).await.expect("it ends")
    };
    let commands: [&[&str]; 4] = [
        &["verify"],
        &["migrate", "status"],
        &["migrate", "up"],
        &["adopt"],
    ];
    let mut grant = String::new();
    for args in commands {
        let ended = ask(args).await;
        ended.assert(0, &[]);
        let stdout = String::from_utf8(ended.stdout).expect("it is UTF-8");
        let said = format!("{stdout}{}", ended.stderr);
        assert!(said.contains("seen"), "{args:?}: {said}");
        for wrong in ["no trigger", ": missing"] {
            assert!(!said.contains(wrong), "{args:?}: {said}");
        }
        assert!(said.contains("GRANT TRIGGER ON `"), "{args:?}: {said}");
        if args == ["verify"] {
            let (_, rest) = said.split_once("this user: `").expect("it names the grant");
            let (sql, _) = rest.split_once("` shows").expect("it names the grant");
            sql.clone_into(&mut grant);
        }
    }
    db.execute(&grant).await;
    db.execute(&grant.replace("diving_centers", "dive_sites"))
        .await;
    for args in commands {
        let ended = ask(args).await;
        ended.assert(0, &[]);
        let stdout = String::from_utf8(ended.stdout).expect("it is UTF-8");
        let said = format!("{stdout}{}", ended.stderr);
        assert!(
            !said.contains("seen") && !said.contains("warning"),
            "{args:?}: {said}"
        );
    }
}

/// What the README grants a user that serves, and nothing else.
const SERVING: &str = "SELECT, INSERT, UPDATE, DELETE";

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn whoever_serves_needs_no_right_to_alter_what_there_is() {
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&format!("GRANT {SERVING} ON nearby.* TO nearby_serve")));
    let db = TestDatabase::mysql().await;
    let url = db.user_with(SERVING).await;
    let create = [
        "keys",
        "create",
        "--name",
        "a",
        "--scope",
        "read",
        "--database-url",
        &url,
    ];
    run(&create).assert(0, &[]);
    let served = Served::start(&["--database-url", &url]);
    let site = json!({ "name": "a", "latitude": 1, "longitude": 1 });
    let (status, made) = served.post("/centers", &site).await;
    assert_eq!(status, 201, "{made}");
    let path = format!("/centers/{}", made["id"]);
    assert_eq!(served.found_ids("/nearby?lat=1&lng=1").await.len(), 1);
    for (method, path, body, status) in [
        (Method::PATCH, path.as_str(), json!({ "name": "b" }), 200),
        (Method::PUT, "/settings/a", json!({ "value": 1 }), 200),
        (Method::POST, "/dive-sites", site.clone(), 201),
        (
            Method::POST,
            "/organizations",
            json!({ "name": "a", "acronym": "a" }),
            201,
        ),
    ] {
        let (answered, body) = served.send(method, path, &body).await;
        assert_eq!(answered, status, "{path}: {body}");
    }
    served.stop();
    assert_eq!(db.number("SELECT COUNT(*) FROM nearby_audit").await, 6);
    let read = run(&["audit", "--format", "json", "--database-url", &url]);
    read.assert(0, &[]);
    assert_eq!(read.stdout.split(|&byte| byte == b'\n').count(), 7);
    // The same user cannot change the schema.
    run(&["migrate", "down", "--yes", "--database-url", &url]).assert(2, &[]);
}

/// As where rights are given table by table, and the table of the audit log came later.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn whoever_may_not_write_the_audit_log_writes_centers_and_the_log_says_so() {
    let db = TestDatabase::mysql().await;
    let url = db.user_with("SELECT").await;
    let (_, name) = url.rsplit_once('/').expect("it names a database");
    for table in ["diving_centers", "nearby_idempotency_keys"] {
        db.execute(&format!(
            "GRANT INSERT, UPDATE, DELETE ON `{name}`.{table} TO `{name}`"
        ))
        .await;
    }
    let mut served = Served::start(&["--database-url", &url]);
    let body = json!({ "name": "a" });
    assert_eq!(served.post("/centers", &body).await.0, 201);
    let body = json!({ "name": "b" });
    let (status, answer) = served.send(Method::PUT, "/centers/1", &body).await;
    assert_eq!((status, &answer["name"]), (200, &json!("b")));
    served.until_it_says("changes are not noted in the audit log");
    served.stop();
    assert_eq!(db.number("SELECT COUNT(*) FROM nearby_audit").await, 0);
}
