//! A wire to MySQL that gives trouble.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

use super::TestDatabase;
use super::before::stand_before;

/// What is wrong with a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// A connection ends after so many more bytes of answers.
    EndsAfter(usize),
    /// Whatever is passed on comes this much later.
    Slow(Duration),
    /// Nothing is passed on, and nobody is told; what is sent meanwhile is lost, and its
    /// connection with it.
    Silent,
}

/// Passes connections on to the server of a database, as well as it can.
#[derive(Debug)]
pub struct Wire {
    url: String,
    leads_to: Arc<Mutex<SocketAddr>>,
    trouble: Arc<Mutex<Trouble>>,
    /// Counts how often all connections were cut.
    cuts: watch::Sender<u64>,
}

impl Wire {
    /// One before the server of a database.
    pub async fn before(db: &TestDatabase) -> Self {
        let (listener, mut url, server) = stand_before(db).await;
        url.set_query(Some("ssl-mode=disabled"));
        let leads_to = Arc::new(Mutex::new(server));
        let trouble = Arc::new(Mutex::new(Trouble::None));
        let (cuts, cut) = watch::channel(0);
        tokio::spawn(accept(
            listener,
            Arc::clone(&leads_to),
            Arc::clone(&trouble),
            cut,
        ));
        Self {
            url: url.into(),
            leads_to,
            trouble,
            cuts,
        }
    }

    /// The URL of the database by way of this.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on new connections come to another server.
    pub fn leads_to(&self, server: &str) {
        let url = Url::parse(server).expect("it is a URL");
        let found = url.socket_addrs(|| Some(3306)).expect("it is found");
        *self.leads_to.lock() = found[0];
    }

    /// What is wrong with it from now on.
    pub fn is(&self, trouble: Trouble) {
        *self.trouble.lock() = trouble;
    }

    /// Ends all connections that there are.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

async fn accept(
    listener: TcpListener,
    leads_to: Arc<Mutex<SocketAddr>>,
    trouble: Arc<Mutex<Trouble>>,
    cut: watch::Receiver<u64>,
) {
    loop {
        let (client, _) = listener.accept().await.expect("it accepts");
        let server = *leads_to.lock();
        let (trouble, mut cut) = (Arc::clone(&trouble), cut.clone());
        cut.mark_unchanged();
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(server).await else {
                return;
            };
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::select! {
                _ = pass_on(from_client, to_server, &trouble, false) => {}
                _ = pass_on(from_server, to_client, &trouble, true) => {}
                _ = cut.changed() => {}
            }
        });
    }
}

/// Passes bytes on in one direction until one end is gone.
async fn pass_on(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    trouble: &Mutex<Trouble>,
    is_answer: bool,
) -> io::Result<()> {
    let mut buffer = vec![0; 65_536];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        let trouble = *trouble.lock();
        match trouble {
            Trouble::EndsAfter(bytes) if is_answer && bytes < count => {
                to.write_all(&buffer[..bytes]).await?;
                return Ok(());
            }
            Trouble::None | Trouble::EndsAfter(_) => {}
            Trouble::Slow(time) => tokio::time::sleep(time).await,
            Trouble::Silent => std::future::pending().await,
        }
        to.write_all(&buffer[..count]).await?;
    }
}
