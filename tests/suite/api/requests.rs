//! What holds of every request: its id, its connection, its headers.

use super::server::{TestServer, center};
use crate::support::TestDatabase;

#[tokio::test]
async fn a_sane_request_id_is_kept_and_any_other_replaced() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    let given = server
        .get("/nearby")
        .header("x-request-id", "abc-1.2_3")
        .send()
        .await;
    assert_eq!(given.header("x-request-id"), "abc-1.2_3");
    assert_eq!(given.json()["request_id"], "abc-1.2_3");
    for bad in ["a b", "a\"b", &"a".repeat(129)] {
        let answer = server
            .get("/healthz")
            .header("x-request-id", bad)
            .send()
            .await;
        assert_eq!(answer.header("x-request-id").len(), 16);
    }
    let one = server.get("/healthz").send().await;
    let other = server.get("/healthz").send().await;
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    let path = "/nearby?lat=0&lng=0";
    let kept = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").repeat(5);
    let last = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let answers = server.raw(format!("{kept}{last}").as_bytes()).await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 6);
}

#[tokio::test]
async fn answers_are_not_reused_unasked() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    let search = server.get("/nearby?lat=0&lng=0").send().await;
    assert_eq!(search.header("cache-control"), "no-cache");
    assert_eq!(search.header("vary"), "Accept");
    assert_eq!(
        server.get("/nearby").send().await.header("cache-control"),
        "no-store"
    );
    let created = server.post("/centers", &center("a", 0.0, 0.0)).send().await;
    assert_eq!(created.header("cache-control"), "no-cache");
}
