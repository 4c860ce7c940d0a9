//! Who is let in by which key.

use std::time::{Duration, Instant};

use nearby::http::routes::ROUTES;
use nearby::keyring::digest_of;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::time::timeout;

use super::server::{Answer, KEY, TestServer, center};
use crate::cli::process::{Ended, run};
use crate::cli::served::Served;
use crate::support::{TestDatabase, on_both_stores};

/// How long a key that was revoked may still be good anywhere.
const REVOKED_WITHIN: Duration = Duration::from_secs(5);

/// How soon an instance usually knows a new key.
const READ_WITHIN: Duration = Duration::from_millis(2_500);

fn keys(url: &str, args: &[&str]) -> Ended {
    run(&[&["keys"], args, &["--database-url", url]].concat())
}

/// Makes a key by the command.
fn made(db: &TestDatabase, name: &str, scope: &str, more: &[&str]) -> String {
    let args = [&["create", "--name", name, "--scope", scope], more].concat();
    let ended = keys(db.url(), &args);
    ended.assert(0, &["it is shown this once"]);
    let key = String::from_utf8(ended.stdout).expect("a key is text");
    let key = key.trim_end().to_owned();
    assert!(key.starts_with("nby_") && key.len() == 68, "{key}");
    key
}

async fn write(server: &TestServer, key: &str) -> Answer {
    let request = server
        .request(Method::POST, "/centers")
        .json(&json!({ "name": "a" }));
    request
        .header("authorization", &format!("Bearer {key}"))
        .send()
        .await
}

/// Waits until the server knows a key. It is not shown often meanwhile: it counts as wrong.
async fn known(server: &TestServer, key: &str) {
    server
        .soon("the key is known", async || {
            tokio::time::sleep(READ_WITHIN).await;
            ![401, 429].contains(&write(server, key).await.status)
        })
        .await;
}

/// A path of a pattern.
fn filled(pattern: &str) -> String {
    let (first, parts) = pattern.split_once('{').unwrap_or((pattern, ""));
    let parts = parts.split('{').filter_map(|part| part.split_once('}'));
    let filled = parts.map(|(name, rest)| {
        let value = match name {
            "collection" => "centers",
            "matrix_set" => "WebMercatorQuad",
            _ => "1",
        };
        format!("{value}{rest}")
    });
    format!("{first}{}", filled.collect::<String>())
}

