//! What the audit log has of writes over HTTP.

use std::time::Duration;

use nearby::app::AppSettings;
use nearby::http::routes::ROUTES;
use nearby::store::{AuditEntry, AuditFilter, Collection};
use reqwest::Method;
use serde_json::{Value, json};

use super::server::{Answer, KEY, TestServer, center};
use crate::cli::process::run;
use crate::cli::served::Served;
use crate::support::{TestDatabase, on_both_stores};

/// All entries, the oldest first.
pub async fn entries(db: &TestDatabase) -> Vec<AuditEntry> {
    let all = AuditFilter::default();
    let entries = db.database().audit_entries(&all, None, 10_000).await;
    let mut entries = entries.expect("it answers").expect("there is a table");
    entries.sort_by_key(|entry| entry.id);
    entries
}

/// What an entry says a row was and is.
pub fn rows(entry: &AuditEntry) -> (Value, Value) {
    let json = |raw: &Option<Box<serde_json::value::RawValue>>| {
        let text = raw.as_ref().map_or("null", |raw| raw.get());
        serde_json::from_str(text).expect("it is JSON")
    };
    (json(&entry.before), json(&entry.after))
}

/// What was done to what.
fn done(entry: &AuditEntry) -> (&str, &str, &str) {
    let id = entry.row_id.as_deref().unwrap_or_default();
    (&entry.action, &entry.collection, id)
}

/// A row as GET answers it; null where there is none.
async fn shown(server: &TestServer, path: &str) -> Value {
    let answer = server.get(path).key().send().await;
    match answer.status {
        200 => answer.json(),
        404 => Value::Null,
        status => panic!("{path}: {status}"),
    }
}

async fn write(server: &TestServer, method: Method, path: &str, body: &Value) -> Answer {
    let request = server.request(method.clone(), path).key();
    let request = match method {
        Method::DELETE => request,
        Method::PATCH => request.merge_patch(body),
        _ => request.json(body),
    };
    request.header("x-request-id", "ask-1").send().await
}

/// Writes, and asserts that there is one entry more, which has the row that `path` shows as it
/// was before and as it is after.
async fn assert_noted(
    server: &TestServer,
    (method, asked, body): (Method, &str, &Value),
    path: &str,
    expected: (&str, &str, &str),
) {
    let known = entries(&server.db).await.len();
    let before = shown(server, path).await;
    let answer = write(server, method, asked, body).await;
    assert!(
        (200..300).contains(&answer.status),
        "{asked}: {}",
        answer.text()
    );
    let after = shown(server, path).await;
    let entries = entries(&server.db).await;
    assert_eq!(entries.len(), known + 1, "{asked}: {entries:#?}");
    let entry = entries.last().expect("there is one");
    assert_eq!(done(entry), expected, "{asked}");
    assert_eq!(rows(entry), (before, after), "{asked}");
    assert_eq!(entry.who, "admin");
    assert_eq!(entry.request_id.as_deref(), Some("ask-1"));
    let age = chrono::Utc::now() - entry.at;
    assert!((0..60_000).contains(&age.num_milliseconds()), "{age}");
}

