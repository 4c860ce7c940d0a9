//! A proxy in front of MySQL that meddles with prepared statements.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::TestDatabase;
use super::before::stand_before;

/// The first bytes of the packets that prepare and execute a statement: the fourth is
/// the number of the packet, the fifth the command.
const PREPARE: u8 = 0x16;
const EXECUTE: u8 = 0x17;

/// What happens to a statement.
#[derive(Debug, Clone, Copy)]
pub enum Meddling {
    /// The connection ends in its place.
    CutOff,
    /// Neither it nor what follows over the connection is passed on, and nobody is told.
    Silence,
    /// The server is said to have refused it with this number.
    Refuse(u16),
}

#[derive(Debug)]
struct Order {
    meddling: Meddling,
    /// What a statement has in its text; empty for any.
    text: &'static str,
    times: usize,
}

/// Passes everything on to the server of a database until it is told otherwise.
#[derive(Debug)]
pub struct Meddler {
    url: String,
    order: Arc<Mutex<Order>>,
}

impl Meddler {
    /// Stands in front of the server of a database.
    pub async fn before(db: &TestDatabase) -> Self {
        let (listener, mut url, server) = stand_before(db).await;
        url.set_query(Some("ssl-mode=disabled"));
        let order = Arc::new(Mutex::new(Order {
            meddling: Meddling::CutOff,
            text: "",
            times: 0,
        }));
        tokio::spawn(pass_on(listener, server, Arc::clone(&order)));
        Self {
            url: url.into(),
            order,
        }
    }

    /// The URL of the database by way of this.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Meddles with the next so many statements that have this text in them.
    pub fn meddle(&self, meddling: Meddling, text: &'static str, times: usize) {
        *self.order.lock().unwrap() = Order {
            meddling,
            text,
            times,
        };
    }

    /// How many statements are still to be meddled with.
    pub fn left(&self) -> usize {
        self.order.lock().unwrap().times
    }
}

impl Order {
    fn for_packet(&mut self, packet: &[u8]) -> Option<Meddling> {
        let is_statement = matches!(packet.get(3..5), Some([0, PREPARE | EXECUTE]));
        let text = self.text.as_bytes();
        let is_meant = text.is_empty() || packet.windows(text.len()).any(|window| window == text);
        if !is_statement || !is_meant || self.times == 0 {
            return None;
        }
        self.times -= 1;
        Some(self.meddling)
    }
}

async fn pass_on(listener: TcpListener, server: SocketAddr, order: Arc<Mutex<Order>>) {
    loop {
        let (mut client, _) = listener.accept().await.expect("it accepts");
        let mut server = TcpStream::connect(server).await.expect("MySQL is there");
        let order = Arc::clone(&order);
        tokio::spawn(async move {
            let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
            loop {
                tokio::select! {
                    count = client.read(&mut asked) => {
                        let Ok(count @ 1..) = count else { break };
                        let meddling = order.lock().unwrap().for_packet(&asked[..count]);
                        let sent = match meddling {
                            None => server.write_all(&asked[..count]).await,
                            Some(Meddling::CutOff) => break,
                            Some(Meddling::Silence) => std::future::pending().await,
                            Some(Meddling::Refuse(number)) => {
                                client.write_all(&refusal(number)).await
                            }
                        };
                        if sent.is_err() { break }
                    }
                    count = server.read(&mut answered) => {
                        let Ok(count @ 1..) = count else { break };
                        if client.write_all(&answered[..count]).await.is_err() { break }
                    }
                }
            }
        });
    }
}

/// The packet by which a server refuses a statement.
fn refusal(number: u16) -> Vec<u8> {
    let mut payload = vec![0xff];
    payload.extend(number.to_le_bytes());
    payload.extend(b"#HY000refused in a test");
    let length = u8::try_from(payload.len()).expect("it is short");
    [vec![length, 0, 0, 1], payload].concat()
}
