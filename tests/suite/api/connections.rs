//! What the HTTP parser refuses, and other things that clients do with a connection.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::server::{PATIENCE, TestServer, center};
use crate::support::TestDatabase;

async fn server() -> TestServer {
    TestServer::start(TestDatabase::sqlite().await).await
}

/// The last answer of a connection as the problem that it has to be.
#[track_caller]
fn problem(answers: &str, status: u16, code: &str) -> Value {
    let start = answers.rfind("HTTP/1.1 4").expect("there is an answer");
    let (head, body) = answers[start..]
        .split_once("\r\n\r\n")
        .expect("the head ends");
    assert!(
        head.starts_with(&format!("HTTP/1.1 {status} ")),
        "{answers}"
    );
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in {answers}"))
    };
    assert_eq!(header("content-type: "), "application/problem+json");
    assert_eq!(header("cache-control: "), "no-store");
    assert_eq!(header("connection: "), "close");
    assert_eq!(header("content-length: "), body.len().to_string());
    let problem: Value = serde_json::from_str(body).expect("the body is JSON");
    assert_eq!(problem["code"], code, "{problem}");
    assert_eq!(problem["status"], status);
    assert_eq!(problem["request_id"], header("x-request-id: "));
    problem
}

#[tokio::test]
async fn what_is_not_http_is_told_so_as_a_problem_and_counted() {
    let server = server().await;
    let malformed: &[&[u8]] = &[
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /nearby?q=\"a\" HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nbad header: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: \0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
    ];
    for raw in malformed {
        let problem = problem(&server.raw(raw).await, 400, "request_refused");
        assert!(problem["allowed"].is_string(), "{problem}");
    }
    let metrics = server.get("/metrics").send().await.text();
    let counted = format!(
        r#"nearby_http_requests_total{{engine="memory",method="other",route="unmatched",status="4xx"}} {}"#,
        malformed.len()
    );
    assert!(metrics.contains(&counted), "{counted} in {metrics}");
}

#[tokio::test]
async fn a_head_that_is_too_large_or_too_slow_is_told_so_as_a_problem() {
    // A busy machine takes long to send it all.
    let heads_within = async |timeout| {
        let adjust = move |settings: &mut nearby::app::AppSettings| settings.head_timeout = timeout;
        TestServer::start_with(TestDatabase::sqlite().await, adjust).await
    };
    let server = heads_within(Duration::from_secs(8)).await;
    let begin = "GET / HTTP/1.1\r\nhost: a\r\n";
    let many = format!("{begin}{}\r\n", "x: y\r\n".repeat(100));
    problem(&server.raw(many.as_bytes()).await, 431, "head_too_large");
    // More than is ever read: the answer arrives all the same.
    let long = format!("{begin}x: {}\r\n\r\n", "y".repeat(900_000));
    problem(&server.raw(long.as_bytes()).await, 431, "head_too_large");
    let uri = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "y".repeat(70_000));
    problem(&server.raw(uri.as_bytes()).await, 400, "request_refused");
    let server = heads_within(Duration::from_millis(300)).await;
    for slow in ["", "GET / HTTP/1.1\r\nhost:"] {
        problem(&server.raw(slow.as_bytes()).await, 408, "head_timeout");
    }
}

#[tokio::test]
async fn answers_before_a_malformed_request_are_whole() {
    let server = server().await;
    let good = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
    let head = good.replace("GET", "HEAD");
    for (before, count) in [(good.to_owned(), 1), (good.repeat(3), 3), (head, 1)] {
        let answers = server
            .raw(format!("{before}nonsense\r\n\r\n").as_bytes())
            .await;
        assert_eq!(
            answers.matches("HTTP/1.1 200 OK").count(),
            count,
            "{answers}"
        );
        problem(&answers, 400, "request_refused");
    }
    let chunked = "POST /nearby/batch HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
        transfer-encoding: chunked\r\n\r\nnonsense\r\n";
    let answers = server.raw(chunked.as_bytes()).await;
    assert!(
        answers.starts_with("HTTP/1.1 400") && answers.contains("request_refused"),
        "{answers}"
    );
}

#[tokio::test]
async fn characters_beyond_ascii_in_a_uri_are_taken_as_they_are() {
    let server = server().await;
    server
        .seed(&[center("Αθήνα", 37.9, 23.7), center("Athens", 37.9, 23.7)])
        .await;
    let ask = |path: &str, rest: &str| format!("GET {path} HTTP/1.1\r\nhost: a\r\n{rest}\r\n");
    let first = ask("/search?q=Αθήνα", "");
    let second = ask("/search?q=αθηνα&limit=1", "");
    let unknown = ask("/αθήνα", "");
    // On one connection, each sent when the one before is answered.
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for (request, status, part) in [
        (&first, 200, "Αθήνα"),
        (&second, 200, "Αθήνα"),
        (&unknown, 404, "%CE%B1"),
        (&first, 200, "Αθήνα"),
    ] {
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
        assert!(answer.contains(part), "{answer}");
    }
    // The same answer as to who encodes it.
    let encoded = server
        .found("/search?q=%CE%91%CE%B8%CE%AE%CE%BD%CE%B1")
        .await;
    assert_eq!(encoded["count"], 1);
    // Not UTF-8 at all.
    let latin1 = b"GET /search?q=\xe9 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = server.raw(latin1).await;
    assert!(answer.contains("query_malformed"), "{answer}");
}

async fn read_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let reading = async {
        loop {
            stream.read_buf(&mut answer).await.expect("it answers");
            let text = String::from_utf8_lossy(&answer).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "));
                if length == Some(&body.len().to_string()) {
                    return text;
                }
            }
        }
    };
    let read = tokio::time::timeout(PATIENCE, reading).await;
    read.expect("the answer is whole")
}

/// Among them what `curl --http2` sends.
#[tokio::test]
async fn an_upgrade_that_is_not_made_is_not_promised() {
    let server = server().await;
    for (path, upgrade) in [
        (
            "/nearby?lat=0&lng=0",
            "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n",
        ),
        ("/healthz", "connection: upgrade\r\nupgrade: h2c\r\n"),
        ("/healthz", "connection: upgrade\r\nupgrade: websocket\r\n"),
        ("/nowhere", "connection: upgrade\r\n"),
        (
            "/healthz",
            "connection: keep-alive, upgrade\r\nupgrade: h2c\r\n",
        ),
    ] {
        let closes = if upgrade.contains("keep-alive") {
            "connection: close\r\n"
        } else {
            ""
        };
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n{upgrade}\r\n");
        let last = format!("GET {path} HTTP/1.1\r\nhost: a\r\n{closes}\r\n");
        let request = if closes.is_empty() {
            request
        } else {
            request + &last
        };
        let answer = server.raw(request.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 200") || path == "/nowhere",
            "{answer}"
        );
        assert!(!answer.to_lowercase().contains("upgrade"), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
    }
}
