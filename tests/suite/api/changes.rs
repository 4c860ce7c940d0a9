//! `GET /changes`: what changes in a part of the map, as it happens.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpSocket;
use tokio::time::timeout;

use super::server::{PATIENCE, TestServer, center};
use crate::support::TestDatabase;

/// How long nothing is waited for.
const QUIET: Duration = Duration::from_millis(300);
/// A box around 1/1.
const BOX: &str = "/changes?bbox=0,0,2,2";

/// A client that listens.
pub struct Listener {
    response: reqwest::Response,
    text: String,
    /// The last mark that it was sent.
    pub id: String,
}

impl Listener {
    /// Opens a stream, and waits until it has begun.
    pub async fn open(server: &TestServer, path: &str, last_event_id: Option<&str>) -> Self {
        let mut listener = Self::try_open(server, path, last_event_id).await;
        assert_eq!(listener.response.status(), 200);
        assert!(
            listener
                .block()
                .await
                .expect("it begins")
                .contains("retry: ")
        );
        listener
    }

    async fn try_open(server: &TestServer, path: &str, last_event_id: Option<&str>) -> Self {
        let url = format!("http://{}{path}", server.address);
        let mut request = reqwest::Client::new().get(url);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        Self {
            response: request.send().await.expect("it answers"),
            text: String::new(),
            id: String::new(),
        }
    }

    /// The next block of lines; `None` where the stream ends.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some(id) = block.lines().find_map(|line| line.strip_prefix("id: ")) {
                    id.clone_into(&mut self.id);
                }
                return Some(block);
            }
            let chunk = timeout(PATIENCE, self.response.chunk())
                .await
                .expect("in time");
            let chunk = chunk.ok().flatten()?;
            self.text
                .push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }

    /// The next event; `None` where the stream ends.
    pub async fn event(&mut self) -> Option<(String, Value)> {
        loop {
            let block = self.block().await?;
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
            if let Some(event) = field("event: ") {
                let data = field("data: ").expect("an event has data");
                return Some((event.to_owned(), serde_json::from_str(data).expect("JSON")));
            }
        }
    }

    /// The next event's name, and the id of its center.
    pub async fn told(&mut self) -> (String, Option<i64>) {
        let (event, data) = self.event().await.expect("an event");
        (event, data["id"].as_i64())
    }

    async fn is_quiet(&mut self) -> bool {
        timeout(QUIET, self.event()).await.is_err()
    }
}

async fn patch(server: &TestServer, id: i64, body: &Value) {
    let request = server.request(Method::PATCH, &format!("/centers/{id}"));
    let answer = request.key().merge_patch(body).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn told(event: &str, id: i64) -> (String, Option<i64>) {
    (event.to_owned(), Some(id))
}

#[tokio::test]
async fn centers_that_appear_change_and_go_are_told() {
    for path in [
        BOX,
        "/collections/centers/changes?bbox=0,0,2,2",
        "/changes?lat=1&lng=1&radius_km=150",
        "/changes?lat=1&lng=361&radius_mi=100",
    ] {
        let server = TestServer::start(TestDatabase::sqlite().await).await;
        let before = server.seed(&[center("before", 1.2, 1.2)]).await[0];
        let mut listener = Listener::open(&server, path, None).await;
        let id = server.seed(&[center("a \"b\"\n", 1.0, 1.0)]).await[0];
        let (event, data) = listener.event().await.unwrap();
        assert_eq!(event, "appear", "{path}");
        let within = server.found("/within?bbox=0.9,0.9,1.1,1.1").await;
        assert_eq!(data, within["centers"][0], "{path}");
        patch(&server, id, &json!({ "name": "b" })).await;
        assert_eq!(listener.told().await, told("change", id));
        // What no answer shows is no change.
        patch(&server, id, &json!({ "phone": "1" })).await;
        patch(&server, id, &json!({ "latitude": 50, "longitude": 50 })).await;
        assert_eq!(listener.told().await, told("go", id));
        patch(&server, id, &json!({ "name": "c" })).await;
        server.seed(&[center("elsewhere", -50.0, 1.0)]).await;
        patch(&server, id, &json!({ "latitude": 1.5, "longitude": 1.5 })).await;
        assert_eq!(listener.told().await, told("appear", id));
        patch(&server, id, &json!({ "latitude": null, "longitude": null })).await;
        assert_eq!(listener.told().await, told("go", id));
        let path = format!("/centers/{before}");
        server.request(Method::DELETE, &path).key().send().await;
        assert_eq!(listener.told().await, told("go", before));
        assert!(listener.is_quiet().await);
    }
}

#[tokio::test]
async fn many_changes_at_once_are_all_told() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    let mut listener = Listener::open(&server, BOX, None).await;
    let places: Vec<_> = (0..1_000)
        .map(|n| center("a", 1.0, f64::from(n) / 1_000.0))
        .collect();
    for id in server.seed(&places).await {
        assert_eq!(listener.told().await, told("appear", id));
    }
}

