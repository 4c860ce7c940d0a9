//! A thousand clients of each slow kind, and five thousand idle ones, beside one who is not.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::clients::{Whereabouts, readers};
use super::{allow_many_connections, is_long};
use crate::cli::served::Served;
use crate::support::TestDatabase;

const GOOD: &str = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
const REFUSED: &str = "POST /centers HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
                       transfer-encoding: chunked\r\n\r\n";
const BATCH: &str = "POST /nearby/batch HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
                     transfer-encoding: chunked\r\n\r\n";
/// Its answer is larger than what the system holds for a client.
const LARGE: &str =
    "GET /nearby?lat=0&lng=0&radius_km=20000&limit=1000 HTTP/1.1\r\nhost: a\r\n\r\n";

/// What clients send at first, and drip then, byte by byte.
const KINDS: [(&str, &str, &str, usize); 6] = [
    (
        "second head dripped",
        GOOD,
        "GET /aaaaaaaaaaaaaaaaaaaa",
        1_000,
    ),
    (
        "second head stalled",
        "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\nGET /h",
        "",
        1_000,
    ),
    ("chunked body dripped", BATCH, "1\r\n \r\n", 1_000),
    ("chunked body after a refusal", REFUSED, "1\r\n \r\n", 1_000),
    ("answer unread", LARGE, "", 1_000),
    ("idle", "", "", 5_000),
];

/// Opens so many connections of a kind, and holds them.
async fn hold(
    address: &str,
    first: &'static str,
    dripped: &'static str,
    many: usize,
) -> JoinSet<()> {
    let mut held = JoinSet::new();
    for _ in 0..many {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        stream
            .write_all(first.as_bytes())
            .await
            .expect("it is there");
        held.spawn(async move {
            for byte in dripped.bytes().cycle() {
                tokio::time::sleep(Duration::from_secs(2)).await;
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
            }
            if first == LARGE {
                // It never reads.
                return std::future::pending().await;
            }
            let mut end = Vec::new();
            let _ = stream.read_to_end(&mut end).await;
        });
    }
    held
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_and_idle_clients_do_not_slow_down_another() {
    allow_many_connections();
    let db = TestDatabase::sqlite().await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("g.csv");
    let rows = super::command(&["generate", "--count", "3000"]).await;
    std::fs::write(&file, rows.stdout).expect("it can be written");
    let file = file.to_str().expect("it is a text");
    super::command(&["import", file, "--database-url", db.url()])
        .await
        .assert(0, &[]);
    let most = [
        "--max-connections",
        "12000",
        "--max-connections-per-network",
        "0",
    ];
    let served = Served::start(&[&["--database-url", db.url()], &most[..]].concat());
    let url = served.url("");
    let address = url.strip_prefix("http://").expect("it is HTTP").to_owned();
    let service = Whereabouts::at(url);
    let time = Duration::from_secs(if is_long() { 20 } else { 2 });
    for (kind, first, dripped, many) in KINDS {
        let ask = || readers(&service, 4, "/nearby?lat=1&lng=1", Duration::from_millis(5));
        let alone = ask();
        tokio::time::sleep(time).await;
        let mut alone = alone.stop().await;
        let many = if is_long() { many } else { many / 10 };
        let held = hold(&address, first, dripped, many).await;
        let beside = ask();
        tokio::time::sleep(time).await;
        let mut beside = beside.stop().await;
        drop(held);
        let (alone_p99, beside_p99) = (alone.p99(), beside.p99());
        println!(
            "{many} clients, {kind}: p99 of others {beside_p99:.1?}, without them {alone_p99:.1?} \
             ({:.1}), {} answered, {} not",
            beside_p99.as_secs_f64() / alone_p99.as_secs_f64(),
            beside.took.len(),
            beside.failed.len(),
        );
        assert_eq!(beside.failed, Vec::<String>::new());
        let most = alone_p99
            .mul_f64(2.0)
            .max(Duration::from_millis(if is_long() { 20 } else { 200 }));
        assert!(beside_p99 < most, "{kind}: {beside_p99:?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    served.stop();
}
