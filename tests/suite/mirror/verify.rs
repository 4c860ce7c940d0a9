//! `nearby verify --mirror`: a running instance beside its database.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor as _};

use super::sweep::unlogged;
use super::{soon_the_same, unswept_mirror};
use crate::api::server::{TestServer, center};
use crate::cli::process::{Ended, run};
use crate::support::TestDatabase;

fn address(server: &TestServer) -> String {
    format!("http://{}", server.address)
}

/// Runs it beside the service.
async fn verify(db: &TestDatabase, url: &str, more: &[&str]) -> Ended {
    let args = [
        &["verify", "--database-url", db.url(), "--mirror", url],
        more,
    ]
    .concat();
    let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
    let running = tokio::task::spawn_blocking(move || run(&args));
    running.await.unwrap()
}

fn stdout(ended: &Ended) -> String {
    String::from_utf8_lossy(&ended.stdout).into_owned()
}

/// A mirror of several pages, with ratings and organizations.
async fn filled() -> (TestServer, Vec<i64>) {
    let server = unswept_mirror().await;
    let seed: Vec<_> = (0..2_500)
        .map(|n| center("c", f64::from(n % 90), f64::from(n % 180)))
        .collect();
    let ids = server.seed(&seed).await;
    let db = &server.db;
    db.execute(
        "INSERT INTO diving_organizations (id, name, acronym) VALUES (1, 'One', 'O1'), (2, 'Two', 'O2'); \
         INSERT INTO diving_center_organizations (diving_center_id, diving_organization_id) \
         SELECT id, 1 FROM diving_centers WHERE id % 2 = 0; \
         INSERT INTO center_ratings (diving_center_id, user_id, score) \
         SELECT id, 1, 1 + id % 10 FROM diving_centers WHERE id % 3 = 0; \
         INSERT INTO diving_centers (name) VALUES ('nowhere')",
    )
    .await;
    soon_the_same(&server).await;
    (server, ids)
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn what_an_instance_does_not_hold_is_told_with_its_ids() {
    let (server, ids) = filled().await;
    let url = address(&server);
    let sound = verify(&server.db, &url, &[]).await;
    sound.assert(0, &[]);
    let said = stdout(&sound);
    assert!(said.contains("rows with a position         2500"), "{said}");

    let [changed, deleted, rated] = [ids[1_700], ids[9], ids[2_400]];
    let statements = [
        format!("UPDATE diving_centers SET name = 'other' WHERE id = {changed}"),
        format!("DELETE FROM diving_centers WHERE id = {deleted}"),
        format!(
            "INSERT INTO center_ratings (diving_center_id, user_id, score) VALUES ({rated}, 9, 2)"
        ),
        "INSERT INTO diving_centers (id, name, latitude, longitude) VALUES (9999, 'new', 1, 1)"
            .to_owned(),
        format!(
            "INSERT INTO diving_center_organizations (diving_center_id, diving_organization_id) VALUES ({changed}, 2)"
        ),
    ];
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    unlogged(&server, &statements).await;
    let found = verify(&server.db, &url, &[]).await;
    found.assert(1, &[]);
    let said = stdout(&found);
    for line in [
        format!("differ                          2  ids {changed}, {rated}"),
        format!("in memory only                  1  ids {deleted}"),
        "in the database only            1  ids 9999".to_owned(),
        format!(r#"  {changed}: name is "c" in memory and "other" in the database"#),
        format!("{rated}: average_rating is"),
        "other centers work by O2 in memory than in the database".to_owned(),
    ] {
        assert!(said.contains(&line), "no `{line}` in {said}");
    }
    let found = verify(&server.db, &url, &["--format", "json"]).await;
    found.assert(1, &[]);
    let found: Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(found["sound"], false);
    let expected = json!({"count": 2, "first_ids": [changed, rated]});
    assert_eq!(found["differing"], expected);
    // The one that is deleted works by the first.
    assert_eq!(found["organizations"], json!(["O1", "O2"]));
}

/// What is on its way is no difference.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_table_that_is_written_all_the_while_does_not_differ() {
    let (server, _) = filled().await;
    let url = address(&server);
    let until = Instant::now() + Duration::from_secs(8);
    let writing = async {
        let mut theirs = server.db.mysql_pool().acquire().await.unwrap();
        let mut n = 0;
        while Instant::now() < until {
            n += 1;
            for statement in [
                format!(
                    "UPDATE diving_centers SET name = 'w{n}' WHERE id % 7 = {}",
                    n % 7
                ),
                format!("DELETE FROM diving_centers WHERE id = {n} * 11"),
                format!(
                    "INSERT INTO diving_centers (name, latitude, longitude) VALUES ('n{n}', 1, {})",
                    n % 180
                ),
            ] {
                theirs.execute(AssertSqlSafe(statement)).await.unwrap();
            }
        }
    };
    let verifying = async {
        let mut runs = 0;
        while Instant::now() < until {
            let found = verify(&server.db, &url, &[]).await;
            assert_eq!(found.code, Some(0), "{} {}", stdout(&found), found.stderr);
            runs += 1;
        }
        runs
    };
    let ((), runs) = tokio::join!(writing, verifying);
    assert!(runs > 0);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn what_cannot_be_compared_is_told_apart() {
    let by_sql = TestServer::start(TestDatabase::mysql().await).await;
    let db = &by_sql.db;
    let found = verify(db, &address(&by_sql), &[]).await;
    found.assert(2, &["mirrors no database", "nearby serve --engine memory"]);
    let nobody = verify(db, "http://127.0.0.1:1", &[]).await;
    nobody.assert(2, &["http://127.0.0.1:1/ does not answer"]);
    for odd in ["localhost:8080", "https://127.0.0.1:1", "nonsense"] {
        let found = verify(db, odd, &[]).await;
        found.assert(2, &["--mirror", "write http://HOST:PORT"]);
    }

    let mirror = unswept_mirror().await;
    let other = verify(&mirror.db, &format!("{}/nowhere", address(&mirror)), &[]).await;
    other.assert(2, &["answers as no nearby does"]);
    mirror
        .db
        .execute(
            "CREATE TABLE shops (id INT PRIMARY KEY, title VARCHAR(9), lat DOUBLE, lon DOUBLE)",
        )
        .await;
    let declared = "shops: table=shops id=id name=title latitude=lat longitude=lon";
    let more = ["--declare", declared, "--collection", "shops"];
    let other = verify(&mirror.db, &address(&mirror), &more).await;
    other.assert(2, &["serves no collection shops"]);

    let file = TestDatabase::sqlite().await;
    let found = verify(&file, &address(&mirror), &[]).await;
    found.assert(2, &["an embedded file has no mirrors"]);
}