on_both_stores! {
    async fn a_row_is_noted_as_get_answered_it_before_and_after(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for (path, collection) in [("/centers", "centers"), ("/dive-sites", "dive-sites")] {
            let one = format!("{path}/1");
            let created = json!({
                "name": "A \u{1f93f}", "latitude": 1.5, "longitude": 2.25, "country": "GR", "description": "1",
            });
            let edited = json!({ "region": "Νάξος", "description": null, "latitude": 3.0, "longitude": 4.0 });
            let nothing = Value::Null;
            let steps = [
                (Method::POST, path, &created, "created"),
                (Method::PATCH, &one, &edited, "updated"),
                (Method::PUT, &one, &json!({ "name": "B" }), "updated"),
                (Method::DELETE, &one, &nothing, "deleted"),
            ];
            for (method, asked, body, action) in steps {
                let expected = (action, collection, "1");
                assert_noted(&server, (method, asked, body), &one, expected).await;
            }
        }
    }

    async fn organizations_memberships_and_settings_are_noted(db: TestDatabase) {
        let server = TestServer::start(db).await;
        server.seed(&[center("a", 1.0, 1.0)]).await;
        let nothing = Value::Null;
        let one = "/organizations/1";
        let body = json!({ "name": "Divers", "acronym": "D" });
        let asked = (Method::POST, "/organizations", &body);
        assert_noted(&server, asked, one, ("created", "organizations", "1")).await;
        let body = json!({ "name": "Divers", "acronym": "DD", "country": "GR" });
        assert_noted(&server, (Method::PUT, one, &body), one, ("updated", "organizations", "1")).await;

        // GET lists them.
        let of_center = "/centers/1/organizations";
        let membership = format!("{of_center}/1");
        let listed = async || shown(&server, of_center).await["organizations"][0].clone();
        for (method, path, body, action) in [
            (Method::POST, of_center, json!({ "organization_id": 1 }), "created"),
            (Method::PUT, &membership, json!({ "is_primary": true }), "updated"),
            (Method::DELETE, &membership, nothing.clone(), "deleted"),
        ] {
            let before = listed().await;
            let answer = write(&server, method, path, &body).await;
            assert!(answer.status < 300, "{}", answer.text());
            let all = entries(&server.db).await;
            let entry = all.last().expect("there is one");
            assert_eq!(done(entry), (action, "memberships", "1/1"));
            assert_eq!(rows(entry), (before, listed().await), "{action}");
        }
        assert_noted(&server, (Method::DELETE, one, &nothing), one, ("deleted", "organizations", "1")).await;

        // Until it is set, GET answers a default, which is no row.
        let public = "/settings/disable_diving_center_reviews";
        let answer = write(&server, Method::PUT, public, &json!({ "value": true })).await;
        assert_eq!(answer.status, 200);
        let all = entries(&server.db).await;
        let entry = all.last().expect("there is one");
        assert_eq!(done(entry), ("created", "settings", "disable_diving_center_reviews"));
        assert_eq!(rows(entry), (Value::Null, shown(&server, public).await));
        let body = json!({ "value": false, "description": "why" });
        let expected = ("updated", "settings", "disable_diving_center_reviews");
        assert_noted(&server, (Method::PUT, public, &body), public, expected).await;
    }

    /// Other applications keep passwords beside ours.
    async fn of_a_setting_that_is_not_public_the_value_is_not_kept(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for secret in ["s3cret-one", "s3cret-two"] {
            let body = json!({ "value": { "password": secret }, "description": "of the mail server" });
            let answer = write(&server, Method::PUT, "/settings/smtp", &body).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        let all = entries(&server.db).await;
        let actions: Vec<_> = all.iter().map(done).collect();
        assert_eq!(actions, [("created", "settings", "smtp"), ("updated", "settings", "smtp")]);
        let kept = json!({ "key": "smtp", "value": "(not kept)", "description": "of the mail server" });
        assert_eq!(rows(&all[1]), (kept.clone(), kept));
        assert!(!format!("{all:?}").contains("s3cret"));
    }

    async fn a_batch_is_noted_row_by_row(db: TestDatabase) {
        let server = TestServer::start(db).await;
        server.seed(&[center("a", 1.0, 1.0), center("b", 2.0, 2.0), center("same", 3.0, 3.0)]).await;
        let before = [shown(&server, "/centers/1").await, shown(&server, "/centers/2").await];
        let known = entries(&server.db).await.len();
        assert_eq!(known, 3);
        let batch = json!({ "centers": [
            { "id": 2, "name": "b2", "latitude": 2.0, "longitude": 2.0 },
            { "id": 3, "name": "same", "latitude": 3.0, "longitude": 3.0 },
            center("new", 4.0, 4.0),
            { "id": 1, "name": "a2" },
        ] });
        let answer = write(&server, Method::POST, "/centers/batch", &batch).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let all = entries(&server.db).await;
        let noted: Vec<_> = all[known..].iter().map(done).collect();
        assert_eq!(noted, [
            ("updated", "centers", "2"), ("created", "centers", "4"), ("updated", "centers", "1"),
        ]);
        let [one, two] = before;
        let now = async |id: u32| shown(&server, &format!("/centers/{id}")).await;
        assert_eq!(rows(&all[known]), (two, now(2).await));
        assert_eq!(rows(&all[known + 1]), (Value::Null, now(4).await));
        assert_eq!(rows(&all[known + 2]), (one, now(1).await));
    }

    /// As large as one may be.
    async fn every_row_of_a_large_batch_is_noted(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let text = "\"\\\u{1f93f}".repeat(250);
        let rows: Vec<Value> = (0..1_000)
            .map(|n| json!({ "name": format!("c{n}"), "description": text }))
            .collect();
        server.seed(&rows).await;
        let all = entries(&server.db).await;
        assert_eq!(all.len(), 1_000);
        for (n, entry) in all.iter().enumerate() {
            let (before, after) = self::rows(entry);
            assert_eq!((before, &after["name"]), (Value::Null, &json!(format!("c{n}"))));
            assert_eq!(after["description"], text);
        }
    }

    async fn what_is_refused_or_changes_nothing_is_not_noted(db: TestDatabase) {
        let server = TestServer::start(db).await;
        server.seed(&[center("a", 1.0, 1.0)]).await;
        let body = json!({ "name": "Divers", "acronym": "D" });
        write(&server, Method::POST, "/organizations", &body).await;
        write(&server, Method::POST, "/centers/1/organizations", &json!({ "organization_id": 1 })).await;
        write(&server, Method::PUT, "/settings/a", &json!({ "value": [1, 2] })).await;
        let known = entries(&server.db).await.len();
        assert_eq!(known, 4);
        let nothing = Value::Null;
        for (method, path, body, status) in [
            (Method::PUT, "/centers/1", center("a", 1.0, 1.0), 200),
            (Method::PATCH, "/centers/1", json!({ "name": "a" }), 200),
            (Method::PATCH, "/centers/1", json!({}), 200),
            (Method::PUT, "/organizations/1", body.clone(), 200),
            (Method::PUT, "/centers/1/organizations/1", json!({ "is_primary": false }), 200),
            (Method::PUT, "/settings/a", json!({ "value": [1, 2] }), 200),
            (Method::POST, "/centers/batch", json!({ "centers": [{ "id": 1, "name": "a", "latitude": 1, "longitude": 1 }] }), 200),
            // Undone as a whole.
            (Method::POST, "/centers/batch", json!({ "centers": [center("b", 1.0, 1.0), { "id": 9, "name": "c" }] }), 404),
            (Method::POST, "/centers?min_distance_m=50", center("a", 1.0, 1.0), 409),
            (Method::POST, "/organizations", body.clone(), 409),
            (Method::POST, "/centers/1/organizations", json!({ "organization_id": 1 }), 409),
            (Method::PUT, "/centers/9", json!({ "name": "a" }), 404),
            (Method::PATCH, "/centers/1", json!({ "name": "" }), 400),
            (Method::DELETE, "/centers/9", nothing.clone(), 404),
            (Method::DELETE, "/organizations/9", nothing.clone(), 404),
            (Method::DELETE, "/centers/1/organizations/9", nothing.clone(), 404),
        ] {
            let answer = write(&server, method, path, &body).await;
            assert_eq!(answer.status, status, "{path}: {}", answer.text());
            let all = entries(&server.db).await;
            assert_eq!(all.len(), known, "{path} {body}: {:#?}", all.last());
        }
        let request = server.request(Method::DELETE, "/centers/1").key();
        let stale = request.header("if-match", "\"no-such-tag\"").send().await;
        assert_eq!(stale.status, 412);
        assert_eq!(entries(&server.db).await.len(), known);
    }

    async fn what_goes_along_is_counted(db: TestDatabase) {
        let server = TestServer::start(db).await;
        server.seed(&[center("a", 1.0, 1.0), center("b", 2.0, 2.0)]).await;
        for acronym in ["A", "B"] {
            let body = json!({ "name": acronym, "acronym": acronym });
            write(&server, Method::POST, "/organizations", &body).await;
        }
        for (center, organization) in [(1, 1), (1, 2), (2, 2)] {
            let path = format!("/centers/{center}/organizations");
            write(&server, Method::POST, &path, &json!({ "organization_id": organization })).await;
        }
        server.db.execute("INSERT INTO center_ratings (diving_center_id, user_id, score) VALUES (1, 1, 5)").await;
        let known = entries(&server.db).await.len();
        assert_eq!(write(&server, Method::DELETE, "/centers/1", &Value::Null).await.status, 204);
        assert_eq!(write(&server, Method::DELETE, "/organizations/2", &Value::Null).await.status, 204);
        let all = entries(&server.db).await;
        let counted = all[known..].iter().filter_map(|entry| {
            let counts = entry.counts.as_ref()?;
            Some((done(entry), counts.get()))
        });
        let mut counted: Vec<_> = counted.collect();
        counted.sort_unstable();
        assert_eq!(counted, [
            (("deleted", "memberships", "*/2"), r#"{"deleted":1}"#),
            (("deleted", "memberships", "1/*"), r#"{"deleted":2}"#),
            (("deleted", "ratings", "1"), r#"{"deleted":1}"#),
        ]);
        assert_eq!(all.len(), known + 5);
    }

    async fn a_request_that_is_sent_again_under_its_key_is_noted_once(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for (path, body) in [
            ("/centers", center("a", 1.0, 1.0)),
            ("/centers?min_distance_m=50", center("b", 2.0, 2.0)),
            ("/centers/batch", json!({ "centers": [center("c", 3.0, 3.0)] })),
            ("/organizations", json!({ "name": "Divers", "acronym": "D" })),
            ("/centers/1/organizations", json!({ "organization_id": 1 })),
        ] {
            let known = entries(&server.db).await.len();
            for _ in 0..3 {
                let request = server.post(path, &body).header("idempotency-key", path);
                let answer = request.send().await;
                assert!(answer.status < 300, "{}", answer.text());
            }
            assert_eq!(entries(&server.db).await.len(), known + 1, "{path}");
        }
    }

    async fn whoever_shows_a_key_is_noted_by_its_name(db: TestDatabase) {
        let create = ["keys", "create", "--name", "shop.1", "--scope", "write", "--database-url"];
        let made = run(&[&create[..], &[db.url()]].concat());
        made.assert(0, &[]);
        let key = String::from_utf8(made.stdout).expect("a key is text");
        let server = TestServer::start(db).await;
        server
            .soon("the key is known", async || {
                tokio::time::sleep(Duration::from_millis(1_500)).await;
                let request = server.request(Method::POST, "/centers").json(&json!({ "name": "a" }));
                let bearer = format!("Bearer {}", key.trim());
                request.header("authorization", &bearer).send().await.status == 201
            })
            .await;
        server.post("/centers", &json!({ "name": "b" })).send().await;
        let all = entries(&server.db).await;
        let who: Vec<&str> = all.iter().map(|entry| entry.who.as_str()).collect();
        assert_eq!(who, ["nearby keys create", "shop.1", "admin"]);
        assert!(all[1].request_id.as_ref().is_some_and(|id| id.len() == 16));
        let said = format!("{all:?}");
        assert!(!said.contains(key.trim()) && !said.contains(KEY), "{said}");
    }

    /// Which can be no longer made.
    async fn a_key_that_has_the_name_of_the_operator_is_told_from_it(db: TestDatabase) {
        let create = ["keys", "create", "--name", "a", "--scope", "write", "--audit", "off"];
        let ended = run(&[&create[..], &["--database-url", db.url()]].concat());
        ended.assert(0, &[]);
        db.execute("UPDATE nearby_access_keys SET name = 'admin'").await;
        let bearer = format!("Bearer {}", String::from_utf8_lossy(&ended.stdout).trim());
        let server = TestServer::start(db).await;
        server
            .soon("the key is known", async || {
                tokio::time::sleep(Duration::from_millis(1_500)).await;
                let request = server.request(Method::POST, "/centers").json(&json!({ "name": "a" }));
                request.header("authorization", &bearer).send().await.status == 201
            })
            .await;
        server.post("/centers", &json!({ "name": "b" })).send().await;
        let all = entries(&server.db).await;
        let who: Vec<&str> = all.iter().map(|entry| entry.who.as_str()).collect();
        assert_eq!(who, ["key admin", "admin"]);
    }

    /// As beside tables of another application, or before `nearby migrate up`.
    async fn a_database_without_the_table_is_written_as_ever(db: TestDatabase) {
        db.execute("DROP TABLE nearby_audit").await;
        let server = TestServer::start(db).await;
        server.seed(&[center("a", 1.0, 1.0)]).await;
        let nothing = Value::Null;
        for (method, path, body, status) in [
            (Method::PATCH, "/centers/1", json!({ "name": "b" }), 200),
            (Method::PUT, "/centers/1", json!({ "name": "c" }), 200),
            (Method::POST, "/organizations", json!({ "name": "D", "acronym": "D" }), 201),
            (Method::POST, "/centers/1/organizations", json!({ "organization_id": 1 }), 201),
            (Method::PUT, "/settings/a", json!({ "value": 1 }), 200),
            (Method::DELETE, "/centers/1", nothing, 204),
        ] {
            let answer = write(&server, method, path, &body).await;
            assert_eq!(answer.status, status, "{path}: {}", answer.text());
        }
        let keyed = server.post("/centers", &json!({ "name": "e" })).header("idempotency-key", "k");
        assert_eq!(keyed.send().await.status, 201);
        assert_eq!(server.db.number("SELECT COUNT(*) FROM diving_centers").await, 1);
        let none = server.db.database().audit_entries(&AuditFilter::default(), None, 1).await;
        assert!(none.expect("it answers").is_none());
        let now = chrono::Utc::now();
        assert_eq!(server.db.database().remove_old_entries(now).await.expect("it answers"), 0);
    }

    async fn old_entries_are_removed_in_pieces_and_younger_ones_stay(db: TestDatabase) {
        let day_ms = 24 * 3_600 * 1_000;
        let now = chrono::Utc::now().timestamp_millis();
        for days in [0, 1, 2, 9] {
            let rows: Vec<String> = (0..90)
                .map(|_| format!("({}, 'a', 'created', 'centers')", now - days * day_ms - 1_000))
                .collect();
            let rows = rows.join(", ");
            db.execute(&format!("INSERT INTO nearby_audit (at_ms, who, action, collection) VALUES {rows}")).await;
        }
        let until = chrono::Utc::now() - chrono::Days::new(2);
        let removed = db.database().remove_old_entries(until).await.expect("it answers");
        assert_eq!(removed, 100);
        let served = TestServer::start_with(db, |settings: &mut AppSettings| {
            settings.audit_kept = chrono::Days::new(2);
        })
        .await;
        served.soon("they are removed", async || entries(&served.db).await.len() == 180).await;
        let all = entries(&served.db).await;
        assert!(all.iter().all(|entry| now - entry.at.timestamp_millis() < 2 * day_ms));
    }

    async fn nothing_is_noted_where_it_is_off(db: TestDatabase) {
        let served = Served::start(&["--database-url", db.url(), "--audit", "off"]);
        assert_eq!(served.post("/centers", &json!({ "name": "a" })).await.0, 201);
        assert_eq!(served.send(Method::PUT, "/centers/1", &json!({ "name": "b" })).await.0, 200);
        served.stop();
        assert!(entries(&db).await.is_empty());
        let served = Served::start(&["--database-url", db.url()]);
        assert_eq!(served.send(Method::PUT, "/centers/1", &json!({ "name": "c" })).await.0, 200);
        served.stop();
        assert_eq!(entries(&db).await.len(), 1);
    }
}

/// A route that writes and is noted nowhere would be missed by the tests above.
#[test]
fn every_route_that_writes_is_tried_here() {
    let mut writes: Vec<String> = ROUTES
        .iter()
        .filter(|endpoint| endpoint.method != "GET" && endpoint.pattern != "/nearby/batch")
        .filter(|endpoint| !endpoint.pattern.starts_with("/collections/"))
        .map(|endpoint| format!("{} {}", endpoint.method, endpoint.pattern))
        .collect();
    writes.sort_unstable();
    assert_eq!(
        writes,
        [
            "DELETE /centers/{id}",
            "DELETE /centers/{id}/organizations/{organization_id}",
            "DELETE /dive-sites/{id}",
            "DELETE /organizations/{id}",
            "PATCH /centers/{id}",
            "PATCH /dive-sites/{id}",
            "POST /centers",
            "POST /centers/batch",
            "POST /centers/{id}/organizations",
            "POST /dive-sites",
            "POST /dive-sites/batch",
            "POST /organizations",
            "PUT /centers/{id}",
            "PUT /centers/{id}/organizations/{organization_id}",
            "PUT /dive-sites/{id}",
            "PUT /organizations/{id}",
            "PUT /settings/{key}",
        ]
    );
}

/// The transaction that was taken back has left no entry, the one that was made has one.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn of_a_batch_that_met_a_deadlock_every_row_is_noted_once() {
    let server = TestServer::start(TestDatabase::mysql().await).await;
    let rows: Vec<Value> = (1..=200)
        .map(|n| center("a", f64::from(n) / 10.0, 1.0))
        .collect();
    server.seed(&rows).await;
    let batch = |ids: Vec<i64>, name: &str| {
        let rows = ids.iter().map(|id| json!({ "id": id, "name": name }));
        json!({ "centers": rows.collect::<Vec<_>>() })
    };
    let up = batch((1..=200).collect(), "up");
    let down = batch((1..=200).rev().collect(), "down");
    let mut written = 0;
    for _ in 0..5 {
        let (one, other) = tokio::join!(
            server.post("/centers/batch", &up).send(),
            server.post("/centers/batch", &down).send()
        );
        written += [one, other]
            .iter()
            .filter(|answer| answer.status == 200)
            .count();
    }
    // Each changes every row, unless it follows one of its own kind.
    let all = entries(&server.db).await;
    let updated = all.iter().filter(|entry| entry.action == "updated").count();
    assert!(
        updated % 200 == 0 && updated / 200 <= written,
        "{updated} of {written}"
    );
    for of_row in 1..=200_i64 {
        let filter = AuditFilter {
            collection: Some(Collection::diving_centers().name.as_str().to_owned()),
            row_id: Some(of_row.to_string()),
            ..AuditFilter::default()
        };
        let found = server.db.database().audit_entries(&filter, None, 100).await;
        let mut found = found.expect("it answers").expect("there is a table");
        found.sort_by_key(|entry| entry.id);
        // What one entry says a row became is what the next one says it was.
        for pair in found.windows(2) {
            assert_eq!(
                self::rows(&pair[0]).1["name"],
                self::rows(&pair[1]).0["name"]
            );
        }
    }
}
