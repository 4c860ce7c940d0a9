//! What clients get wrong: always a 4xx that names the parameter, what was got
//! and what is allowed; never a 5xx.

use std::fmt::Write as _;

use reqwest::Method;
use serde_json::json;

use super::server::{KEY, TestServer, center};
use crate::support::on_both_stores;

/// Query strings that every search refuses, with the code and the parameter.
const BAD_SEARCHES: &[(&str, &str, &str)] = &[
    ("", "parameter_missing", "lat"),
    ("lng=0", "parameter_missing", "lat"),
    ("lat=0", "parameter_missing", "lng"),
    ("lat=&lng=0", "parameter_invalid", "lat"),
    ("lat&lng=0", "parameter_invalid", "lat"),
    ("lat=0&lng=", "parameter_invalid", "lng"),
    ("lat=0&lat=0&lng=0", "parameter_repeated", "lat"),
    ("lat=0&lng=0&lng=1", "parameter_repeated", "lng"),
    ("lat=0&lng=0&limit=1&limit=1", "parameter_repeated", "limit"),
    ("lat=0&lng=0&speed=1", "parameter_unknown", "speed"),
    ("lat=0&lng=0&=1", "parameter_unknown", ""),
    ("lat=0&lon=0", "parameter_unknown", "lon"),
    ("LAT=0&lng=0", "parameter_unknown", "LAT"),
    ("lat=x&lng=0", "parameter_invalid", "lat"),
    ("lat=NaN&lng=0", "parameter_invalid", "lat"),
    ("lat=inf&lng=0", "parameter_invalid", "lat"),
    ("lat=1e400&lng=0", "parameter_invalid", "lat"),
    ("lat=91&lng=0", "parameter_invalid", "lat"),
    ("lat=-90.0000001&lng=0", "parameter_invalid", "lat"),
    ("lat=1,5&lng=0", "parameter_invalid", "lat"),
    ("lat=%00&lng=0", "parameter_invalid", "lat"),
    ("lat=+1&lng=0", "parameter_invalid", "lat"),
    ("lat=0&lng=nan", "parameter_invalid", "lng"),
    ("lat=0&lng=-Infinity", "parameter_invalid", "lng"),
    ("lat=0&lng=1e400", "parameter_invalid", "lng"),
    ("lat=0&lng=0&limit=0", "parameter_invalid", "limit"),
    ("lat=0&lng=0&limit=1001", "parameter_invalid", "limit"),
    ("lat=0&lng=0&limit=-1", "parameter_invalid", "limit"),
    ("lat=0&lng=0&limit=1.5", "parameter_invalid", "limit"),
    (
        "lat=0&lng=0&limit=99999999999999999999999",
        "parameter_invalid",
        "limit",
    ),
    ("lat=0&lng=0&cursor=x", "cursor_invalid", "cursor"),
    (
        "lat=0&lng=0&cursor=%F0%9F%90%9F",
        "cursor_invalid",
        "cursor",
    ),
    ("lat=0&lng=0&format=xml", "parameter_invalid", "format"),
    ("lat=0&lng=0&exclude=x", "parameter_invalid", "exclude"),
    ("lat=0&lng=0&exclude=0.5", "parameter_invalid", "exclude"),
    (
        "lat=0&lng=0&exclude=9223372036854775808",
        "parameter_invalid",
        "exclude",
    ),
    ("lat=0&lng=0&country=", "parameter_invalid", "country"),
];

