//! Bodies as clients pack and write them.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::Method;
use serde_json::json;

use super::server::{Answer, TestServer};
use crate::support::TestDatabase;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packing = GzEncoder::new(Vec::new(), Compression::default());
    packing.write_all(bytes).expect("memory takes it");
    packing.finish().expect("memory takes it")
}

async fn post(server: &TestServer, path: &str, encoding: &str, body: Vec<u8>) -> Answer {
    let request = server.request(Method::POST, path).key();
    let request = request.body("application/json", body);
    request.header("content-encoding", encoding).send().await
}

#[tokio::test]
async fn a_body_packed_with_gzip_is_taken_within_the_limit_of_what_it_holds() {
    let db = TestDatabase::sqlite().await;
    let server = TestServer::start_with(db, |settings| settings.body_limit = 1_000).await;
    let padded = |length: usize| format!("{:<length$}", r#"{"name":"packed"}"#).into_bytes();
    for encoding in ["gzip", "GZIP", "x-gzip"] {
        let whole = post(&server, "/centers", encoding, gzip(&padded(1_000))).await;
        assert_eq!(whole.status, 201, "{}", whole.text());
    }
    let plain = post(&server, "/centers", "identity", padded(1_000)).await;
    assert_eq!(plain.status, 201, "{}", plain.text());
    // Two gzip files one after the other are one (RFC 1952).
    let whole = padded(100);
    let (first, second) = whole.split_at(5);
    let members = [gzip(first), gzip(second)].concat();
    assert_eq!(post(&server, "/centers", "gzip", members).await.status, 201);

    for longer in [1_001, 50_000_000] {
        let packed = gzip(&vec![b' '; longer]);
        let refused = post(&server, "/centers", "gzip", packed).await;
        let problem = refused.problem(413, "body_too_large");
        assert_eq!(problem["allowed"], "at most 1000 bytes");
    }
    for broken in [b"{}".to_vec(), gzip(b"{}")[..15].to_vec(), Vec::new()] {
        let refused = post(&server, "/centers", "gzip", broken).await;
        refused.problem(400, "body_malformed");
    }
    assert_eq!(server.found("/centers").await["count"], 5);
}

#[tokio::test]
async fn another_encoding_is_refused_with_the_one_that_is_taken() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    for encoding in ["br", "zstd", "deflate", "gzip, gzip", "nonsense"] {
        for path in ["/centers", "/centers/batch", "/nearby/batch"] {
            let refused = post(&server, path, encoding, b"{}".to_vec()).await;
            let problem = refused.problem(415, "content_type_unsupported");
            assert_eq!(problem["parameter"], "Content-Encoding");
            assert_eq!(problem["got"], encoding);
            assert_eq!(refused.header("accept-encoding"), "gzip");
        }
    }
}

#[tokio::test]
async fn a_byte_order_mark_before_a_body_is_passed_over() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    let marked = "\u{feff}{\"name\":\"a\"}".as_bytes();
    for (encoding, body) in [("identity", marked.to_vec()), ("gzip", gzip(marked))] {
        let created = post(&server, "/centers", encoding, body).await;
        assert_eq!(created.status, 201, "{}", created.text());
    }
    let twice = "\u{feff}\u{feff}{}".as_bytes().to_vec();
    let refused = post(&server, "/centers", "identity", twice).await;
    refused.problem(400, "body_malformed");
}

