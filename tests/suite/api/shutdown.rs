//! Stopping: what is under way is finished.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::server::{KEY, PATIENCE, TestServer};
use crate::support::on_both_stores;

on_both_stores! {
    async fn a_request_under_way_is_finished_before_the_service_ends(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let body = r#"{"name":"slow"}"#;
        let mut slow = TcpStream::connect(server.address).await.unwrap();
        let head = format!(
            "POST /centers HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {KEY}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        slow.write_all(head.as_bytes()).await.unwrap();
        // Half a body: the handler waits for the rest.
        slow.write_all(&body.as_bytes()[..5]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;

        let address = server.address;
        let stopping = tokio::spawn(server.stop());
        let refused = async {
            while TcpStream::connect(address).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, refused).await.expect("new connections are refused");
        assert!(!stopping.is_finished());

        slow.write_all(&body.as_bytes()[5..]).await.unwrap();
        let mut answer = String::new();
        let reading = tokio::time::timeout(PATIENCE, slow.read_to_string(&mut answer));
        reading.await.expect("the connection is closed").unwrap();
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        let db = stopping.await.unwrap();
        assert_eq!(db.number("SELECT COUNT(*) FROM diving_centers").await, 1);
    }

    async fn a_service_that_was_told_to_stop_says_so_before_it_stops_listening(db: TestDatabase) {
        let drain = Duration::from_secs(2);
        let server = TestServer::start_with(db, |settings| settings.drain = drain).await;
        let ask = async |path: &str, address| {
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            // It is closed with the answer.
            let reading = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer));
            reading.await.expect("it is closed").unwrap();
            answer
        };
        let address = server.address;
        let begun = std::time::Instant::now();
        let stopping = tokio::spawn(server.stop());
        tokio::time::sleep(Duration::from_millis(100)).await;
        let ready = ask("/readyz", address).await;
        assert!(ready.starts_with("HTTP/1.1 503 ") && ready.contains("\"stopping\""), "{ready}");
        let other = ask("/nearby?lat=1&lng=1", address).await;
        assert!(other.starts_with("HTTP/1.1 200 "), "{other}");
        assert!(other.contains("\r\nconnection: close\r\n"), "{other}");
        stopping.await.unwrap();
        assert!(begun.elapsed() >= drain, "{:?}", begun.elapsed());
    }

    async fn idle_connections_do_not_hold_the_service_up(db: TestDatabase) {
        let server = TestServer::start(db).await;
        let mut idle = TcpStream::connect(server.address).await.unwrap();
        idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut first = [0; 12];
        idle.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        let started = std::time::Instant::now();
        server.stop().await;
        assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    }
}
