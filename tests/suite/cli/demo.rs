//! `nearby demo`, started again.

use nearby::domain::{CenterId, SettingKey};
use nearby::store::BatchItem;
use reqwest::Method;
use serde_json::json;

use super::process::run;
use super::served::Served;
use crate::api::server::KEY;
use crate::support::{TestDatabase, their_connection};

/// Where the last of the bundled places is, and where it was made to be.
const LAST: i64 = 171_075;

/// A load that was stopped 75 places before its end: the others were loaded, changed
/// and deleted, and one that was not is somebody's own by now.
#[tokio::test]
async fn demo_finishes_a_load_that_was_stopped_and_never_undoes_what_was_written() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("demo.gpkg").display().to_string();
    let url = format!("sqlite:{path}");
    run(&["migrate", "up", "--database-url", &url]).assert(0, &[]);
    let stopped = "INSERT INTO diving_centers (id, name) VALUES (7, 'seven'), (171050, 'mine'); \
                   INSERT INTO settings (key, value) VALUES ('demo_places_loaded', '171000')";
    let taken = their_connection(path.as_ref()).execute_batch(stopped);
    taken.expect("it is taken");

    let demo = || Served::start_command(&["demo", "--database", &path]);
    let served = demo();
    for (id, name) in [
        (7, Some("seven")),
        (171_050, Some("mine")),
        (5, None),
        (171_000, None),
    ] {
        let (status, center) = served.get(&format!("/centers/{id}")).await;
        match name {
            Some(name) => assert_eq!((status, &center["name"]), (200, &json!(name))),
            None => assert_eq!(status, 404, "{id}"),
        }
    }
    let (_, last) = served.get(&format!("/centers/{LAST}")).await;
    assert_eq!(last["name"], "Zvishavane");
    let client = reqwest::Client::new();
    let put = client
        .request(Method::PUT, served.url("/centers/171074"))
        .json(&json!({"name": "put"}));
    let delete = client.request(Method::DELETE, served.url(&format!("/centers/{LAST}")));
    for request in [put, delete] {
        let answer = request.bearer_auth(KEY).send().await.expect("it answers");
        assert!(answer.status().is_success());
    }
    served.stop();
    let noted = run(&["audit", "--who", "nearby demo", "--database-url", &url]);
    let noted = String::from_utf8(noted.stdout).expect("output is UTF-8");
    assert!(
        noted.contains("imported  centers  inserted: 74  "),
        "{noted}"
    );

    let served = demo();
    assert_eq!(served.get("/centers/171074").await.1["name"], "put");
    assert_eq!(served.get(&format!("/centers/{LAST}")).await.0, 404);
    assert_eq!(served.get("/centers/7").await.1["name"], "seven");
    served.stop();
}

fn rows(ids: std::ops::RangeInclusive<i64>) -> Vec<BatchItem> {
    let of = |id: i64| BatchItem {
        id: CenterId::new(id),
        draft: nearby::domain::CenterDraft::new(
            nearby::domain::CenterText {
                name: format!("place {id}"),
                ..Default::default()
            },
            None,
        )
        .expect("it is right"),
    };
    ids.map(of).collect()
}

#[tokio::test]
async fn rows_that_are_loaded_once_come_once_whatever_became_of_them() {
    let db = TestDatabase::sqlite().await;
    let store = db.store();
    let note = SettingKey::new("loaded").expect("it is a name");
    assert_eq!(store.loaded_up_to(&note).await.unwrap(), 0);
    assert_eq!(
        store.load_once(&note, rows(1..=4)).await.unwrap().inserted,
        4
    );
    db.execute(
        "DELETE FROM diving_centers WHERE id = 2; \
         UPDATE diving_centers SET name = 'mine' WHERE id = 3; \
         INSERT INTO diving_centers (id, name) VALUES (6, 'mine')",
    )
    .await;
    // Again from the beginning, as after a stop.
    assert_eq!(
        store.load_once(&note, rows(1..=4)).await.unwrap().inserted,
        0
    );
    assert_eq!(
        store.load_once(&note, rows(5..=8)).await.unwrap().inserted,
        3
    );
    let mine = "SELECT COUNT(*) FROM diving_centers WHERE name = 'mine'";
    assert_eq!(
        (db.number(mine).await, store.count().await.unwrap()),
        (2, 7)
    );
    db.execute("DELETE FROM diving_centers").await;
    assert_eq!(
        store.load_once(&note, rows(1..=8)).await.unwrap().inserted,
        0
    );
    assert_eq!(store.loaded_up_to(&note).await.unwrap(), 8);
    // A file that was loaded before this was noted.
    db.execute("DELETE FROM settings").await;
    assert_eq!(store.loaded_up_to(&note).await.unwrap(), 8);
}
