//! Requests that are sent again under their `Idempotency-Key`.

use std::time::{Duration, Instant};

use nearby::app::CorsOrigins;
use reqwest::Method;
use serde_json::{Value, json};

use super::server::{Answer, KEY, TestServer, center};
use crate::cli::served::Served;
use crate::support::{Commit, Cut, TestDatabase, hold_center, on_both_stores, through_cut};

const KEYS: &str = "SELECT COUNT(*) FROM nearby_idempotency_keys";
const CENTERS: &str = "SELECT COUNT(*) FROM diving_centers";

async fn keyed(server: &TestServer, path: &str, key: &str, body: &Value) -> Answer {
    let request = server.post(path, body).header("idempotency-key", key);
    request.send().await
}

fn is_replayed(answer: &Answer) -> bool {
    answer.headers.contains_key("idempotency-replayed")
}

/// Sends a request over its own connection; gives status, whether it may be sent again,
/// whether it was answered before, and the body.
async fn send(served: &Served, key: &str, body: &Value) -> (u16, bool, bool, Value) {
    send_to(served, "/centers", key, body).await
}

async fn send_to(served: &Served, path: &str, key: &str, body: &Value) -> (u16, bool, bool, Value) {
    let request = reqwest::Client::new().post(served.url(path));
    let request = request.bearer_auth(KEY).header("idempotency-key", key);
    let answer = request.json(body).send().await.expect("it answers");
    let has = |name| answer.headers().contains_key(name);
    let (retry, replayed) = (has("retry-after"), has("idempotency-replayed"));
    let status = answer.status().as_u16();
    (status, retry, replayed, answer.json().await.expect("JSON"))
}

/// Makes the kept answers so old.
async fn age(db: &TestDatabase, hours: &str) {
    db.execute(&if db.is_mysql() {
        format!(
            "UPDATE nearby_idempotency_keys SET made_at = UTC_TIMESTAMP() - INTERVAL {hours} HOUR"
        )
    } else {
        format!(
            "UPDATE nearby_idempotency_keys \
             SET made_at = strftime('%Y-%m-%dT%H:%M:%fZ','now','-{hours} hours')"
        )
    })
    .await;
}