const BAD_RADII: &[(&str, &str, &str)] = &[
    (
        "/nearby?lat=0&lng=0&radius_m=1&radius_km=1",
        "parameter_conflict",
        "radius_km",
    ),
    (
        "/nearby?lat=0&lng=0&radius_m=-1",
        "parameter_invalid",
        "radius_m",
    ),
    (
        "/nearby?lat=0&lng=0&radius_m=NaN",
        "parameter_invalid",
        "radius_m",
    ),
    (
        "/nearby?lat=0&lng=0&radius_m=1e400",
        "parameter_invalid",
        "radius_m",
    ),
    (
        "/nearby?lat=0&lng=0&radius_m=20100001",
        "parameter_invalid",
        "radius_m",
    ),
    (
        "/nearby?lat=0&lng=0&radius_km=20101",
        "parameter_invalid",
        "radius_km",
    ),
    (
        "/nearby?lat=0&lng=0&radius_km=1e308",
        "parameter_invalid",
        "radius_km",
    ),
    (
        "/nearby?lat=0&lng=0&max_radius_m=1",
        "parameter_unknown",
        "max_radius_m",
    ),
    (
        "/nearest?lat=0&lng=0&radius_m=1",
        "parameter_unknown",
        "radius_m",
    ),
    (
        "/nearest?lat=0&lng=0&max_radius_m=-1",
        "parameter_invalid",
        "max_radius_m",
    ),
    (
        "/nearest?lat=0&lng=0&max_radius_m=inf",
        "parameter_invalid",
        "max_radius_m",
    ),
    (
        "/nearby?lat=0&lng=0&radius_m=10&min_radius_m=11",
        "parameter_invalid",
        "min_radius_m",
    ),
    (
        "/nearest?lat=0&lng=0&min_radius_m=-1",
        "parameter_invalid",
        "min_radius_m",
    ),
    (
        "/nearby?lat=0&lng=0&radius_km=1&radius_mi=1",
        "parameter_conflict",
        "radius_mi",
    ),
    (
        "/within?polygon=POLYGON((0 0,1 0,1 1))",
        "parameter_invalid",
        "polygon",
    ),
    (
        "/nearby?lat=0&lng=0&polygon=POLYGON((0 0,2 2,2 0,0 2,0 0))",
        "parameter_invalid",
        "polygon",
    ),
    (
        "/nearest?lat=0&lng=0&polygon={\"type\":\"Point\",\"coordinates\":[0,0]}",
        "parameter_invalid",
        "polygon",
    ),
    (
        "/nearest?lat=0&lng=0&filter=S_INTERSECTS(geometry,POLYGON((0 0,1 0,1 1)))",
        "parameter_invalid",
        "filter",
    ),
    ("/within", "parameter_missing", "bbox"),
    ("/within?bbox=1,2,3", "parameter_invalid", "bbox"),
    ("/within?bbox=1,2,3,NaN", "parameter_invalid", "bbox"),
    ("/within?bbox=1,4,3,2", "parameter_invalid", "bbox"),
    ("/within?bbox=1,2,3,4&lat=1", "parameter_unknown", "lat"),
    (
        "/within?bbox=1,2,3,4&fields=distance_m",
        "parameter_invalid",
        "fields",
    ),
    (
        "/within?bbox=1,2,3,4&filter=colour=1",
        "parameter_invalid",
        "filter",
    ),
    ("/centers?lat=0", "parameter_unknown", "lat"),
    ("/centers?limit=0", "parameter_invalid", "limit"),
    ("/centers?cursor=x", "cursor_invalid", "cursor"),
    ("/healthz?x=1", "parameter_unknown", "x"),
];

