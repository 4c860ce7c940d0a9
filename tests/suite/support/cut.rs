//! A MySQL whose connection breaks when a transaction is committed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::TestDatabase;

/// Whether a COMMIT gets to the server before the connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// It does, and its answer does not come back.
    Arrives,
    /// It does not.
    IsLost,
}

/// What breaks connections. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Cut(Arc<Mutex<Option<Commit>>>);

impl Cut {
    /// Breaks the connection that commits next.
    pub fn at_next_commit(&self, commit: Commit) {
        *self.0.lock() = Some(commit);
    }
}

/// The URL of a database, which connections reach until they are cut.
pub async fn through_cut(db: &TestDatabase, cut: &Cut) -> String {
    let mut url = url::Url::parse(db.url()).expect("it is a URL");
    let mysql = (
        url.host_str().expect("it has a host").to_owned(),
        url.port().unwrap_or(3306),
    );
    let mut found = tokio::net::lookup_host(mysql).await.expect("it is found");
    let mysql = found.next().expect("it has an address");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it listens").port();
    url.set_port(Some(port)).expect("it has a host");
    url.set_query(Some("ssl-mode=disabled"));
    tokio::spawn(pass_on(listener, mysql, cut.clone()));
    url.to_string()
}

async fn pass_on(listener: TcpListener, server: SocketAddr, cut: Cut) {
    loop {
        let (client, _) = listener.accept().await.expect("it accepts");
        let upstream = TcpStream::connect(server).await.expect("MySQL is there");
        let cut = cut.clone();
        tokio::spawn(async move {
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = upstream.into_split();
            let is_mute = Arc::new(AtomicBool::new(false));
            let hears_nothing = Arc::clone(&is_mute);
            let back = tokio::spawn(async move {
                let mut buffer = vec![0; 65_536];
                while let Ok(count @ 1..) = from_server.read(&mut buffer).await {
                    if !hears_nothing.load(Ordering::Relaxed)
                        && to_client.write_all(&buffer[..count]).await.is_err()
                    {
                        break;
                    }
                }
            });
            let mut buffer = vec![0; 65_536];
            while let Ok(count @ 1..) = from_client.read(&mut buffer).await {
                let commits = buffer[..count].windows(6).any(|word| word == b"COMMIT");
                let cuts = if commits { cut.0.lock().take() } else { None };
                is_mute.fetch_or(cuts.is_some(), Ordering::Relaxed);
                if cuts == Some(Commit::IsLost) {
                    break;
                }
                if to_server.write_all(&buffer[..count]).await.is_err() {
                    break;
                }
                if cuts.is_some() {
                    // The server has time to do it before the connection ends.
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    break;
                }
            }
            back.abort();
        });
    }
}
