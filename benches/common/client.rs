//! A small HTTP/1.1 client that costs little beside the server it drives:
//! keep-alive connections, requests rendered beforehand, bodies only counted.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
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

impl Run {
    fn of(latency_us: Histogram<u64>, elapsed: Duration) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            reason = "counts are far below the 52 bits of a double"
        )]
        let answered = latency_us.len() as f64;
        Self {
            per_second: answered / elapsed.as_secs_f64(),
            latency_us,
        }
    }

    /// A latency in microseconds that this share of requests did not exceed.
    #[expect(clippy::cast_precision_loss, reason = "latencies are small")]
    pub fn quantile_us(&self, share: f64) -> f64 {
        self.latency_us.value_at_quantile(share) as f64
    }
}

/// Sends requests over `connections`, on each the next as soon as the last is
/// answered, from one thread.
pub fn closed_loop(
    address: SocketAddr,
    requests: &Requests,
    connections: usize,
    duration: Duration,
) -> io::Result<Run> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let next = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        let start = Instant::now();
        for _ in 0..connections {
            let mut stream = tokio::net::TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let requests = Arc::clone(requests);
            let next = Arc::clone(&next);
            tasks.spawn(async move {
                let mut inbox = Inbox::new();
                let mut latency_us = new_histogram();
                while start.elapsed() < duration {
                    let sent = Instant::now();
                    stream.write_all(take(&requests, &next)).await?;
                    while inbox.body()?.is_none() {
                        let read = stream.read(inbox.space()).await?;
                        inbox.received(read)?;
                    }
                    inbox.clear();
                    record(&mut latency_us, sent.elapsed());
                }
                Ok::<_, io::Error>(latency_us)
            });
        }
        let mut latency_us = new_histogram();
        while let Some(finished) = tasks.join_next().await {
            let of_connection = finished.map_err(io::Error::other)??;
            latency_us.add(&of_connection).map_err(io::Error::other)?;
        }
        Ok(Run::of(latency_us, start.elapsed()))
    })
}

/// Sends requests at a steady rate, each over any connection that is free, from one
/// thread. Latency counts from when a request was due, so that a stall shows in every
/// request that it holds up.
pub fn open_loop(
    address: SocketAddr,
    requests: &Requests,
    connections: usize,
    per_second: f64,
    duration: Duration,
) -> io::Result<Run> {
    let opened = (0..connections).map(|_| Connection::open(address));
    let opened = opened.collect::<io::Result<Vec<_>>>()?;
    let (streams, mut inboxes): (Vec<TcpStream>, Vec<Inbox>) = opened
        .into_iter()
        .map(|connection| (connection.stream, connection.inbox))
        .unzip();
    let mut polled: Vec<PollFd<'_>> = streams
        .iter()
        .map(|stream| PollFd::new(stream, PollFlags::IN))
        .collect();
    let mut asked_due = vec![None; connections];
    let mut free: Vec<usize> = (0..connections).collect();
    let mut latency_us = new_histogram();
    let next = AtomicUsize::new(0);
    let between = Duration::from_secs_f64(1.0 / per_second);
    let start = Instant::now();
    let end = start + duration;
    let mut due = start;
    while due < end || free.len() < connections {
        while due < end
            && due <= Instant::now()
            && let Some(line) = free.pop()
        {
            (&streams[line]).write_all(take(requests, &next))?;
            asked_due[line] = Some(due);
            due += between;
        }
        let until_due = if due < end && !free.is_empty() {
            let left = due.saturating_duration_since(Instant::now());
            Some(Timespec::try_from(left).map_err(io::Error::other)?)
        } else {
            None
        };
        poll(&mut polled, until_due.as_ref())?;
        let ready = (0..connections).filter(|line| !polled[*line].revents().is_empty());
        for line in ready {
            let inbox = &mut inboxes[line];
            let read = (&streams[line]).read(inbox.space())?;
            inbox.received(read)?;
            if inbox.body()?.is_some() {
                inbox.clear();
                let due: Instant = asked_due[line].take().ok_or(io::ErrorKind::InvalidData)?;
                record(&mut latency_us, due.elapsed());
                free.push(line);
            }
        }
    }
    Ok(Run::of(latency_us, start.elapsed()))
}

fn take<'a>(requests: &'a Requests, next: &AtomicUsize) -> &'a [u8] {
    &requests[next.fetch_add(1, Ordering::Relaxed) % requests.len()]
}

fn new_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds are valid")
}

fn record(histogram: &mut Histogram<u64>, latency: Duration) {
    let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
    histogram.saturating_record(micros.max(1));
}

/// Renders a GET request.
pub fn get(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
}

/// Renders a POST request with a JSON body.
pub fn post(target: &str, key: Option<&str>, body: &str) -> Vec<u8> {
    let authorization = key.map_or_else(String::new, |key| {
        format!("Authorization: Bearer {key}\r\n")
    });
    format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\n{authorization}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A connection that waits for each answer.
pub struct Connection {
    stream: TcpStream,
    inbox: Inbox,
}

impl Connection {
    /// Connects.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            inbox: Inbox::new(),
        })
    }

    /// Sends a request and returns the body of its answer.
    pub fn exchange(&mut self, request: &[u8]) -> io::Result<&[u8]> {
        self.inbox.clear();
        self.stream.write_all(request)?;
        loop {
            if let Some(body) = self.inbox.body()? {
                return Ok(&self.inbox.buffer[body]);
            }
            let read = self.stream.read(self.inbox.space())?;
            self.inbox.received(read)?;
        }
    }
}

/// An answer on its way in.
struct Inbox {
    buffer: Vec<u8>,
    filled: usize,
    body: Option<std::ops::Range<usize>>,
}

impl Inbox {
    fn new() -> Self {
        Self {
            buffer: vec![0; 1 << 16],
            filled: 0,
            body: None,
        }
    }

    fn clear(&mut self) {
        self.filled = 0;
        self.body = None;
    }

    fn space(&mut self) -> &mut [u8] {
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.filled * 2, 0);
        }
        &mut self.buffer[self.filled..]
    }

    fn received(&mut self, count: usize) -> io::Result<()> {
        if count == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        self.filled += count;
        Ok(())
    }

    /// Where the body is, once it is here. Any status but a success is an error:
    /// a benchmark that times refusals measures nothing.
    fn body(&mut self) -> io::Result<Option<std::ops::Range<usize>>> {
        if self.filled == 0 {
            return Ok(None);
        }
        if self.body.is_none() {
            self.body = parse_head(&self.buffer[..self.filled])?;
        }
        Ok(self.body.clone().filter(|body| self.filled >= body.end))
    }
}

/// Where the body will be; `None` while the head is incomplete.
fn parse_head(bytes: &[u8]) -> io::Result<Option<std::ops::Range<usize>>> {
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
    let length: Option<usize> = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok());
    match length {
        Some(length) => Ok(Some(head..head + length)),
        None => Err(io::Error::other("the answer has no Content-Length")),
    }
}