on_both_stores! {
    async fn whatever_a_post_makes_is_made_once_under_its_key(db: TestDatabase) {
        let server = TestServer::start(db).await;
        server.seed(&[center("a", 1.0, 1.0)]).await;
        let organization = json!({"name": "Divers", "acronym": "D"});
        for (path, table, body) in [
            ("/centers", "diving_centers", center("b", 2.0, 2.0)),
            ("/centers?min_distance_m=50", "diving_centers", center("c", 3.0, 3.0)),
            ("/centers/batch", "diving_centers", json!({"centers": [center("d", 4.0, 4.0), {"id": 1, "name": "e"}]})),
            ("/dive-sites", "dive_sites", center("f", 5.0, 5.0)),
            ("/dive-sites/batch", "dive_sites", json!({"centers": [center("g", 6.0, 6.0)]})),
            ("/organizations", "diving_organizations", organization),
            ("/centers/1/organizations", "diving_center_organizations", json!({"organization_id": 1})),
        ] {
            let key = format!("key of {path}").replace(' ', "-");
            let first = keyed(&server, path, &key, &body).await;
            assert!(matches!(first.status, 200 | 201), "{path}: {}", first.text());
            assert!(!is_replayed(&first), "{path}");
            let rows = server.db.number(&format!("SELECT COUNT(*) FROM {table}")).await;
            for _ in 0..2 {
                let again = keyed(&server, path, &key, &body).await;
                assert_eq!(again.header("idempotency-replayed"), "true", "{path}");
                assert_eq!((again.status, again.text()), (first.status, first.text()));
                for name in ["location", "content-type", "cache-control"] {
                    assert_eq!(again.headers.get(name), first.headers.get(name), "{path}: {name}");
                }
            }
            let now = server.db.number(&format!("SELECT COUNT(*) FROM {table}")).await;
            assert_eq!(now, rows, "{path}");
        }
        assert_eq!(server.db.number(KEYS).await, 7);
    }

    async fn a_key_belongs_to_the_method_path_query_and_body_that_it_came_with(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let body = center("a", 1.0, 1.0);
        let first = keyed(&server, "/centers", "k", &body).await;
        assert_eq!(first.status, 201, "{}", first.text());
        for (path, other) in [
            ("/centers", center("a", 1.0, 2.0)),
            ("/dive-sites", body.clone()),
            ("/centers?min_distance_m=1", body.clone()),
        ] {
            let refused = keyed(&server, path, "k", &other).await;
            refused.problem(422, "idempotency_key_reused");
        }
        assert_eq!(server.db.number(CENTERS).await, 1);
        // In quotes, as the standard has it, it is the same key.
        assert!(is_replayed(&keyed(&server, "/centers", "\"k\"", &body).await));
        assert!(!is_replayed(&keyed(&server, "/centers", "K", &body).await));
    }

    async fn a_key_that_is_none_is_refused(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let body = center("a", 1.0, 1.0);
        let longest = "k".repeat(255);
        for bad in ["", "\"\"", "a b", "\"a", "a\"", &format!("{longest}k")] {
            let refused = keyed(&server, "/centers", bad, &body).await;
            let problem = refused.problem(400, "parameter_invalid");
            assert_eq!(problem["parameter"], "Idempotency-Key", "{bad}");
        }
        let two = server.post("/centers", &body).header("idempotency-key", "a");
        let two = two.header("idempotency-key", "b").send().await;
        two.problem(400, "parameter_repeated");
        assert_eq!(server.db.number(CENTERS).await, 0);
        assert_eq!(keyed(&server, "/centers", &longest, &body).await.status, 201);
    }

    /// Which wrote nothing.
    async fn a_request_that_was_refused_may_be_mended_under_its_key(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let there = json!({"name": "Divers", "acronym": "D"});
        assert_eq!(server.post("/organizations", &there).send().await.status, 201);
        let refused = keyed(&server, "/organizations", "k", &there).await;
        refused.problem(409, "organization_exists");
        let batch = json!({"centers": [center("a", 1.0, 1.0), {"id": 99, "name": "b"}]});
        let refused = keyed(&server, "/centers/batch", "k", &batch).await;
        refused.problem(404, "center_not_found");
        let place = center("there", 5.0, 5.0);
        assert_eq!(server.post("/centers", &place).send().await.status, 201);
        let refused = keyed(&server, "/centers?min_distance_m=50", "k", &place).await;
        refused.problem(409, "center_exists");
        assert_eq!(server.db.number(KEYS).await, 0);
        let mended = json!({"centers": [center("a", 1.0, 1.0)]});
        let made = keyed(&server, "/centers/batch", "k", &mended).await;
        assert_eq!((made.status, is_replayed(&made)), (200, false), "{}", made.text());
        assert!(is_replayed(&keyed(&server, "/centers/batch", "k", &mended).await));
    }

    async fn a_key_outlives_the_process_that_it_was_sent_to(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let body = center("a", 1.0, 1.0);
        let first = keyed(&server, "/centers", "k", &body).await;
        let server = TestServer::start(server.stop().await).await;
        let again = keyed(&server, "/centers", "k", &body).await;
        assert!(is_replayed(&again));
        assert_eq!((again.status, again.text()), (201, first.text()));
    }

    async fn a_key_belongs_to_the_admin_key_that_it_came_with(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let body = center("a", 1.0, 1.0);
        assert_eq!(keyed(&server, "/centers", "k", &body).await.status, 201);
        // Whoever may not write is told nothing of it.
        let asked = server.request(Method::POST, "/centers").header("idempotency-key", "k");
        asked.json(&body).send().await.problem(401, "unauthorized");
        let other = "another long and random key";
        let server = TestServer::start_with(server.stop().await, |settings| {
            settings.admin_key = Some(other.into());
        })
        .await;
        let asked = server.request(Method::POST, "/centers").header("idempotency-key", "k");
        let asked = asked.header("authorization", &format!("Bearer {other}"));
        let made = asked.json(&center("b", 2.0, 2.0)).send().await;
        assert_eq!((made.status, is_replayed(&made)), (201, false), "{}", made.text());
    }

    async fn a_key_is_free_again_after_24_hours(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let body = center("a", 1.0, 1.0);
        assert_eq!(keyed(&server, "/centers", "k", &body).await.status, 201);
        age(&server.db, "23").await;
        assert!(is_replayed(&keyed(&server, "/centers", "k", &body).await));
        age(&server.db, "24").await;
        let other = center("b", 2.0, 2.0);
        let made = keyed(&server, "/centers", "k", &other).await;
        assert_eq!((made.status, is_replayed(&made)), (201, false), "{}", made.text());
        assert!(is_replayed(&keyed(&server, "/centers", "k", &other).await));
        assert_eq!(server.db.number(CENTERS).await, 2);
    }

    async fn old_answers_are_removed_in_pieces(db: TestDatabase) {
        let key = |n: u32| if db.is_mysql() {
            format!("(UNHEX(LPAD('{n}', 64, '0')), UNHEX(REPEAT('00', 32)))")
        } else {
            format!("(x'{n:064}', zeroblob(32))")
        };
        let insert = async |numbers: std::ops::Range<u32>| {
            let rows: Vec<String> = numbers.map(key).collect();
            db.execute(&format!(
                "INSERT INTO nearby_idempotency_keys (key_digest, request_digest) VALUES {}",
                rows.join(", ")
            ))
            .await;
        };
        insert(0..250).await;
        age(&db, "24").await;
        insert(250..253).await;
        let mut removed = Vec::new();
        for _ in 0..4 {
            removed.push(db.database().remove_old_answers().await.unwrap());
        }
        assert_eq!(removed, [100, 100, 50, 0]);
        assert_eq!(db.number(KEYS).await, 3);
        db.execute("DROP TABLE nearby_idempotency_keys").await;
        assert_eq!(db.database().remove_old_answers().await.unwrap(), 0);
    }

    async fn an_answer_that_is_too_large_to_be_kept_is_refused_with_all_that_it_tells_of(db: TestDatabase) {
        let server = TestServer::start_with(db, |settings| settings.body_limit = 16 << 20).await;
        let text = "🤿".repeat(16_000);
        let large = json!({"name": "a", "description": text, "address": text});
        let batch = json!({"centers": vec![large; 70]});
        let refused = keyed(&server, "/centers/batch", "k", &batch).await;
        let problem = refused.problem(413, "body_too_large");
        assert!(problem["detail"].as_str().unwrap().contains("nothing was written"), "{problem}");
        assert_eq!(server.db.number(CENTERS).await, 0);
        assert_eq!(server.post("/centers/batch", &batch).send().await.status, 200);
    }

    /// The table may be missing beside another application's.
    async fn without_a_table_for_answers_a_key_is_refused_and_not_ignored(db: TestDatabase) {
        let server = TestServer::start(db).await;
        server.db.execute("DROP TABLE nearby_idempotency_keys").await;
        let body = center("a", 1.0, 1.0);
        let refused = keyed(&server, "/centers", "k", &body).await;
        let problem = refused.problem(501, "idempotency_unavailable");
        assert!(problem["detail"].as_str().unwrap().contains("`nearby migrate up`"), "{problem}");
        assert_eq!(server.db.number(CENTERS).await, 0);
        assert_eq!(server.post("/centers", &body).send().await.status, 201);
    }

    /// A batch that replaces a row which another application has.
    async fn the_same_request_sent_while_the_first_is_under_way_is_put_off(db: TestDatabase) {
        let server = TestServer::start(db).await;
        server.seed(&[center("a", 1.0, 1.0)]).await;
        let held = hold_center(&server.db, 1).await;
        let body = json!({"centers": [center("b", 1.0, 1.0), {"id": 1, "name": "c"}]});
        let first = keyed(&server, "/centers/batch", "k", &body);
        let others = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let started = Instant::now();
            let put_off = keyed(&server, "/centers/batch", "k", &body).await;
            assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
            put_off.problem(409, "request_under_way");
            assert_eq!(put_off.header("retry-after"), "1");
            held.let_go().await;
        };
        let (first, ()) = tokio::join!(first, others);
        assert_eq!(first.status, 200, "{}", first.text());
        let again = keyed(&server, "/centers/batch", "k", &body).await;
        assert!(is_replayed(&again), "{}", again.text());
        assert_eq!(server.db.number(CENTERS).await, 2);
    }

    async fn many_that_send_the_same_at_once_make_it_once(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let body = center("a", 1.0, 1.0);
        let all = (0..20).map(|_| keyed(&server, "/centers", "k", &body));
        let answers = futures_util::future::join_all(all).await;
        for answer in &answers {
            assert!(matches!(answer.status, 201 | 409), "{}", answer.text());
        }
        let made = answers.iter().filter(|a| a.status == 201 && !is_replayed(a));
        assert_eq!(made.count(), 1);
        assert_eq!(server.db.number(CENTERS).await, 1);
    }
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_key_is_under_way_and_answered_whichever_instance_is_asked() {
    let server = TestServer::start(TestDatabase::mysql().await).await;
    server.seed(&[center("a", 1.0, 1.0)]).await;
    let other = Served::start(&["--database-url", server.db.url()]);
    let elsewhere = async |body: &Value| {
        let request = reqwest::Client::new().post(other.url("/centers/batch"));
        let request = request.bearer_auth(KEY).header("idempotency-key", "k");
        let answer = request.json(body).send().await.unwrap();
        let replayed = answer.headers().contains_key("idempotency-replayed");
        let retry = answer.headers().contains_key("retry-after");
        (answer.status().as_u16(), retry, replayed)
    };
    let held = hold_center(&server.db, 1).await;
    let body = json!({"centers": [center("b", 1.0, 1.0), {"id": 1, "name": "c"}]});
    let first = keyed(&server, "/centers/batch", "k", &body);
    let others = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(elsewhere(&body).await, (409, true, false));
        // Keys beside it are free.
        for n in 0..20 {
            let key = format!("another-{n}");
            let (status, ..) = send(&other, &key, &center("d", 1.0, 1.0)).await;
            assert_eq!(status, 201);
        }
        held.let_go().await;
    };
    let (first, ()) = tokio::join!(first, others);
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(elsewhere(&body).await, (200, false, true));
    let different = json!({"centers": [center("e", 1.0, 1.0)]});
    assert_eq!(elsewhere(&different).await, (422, false, false));
    assert_eq!(server.db.number(CENTERS).await, 22);
}

