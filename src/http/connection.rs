//! A client's connection, between the socket and actix's HTTP parser.
//!
//! What the parser refuses never reaches the application: actix answers it by itself, with
//! an empty body. Such an answer is recognised on its way out, and a problem is sent in its
//! place. On the way in, characters beyond ASCII in a request line, which the parser
//! refuses too, are percent-encoded as the client should have done. And here clients are
//! held to [`deadlines`], and let in by the [`gate`].

pub mod deadlines;
pub mod gate;
mod request_line;
pub mod stream;
pub mod tls;

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use actix_web::http::header::HeaderValue;
use actix_web::http::{Method, StatusCode};
use memchr::memmem;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{Sleep, sleep};

use self::deadlines::{Deadlines, Overdue, Progress, Watch};
use self::gate::{Full, Gate, Place};
use self::request_line::Heads;
use self::stream::Stream;
use self::tls::Tls;
use super::code::Code;
use super::observe::Answered;
use super::problem::{CONTENT_TYPE_PROBLEM, Problem};
use super::request_id::{REQUEST_ID, RequestIds};
use crate::metrics::RouteMetrics;
use crate::store::asker::Asker;

/// How long a client may go on sending what is not read any more: one that still sends
/// would lose the answer if the connection were closed at once.
const LINGER: Duration = Duration::from_secs(2);
/// How much of it.
const LINGER_BYTES: u64 = 1024 * 1024;
/// Connections of one worker that may linger at a time; others are closed at once.
const MAX_LINGERING: usize = 100;

/// How long a client is waited for that ends its side of the connection: it may only say that it
/// sends nothing more, or have gone; whatever it asked for is given up then.
const GONE_AFTER: Duration = Duration::from_secs(1);

/// What every head ends with.
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// What refused requests are answered and counted with, in one worker.
#[derive(Debug)]
pub struct Refusals {
    ids: RequestIds,
    label: Arc<RouteMetrics>,
    /// A turn for each connection that may linger.
    turns: Arc<Semaphore>,
}

impl Refusals {
    /// Counts them under this label.
    #[must_use]
    pub fn new(label: Arc<RouteMetrics>) -> Self {
        Self {
            ids: RequestIds::new(),
            label,
            turns: Arc::new(Semaphore::new(MAX_LINGERING)),
        }
    }

    /// Tells a client that no place is left for it, and closes.
    pub fn turn_away(&self, socket: TcpStream, full: Full) {
        self.say_last(
            Stream::Plain(socket),
            self.answer_with(&Problem::too_many_connections(full)),
        );
    }

    /// Tells a client that it is to speak TLS, and closes.
    fn ask_for_tls(&self, socket: TcpStream) {
        let problem = Problem::new(
            Code::RequestRefused,
            "this port speaks TLS, and what arrived does not",
        )
        .allowed("the same address with https://");
        self.say_last(Stream::Plain(socket), self.answer_with(&problem));
    }

    /// The whole answer in the place of an empty one.
    fn answer(&self, status: StatusCode) -> Vec<u8> {
        self.answer_with(&problem(status))
    }

    fn answer_with(&self, problem: &Problem) -> Vec<u8> {
        let status = problem.code().status();
        let id = self.ids.next();
        let method = Method::from_bytes(b"-").expect("it is a token");
        let answered = Answered {
            route: &self.label,
            method: &method,
            status,
            id: &id,
            duration: Duration::ZERO,
            cause: None,
        };
        answered.log_and_count();
        let id = id.to_str().expect("ids are ASCII");
        let body = problem.body(Some(id));
        let ascii = |value: &HeaderValue| value.to_str().expect("it is ASCII").to_owned();
        let mut headers = String::new();
        for (name, value) in problem.headers() {
            let written = write!(headers, "{name}: {}\r\n", ascii(value));
            written.expect("a string takes all");
        }
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {}\r\ncache-control: no-store\r\n{headers}\
             {REQUEST_ID}: {id}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            ascii(&CONTENT_TYPE_PROBLEM),
            body.len()
        );
        [head.into_bytes(), body].concat()
    }

    /// Sends the last answer of a connection, and takes in what the client still sends.
    fn say_last(&self, mut socket: Stream, answer: Vec<u8>) {
        let turn = Arc::clone(&self.turns).try_acquire_owned();
        let (Ok(turn), Ok(runtime)) = (turn, Handle::try_current()) else {
            // What the system takes at once is sent: more than a problem has.
            let context = &mut Context::from_waker(Waker::noop());
            let _ = Pin::new(&mut socket).poll_write(context, &answer);
            return;
        };
        runtime.spawn(async move {
            // A client that goes away, or never does, is no concern of ours any more.
            let _ = tokio::time::timeout(LINGER, say_goodbye(socket, &answer)).await;
            drop(turn);
        });
    }
}