/// Every body that is read, with the member that an array stands in for.
#[tokio::test]
async fn an_array_in_place_of_an_object_is_refused_wherever_it_stands() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    let id = server.seed(&[json!({"name": "a"})]).await[0];
    for (method, path, body, place) in [
        ("POST", "/centers".to_owned(), json!([null, "b"]), "body"),
        ("PUT", format!("/centers/{id}"), json!([null, "b"]), "body"),
        ("POST", "/dive-sites".to_owned(), json!([null, "b"]), "body"),
        ("POST", "/centers/batch".to_owned(), json!([[]]), "body"),
        (
            "POST",
            "/centers/batch".to_owned(),
            json!({"centers": [{"name": "b"}, [null, "c"]]}),
            "centers[1]",
        ),
        ("POST", "/nearby/batch".to_owned(), json!([[]]), "body"),
        (
            "POST",
            "/nearby/batch".to_owned(),
            json!({"queries": [[1, 2, 3, null, null]]}),
            "queries[0]",
        ),
        (
            "POST",
            "/organizations".to_owned(),
            json!(["a", "b"]),
            "body",
        ),
        (
            "POST",
            format!("/centers/{id}/organizations"),
            json!([1, true]),
            "body",
        ),
        (
            "PUT",
            format!("/centers/{id}/organizations/1"),
            json!([true]),
            "body",
        ),
        ("PUT", "/settings/a".to_owned(), json!([1, "text"]), "body"),
    ] {
        let method = Method::from_bytes(method.as_bytes()).expect("it is one");
        let request = server.request(method, &path).key().json(&body);
        let problem = request.send().await.problem(400, "parameter_invalid");
        assert_eq!(problem["parameter"], place, "{path}: {problem}");
        assert_eq!(problem["got"], "invalid type: an array", "{path}");
        assert_eq!(problem["allowed"], "an object", "{path}");
    }
    let patch = server.request(Method::PATCH, &format!("/centers/{id}"));
    let refused = patch.key().merge_patch(&json!([null, "b"])).send().await;
    refused.problem(400, "parameter_invalid");
    assert_eq!(server.found("/centers").await["count"], 1);
}

#[tokio::test]
async fn no_message_names_a_type_of_rust() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    let wrong = [
        json!(null),
        json!(true),
        json!(1.5),
        json!(-1),
        json!("x"),
        json!([]),
        json!({}),
    ];
    let places = |wrong: &serde_json::Value| {
        let query = |name: &str| {
            let mut query = json!({"lat": 1, "lng": 2});
            query[name] = wrong.clone();
            ("/nearby/batch", json!({"queries": [query]}))
        };
        let mut places: Vec<_> = ["lat", "radius_m", "limit", "country", "exclude", "cursor"]
            .map(query)
            .into();
        places.push(("/nearby/batch", json!({"queries": wrong})));
        for name in ["id", "name", "latitude", "city"] {
            places.push(("/centers", json!({name: wrong})));
        }
        places.push(("/centers", wrong.clone()));
        places.push(("/centers/batch", json!({"centers": wrong})));
        places.push(("/organizations", json!({"name": wrong})));
        places
    };
    let mut refused = 0;
    for wrong in &wrong {
        for (path, body) in places(wrong) {
            let answer = server.post(path, &body).send().await;
            if answer.status < 400 {
                continue;
            }
            refused += 1;
            let mut told = answer.json();
            // Which is a number at random.
            told.as_object_mut()
                .expect("a problem")
                .remove("request_id");
            let text = told.to_string();
            for name in [
                "f64",
                "i64",
                "u64",
                "struct ",
                "sequence",
                " map",
                "floating point",
                "Body",
                "option",
                "Object",
                "variant",
            ] {
                assert!(!text.contains(name), "`{name}` in {text} of {body}");
            }
        }
    }
    assert!(refused > 60, "{refused}");
}

/// A proxy and this server could each believe another of them.
#[tokio::test]
async fn a_header_that_decides_must_not_be_there_twice() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    let body = json!({"name": "a"}).to_string();
    let post = || server.request(Method::POST, "/centers").key();
    let typed = post().body("application/json", body.clone());
    let refused = typed.header("content-type", "text/plain").send().await;
    refused.problem(415, "content_type_unsupported");
    let keyed = post().body("application/json", body);
    let refused = keyed.header("authorization", "Bearer another").send().await;
    refused.problem(401, "unauthorized");
}