/// Two instances that find the key free at the same time.
#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn two_instances_never_both_make_what_has_one_key() {
    let server = TestServer::start(TestDatabase::mysql().await).await;
    let other = Served::start(&["--database-url", server.db.url()]);
    for n in 0..30 {
        let (key, body) = (format!("k-{n}"), center("a", f64::from(n), 1.0));
        // What one has made is in the way of the other.
        let path = ["/centers", "/centers?min_distance_m=50"][usize::from(n % 2 == 1)];
        let (one, (status, retry, replayed, _)) = tokio::join!(
            keyed(&server, path, &key, &body),
            send_to(&other, path, &key, &body)
        );
        let made = [
            one.status == 201 && !is_replayed(&one),
            status == 201 && !replayed,
        ];
        assert_eq!(
            made.iter().filter(|made| **made).count(),
            1,
            "{n}: {made:?}"
        );
        for (status, retry) in [
            (one.status, one.headers.contains_key("retry-after")),
            (status, retry),
        ] {
            assert!(status == 201 || (status == 409 && retry), "{n}: {status}");
        }
    }
    assert_eq!(server.db.number(CENTERS).await, 30);
}

/// Whether the COMMIT got to the server or not.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn a_write_whose_commit_was_not_answered_is_sent_again_under_its_key_and_made_once() {
    let db = TestDatabase::mysql().await;
    let cut = Cut::default();
    let url = through_cut(&db, &cut).await;
    let served = Served::start(&["--database-url", &url]);
    for (n, commit) in [(0, Commit::Arrives), (1, Commit::IsLost)] {
        let (key, body) = (format!("k-{n}"), center("c", 1.0, 1.0));
        cut.at_next_commit(commit);
        let (status, retry, _, problem) = send(&served, &key, &body).await;
        assert_eq!((status, retry), (503, true), "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("may have been made"), "{detail}");
        assert!(detail.contains("same Idempotency-Key"), "{detail}");
        let (status, _, replayed, made) = send(&served, &key, &body).await;
        assert_eq!(
            (status, replayed),
            (201, commit == Commit::Arrives),
            "{made}"
        );
        assert_eq!(db.number(CENTERS).await, n + 1);
        // An organization's, too.
        let organization = json!({"name": format!("Divers {n}"), "acronym": n.to_string()});
        let ask = async || {
            let request = reqwest::Client::new().post(served.url("/organizations"));
            let request = request
                .bearer_auth(KEY)
                .header("idempotency-key", format!("o-{n}"));
            let answer = request.json(&organization).send().await.unwrap();
            answer.status().as_u16()
        };
        cut.at_next_commit(commit);
        assert_eq!(ask().await, 503);
        assert_eq!(ask().await, 201);
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_send_a_key_and_see_that_an_answer_is_not_new() {
    let server = TestServer::start_with(TestDatabase::sqlite().await, |settings| {
        settings.cors = CorsOrigins::Any;
    })
    .await;
    let asked = server
        .request(Method::OPTIONS, "/centers")
        .header("origin", "https://maps.example")
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "idempotency-key, content-type",
        );
    let told = asked.send().await;
    assert_eq!(told.status, 200, "{}", told.text());
    let allowed = told.header("access-control-allow-headers").to_lowercase();
    assert!(allowed.contains("idempotency-key"), "{allowed}");
    let found = server
        .get("/centers")
        .header("origin", "https://maps.example");
    let exposed = found.send().await;
    let exposed = exposed
        .header("access-control-expose-headers")
        .to_lowercase();
    assert!(exposed.contains("idempotency-replayed"), "{exposed}");
}