fn problem(status: StatusCode) -> Problem {
    match status {
        StatusCode::REQUEST_TIMEOUT => Problem::new(
            Code::HeadTimeout,
            "the request line and the headers did not arrive in time",
        ),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Problem::new(
            Code::HeadTooLarge,
            "the request line and the headers are too many or too long",
        )
        .allowed("at most 96 headers, and 128 KiB in all"),
        StatusCode::BAD_REQUEST => Problem::new(
            Code::RequestRefused,
            "what arrived is not a request of HTTP/1.1 as RFC 9112 has it",
        )
        .allowed(
            "a method, a URI of at most 64 KiB and HTTP/1.1; one Host; at most one Content-Length, or \
             Transfer-Encoding: chunked; quotes, blanks, < and > in the URI \
             percent-encoded",
        ),
        _ => Problem::internal(format!("the HTTP parser answered {status}")),
    }
}

/// Whether a request came over TLS, as its connection knows.
#[derive(Debug, Clone, Copy)]
pub struct Encrypted(pub bool);

/// How clients are let in.
#[derive(Debug, Clone)]
pub struct Door {
    /// Which have a place.
    pub gate: Arc<Gate>,
    /// How long they may take.
    pub deadlines: Deadlines,
    /// What they speak below HTTP; TCP alone where it is none.
    pub tls: Option<Arc<Tls>>,
}

impl Door {
    /// A connection with the address of its client, where there is a place for it and it speaks
    /// what it is to speak.
    ///
    /// # Errors
    /// Otherwise.
    pub async fn let_in(
        &self,
        socket: TcpStream,
        refusals: &Rc<Refusals>,
    ) -> io::Result<(Connection, Option<SocketAddr>)> {
        // Without it, an answer waits for the client's word on the one before.
        let _ = socket.set_nodelay(true);
        // Fails where the client has gone.
        let peer = socket.peer_addr()?;
        let place = match self.gate.enter(peer.ip()) {
            Ok(place) => place,
            Err(full) => {
                if self.tls.is_none() {
                    refusals.turn_away(socket, full);
                }
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
        };
        let stream = match &self.tls {
            None => Stream::Plain(socket),
            Some(tls) => {
                let shaking = tokio::time::timeout(self.deadlines.head, tls.accept(socket));
                shaking.await?.map_err(|other| {
                    if let Some(socket) = other {
                        refusals.ask_for_tls(socket);
                    }
                    io::Error::from(io::ErrorKind::ConnectionRefused)
                })?
            }
        };
        let connection = Connection::new(stream, place, self.deadlines, Rc::clone(refusals));
        Ok((connection, Some(peer)))
    }
}

/// A client that ended its side of the connection: it may only say that it sends nothing more.
#[derive(Debug)]
struct Leaving {
    /// When it is looked whether it takes what it asked for.
    look: Pin<Box<Sleep>>,
    /// Bytes that it had taken when it was last looked.
    sent: u64,
}

/// A connection as the parser sees it.
#[derive(Debug)]
pub struct Connection {
    /// Taken when it lingers.
    socket: Option<Stream>,
    refusals: Rc<Refusals>,
    heads: Heads,
    /// Whoever sends requests over it.
    client: Asker,
    /// The last answer, where the parser refused a request.
    refusal: Option<Vec<u8>>,
    progress: Progress,
    watch: Watch,
    place: Place,
    /// What is known of a client that ended its side.
    leaving: Option<Leaving>,
}

impl Connection {
    /// A new one.
    #[must_use]
    pub fn new(socket: Stream, place: Place, deadlines: Deadlines, refusals: Rc<Refusals>) -> Self {
        Self {
            socket: Some(socket),
            refusals,
            heads: Heads::default(),
            client: Asker::default(),
            refusal: None,
            progress: Progress::default(),
            watch: Watch::new(deadlines),
            place,
            leaving: None,
        }
    }

    /// Whether nobody between reads along.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.socket.as_ref().is_some_and(Stream::is_encrypted)
    }

    /// Whoever sends requests over it, for the requests to know.
    #[must_use]
    pub fn client(&self) -> &Asker {
        &self.client
    }

