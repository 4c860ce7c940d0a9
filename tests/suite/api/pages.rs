//! The explorer, the reference, the widget, and the files that they load.

use std::io::Read as _;

use flate2::read::GzDecoder;
use reqwest::Method;

use super::server::TestServer;
use crate::support::TestDatabase;

/// What Chromium and Firefox send for a page.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn server() -> TestServer {
    TestServer::start(TestDatabase::sqlite().await).await
}

#[tokio::test]
async fn browsers_get_the_explorer_and_all_others_what_they_got_before() {
    let server = server().await;
    for (accept, is_page) in [
        (BROWSER, true),
        ("text/html", true),
        ("text/*, application/json;q=0.5", true),
        ("*/*", false),
        ("application/json", false),
        ("application/json, text/html", false),
        ("application/problem+json", false),
        ("text/html;q=0", false),
    ] {
        let answer = server.get("/").header("accept", accept).send().await;
        if is_page {
            assert_eq!(answer.status, 200, "{accept}");
            assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
            assert!(answer.text().contains("<title>nearby</title>"), "{accept}");
        } else {
            assert_eq!(
                answer.header("content-type"),
                "application/json",
                "{accept}"
            );
            assert_eq!(answer.json()["title"], "nearby");
        }
        let varies: Vec<_> = answer.headers.get_all("vary").iter().collect();
        assert!(varies.iter().any(|on| *on == "Accept"), "{varies:?}");
    }
    let page = server.get("/?f=html").send().await;
    assert!(page.text().contains("<title>nearby</title>"));
    let landing = server
        .get("/?f=json")
        .header("accept", BROWSER)
        .send()
        .await;
    assert_eq!(landing.json()["title"], "nearby");
}

#[tokio::test]
async fn pages_may_load_only_what_comes_from_here() {
    let server = server().await;
    for path in [
        "/docs",
        "/widget.js",
        "/web/explorer/explorer.css",
        "/web/vendor/maplibre-gl/maplibre-gl-worker.mjs",
    ] {
        let answer = server.get(path).send().await;
        assert_eq!(answer.status, 200, "{path}");
        let policy = answer.header("content-security-policy");
        let rules: Vec<&str> = policy.split(';').map(str::trim).collect();
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(rules.contains(&rule), "{path}: {rule} in {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cache-control"), "no-cache");
    }
}

#[tokio::test]
async fn files_have_the_type_that_their_name_says() {
    let server = server().await;
    for (path, content_type) in [
        ("/docs", "text/html; charset=utf-8"),
        ("/widget.js", "text/javascript; charset=utf-8"),
        (
            "/web/explorer/explorer.js",
            "text/javascript; charset=utf-8",
        ),
        ("/web/explorer/explorer.css", "text/css; charset=utf-8"),
        ("/web/explorer/el.json", "application/json"),
        ("/web/explorer/icon.svg", "image/svg+xml"),
        (
            "/web/vendor/maplibre-gl/maplibre-gl.mjs",
            "text/javascript; charset=utf-8",
        ),
        (
            "/web/vendor/natural-earth/countries.geojson",
            "application/geo+json",
        ),
        (
            "/web/vendor/natural-earth/LICENSE",
            "text/plain; charset=utf-8",
        ),
    ] {
        let answer = server.get(path).send().await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), content_type, "{path}");
    }
}

#[tokio::test]
async fn what_a_browser_has_already_is_not_sent_again() {
    let server = server().await;
    let path = "/web/explorer/explorer.css";
    let first = server.get(path).send().await;
    let tag = first.header("etag").to_owned();
    for known in [tag.clone(), format!("\"other\", W/{tag}"), "*".to_owned()] {
        let again = server
            .get(path)
            .header("if-none-match", &known)
            .send()
            .await;
        assert_eq!(again.status, 304, "{known}");
        assert_eq!(again.header("etag"), tag);
        assert_eq!(again.text(), "");
    }
    let other = server.get(path).header("if-none-match", "\"other\"");
    assert_eq!(other.send().await.status, 200);
    let head = server.request(Method::HEAD, path).send().await;
    assert_eq!((head.status, head.header("etag")), (200, tag.as_str()));
}

#[tokio::test]
async fn files_come_packed_to_who_takes_them_so() {
    let server = server().await;
    let path = "/web/vendor/natural-earth/land.geojson";
    let plain = server.get(path).send().await;
    assert!(!plain.headers.contains_key("content-encoding"));
    let client = reqwest::Client::new();
    let asked = async |encodings: &str| {
        let request = client.get(format!("http://{}{path}", server.address));
        let answer = request.header("accept-encoding", encodings).send().await;
        answer.expect("it answers")
    };
    let packed = asked("gzip, deflate, br, zstd").await;
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert_eq!(packed.headers()["vary"], "Accept-Encoding");
    assert_ne!(packed.headers()["etag"], plain.header("etag"));
    let packed = packed.bytes().await.expect("it is sent whole");
    assert!(packed.len() * 3 < plain.text().len());
    let mut unpacked = String::new();
    GzDecoder::new(packed.as_ref())
        .read_to_string(&mut unpacked)
        .expect("it is gzip");
    assert!(unpacked == plain.text());
    for refused in ["identity", "gzip;q=0, *"] {
        let answer = asked(refused).await;
        assert!(
            !answer.headers().contains_key("content-encoding"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn files_that_no_page_loads_are_not_there() {
    let server = server().await;
    for path in [
        "/web/explorer/nothing.js",
        "/web/explorer/..%2Fwidget.js",
        "/web/..%2f..%2fCargo.toml/x",
        "/web/vendor/maplibre-gl/%2e%2e",
        "/web/vendor/x",
        "/docs/",
    ] {
        server.get(path).send().await.problem(404, "path_unknown");
    }
}