#[tokio::test]
async fn whoever_comes_back_is_told_what_it_missed() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    let listener = Listener::open(&server, BOX, None).await;
    let mark = listener.id.clone();
    drop(listener);
    let ids = server
        .seed(&[
            center("a", 1.0, 1.0),
            center("far", 9.0, 9.0),
            center("b", 1.0, 1.5),
        ])
        .await;
    let mut back = Listener::open(&server, BOX, Some(&mark)).await;
    assert_eq!(back.told().await, told("appear", ids[0]));
    let first = back.id.clone();
    assert_eq!(back.told().await, told("appear", ids[2]));
    let mut back = Listener::open(&server, BOX, Some(&first)).await;
    assert_eq!(back.told().await, told("appear", ids[2]));
    assert!(back.is_quiet().await);
}

#[tokio::test]
async fn whoever_comes_from_another_process_is_to_load_anew() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    let mark = Listener::open(&server, BOX, None).await.id;
    let server = TestServer::start(server.stop().await).await;
    for mark in [
        mark.as_str(),
        "nonsense",
        "",
        "ffffffffffffffffffff-1",
        "1--1",
        "1-18446744073709551615",
    ] {
        let mut listener = Listener::open(&server, BOX, Some(mark)).await;
        assert_eq!(listener.told().await, ("reset".to_owned(), None), "{mark}");
        let id = server.seed(&[center("a", 1.0, 1.0)]).await[0];
        assert_eq!(listener.told().await, told("appear", id));
    }
}

#[tokio::test]
async fn an_index_that_is_loaded_anew_is_told() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    let id = server.seed(&[center("a", 1.0, 1.0)]).await[0];
    let mut listener = Listener::open(&server, BOX, None).await;
    let sql = format!("UPDATE diving_centers SET name = 'b' WHERE id = {id}");
    server.db.execute(&sql).await;
    assert_eq!(listener.told().await, ("reset".to_owned(), None));
    let found = server.found("/within?bbox=0,0,2,2").await;
    assert_eq!(found["centers"][0]["name"], "b");
    patch(&server, id, &json!({ "name": "c" })).await;
    assert_eq!(listener.told().await, told("change", id));
}

#[tokio::test]
#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]
async fn without_an_index_in_memory_changes_are_not_told() {
    let server = TestServer::start(TestDatabase::mysql().await).await;
    let problem = server
        .get(BOX)
        .send()
        .await
        .problem(501, "changes_unavailable");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("--engine memory")
    );
}

#[tokio::test]
async fn what_cannot_be_watched_is_refused() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    for (query, code, parameter) in [
        ("", "parameter_missing", "lat"),
        ("?lat=1", "parameter_missing", "lng"),
        ("?lat=91&lng=0", "parameter_invalid", "lat"),
        ("?bbox=0,1,2", "parameter_invalid", "bbox"),
        ("?bbox=0,2,2,0", "parameter_invalid", "bbox"),
        ("?bbox=0,0,NaN,2", "parameter_invalid", "bbox"),
        ("?bbox=0,0,2,2&lat=1", "parameter_conflict", "lat"),
        ("?bbox=0,0,2,2&radius_m=1", "parameter_conflict", "radius_m"),
        (
            "?lat=1&lng=1&radius_m=1&radius_mi=1",
            "parameter_conflict",
            "radius_mi",
        ),
        ("?bbox=0,0,2,2&country=GR", "parameter_unknown", "country"),
    ] {
        let problem = server
            .get(&format!("/changes{query}"))
            .send()
            .await
            .problem(400, code);
        assert_eq!(problem["parameter"], parameter, "{query}");
    }
    server
        .get("/collections/nothing/changes?bbox=0,0,2,2")
        .send()
        .await
        .problem(404, "collection_not_found");
    let head = server.request(Method::HEAD, BOX).send().await;
    assert_eq!(
        (head.status, head.header("content-type")),
        (200, "text/event-stream")
    );
}

