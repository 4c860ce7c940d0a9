//! What other applications leave in columns: times that are none, flags that are
//! empty, settings that are no JSON.

use reqwest::Method;
use serde_json::{Value, json};

use super::server::{TestServer, center};
use crate::cli::process::run;
use crate::cli::served::Served;
use crate::support::{TestDatabase, on_both_stores};

/// The table of memberships as Divemap has it: flag and time may be empty.
const DIVEMAPS_MEMBERSHIPS: &str = "\
    DROP TABLE diving_center_organizations; \
    CREATE TABLE diving_center_organizations (id INTEGER PRIMARY KEY, \
        diving_center_id INTEGER NOT NULL, diving_organization_id INTEGER NOT NULL, \
        is_primary BOOLEAN DEFAULT FALSE, created_at DATETIME NULL)";

/// A table of marks whose key has no sign, as that of centers may have none, and in which
/// marks may be empty.
const DIVEMAPS_MARKS: &str = "\
    DROP TABLE center_ratings; \
    CREATE TABLE center_ratings (id INTEGER PRIMARY KEY AUTOINCREMENT, \
        diving_center_id INTEGER UNSIGNED, score INTEGER)";

/// The table of settings as Divemap has it: any text will do.
const DIVEMAPS_SETTINGS: &str = "\
    DROP TABLE settings; \
    CREATE TABLE settings (id INTEGER PRIMARY KEY, `key` VARCHAR(255) NOT NULL, \
        value TEXT NOT NULL, description TEXT)";

/// Times that are none, with what makes their columns take them.
fn impossible(db: &TestDatabase) -> String {
    let loosen = if db.is_mysql() {
        "ALTER TABLE diving_centers MODIFY created_at DATETIME NULL, MODIFY updated_at DATETIME NULL; \
         SET SESSION sql_mode = 'ALLOW_INVALID_DATES';"
    } else {
        ""
    };
    let null = if db.is_mysql() { "NULL" } else { "''" };
    format!(
        "{loosen} \
         UPDATE diving_centers SET created_at = '0000-00-00 00:00:00', updated_at = {null} WHERE id = 1; \
         UPDATE diving_centers SET created_at = '2026-02-31 01:02:03', \
             updated_at = '2026-00-10 00:00:00' WHERE id = 2"
    )
}

