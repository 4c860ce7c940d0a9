//! A small HTTP/1.1 client that costs little beside the server it drives: raw
//! keep-alive connections, requests rendered beforehand, bodies only counted.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Requests as bytes, sent in turn.
pub type Requests = Arc<Vec<Vec<u8>>>;

/// What one run of requests showed.
#[derive(Debug)]
pub struct Run {
    /// Answered requests per second.
    pub per_second: f64,
    /// Latencies in microseconds.
    pub latency_us: Histogram<u64>,
}

/// How requests are sent.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// The next one as soon as the last is answered.
    Closed,
    /// This many a second over all connections, whether answered or not;
    /// latency counts from when a request was due, so that stalls show.
    PerSecond(f64),
}

/// Sends requests over `connections` for `duration` and waits for their answers.
pub fn drive(
    address: SocketAddr,
    requests: &Requests,
    connections: usize,
    pace: Pace,
    duration: Duration,
) -> io::Result<Run> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let next = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        let start = Instant::now();
        for number in 0..connections {
            let mut connection = Connection::open(address).await?;
            let requests = Arc::clone(requests);
            let next = Arc::clone(&next);
            tasks.spawn(async move {
                let mut latency_us = new_histogram();
                let mut due = Schedule::new(pace, connections, number, start);
                while start.elapsed() < duration {
                    let due = due.wait().await;
                    let request = &requests[next.fetch_add(1, Ordering::Relaxed) % requests.len()];
                    connection.exchange(request).await?;
                    record(&mut latency_us, due.elapsed());
                }
                Ok::<_, io::Error>(latency_us)
            });
        }
        let mut latency_us = new_histogram();
        while let Some(finished) = tasks.join_next().await {
            let of_connection = finished.map_err(io::Error::other)??;
            latency_us.add(&of_connection).map_err(io::Error::other)?;
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "counts are far below the 52 bits of a double"
        )]
        let per_second = latency_us.len() as f64 / start.elapsed().as_secs_f64();
        Ok(Run {
            per_second,
            latency_us,
        })
    })
}

/// Sends one request and returns the body of its answer.
pub fn fetch(address: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut connection = Connection::open(address).await?;
        let (head, body) = connection.exchange(request).await?;
        Ok(connection.buffer[head..head + body].to_vec())
    })
}

/// Renders a GET request.
pub fn get(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
}

/// Renders a POST request with a JSON body.
pub fn post(target: &str, authorization: Option<&str>, body: &str) -> Vec<u8> {
    let authorization = authorization.map_or_else(String::new, |key| {
        format!("Authorization: Bearer {key}\r\n")
    });
    format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\n{authorization}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// When the next request of a connection is due.
struct Schedule {
    interval: Option<Duration>,
    next: Instant,
}

impl Schedule {
    fn new(pace: Pace, connections: usize, number: usize, start: Instant) -> Self {
        let Pace::PerSecond(rate) = pace else {
            return Self {
                interval: None,
                next: start,
            };
        };
        let between_all = Duration::from_secs_f64(1.0 / rate);
        let count = u32::try_from(connections).expect("connections are few");
        let offset = u32::try_from(number).expect("connections are few");
        Self {
            interval: Some(between_all * count),
            next: start + between_all * offset,
        }
    }

    async fn wait(&mut self) -> Instant {
        let Some(interval) = self.interval else {
            return Instant::now();
        };
        let due = self.next;
        self.next += interval;
        sleep_precisely(due).await;
        due
    }
}

/// Tokio's timer ticks in milliseconds, so the last stretch is spent yielding.
async fn sleep_precisely(until: Instant) {
    const TICK: Duration = Duration::from_millis(2);
    let now = Instant::now();
    if until > now + TICK {
        tokio::time::sleep_until((until - TICK).into()).await;
    }
    while Instant::now() < until {
        tokio::task::yield_now().await;
    }
}

fn new_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds are valid")
}

fn record(histogram: &mut Histogram<u64>, latency: Duration) {
    let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
    histogram.saturating_record(micros.max(1));
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: vec![0; 1 << 16],
        })
    }

    /// Sends a request, reads its answer and returns where the body starts and
    /// how long it is. Any status but a success is an error: a benchmark that
    /// times refusals measures nothing.
    async fn exchange(&mut self, request: &[u8]) -> io::Result<(usize, usize)> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        let mut expected = None;
        loop {
            if filled == self.buffer.len() {
                self.buffer.resize(filled * 2, 0);
            }
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            if read == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
            filled += read;
            if expected.is_none() {
                expected = parse_head(&self.buffer[..filled])?;
            }
            if let Some((head, body)) = expected
                && filled >= head + body
            {
                return Ok((head, body));
            }
        }
    }
}

/// The length of the head with its blank line, and of the body after it; `None`
/// while the head is incomplete.
fn parse_head(bytes: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let status = response.code.unwrap_or_default();
    if !(200..300).contains(&status) {
        return Err(io::Error::other(format!(
            "status {status}: {}",
            String::from_utf8_lossy(&bytes[head..])
        )));
    }
    let length = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok());
    match length {
        Some(length) => Ok(Some((head, length))),
        None => Err(io::Error::other("the answer has no Content-Length")),
    }
}