on_both_stores! {
    async fn a_key_allows_what_its_scope_says_and_less(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let [reader, writer, admin] = ["read", "write", "admin"]
            .map(|scope| made(&server.db, &format!("one-to-{scope}"), scope, &[]));
        known(&server, &admin).await;
        for (key, writes, sets) in [(&reader, 403, 403), (&writer, 201, 403), (&admin, 201, 200)] {
            let answer = write(&server, key).await;
            assert_eq!(answer.status, writes, "{}", answer.text());
            let bearer = format!("Bearer {key}");
            let set = server.request(Method::PUT, "/settings/a").json(&json!({ "value": 1 }));
            assert_eq!(set.header("authorization", &bearer).send().await.status, sets);
            let read = server.get("/settings/a").header("authorization", &bearer).send().await;
            assert_eq!(read.status, sets);
        }
        write(&server, &reader).await.problem(403, "forbidden");
        assert_eq!(server.post("/centers", &json!({ "name": "a" })).send().await.status, 201);
    }

    /// The other is a process of its own.
    async fn a_revoked_key_is_good_nowhere_five_seconds_later(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let other = Served::start(&["--database-url", server.db.url()]);
        let key = made(&server.db, "one", "write", &[]);
        known(&server, &key).await;
        let by_other = async || {
            let request = reqwest::Client::new().post(other.url("/centers")).bearer_auth(&key);
            let request = request.header("content-type", "application/json").body(r#"{"name":"a"}"#);
            request.send().await.expect("it answers").status().as_u16()
        };
        server.soon("the other knows the key", async || by_other().await == 201).await;
        let started = Instant::now();
        keys(server.db.url(), &["revoke", "one"]).assert(0, &["revoked one"]);
        server.soon("it is revoked here", async || write(&server, &key).await.status == 401).await;
        server.soon("it is revoked there", async || by_other().await == 401).await;
        assert!(started.elapsed() < REVOKED_WITHIN, "{:?}", started.elapsed());
        keys(server.db.url(), &["revoke", "one"]).assert(1, &["there is no key named one"]);
    }

    async fn an_expired_key_is_not_let_in(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let key = made(&server.db, "brief", "write", &["--expires", "1m"]);
        known(&server, &key).await;
        assert_eq!(write(&server, &key).await.status, 201);
        server.db.execute("UPDATE nearby_access_keys SET expires_s = expires_s - 60").await;
        server.soon("it has expired", async || write(&server, &key).await.status == 401).await;
        let refused = write(&server, &key).await.problem(401, "unauthorized");
        assert_eq!(refused["detail"], "This key has expired.");
        let listed = String::from_utf8(keys(server.db.url(), &["list"]).stdout).unwrap();
        assert!(listed.contains("brief") && listed.contains("expired"), "{listed}");
    }

    async fn a_browser_key_is_good_on_its_pages_alone(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let key = made(&server.db, "map", "write", &["--origins", "https://maps.example,http://localhost:3000"]);
        let any = made(&server.db, "any", "write", &[]);
        known(&server, &any).await;
        let from = async |origins: &[&str]| {
            let mut request = server.request(Method::POST, "/centers").json(&json!({ "name": "a" }));
            for origin in origins {
                request = request.header("origin", origin);
            }
            request.header("authorization", &format!("Bearer {key}")).send().await
        };
        assert_eq!(from(&["https://maps.example"]).await.status, 201);
        assert_eq!(from(&["http://localhost:3000"]).await.status, 201);
        for origins in [
            &[][..], &["https://evil.example"], &["https://maps.example.evil.example"], &["null"],
            &["https://maps.example:444"], &["http://maps.example"], &["https://maps.example/"],
            &["https://evil.example", "https://maps.example"], &["https://maps.example", "https://evil.example"],
        ] {
            from(origins).await.problem(403, "forbidden");
        }
    }

    async fn a_key_that_is_held_to_collections_is_refused_elsewhere(db: TestDatabase) {
        let server = TestServer::start_with(db, |settings| settings.require_read_key = true).await;
        let key = made(&server.db, "sites", "admin", &["--collections", "dive-sites"]);
        known(&server, &key).await;
        let ask = async |method: Method, path: &str| {
            let request = server.request(method.clone(), path);
            let request = if method == Method::GET { request } else { request.json(&json!({ "name": "a" })) };
            request.header("authorization", &format!("Bearer {key}")).send().await.status
        };
        for (method, path, status) in [
            (Method::POST, "/dive-sites", 201), (Method::GET, "/dive-sites", 200),
            (Method::GET, "/collections/dive-sites/nearby?lat=0&lng=0", 200),
            (Method::GET, "/api/v1/dive-sites/", 200), (Method::GET, "/collections", 200),
            (Method::POST, "/centers", 403), (Method::PUT, "/centers/1", 403), (Method::DELETE, "/centers/1", 403),
            (Method::GET, "/centers", 403), (Method::GET, "/nearby?lat=0&lng=0", 403),
            (Method::GET, "/collections/centers/items", 403), (Method::GET, "/tiles/centers.json", 403),
            (Method::GET, "/collections/%63enters/items", 403), (Method::GET, "/dive-sites/1/centers", 403),
            (Method::GET, "/api/v1/diving-centers/", 403), (Method::GET, "/api/v1/dive-sites/1/diving-centers", 403),
            (Method::GET, "/settings/a", 403), (Method::PUT, "/settings/a", 403), (Method::GET, "/metrics", 403),
            (Method::POST, "/organizations", 403), (Method::GET, "/organizations", 403),
        ] {
            assert_eq!(ask(method, path).await, status, "{path}");
        }
    }

    async fn a_key_is_taken_in_its_header_alone(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let key = made(&server.db, "one", "write", &[]);
        known(&server, &key).await;
        let operators = KEY.replace(' ', "+");
        for query in ["key", "access_token", "api_key", "token", "Authorization"] {
            for key in [&key, &operators] {
                let path = format!("/centers?{query}={key}");
                let refused = server.request(Method::POST, &path).json(&json!({ "name": "a" })).send().await;
                refused.problem(401, "unauthorized");
            }
        }
        for (name, value) in [
            ("authorization", format!("Basic {key}")), ("authorization", key.clone()), ("x-api-key", key.clone()),
            ("cookie", format!("key={key}")), ("authorization", format!("Bearer {}", key.to_uppercase())),
            ("authorization", format!("Bearer {}", &key[4..])), ("authorization", format!("Bearer {key}0")),
        ] {
            let request = server.request(Method::POST, "/centers").json(&json!({ "name": "a" }));
            request.header(name, &value).send().await.problem(401, "unauthorized");
        }
    }

    async fn a_key_is_held_to_its_rate_and_told_when_it_is_good_again(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let key = made(&server.db, "slow", "write", &["--rate", "3/m"]);
        let other = made(&server.db, "other", "write", &[]);
        known(&server, &other).await;
        let mut last = write(&server, &key).await;
        for left in (0..3).rev() {
            assert_eq!(last.status, 201);
            let until = 20 * (3 - left);
            assert_eq!(last.header("ratelimit"), format!("\"key\";r={left};t={until}"));
            last = write(&server, &key).await;
        }
        last.problem(429, "too_many_requests");
        assert_eq!(last.header("ratelimit-policy"), "\"key\";q=3;w=60");
        let wait: u64 = last.header("retry-after").parse().expect("it is seconds");
        assert!((1..=20).contains(&wait), "{wait}");
        assert_eq!(last.header("ratelimit"), format!("\"key\";r=0;t={wait}"));
        assert_eq!(write(&server, &other).await.status, 201);
    }

    async fn whoever_shows_wrong_keys_is_slowed_down_and_keys_of_others_stay_good(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let key = made(&server.db, "one", "write", &[]);
        known(&server, &key).await;
        let mut statuses = Vec::new();
        for at in 0..30 {
            statuses.push(write(&server, &format!("guess-{at}-of-the-key")).await.status);
        }
        let refused = statuses.iter().filter(|status| **status == 429).count();
        assert!(refused >= 15 && statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
        let mut slowed = write(&server, "one-more-guess").await;
        if slowed.status == 401 {
            // Six seconds were over.
            slowed = write(&server, "and-one-more-guess").await;
        }
        slowed.problem(429, "too_many_requests");
        assert_eq!(slowed.header("ratelimit-policy"), "\"wrong-keys\";q=10;w=60");
        // Whoever guesses does not learn that they have guessed it.
        write(&server, KEY).await.problem(429, "too_many_requests");
        assert_eq!(write(&server, &key).await.status, 201);
        assert_eq!(server.get("/nearby?lat=0&lng=0").send().await.status, 200);
    }

    async fn a_wrong_key_is_logged_with_the_address_and_without_the_key(db: TestDatabase) {
        let mut served = Served::start(&["--database-url", db.url()]);
        let request = reqwest::Client::new().post(served.url("/centers")).bearer_auth("s3cret-guess-of-a-key");
        assert_eq!(request.send().await.expect("it answers").status().as_u16(), 401);
        served.until_it_says("a wrong key was shown");
        let line = served.said.iter().find(|line| line.contains("a wrong key")).unwrap();
        assert!(line.contains("127.0.0.1") && !line.contains("s3cret"), "{line}");
    }

    async fn where_reading_takes_a_key_nothing_that_holds_rows_is_open(db: TestDatabase) {
        let server = TestServer::start_with(db, |settings| settings.require_read_key = true).await;
        let key = made(&server.db, "one", "read", &[]);
        let bearer = format!("Bearer {key}");
        server.soon("the key is known", async || {
            server.get("/centers").header("authorization", &bearer).send().await.status == 200
        }).await;
        let open = ["/healthz", "/readyz", "/openapi.yaml", "/", "/docs", "/widget.js",
            "/web/{folder}/{file}", "/web/vendor/{package}/{file}"];
        for endpoint in ROUTES {
            let path = filled(endpoint.pattern);
            let method = Method::from_bytes(endpoint.method.as_bytes()).unwrap();
            let status = server.request(method.clone(), &path).send().await.status;
            let is_open = open.contains(&endpoint.pattern);
            assert_eq!(status == 401, !is_open, "{method} {path} answered {status}");
            if method == Method::GET && !is_open {
                let read = server.get(&path).header("authorization", &bearer).send().await.status;
                assert_ne!(read, 401, "{path}");
                let head = server.request(Method::HEAD, &path).send().await.status;
                assert_eq!(head, 401, "HEAD {path}");
            }
        }
        assert_eq!(server.request(Method::OPTIONS, "/centers").send().await.status, 204);
        server.get("/nothing/here").send().await.problem(404, "path_unknown");
    }

    async fn the_database_holds_no_key_but_its_digest(db: TestDatabase) {
        let key = made(&db, "one", "write", &["--expires", "90d", "--rate", "5/s"]);
        let listed = keys(db.url(), &["list"]);
        let text = String::from_utf8(listed.stdout).unwrap();
        assert!(text.contains("one") && text.contains("write") && text.contains("never used"), "{text}");
        assert!(!text.contains("nby_"), "{text}");
        let all = db.database().access_keys().await.unwrap().unwrap();
        let (digest, known) = &all[0];
        assert_eq!((all.len(), *digest), (1, digest_of(key.as_bytes())));
        let days = (known.expires_at.unwrap() - known.created_at).num_days();
        assert_eq!((days, known.rate.unwrap().requests_per_minute().get()), (90, 300));
        let now = known.created_at + Duration::from_mins(2);
        db.database().note_access_key_use(*digest, now).await.unwrap();
        db.database().note_access_key_use(*digest, known.created_at).await.unwrap();
        let all = db.database().access_keys().await.unwrap().unwrap();
        assert_eq!(all[0].1.last_used_at.unwrap().timestamp(), now.timestamp());
    }

    async fn two_keys_of_one_name_are_refused_and_so_is_what_cannot_be(db: TestDatabase) {
        made(&db, "one", "write", &[]);
        let create = |args: &[&str]| keys(db.url(), &[&["create"], args].concat());
        create(&["--name", "one", "--scope", "read"]).assert(2, &["there is a key named one"]);
        made(&db, "One", "read", &[]);
        for (args, said) in [
            (&["--name", "a b", "--scope", "read"][..], "no name of a key"),
            (&["--name", "a", "--scope", "all"], "write read, write or admin"),
            (&["--name", "a", "--scope", "read", "--expires", "90"], "as 90d, 12h or 30m"),
            (&["--name", "a", "--scope", "read", "--rate", "5"], "as 10/s or 300/m"),
            (&["--name", "a", "--scope", "read", "--origins", "maps.example"], "is not an origin"),
            (&["--name", "a", "--scope", "read", "--origins", "*"], "is not an origin"),
            (&["--name", "a", "--scope", "read", "--collections", "A b"], "no name of a collection"),
            (&["--name", "a"], "--scope"),
        ] {
            create(args).assert(2, &[said]);
        }
    }

    /// As beside the tables of another application.
    async fn without_its_table_there_are_no_keys_but_the_operators(db: TestDatabase) {
        let server = TestServer::start(db).await;
        server.db.execute("DROP TABLE nearby_access_keys").await;
        let without = if server.db.is_mysql() { "`nearby migrate up` makes it" } else { "nearby_access_keys" };
        let create = ["create", "--name", "a", "--scope", "read"];
        for args in [&create[..], &["list"], &["revoke", "a"]] {
            keys(server.db.url(), args).assert(2, &[without]);
        }
        assert_eq!(write(&server, KEY).await.status, 201);
        let unknown = format!("nby_{}", "0".repeat(64));
        write(&server, &unknown).await.problem(401, "unauthorized");
        server.seed(&[center("a", 0.0, 0.0)]).await;
        let other = Served::start(&["--database-url", server.db.url()]);
        assert_eq!(other.get("/nearby?lat=0&lng=0").await.0, 200);
    }
}

/// Changes are told where searches are answered from memory.
#[tokio::test]
async fn a_listener_whose_key_is_revoked_hears_no_more_five_seconds_later() {
    let db = TestDatabase::sqlite().await;
    let server = TestServer::start_with(db, |settings| settings.require_read_key = true).await;
    let keys_of_two = ["one", "other"].map(|name| made(&server.db, name, "read", &[]));
    let open = async |key: &str| {
        let url = format!("http://{}/changes?bbox=0,0,2,2", server.address);
        let request = reqwest::Client::new().get(url).bearer_auth(key);
        request.send().await.expect("it answers")
    };
    server
        .soon("the keys are known", async || {
            tokio::time::sleep(READ_WITHIN).await;
            open(&keys_of_two[1]).await.status() == 200
        })
        .await;
    let mut revoked = open(&keys_of_two[0]).await;
    let mut other = open(&keys_of_two[1]).await;
    assert_eq!(
        (revoked.status(), other.status()),
        (StatusCode::OK, StatusCode::OK)
    );
    keys(server.db.url(), &["revoke", "one"]).assert(0, &["revoked one"]);
    let to_its_end = async { while revoked.chunk().await.ok().flatten().is_some() {} };
    timeout(REVOKED_WITHIN, to_its_end).await.expect("it ends");
    let to_its_end = async { while other.chunk().await.ok().flatten().is_some() {} };
    let is_open = timeout(Duration::from_secs(2), to_its_end).await.is_err();
    assert!(is_open, "another key is as good as before");
}
