//! Requests from web pages of other origins.

use nearby::app::CorsOrigins;
use reqwest::Method;

use super::server::TestServer;
use crate::support::TestDatabase;

const PAGE: &str = "https://maps.example";

async fn server(origins: &str) -> TestServer {
    let cors: CorsOrigins = origins.parse().expect("origins");
    let db = TestDatabase::sqlite().await;
    TestServer::start_with(db, |settings| settings.cors = cors).await
}

#[tokio::test]
async fn without_origins_no_page_may_ask() {
    let server = server("").await;
    let answer = server
        .get("/nearby?lat=0&lng=0")
        .header("origin", PAGE)
        .send()
        .await;
    assert_eq!(answer.status, 200);
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_named_origin_may_ask_and_another_may_not() {
    let server = server("https://maps.example, https://other.example").await;
    let answer = server
        .get("/nearby?lat=0&lng=0")
        .header("origin", PAGE)
        .send()
        .await;
    assert_eq!(answer.header("access-control-allow-origin"), PAGE);
    let exposed = answer
        .header("access-control-expose-headers")
        .to_lowercase();
    assert!(exposed.contains("x-request-id"), "{exposed}");
    let vary: Vec<_> = answer.headers.get_all("vary").iter().collect();
    let vary = format!("{vary:?}").to_lowercase();
    assert!(vary.contains("origin") && vary.contains("accept"), "{vary}");
    let answer = server
        .get("/nearby?lat=0&lng=0")
        .header("origin", "https://evil.example")
        .send()
        .await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn only_named_origins_may_send_credentials_and_read_times() {
    let named = server(PAGE).await;
    for path in ["/nearby?lat=0&lng=0", "/nearby", "/nothing"] {
        let answer = named.get(path).header("origin", PAGE).send().await;
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        assert_eq!(answer.header("timing-allow-origin"), PAGE, "{path}");
        let other = named.get(path).header("origin", "https://evil.example");
        let other = other.send().await;
        assert!(!other.headers.contains_key("timing-allow-origin"), "{path}");
        assert!(!other.headers.contains_key("access-control-allow-origin"));
    }
    let any = server("*").await;
    let answer = any.get("/nearby?lat=0&lng=0").header("origin", PAGE);
    let answer = answer.send().await;
    assert_eq!(answer.header("timing-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let off = server("").await;
    let silent = off.get("/nearby?lat=0&lng=0").header("origin", PAGE);
    for answer in [answer, silent.send().await] {
        let headers = &answer.headers;
        assert!(!headers.contains_key("access-control-allow-credentials"));
    }
}

#[tokio::test]
async fn pages_may_read_the_headers_that_answers_have() {
    let server = server("*").await;
    let answer = server.get("/nearby?lat=0&lng=0").header("origin", PAGE);
    let answer = answer.send().await;
    let exposed = answer
        .header("access-control-expose-headers")
        .to_lowercase();
    for name in ["etag", "link", "location", "retry-after", "server-timing"] {
        assert!(
            exposed.split(", ").any(|had| had == name),
            "{name}: {exposed}"
        );
    }
}

#[tokio::test]
async fn every_page_may_ask_where_the_operator_says_so() {
    let server = server("*").await;
    let answer = server
        .get("/nearby?lat=0&lng=0")
        .header("origin", PAGE)
        .send()
        .await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn errors_carry_the_headers_too() {
    let server = server(PAGE).await;
    for (path, status) in [("/nearby", 400), ("/nothing", 404)] {
        let answer = server.get(path).header("origin", PAGE).send().await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), PAGE);
    }
    let answer = server
        .request(Method::POST, "/nearby")
        .header("origin", PAGE)
        .send()
        .await;
    answer.problem(405, "method_not_allowed");
    assert_eq!(answer.header("access-control-allow-origin"), PAGE);
}

#[tokio::test]
async fn a_preflight_is_answered() {
    let server = server(PAGE).await;
    let answer = server
        .request(Method::OPTIONS, "/centers/7")
        .header("origin", PAGE)
        .header("access-control-request-method", "PATCH")
        .header(
            "access-control-request-headers",
            "authorization,content-type,if-match,if-none-match",
        )
        .send()
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-max-age"), "3600");
    assert_eq!(answer.header("access-control-allow-origin"), PAGE);
    assert!(
        answer
            .header("access-control-allow-methods")
            .contains("PATCH")
    );
    let headers = answer.header("access-control-allow-headers").to_lowercase();
    assert!(headers.contains("authorization"), "{headers}");
    let refused = server
        .request(Method::OPTIONS, "/centers/7")
        .header("origin", PAGE)
        .header("access-control-request-method", "BREW")
        .send()
        .await;
    refused.problem(400, "request_refused");
}