on_both_stores! {
    async fn a_bad_parameter_is_named_with_what_was_got_and_what_is_allowed(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let searches = BAD_SEARCHES.iter().flat_map(|(query, code, parameter)| {
            ["nearby", "nearest"].map(|path| (format!("/{path}?{query}"), *code, *parameter))
        });
        let radii = BAD_RADII.iter().map(|(path, code, parameter)| (path.to_string(), *code, *parameter));
        for (path, code, parameter) in searches.chain(radii) {
            let problem = server.get(&path).send().await.problem(400, code);
            assert_eq!(problem["parameter"], parameter, "{path}: {problem}");
            assert!(problem["got"].is_string() && problem["allowed"].is_string(), "{path}: {problem}");
        }
    }

    async fn a_malformed_query_string_is_refused(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for query in ["lat=%", "lat=%f", "lat=%gg&lng=0", "lat=0&lng=0&country=%ff%fe", "%c3%28=1"] {
            server.get(&format!("/nearby?{query}")).send().await.problem(400, "query_malformed");
        }
        let long = "a".repeat(32 * 1024);
        let head = format!("GET /nearby?country={long} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let answer = server.raw(head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 414") && answer.contains("query_too_long"), "{answer}");
    }

    async fn an_unknown_path_and_a_wrong_method_are_told_apart(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for path in ["/nearby/", "/centers/1/x", "/Nearby", "/%00", "/nearby%2Fbatch"] {
            let problem = server.get(path).send().await.problem(404, "path_unknown");
            assert!(problem["allowed"].as_str().unwrap().contains("/nearby"));
        }
        for (method, path, allow) in [
            (Method::POST, "/nearby", "GET, HEAD, OPTIONS"),
            (Method::GET, "/nearby/batch", "POST, OPTIONS"),
            (Method::DELETE, "/centers", "GET, HEAD, POST, OPTIONS"),
            (Method::POST, "/centers/7", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
            (Method::TRACE, "/healthz", "GET, HEAD, OPTIONS"),
        ] {
            let answer = server.request(method, path).send().await;
            answer.problem(405, "method_not_allowed");
            assert_eq!(answer.header("allow"), allow);
        }
    }

    async fn head_answers_as_get_and_options_tells_the_methods(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let path = "/nearby?lat=0&lng=0";
        let get = server.get(path).send().await;
        let head = server.request(Method::HEAD, path).send().await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), get.body.len().to_string());
        assert_eq!(server.request(Method::HEAD, "/nearby").send().await.status, 400);
        let options = server.request(Method::OPTIONS, "/centers").send().await;
        assert_eq!((options.status, options.header("allow")), (204, "GET, HEAD, POST, OPTIONS"));
    }

    async fn a_body_of_another_type_or_shape_is_refused(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for content_type in ["text/plain", "application/merge-patch+json", "application/x-www-form-urlencoded", "nonsense"] {
            for path in ["/centers", "/centers/batch", "/nearby/batch"] {
                let answer = server.request(Method::POST, path).key().body(content_type, "{}").send().await;
                let problem = answer.problem(415, "content_type_unsupported");
                assert_eq!(problem["parameter"], "Content-Type");
            }
        }
        let patch = server.request(Method::PATCH, "/centers/1").key().json(&json!({})).send().await;
        patch.problem(415, "content_type_unsupported");
        assert_eq!(patch.header("accept-patch"), "application/merge-patch+json");
        let charset = server.request(Method::POST, "/centers").key()
            .body("application/json; charset=utf-8", center("a", 0.0, 0.0).to_string()).send().await;
        assert_eq!(charset.status, 201);
        let deep = "[".repeat(100_000);
        for body in ["", "{", "nonsense", "{\"name\":1e999}", "{\"a\":1}{", &deep] {
            let answer = server.request(Method::POST, "/centers").key().body("application/json", body.to_owned()).send().await;
            assert_eq!(answer.status, 400, "{body:.50}");
            let problem = answer.json();
            assert!(problem["detail"].as_str().unwrap().contains("line"), "{problem}");
        }
        for (body, code) in [("[]", "parameter_invalid"), ("7", "parameter_invalid"), ("null", "parameter_invalid"),
            (r#"{"name":"a","name":"b"}"#, "parameter_repeated")]
        {
            let answer = server.request(Method::POST, "/centers").key().body("application/json", body).send().await;
            answer.problem(400, code);
        }
        let not_utf8 = server.request(Method::POST, "/centers").key()
            .body("application/json", b"{\"name\":\"\xff\xfe\"}".to_vec()).send().await;
        assert_eq!(not_utf8.status, 400);
    }

    async fn a_body_is_bounded_at_the_limit_and_one_past_it(db: TestDatabase) {
        let server = TestServer::start_with(db, |settings| settings.body_limit = 1_000).await;
        let padded = |length: usize| {
            let body = r#"{"name":"a"}"#;
            format!("{body}{}", " ".repeat(length - body.len()))
        };
        let post = async |length: usize| {
            server.request(Method::POST, "/centers").key().body("application/json", padded(length)).send().await
        };
        assert_eq!(post(1_000).await.status, 201);
        let problem = post(1_001).await.problem(413, "body_too_large");
        assert_eq!(problem["allowed"], "at most 1000 bytes");
        // The same without an announced length.
        let chunk = padded(1_001);
        let head = format!("POST /centers HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {KEY}\r\n\
            content-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n");
        let answer = server.raw(format!("{head}{:x}\r\n{chunk}\r\n0\r\n\r\n", chunk.len()).as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("body_too_large"), "{answer}");
        assert_eq!(server.found("/centers").await["count"], 1);
    }

    async fn formats_that_are_not_there_are_refused(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let answer = server.get("/nearby?lat=0&lng=0").header("accept", "text/html").send().await;
        let problem = answer.problem(406, "not_acceptable");
        assert_eq!(problem["got"], "text/html");
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        let answer = server.get("/nearby?lat=0&lng=0").header("accept", browser).send().await;
        assert_eq!(answer.header("content-type"), "application/json");
    }

    async fn a_long_value_comes_back_cut(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let answer = server.get(&format!("/nearby?lat={}&lng=0", "9".repeat(5_000))).send().await;
        assert!(answer.body.len() < 1_000, "{}", answer.text());
    }

    async fn nothing_that_is_sent_is_a_fault_of_the_server(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let values = ["0", "-0", "1e308", "-1e-320", "NaN", "1001", "%00", "%F0%9F%90%9F", "'%22--", "%ff", "", "a%20b"];
        let names = ["lat", "lng", "radius_m", "radius_km", "limit", "country", "city", "exclude", "cursor", "format", "x"];
        // A fixed walk through all combinations of a name with a value, three at a time.
        for step in 0..400_usize {
            let mut query = String::from("lat=1&lng=2");
            for place in 0..3 {
                let pick = step * 7 + place * (step / 11 + 5);
                let _ = write!(query, "&{}={}", names[pick % names.len()], values[(pick / 3 + step) % values.len()]);
            }
            for path in ["/nearby", "/nearest", "/centers"] {
                let query = if path == "/centers" { &query[12..] } else { &query };
                let answer = server.get(&format!("{path}?{query}")).send().await;
                assert!(answer.status < 500, "{path}?{query}: {}", answer.text());
            }
        }
    }

    async fn what_is_not_http_is_refused_and_the_server_goes_on(db: TestDatabase) {
        let server = TestServer::start(db).await;
        for raw in [
            &b"GET /nearby?lat=\xff HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"[..],
            b"GET / HTTP/9.9\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
            b"GET /nearby HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
        ] {
            let answer = server.raw(raw).await;
            assert!(answer.starts_with("HTTP/1.1 4") && answer.contains(r#""code":""#), "{answer}");
        }
        assert_eq!(server.get("/healthz").send().await.status, 200);
    }
}
