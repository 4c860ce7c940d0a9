//! An embedded file that is taken away, or another put in its place, while it is served.

use std::path::{Path, PathBuf};

use super::server::{TestServer, center};
use crate::support::TestDatabase;

fn path_of(db: &TestDatabase) -> PathBuf {
    db.url()
        .strip_prefix("sqlite:")
        .expect("it is a file")
        .into()
}

fn names_in(path: &Path) -> Vec<String> {
    let file = rusqlite::Connection::open(path).unwrap();
    let sound: String = file
        .query_row("PRAGMA integrity_check", (), |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
    let mut asking = file
        .prepare("SELECT name FROM diving_centers ORDER BY name")
        .unwrap();
    let names = asking.query_map((), |row| row.get(0)).unwrap();
    names.collect::<Result<_, _>>().unwrap()
}

/// A whole file with one center, as a backup is.
async fn backup(name: &str) -> TestDatabase {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    server.seed(&[center(name, 1.0, 1.0)]).await;
    let db = server.stop().await;
    db.database().close().await;
    db
}

#[tokio::test]
async fn a_backup_put_in_the_place_of_a_served_file_stays_as_it_is() {
    let backup = backup("from the backup").await;
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    let path = path_of(&server.db);
    // More than one page, all of it in the log yet.
    let written: Vec<_> = (0..200)
        .map(|n| center(&format!("old {n}"), 1.0, 1.0))
        .collect();
    server.seed(&written).await;
    std::fs::rename(path_of(&backup), &path).unwrap();

    let write = server
        .post("/centers", &center("too late", 1.0, 1.0))
        .send()
        .await;
    let problem = write.problem(503, "database_unavailable");
    let told = problem["detail"].as_str().unwrap();
    assert!(
        told.contains("replaced") && told.contains("starts nearby again"),
        "{told}"
    );
    let ready = server.get("/readyz").send().await;
    ready.problem(503, "database_unavailable");
    server
        .soon("reads are refused", async || {
            server.get("/centers").send().await.status == 503
        })
        .await;
    assert_eq!(names_in(&path), ["from the backup"]);
    let db = server.stop().await;
    db.database().close().await;
    assert_eq!(names_in(&path), ["from the backup"]);
}

#[tokio::test]
async fn a_served_file_that_is_deleted_is_told_of_by_readiness_and_takes_no_writes() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    std::fs::remove_file(path_of(&server.db)).unwrap();
    let ready = server.get("/readyz").send().await;
    let problem = ready.problem(503, "database_unavailable");
    assert!(
        problem["detail"].as_str().unwrap().contains("deleted"),
        "{problem}"
    );
    let write = server
        .post("/centers", &center("lost", 1.0, 1.0))
        .send()
        .await;
    write.problem(503, "database_unavailable");
    assert!(
        !path_of(&server.db).exists(),
        "nothing is made in its place"
    );
}