on_both_stores! {
    async fn a_time_that_is_missing_or_impossible_is_null_everywhere(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server.seed(&[center("a", 1.0, 1.0), center("b", 2.0, 2.0)]).await;
        assert_eq!(ids, [1, 2]);
        let sql = impossible(&server.db);
        server.db.execute(&sql).await;

        let one = server.found("/centers/1").await;
        assert_eq!([&one["created_at"], &one["updated_at"]], [&Value::Null, &Value::Null]);
        let all = server.found("/centers").await;
        let divemaps = server.found("/api/v1/diving-centers/?sort_by=created_at").await;
        for place in [0, 1] {
            assert_eq!(all["centers"][place]["updated_at"], Value::Null);
            assert_eq!(divemaps["items"][place].get("updated_at"), None);
        }
        assert_eq!(all["centers"][0]["created_at"], Value::Null);
        let divemaps = server.found("/api/v1/diving-centers/1").await;
        assert_eq!(divemaps["created_at"], Value::Null);

        let url = server.db.url().to_owned();
        let export = |format: &'static str| {
            let url = url.clone();
            tokio::task::spawn_blocking(move || {
                let ended = run(&["export", "-", "--format", format, "--database-url", &url]);
                ended.assert(0, &[]);
                String::from_utf8(ended.stdout).expect("exports are UTF-8")
            })
        };
        let csv = export("csv").await.expect("it ends");
        assert!(csv.lines().nth(1).expect("a row").ends_with(",0,,"), "{csv}");
        let geojson: Value = serde_json::from_str(&export("geojson").await.expect("it ends"))
            .expect("GeoJSON is JSON");
        assert_eq!(geojson["features"][0]["properties"]["created_at"], Value::Null);
        assert_eq!(geojson["features"][1]["properties"]["updated_at"], Value::Null);
    }

    async fn an_empty_flag_of_a_membership_is_no(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let id = server.seed(&[center("a", 1.0, 1.0)]).await[0];
        for (name, acronym) in [("One", "O"), ("Two", "T")] {
            let body = json!({ "name": name, "acronym": acronym });
            assert_eq!(server.post("/organizations", &body).send().await.status, 201);
        }
        server.db.execute(DIVEMAPS_MEMBERSHIPS).await;
        server.db.execute(&format!(
            "INSERT INTO diving_center_organizations VALUES (7, {id}, 1, NULL, NULL), \
                 (9, {id}, 2, TRUE, '2026-01-02 03:04:05')"
        ))
        .await;
        let ours = server.found(&format!("/centers/{id}/organizations")).await;
        let theirs = server.found(&format!("/api/v1/diving-centers/{id}/organizations")).await;
        assert_eq!(ours["organizations"], theirs);
        let of = |place: usize, key: &str| theirs[place][key].clone();
        assert_eq!([of(0, "id"), of(0, "is_primary")], [json!(9), json!(true)]);
        assert_eq!([of(1, "id"), of(1, "is_primary")], [json!(7), json!(false)]);
        assert_eq!([of(0, "created_at"), of(1, "created_at")], [json!("2026-01-02T03:04:05Z"), Value::Null]);
    }

    async fn a_mark_that_is_empty_counts_for_nothing(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let ids = server
            .seed(&[center("a", 1.0, 1.0), center("b", 1.0, 1.001), center("c", 1.0, 1.002)])
            .await;
        let marks = if server.db.is_mysql() {
            DIVEMAPS_MARKS.replace("AUTOINCREMENT", "AUTO_INCREMENT")
        } else {
            DIVEMAPS_MARKS.to_owned()
        };
        server.db.execute(&marks).await;
        server.db.execute(&format!(
            "INSERT INTO center_ratings (diving_center_id, score) \
             VALUES ({0}, 8), ({0}, NULL), ({0}, 9), ({1}, NULL)",
            ids[0], ids[1]
        ))
        .await;
        server
            .soon("the marks are seen", async || {
                let found = server.found("/nearby?lat=1&lng=1").await;
                let marks = |place: usize, key: &str| found["centers"][place].get(key).cloned();
                marks(0, "average_rating") == Some(json!(8.5))
                    && marks(0, "rating_count") == Some(json!(2))
                    && marks(1, "rating_count").is_none()
            })
            .await;
        for path in ["/nearest?lat=1&lng=1", "/centers", "/nearby?lat=1&lng=1"] {
            let with_mark = if path.contains('?') { "&min_rating=0" } else { "?min_rating=0" };
            assert_eq!(server.found_ids(&format!("{path}{with_mark}")).await, ids[..1], "{path}");
        }
        let one = server.found(&format!("/centers/{}", ids[0])).await;
        assert_eq!([&one["average_rating"], &one["rating_count"]], [&json!(8.5), &json!(2)]);
    }

    async fn a_setting_that_is_no_json_is_its_text(db: TestDatabase) {
        let server = TestServer::start(db).await;
        server.db.execute(DIVEMAPS_SETTINGS).await;
        for (id, text) in ["yes, please", "", "{\"a\":", "NaN"].into_iter().enumerate() {
            let key = format!("key-{id}");
            server.db.execute(&format!(
                "INSERT INTO settings (id, `key`, value) VALUES ({id}, '{key}', '{text}')"
            ))
            .await;
            for path in ["/settings/", "/api/v1/settings/"] {
                let found = server.get(&format!("{path}{key}")).key().send().await;
                assert_eq!(found.json()["value"], text, "{path}");
            }
        }
        // Ratings are shown: this is no JSON.
        server.db.execute(
            "INSERT INTO settings (id, `key`, value) \
             VALUES (9, 'disable_diving_center_reviews', 'oui')",
        )
        .await;
        assert_eq!(server.found("/centers").await["count"], 0);
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn an_organization_that_is_called_nothing_is_shown() {
    let server = TestServer::start(TestDatabase::mysql().await).await;
    let id = server.seed(&[center("a", 1.0, 1.0)]).await[0];
    server
        .db
        .execute(&format!(
            "ALTER TABLE diving_organizations MODIFY name VARCHAR(255) NULL, \
                 MODIFY acronym VARCHAR(20) NULL; \
             INSERT INTO diving_organizations (id, name, acronym) VALUES (7, NULL, NULL), (8, 'PADI', NULL); \
             INSERT INTO diving_center_organizations (diving_center_id, diving_organization_id) \
             VALUES ({id}, 7), ({id}, 8)"
        ))
        .await;
    let all = server.found("/organizations").await;
    assert_eq!(all["organizations"][0]["name"], "");
    let path = "/nearby?lat=1&lng=1&organization=PADI";
    assert_eq!(server.found_ids(path).await, [id]);
    let of_center = server.found(&format!("/centers/{id}/organizations")).await;
    assert_eq!(of_center["organizations"].as_array().unwrap().len(), 2);
    let theirs = format!("/api/v1/diving-centers/{id}/organizations");
    assert_eq!(server.found(&theirs).await.as_array().unwrap().len(), 2);
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_patch_writes_what_it_names_and_nothing_else() {
    let db = TestDatabase::mysql().await;
    db.execute(
        "ALTER TABLE diving_centers
             MODIFY address VARBINARY(30),
             MODIFY phone FLOAT,
             MODIFY email BIT(12),
             MODIFY name VARCHAR(500) NOT NULL,
             MODIFY website DATETIME,
             MODIFY description GEOMETRY;
         SET SESSION sql_mode = '';
         INSERT INTO diving_centers
             (id, name, latitude, longitude, address, phone, email, website, description, location)
             VALUES (5, REPEAT('n', 300), 1, 1, x'ff00fe', 16777216, 2730, '0000-00-00 00:00:00',
                     ST_SRID(POINT(2, 2), 4326), ST_SRID(POINT(1, 1), 4326))",
    )
    .await;
    let server = Served::start(&["--database-url", db.url()]);
    let row = "SELECT CAST(CRC32(CONCAT_WS('|', name, HEX(address), phone + 0, email + 0, \
               website + 0, HEX(ST_AsBinary(description)), latitude, longitude)) AS SIGNED) \
               FROM diving_centers WHERE id = 5";
    let before = db.number(row).await;
    let patch = async |members: Value| server.send(Method::PATCH, "/centers/5", &members).await;
    for members in [json!({ "city": "lam" }), json!({ "city": null }), json!({})] {
        let (status, patched) = patch(members).await;
        assert_eq!(status, 200, "{patched}");
        assert_eq!(db.number(row).await, before, "{patched}");
    }
    let (status, refused) = patch(json!({ "name": " " })).await;
    assert_eq!(
        (status, &refused["parameter"]),
        (400, &json!("name")),
        "{refused}"
    );
    let (status, moved) = patch(json!({ "latitude": 2, "longitude": 3 })).await;
    assert_eq!(status, 200, "{moved}");
    assert_eq!(
        server.found_ids("/nearby?lat=2&lng=3&radius_m=1").await,
        [5]
    );
    let bytes =
        "SELECT COUNT(*) FROM diving_centers WHERE address = x'ff00fe' AND phone = 16777216";
    assert_eq!(db.number(bytes).await, 1);
}

#[tokio::test]
async fn a_patch_of_a_file_leaves_bytes_alone() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    let id = server
        .seed(&[center("a", 1.0, 1.0), json!({ "name": "nowhere" })])
        .await;
    server
        .db
        .execute("UPDATE diving_centers SET phone = x'ff00fe', website = 7")
        .await;
    for id in &id {
        let patched = server
            .request(Method::PATCH, &format!("/centers/{id}"))
            .key();
        let patched = patched.merge_patch(&json!({ "city": "x" })).send().await;
        assert_eq!(patched.status, 200, "{}", patched.text());
    }
    let kept = "SELECT COUNT(*) FROM diving_centers \
                WHERE phone = x'ff00fe' AND typeof(website) = 'integer' OR website = '7'";
    assert_eq!(server.db.number(kept).await, 2);
    assert_eq!(
        server.found_ids("/nearby?lat=1&lng=1&radius_m=1").await,
        id[..1]
    );
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn what_a_table_computes_is_shown_and_never_written() {
    let db = TestDatabase::mysql().await;
    db.execute(
        "ALTER TABLE diving_centers DROP COLUMN city, \
             ADD COLUMN city VARCHAR(100) AS (CONCAT(country, '-x'))",
    )
    .await;
    let server = Served::start(&["--database-url", db.url()]);
    let mut body = center("c", 1.0, 1.0);
    body["country"] = json!("GR");
    let (status, made) = server.send(Method::POST, "/centers", &body).await;
    assert_eq!((status, &made["city"]), (201, &json!("GR-x")), "{made}");
    let path = format!("/centers/{}", made["id"]);
    let (status, put) = server.send(Method::PUT, &path, &body).await;
    assert_eq!((status, &put["city"]), (200, &json!("GR-x")), "{put}");
    body["city"] = json!("mine");
    let (status, refused) = server.send(Method::POST, "/centers", &body).await;
    assert_eq!(
        (status, &refused["code"]),
        (400, &json!("field_read_only")),
        "{refused}"
    );
}
