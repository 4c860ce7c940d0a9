//! How much memory clients can take.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::served::Served;
use crate::api::server::{PATIENCE, center};

pub const MB: u64 = 1024 * 1024;
const CLIENTS: usize = 60;

/// How much memory a process has.
pub fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kib * 1024
}

/// A client that takes little at a time, and has asked.
async fn ask(served: &Served, request: &str) -> TcpStream {
    let url = served.url("");
    let address = url.strip_prefix("http://").unwrap().parse().unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Without a budget, these are 700 MB and more.
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_never_read_their_answers_take_no_more_than_the_budget() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("a.gpkg").display());
    let budget = (64 * MB).to_string();
    let served = Served::start(&["--database-url", &database, "--buffer-budget", &budget]);
    let centers: Vec<_> = (0..1_000)
        .map(|n| center(&format!("center {n}"), 1.0, 1.0))
        .collect();
    let (status, body) = served
        .post("/centers/batch", &json!({ "centers": centers }))
        .await;
    assert_eq!(status, 200, "{body}");
    let query = json!({ "lat": 1, "lng": 1, "limit": 1_000 });
    let body = json!({ "queries": vec![query; 100] }).to_string();
    let request = format!(
        "POST /nearby/batch HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let before = resident_bytes(served.pid());
    let mut first = Vec::new();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = ask(&served, &request).await;
        let mut status = [0; 12];
        let reading = client.read_exact(&mut status);
        tokio::time::timeout(PATIENCE, reading)
            .await
            .unwrap()
            .unwrap();
        first.push(String::from_utf8_lossy(&status[9..]).into_owned());
        clients.push(client);
    }
    let grown = resident_bytes(served.pid()).saturating_sub(before);
    assert!(grown < 200 * MB, "{} MB more are resident", grown / MB);
    let count = |status: &str| first.iter().filter(|first| *first == status).count();
    assert!(count("200") >= 2, "{first:?}");
    assert_eq!(count("200") + count("503"), CLIENTS, "{first:?}");
    assert!(count("503") > CLIENTS / 2, "{first:?}");
    assert_eq!(served.get("/nearby?lat=1&lng=1").await.0, 200);
    drop(clients);
}
