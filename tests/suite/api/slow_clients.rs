//! Clients that are slow, silent or greedy, on connections of their own.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nearby::app::AppSettings;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::server::{PATIENCE, TestServer, center};
use crate::support::TestDatabase;

/// The limits of these tests, in the place of tens of seconds.
const SHORT: Duration = Duration::from_millis(600);
/// How often a slow client sends a byte.
const DRIP: Duration = Duration::from_millis(60);

async fn hasty() -> TestServer {
    TestServer::start_with(TestDatabase::sqlite().await, |settings| {
        settings.head_timeout = SHORT;
        settings.body_timeout = SHORT;
        settings.answer_timeout = SHORT;
    })
    .await
}

async fn connect(server: &TestServer) -> TcpStream {
    TcpStream::connect(server.address)
        .await
        .expect("it listens")
}

/// Has a request answered, whole.
async fn ask(stream: &mut TcpStream, request: &str) {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let reading = async {
        loop {
            let read = stream.read_buf(&mut answer).await.expect("it answers");
            assert!(read > 0, "it closed");
            let text = String::from_utf8_lossy(&answer);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = format!("content-length: {}", body.len());
                if head.lines().any(|line| line == length) {
                    return;
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading)
        .await
        .expect("the answer is whole");
}

/// Sends these bytes one by one, again and again, until the server closes; gives what it
/// said meanwhile and how long it took.
async fn drip(stream: TcpStream, bytes: &[u8]) -> (String, Duration) {
    let begun = Instant::now();
    let (mut read, mut write) = stream.into_split();
    let bytes = bytes.to_vec();
    let dripping = tokio::spawn(async move {
        for byte in bytes.iter().cycle() {
            if write.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(DRIP).await;
        }
    });
    let mut said = Vec::new();
    // An error is a way of closing as well.
    let closed = tokio::time::timeout(PATIENCE, read.read_to_end(&mut said)).await;
    dripping.abort();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(closed.is_ok(), "it never closed: {said}");
    (said, begun.elapsed())
}

const GOOD: &str = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
const CHUNKED: &str = "transfer-encoding: chunked\r\ncontent-type: application/json\r\n\r\n";

#[tokio::test]
async fn a_later_head_that_is_dripped_or_stalled_is_told_so_and_ended() {
    let server = hasty().await;
    for answered in 0..3 {
        let mut stalling = connect(&server).await;
        for _ in 0..answered {
            ask(&mut stalling, GOOD).await;
        }
        stalling.write_all(b"GET /healthz HTTP").await.unwrap();
        let mut said = String::new();
        let reading = tokio::time::timeout(PATIENCE, stalling.read_to_string(&mut said));
        reading.await.expect("it is closed").unwrap();
        assert!(said.contains("head_timeout"), "{said}");
        let mut dripping = connect(&server).await;
        for _ in 0..answered {
            ask(&mut dripping, GOOD).await;
        }
        let endless = format!("GET /{}", "a".repeat(1_000));
        let (said, took) = drip(dripping, endless.as_bytes()).await;
        assert!(said.contains("head_timeout"), "{said}");
        assert!(took >= SHORT && took < 8 * SHORT, "{took:?}");
    }
}

#[tokio::test]
async fn a_dripped_body_is_told_so_and_ended() {
    let server = hasty().await;
    for framing in [
        "content-length: 1000\r\ncontent-type: application/json\r\n\r\n",
        CHUNKED,
    ] {
        let mut stream = connect(&server).await;
        ask(&mut stream, GOOD).await;
        let head = format!("POST /nearby/batch HTTP/1.1\r\nhost: a\r\n{framing}");
        stream.write_all(head.as_bytes()).await.unwrap();
        let (said, _) = drip(stream, b"1\r\n \r\n").await;
        assert!(said.contains("body_timeout"), "{said}");
    }
}

#[tokio::test]
async fn chunks_after_a_refusal_or_of_a_body_that_nobody_reads_are_ended() {
    let server = hasty().await;
    for (line, status) in [
        ("POST /centers", "401"),
        ("POST /nowhere", "404"),
        ("GET /healthz", "200"),
    ] {
        let mut stream = connect(&server).await;
        let head = format!("{line} HTTP/1.1\r\nhost: a\r\n{CHUNKED}");
        stream.write_all(head.as_bytes()).await.unwrap();
        let (said, _) = drip(stream, b"1\r\n \r\n").await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")), "{said}");
    }
}

#[tokio::test]
async fn chunks_after_a_refusal_are_not_swallowed_without_bound() {
    let server = TestServer::start_with(TestDatabase::sqlite().await, |settings| {
        settings.body_limit = 1024;
    })
    .await;
    let mut stream = connect(&server).await;
    let head = format!("POST /centers HTTP/1.1\r\nhost: a\r\n{CHUNKED}");
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let mut sent = 0;
    // More than the system's buffers hold, and less than what would pass in the time of a head.
    let most = 64 * 1024 * 1024;
    let sending = async {
        while sent < most && stream.write_all(chunk.as_bytes()).await.is_ok() {
            sent += chunk.len();
        }
    };
    tokio::time::timeout(PATIENCE, sending)
        .await
        .expect("it closes or reads");
    assert!(sent < most, "it took {sent} bytes");
}

/// A client that takes little at a time.
async fn connect_with_little_room(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(address).await.expect("it listens")
}

/// A request with an answer that is larger than what the system holds for a client.
async fn large_request(server: &TestServer) -> String {
    let centers: Vec<_> = (0..1_000)
        .map(|n| center(&format!("center {n}"), 1.0, 1.0))
        .collect();
    server.seed(&centers).await;
    let query = json!({ "lat": 1, "lng": 1, "limit": 1_000 });
    let body = json!({ "queries": vec![query; 100] }).to_string();
    format!(
        "POST /nearby/batch HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The bytes of a body that arrive, of those that are announced.
async fn arrived(mut stream: TcpStream, pause: Duration) -> (usize, usize) {
    let mut answer = Vec::new();
    loop {
        match stream.read_buf(&mut answer).await {
            Ok(0) | Err(_) => break,
            Ok(_) => tokio::time::sleep(pause).await,
        }
        let text = String::from_utf8_lossy(&answer[..answer.len().min(1_000)]).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            if answer.len() >= head.len() + 4 + length.unwrap().parse::<usize>().unwrap() {
                break;
            }
        }
    }
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    (
        body.len(),
        length.map_or(0, |length| length.parse().unwrap()),
    )
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_dropped_and_one_that_is_taken_slowly_is_not() {
    let server = TestServer::start_with(TestDatabase::sqlite().await, |settings| {
        settings.answer_timeout = SHORT;
    })
    .await;
    let request = large_request(&server).await;
    let mut greedy = connect_with_little_room(server.address).await;
    greedy.write_all(request.as_bytes()).await.unwrap();
    let mut slow = connect(&server).await;
    slow.write_all(request.as_bytes()).await.unwrap();
    // Far longer than it may leave an answer untaken.
    let (taken, whole) = arrived(slow, Duration::from_millis(2)).await;
    assert_eq!(taken, whole);
    assert!(whole > 10_000_000, "{whole}");
    tokio::time::sleep(8 * SHORT).await;
    let (taken, _) = arrived(greedy, Duration::ZERO).await;
    assert!(taken < whole, "all {taken} bytes were kept for it");
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_the_end() {
    let server = TestServer::start_with(TestDatabase::sqlite().await, |settings| {
        settings.idle_timeout = SHORT;
    })
    .await;
    let mut stream = connect(&server).await;
    for _ in 0..3 {
        ask(&mut stream, GOOD).await;
        tokio::time::sleep(SHORT / 2).await;
    }
    let mut said = String::new();
    let reading = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut said));
    reading.await.expect("it is closed").unwrap();
    assert_eq!(said, "");
}

/// The first answer of a connection, or nothing where it is let in.
async fn turned_away(stream: &mut TcpStream) -> Option<String> {
    let mut said = String::new();
    let reading = tokio::time::timeout(SHORT, stream.read_to_string(&mut said));
    reading.await.ok()?.expect("it is told");
    Some(said)
}

async fn connect_from(client: &str, server: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{client}:0").parse().unwrap()).unwrap();
    socket.connect(server).await.expect("it listens")
}

#[tokio::test]
async fn connections_beyond_a_networks_share_are_told_so_and_others_get_in() {
    let bounds = |settings: &mut AppSettings| {
        settings.max_connections = 5;
        settings.max_connections_per_network = 3;
    };
    let server = TestServer::launch(TestDatabase::sqlite().await, bounds);
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = connect_from("127.0.0.2", server.address).await;
        ask(&mut stream, GOOD).await;
        open.push(stream);
    }
    let mut fourth = connect_from("127.0.0.2", server.address).await;
    let said = turned_away(&mut fourth).await.expect("it is one too many");
    assert!(said.starts_with("HTTP/1.1 503 "), "{said}");
    for part in ["\r\nretry-after: ", "\"overloaded\"", "your network"] {
        assert!(said.contains(part), "no {part} in {said}");
    }
    for client in ["127.0.0.3", "127.0.0.4"] {
        let mut stream = connect_from(client, server.address).await;
        ask(&mut stream, GOOD).await;
        open.push(stream);
    }
    let mut sixth = connect_from("127.0.0.5", server.address).await;
    let said = turned_away(&mut sixth).await.expect("the server is full");
    assert!(said.contains("this server has as many"), "{said}");
    drop(open);
    tokio::time::sleep(SHORT).await;
    let mut again = connect_from("127.0.0.2", server.address).await;
    ask(&mut again, GOOD).await;
}