    /// How far it is, for the requests to tell.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    fn socket(&mut self) -> Pin<&mut Stream> {
        Pin::new(self.socket.as_mut().expect("only a drop takes it"))
    }

    /// Whether the client takes too long.
    fn overdue(&mut self, context: &mut Context<'_>) -> Option<Overdue> {
        let place = &self.place;
        self.watch
            .look(context, &self.progress, || place.is_crowded())
    }

    /// Gives up on a client that takes too long; what it is not sent is dropped.
    fn give_up(&mut self) -> io::Error {
        self.client.leave();
        // What the system still holds for it goes as well.
        let _ = self.socket().set_zero_linger();
        io::ErrorKind::TimedOut.into()
    }

    /// Reads from the socket, as long as the client may take.
    fn poll_socket(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.leaving.is_some() {
            return self.poll_leave(context);
        }
        let before = buffer.filled().len();
        if let Poll::Ready(read) = self.socket().poll_read(context, buffer) {
            if read.is_ok() && buffer.filled().len() == before {
                self.client.leave();
                self.leaving = Some(Leaving {
                    look: Box::pin(sleep(GONE_AFTER)),
                    sent: self.watch.sent(),
                });
                return self.poll_leave(context);
            }
            return Poll::Ready(read);
        }
        match self.overdue(context) {
            None => Poll::Pending,
            // As if it had closed.
            Some(Overdue::Idle) => Poll::Ready(Ok(())),
            Some(Overdue::Request) => {
                self.refusal = Some(self.refusals.answer(StatusCode::REQUEST_TIMEOUT));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Some(Overdue::Answer) => Poll::Ready(Err(self.give_up())),
        }
    }

    /// The end of what a client sends, once nothing that it asked for is under way.
    fn poll_leave(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(leaving) = &mut self.leaving
            && !self.progress.is_idle()
        {
            ready!(leaving.look.as_mut().poll(context));
            let sent = self.watch.sent();
            if sent > leaving.sent {
                // It takes its answer.
                leaving.sent = sent;
                leaving.look = Box::pin(sleep(GONE_AFTER));
                return self.poll_leave(context);
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Writes to the socket, as long as the client may take.
    fn poll_send(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = self.socket().poll_write(context, bytes) {
            self.watch.note_sent(*written.as_ref().unwrap_or(&0));
            self.progress.wrote();
            return Poll::Ready(written);
        }
        self.watch.is_blocked = true;
        match self.overdue(context) {
            Some(_) => Poll::Ready(Err(self.give_up())),
            None => Poll::Pending,
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.heads.give_held_back(buffer) {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = ready!(self.poll_socket(context, buffer));
        let length = buffer.filled().len() - before;
        if read.is_err() || length == 0 {
            self.client.leave();
        }
        read?;
        let unanswered = self.progress.read(length);
        if !self.watch.allows(unanswered) {
            return Poll::Ready(Err(self.give_up()));
        }
        self.heads.read(buffer, before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some((start, status)) = refusal_in(bytes) {
            if start > 0 {
                // The answers before it.
                return self.poll_send(context, &bytes[..start]);
            }
            self.refusal = Some(self.refusals.answer(status));
            return Poll::Ready(Ok(bytes.len()));
        }
        self.poll_send(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.refusal.is_some() {
            // It is still to be sent.
            return Poll::Ready(Ok(()));
        }
        self.socket().poll_shutdown(context)
    }
}

impl Drop for Connection {
    /// Sends the refusal that the connection ends with.
    fn drop(&mut self) {
        self.client.leave();
        if let (Some(refusal), Some(socket)) = (self.refusal.take(), self.socket.take()) {
            self.refusals.say_last(socket, refusal);
        }
    }
}

async fn say_goodbye(mut socket: Stream, refusal: &[u8]) -> io::Result<()> {
    socket.write_all(refusal).await?;
    socket.shutdown().await?;
    let mut rest = socket.take(LINGER_BYTES);
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
    Ok(())
}

/// Where the parser's own answer begins, which is the last that it gives. Answers of the
/// application have bodies of JSON or text, which end otherwise, or a request id.
fn refusal_in(bytes: &[u8]) -> Option<(usize, StatusCode)> {
    if !bytes.ends_with(END_OF_HEAD) {
        return None;
    }
    let start = memmem::rfind(bytes, b"HTTP/1.")?;
    let head = &bytes[start..];
    let status = StatusCode::from_bytes(head.get(9..12)?).ok()?;
    let is_error = status.is_client_error() || status.is_server_error();
    let is_empty = memmem::find(head, b"\r\ncontent-length: 0\r\n").is_some();
    let is_ours = memmem::find(head, REQUEST_ID.as_str().as_bytes()).is_some();
    (is_error && is_empty && !is_ours).then_some((start, status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_of_the_parser_is_taken_for_one() {
        let refusal = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: x\r\n\r\n";
        assert_eq!(refusal_in(refusal), Some((0, StatusCode::BAD_REQUEST)));
        let ours = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nx-request-id: 7\r\n\r\n";
        let good = b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n";
        let head = b"HTTP/1.1 404 Not Found\r\ncontent-length: 90\r\n\r\n";
        let with_body = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n{}";
        for other in [
            &ours[..],
            good,
            head,
            with_body,
            b"0\r\n\r\n",
            b"",
            b"HTTP/1.\r\n\r\n",
        ] {
            assert_eq!(refusal_in(other), None, "{}", other.escape_ascii());
        }
        let pipelined = [&good[..], refusal].concat();
        let (start, _) = refusal_in(&pipelined).unwrap();
        assert_eq!(start, good.len());
    }
}