#[tokio::test]
async fn more_listeners_than_the_server_takes_are_turned_away() {
    let server = TestServer::start_with(TestDatabase::sqlite().await, |settings| {
        settings.max_listeners = 2;
    })
    .await;
    let first = Listener::open(&server, BOX, None).await;
    let _second = Listener::open(&server, BOX, None).await;
    let refused = server.get(BOX).send().await;
    refused.problem(503, "overloaded");
    refused.header("retry-after");
    drop(first);
    server
        .soon("its place is free", async || {
            Listener::try_open(&server, BOX, None)
                .await
                .response
                .status()
                == 200
        })
        .await;
}

#[tokio::test]
async fn a_service_that_stops_sends_its_listeners_away_at_once() {
    let drain = Duration::from_secs(2);
    let server = TestServer::start_with(TestDatabase::sqlite().await, |settings| {
        settings.drain = drain;
    })
    .await;
    let mut listener = Listener::open(&server, BOX, None).await;
    let late = format!("http://{}{BOX}", server.address);
    let begun = std::time::Instant::now();
    let stopping = tokio::spawn(server.stop());
    assert_eq!(listener.event().await, None);
    assert!(begun.elapsed() < drain, "{:?}", begun.elapsed());
    assert_eq!(reqwest::get(late).await.unwrap().status(), 503);
    stopping.await.unwrap();
    assert!(begun.elapsed() < drain * 3, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_listener_outlives_the_deadlines_of_requests_and_hears_that_the_service_is_there() {
    let server = TestServer::start_with(TestDatabase::sqlite().await, |settings| {
        let short = Duration::from_millis(300);
        settings.head_timeout = short;
        settings.answer_timeout = short;
        settings.idle_timeout = short;
        settings.request_timeout = short;
        settings.heartbeat = Duration::from_secs(1);
    })
    .await;
    let mut listener = Listener::open(&server, BOX, None).await;
    let begun = listener.id.clone();
    server.seed(&[center("far", 9.0, 9.0)]).await;
    for _ in 0..2 {
        assert!(
            listener
                .block()
                .await
                .expect("it is there")
                .starts_with(": ")
        );
    }
    // A mark of what was elsewhere, so that it is not asked to load anew for that.
    assert_ne!(listener.id, begun);
    let id = server.seed(&[center("a", 1.0, 1.0)]).await[0];
    assert_eq!(listener.told().await, told("appear", id));
}

#[tokio::test]
async fn a_listener_that_does_not_read_is_ended() {
    let server = TestServer::start_with(TestDatabase::sqlite().await, |settings| {
        settings.answer_timeout = Duration::from_millis(600);
        settings.max_listeners = 1;
    })
    .await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut deaf = socket.connect(server.address).await.unwrap();
    let request = format!("GET {BOX} HTTP/1.1\r\nhost: a\r\n\r\n");
    deaf.write_all(request.as_bytes()).await.unwrap();
    server
        .soon("it listens", async || {
            let other = Listener::try_open(&server, BOX, None).await;
            other.response.status() == 503
        })
        .await;
    let name = "x".repeat(250);
    for part in 0..10 {
        let places: Vec<_> = (0..1_000)
            .map(|n| center(&name, 1.0, f64::from(part * 1_000 + n) / 10_000.0))
            .collect();
        server.seed(&places).await;
    }
    server
        .eventually("its place is free", async || {
            Listener::try_open(&server, BOX, None)
                .await
                .response
                .status()
                == 200
        })
        .await;
    drop(deaf);
}

#[tokio::test]
async fn a_thousand_listeners_hear_of_a_write_and_keep_nobody_waiting() {
    const LISTENERS: usize = 1_000;
    let server = TestServer::start_with(TestDatabase::sqlite().await, |settings| {
        settings.max_connections_per_network = 5_000;
    })
    .await;
    let mut listeners = Vec::new();
    for part in 0..10 {
        // Half of them watch another place.
        let path = if part % 2 == 0 {
            BOX
        } else {
            "/changes?bbox=10,10,12,12"
        };
        let opening = (0..LISTENERS / 10).map(|_| Listener::open(&server, path, None));
        listeners.extend(join_all(opening).await);
    }
    let ids = server
        .seed(&[center("a", 1.0, 1.0), center("b", 11.0, 11.0)])
        .await;
    for _ in 0..100 {
        let begun = std::time::Instant::now();
        assert_eq!(server.get("/nearby?lat=1&lng=1").send().await.status, 200);
        assert!(
            begun.elapsed() < Duration::from_secs(1),
            "{:?}",
            begun.elapsed()
        );
    }
    for (place, listener) in listeners.iter_mut().enumerate() {
        let id = ids[place / (LISTENERS / 10) % 2];
        assert_eq!(listener.told().await, told("appear", id));
    }
}
